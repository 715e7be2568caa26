"""PCM or FLAC for a corpus's sound: bytes a second and what reading one random second costs, over a folder of files.

python experiments/sound_form.py FOLDER
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from avts.corpus.folder import is_sound_name, is_video_name
from avts.errors import MediaError
from avts.media.standard import standard_sound
from avts.media.writer import pcm_of
from avts.timebase import SAMPLE_RATE

MOST_FILES = 60
MOST_SECONDS = 60
WINDOWS = 200
CLIP_SECONDS = 10
"""Clips are lengthened by repetition to at least this: the usual length, from which a second is read."""


def flac_of(pcm: NDArray[np.int16]) -> bytes:
    """A FLAC file."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="flac") as container:
        stream = container.add_stream("flac", rate=SAMPLE_RATE, layout="mono", format="s16")
        for first in range(0, len(pcm), 4096):
            frame = AudioFrame.from_ndarray(pcm[None, first : first + 4096], format="s16", layout="mono")
            frame.sample_rate, frame.pts = SAMPLE_RATE, first
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def from_pcm(data: bytes, first: int, count: int) -> NDArray[np.float32]:
    """A window: a slice of bytes."""
    return np.frombuffer(data, "<i2", count, 2 * first).astype(np.float32) / np.float32(32768)


def from_flac(data: bytes, first: int, count: int) -> NDArray[np.float32]:
    """A window: open, go there, decode."""
    parts = []
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        assert stream.time_base is not None
        container.seek(int(first / SAMPLE_RATE / stream.time_base), stream=stream)
        start, got = None, 0
        for frame in container.decode(stream):
            assert frame.time is not None
            at = round(frame.time * SAMPLE_RATE)
            start = at if start is None else start
            parts.append(frame.to_ndarray()[0])
            got += frame.samples
            if start + got >= first + count:
                break
    assert start is not None
    return np.concatenate(parts)[first - start :][:count].astype(np.float32) / np.float32(32768)


def milliseconds(
    read: Callable[[bytes, int, int], NDArray[np.float32]], files: list[bytes], lengths: list[int]
) -> float:
    """Median time of a window of one second at a random place."""
    rng, times = np.random.default_rng(0), []
    for _ in range(WINDOWS):
        index = int(rng.integers(len(files)))
        first = int(rng.integers(lengths[index] - SAMPLE_RATE))
        begun = time.perf_counter()
        read(files[index], first, SAMPLE_RATE)
        times.append(time.perf_counter() - begun)
    return float(np.median(times)) * 1000


def main(folder: Path) -> None:
    """Print the table."""
    paths = [p for p in sorted(folder.rglob("*")) if is_video_name(p.name) or is_sound_name(p.name)]
    sounds: list[NDArray[np.int16]] = []
    for path in paths[:: max(1, len(paths) // MOST_FILES)]:
        try:
            samples = np.concatenate(list(standard_sound(path)))[: MOST_SECONDS * SAMPLE_RATE]
        except MediaError:
            continue
        sounds.append(pcm_of(samples))
    rate = sum(len(flac_of(pcm)) for pcm in sounds) / sum(map(len, sounds)) * SAMPLE_RATE
    long = [np.tile(pcm, -(-CLIP_SECONDS * SAMPLE_RATE // len(pcm))) for pcm in sounds]
    lengths = [len(pcm) for pcm in long]
    pcms, flacs = [pcm.tobytes() for pcm in long], [flac_of(pcm) for pcm in long]
    for pcm, flac in zip(pcms[:3], flacs[:3], strict=True):
        assert np.array_equal(from_pcm(pcm, 12_345, SAMPLE_RATE), from_flac(flac, 12_345, SAMPLE_RATE))
    print(
        f"{len(sounds)} files, {sum(map(len, sounds)) / SAMPLE_RATE:.0f} s of sound, {CLIP_SECONDS} s clips or longer"
    )
    print("| form | bytes a second | a random window of 1 s |\n|---|---|---|")
    print(f"| PCM 16 bit | {2 * SAMPLE_RATE:,} | {milliseconds(from_pcm, pcms, lengths):.3f} ms |")
    print(f"| FLAC | {rate:,.0f} | {milliseconds(from_flac, flacs, lengths):.2f} ms |")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
