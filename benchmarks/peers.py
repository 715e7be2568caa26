"""Others' decoders at the same work, in a process of their own: `python peers.py NAME [PATH]`.

Needs nothing of avts, so that it runs in any environment that has the peer (`make bench-env`). It first says
{"ready": VERSION} or {"failed": WHY}; then every line read is a list of windows [path, offset, size, start_seconds]
(offset null: the whole file), and the answer is {"cpu": seconds, "wall": seconds, "frames": count} for all of them.
Everyone has one thread, opens the file anew for each window, and hands over pictures as it does by default.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FRAMES = 24
SECONDS = 1.0
RATE = 24

Decode = Callable[[Any, float], int]
"""From a path or bytes, and a start in seconds, to the number of frames it gave."""


def pyav() -> Decode:
    """PyAV: seek to the key frame before, decode, hand over the planes of the frames wanted."""
    import av

    def decode(source: Any, start_seconds: float) -> int:
        count = 0
        with av.open(source) as container:
            stream = container.streams.video[0]
            stream.codec_context.thread_count = 1
            container.seek(round(start_seconds / stream.time_base), stream=stream)
            for frame in container.decode(stream):
                if frame.time >= start_seconds - 0.5 / RATE:
                    frame.to_ndarray()
                    count += 1
                if count == FRAMES:
                    break
        return count

    return decode


def torchcodec() -> Decode:
    """torchcodec: approximate seeking, which does not scan the file; RGB."""
    decoders: Any = importlib.import_module("torchcodec.decoders")

    def decode(source: Any, start_seconds: float) -> int:
        decoder = decoders.VideoDecoder(source, num_ffmpeg_threads=1, seek_mode="approximate")
        first = round(start_seconds * RATE)
        return int(decoder.get_frames_in_range(first, first + FRAMES).data.shape[0])

    return decode


def decord() -> Decode:
    """Decord: RGB."""
    library: Any = importlib.import_module("decord")

    def decode(source: Any, start_seconds: float) -> int:
        reader = library.VideoReader(source, ctx=library.cpu(0), num_threads=1)
        first = round(start_seconds * RATE)
        return int(reader.get_batch(range(first, first + FRAMES)).shape[0])

    return decode


BROKEN = "np_snd = audio_resampler.resample(frame).to_ndarray()"
REPAIR = "np_snd = np.concatenate([part.to_ndarray() for part in audio_resampler.resample(frame)], 1)"
"""Since PyAV 9 a resampler gives a list of frames. AVID-CMA takes the AttributeError for the end of the sound, fails on
the empty list, and its data set then asks itself for the next video, without end."""


def avid_cma(path: str) -> Decode:
    """AVID-CMA: what its data set calls for a clip, sound too, before any transform; one line repaired in memory."""
    code = (Path(path) / "utils" / "ioutils" / "av_wrappers.py").read_text(encoding="utf-8")
    if code.count(BROKEN) != 1:
        raise ValueError(f"its av_wrappers.py does not hold {BROKEN!r} once")
    wrappers: dict[str, Any] = {"__name__": "av_wrappers"}
    exec(compile(code.replace(BROKEN, REPAIR), "av_wrappers.py", "exec"), wrappers)

    def decode(source: Any, start_seconds: float) -> int:
        container = wrappers["av_open"](source)
        frames, _, start = wrappers["av_load_video"](
            container, video_fps=RATE, start_time=start_seconds, duration=SECONDS
        )
        wrappers["av_laod_audio"](container, audio_fps=16_000, start_time=start, duration=SECONDS)
        return len(frames)

    return decode


PEERS: dict[str, Callable[..., Decode]] = {
    "pyav": pyav,
    "torchcodec": torchcodec,
    "decord": decord,
    "avid-cma": avid_cma,
}
MODULES = {"pyav": "av", "torchcodec": "torchcodec", "decord": "decord", "avid-cma": "av"}


def main() -> None:
    """Answer lines until there are no more."""
    name, arguments = sys.argv[1], sys.argv[2:]
    try:
        decode = PEERS[name](*arguments)
        say({"ready": importlib.metadata.version(MODULES[name])})
    except Exception as error:
        say({"failed": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"})
        return
    for line in sys.stdin:
        try:
            say(measured(decode, json.loads(line)))
        except Exception as error:
            say({"failed": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"})
            return


def measured(decode: Decode, windows: list[tuple[str, int | None, int, float]]) -> dict[str, Any]:
    """Decode windows and tell the time; the bytes of a part of a file are read before the clocks start."""
    jobs = [(part_of(path, offset, size), start) for path, offset, size, start in windows]
    cpu, wall = time.process_time(), time.perf_counter()
    frames = sum(decode(source, start) for source, start in jobs)
    return {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall, "frames": frames}


def part_of(path: str, offset: int | None, size: int) -> str | bytes:
    """A path as it is, or the bytes of a part of the file."""
    if offset is None:
        return path
    with open(path, "rb") as file:
        file.seek(offset)
        return file.read(size)


def say(answer: dict[str, Any]) -> None:
    """One line to whoever asks."""
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
