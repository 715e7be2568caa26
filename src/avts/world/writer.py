"""A world as a folder: one MP4 and one JSON file per video, labels.csv, and world.json with the arguments.

Every file is written elsewhere and moved to its place, so a killed run leaves nothing half written, and the same call
later makes only what is missing. Videos are made in processes of this machine or on a Ray cluster.
"""

from __future__ import annotations

import csv
import json
import multiprocessing
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

from avts.errors import InputError, UsageError
from avts.jobs.pool import EngineName, Lost, check_no_address
from avts.timebase import FRAME_RATE, SAMPLE_RATE
from avts.world.plan import check_kinds, check_video, kind_of
from avts.world.take import DRAWN_OF, Take, WorldSummary

WORLD_VERSION = 1
"""Goes up when the same arguments give other videos; a folder of another version is not added to."""

ARGUMENTS_NAME = "world.json"
LABELS_NAME = "labels.csv"
PARTS_NAME = ".parts"
"""Folder of the files that are being made."""

LABEL_COLUMNS = ("file", "kind", "family", "seconds", "offset_seconds", "seed", "index")

_BEFORE = {"scenes": "plain"}
"""Arguments that older folders do not record, and what they were."""

_QUALITY = "24"
"""x264's constant rate factor: good enough that a 64-line copy shows no blocks."""

_AUDIO_BITS_PER_SECOND = 64_000

_SAMPLES_A_FRAME = 1024
"""AAC's frame length; the encoder is given whole frames."""

_FEW = 8
"""So few videos are made before worker processes have started."""


@dataclass(frozen=True)
class _Job:
    """All that a worker needs to make one video; its files are made at `staged`, with an ending each."""

    out: Path
    staged: Path
    index: int
    kind: str
    seed: int
    size: int
    seconds: float
    max_shift_seconds: float
    scenes: str

    @property
    def video(self) -> Path:
        return self.out / f"{self.index:05d}_{self.kind}.mp4"

    @property
    def truth(self) -> Path:
        return self.video.with_suffix(".json")


def write_world(
    out: Path,
    *,
    videos: int,
    seed: int,
    size: int = 128,
    seconds: float = 6.0,
    kinds: Sequence[str] | None = None,
    max_shift_seconds: float = 0.0,
    scenes: str = "plain",
    workers: int | None = None,
    engine: EngineName = "local",
    address: str | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> WorldSummary:
    """Write a world of generated videos into a folder; files that the same call has left there are kept.

    A folder made by the same arguments but for a smaller `videos` is added to.

    Args:
        out: Folder, made if it does not exist.
        videos: How many videos the world holds.
        seed: The world; two seeds share no video.
        size: Short side in pixels, even.
        seconds: Length of each video.
        kinds: Kinds of action, evenly mixed; those of DRAWN_OF if None.
        max_shift_seconds: Each sound is shifted by a random offset of up to this much either way.
        scenes: "plain" cartoons of KINDS, "resting" ones that pause now and then, "rich" scenes of RICH_KINDS with
            rests, clutter and other sounds, or "individual" ones: bodies whose looks go with their voice.
        workers: Processes; one per core if None.
        engine: Processes of this machine, or a Ray cluster.
        address: Of the Ray cluster; None starts one on this machine.
        on_progress: Called with (videos done, videos in all).

    Raises:
        UsageError: An argument is out of range, the folder holds something else, or there is no such cluster.
        InputError: A process of the cluster was lost, and again when its video was repeated.
    """
    chosen = DRAWN_OF.get(scenes, ()) if kinds is None else tuple(dict.fromkeys(kinds))
    if videos <= 0:
        raise UsageError(f"a world of {videos} videos was asked for. Ask for at least 1.")
    if workers is not None and workers <= 0:
        raise UsageError(f"{workers} workers were asked for. Ask for at least 1.")
    if engine == "local":
        check_no_address(address)
    check_kinds(chosen, scenes)
    check_video(seed=seed, index=0, size=size, seconds=seconds, kind=None, max_shift_seconds=max_shift_seconds)
    arguments: dict[str, object] = {
        "version": WORLD_VERSION,
        "seed": seed,
        "size": size,
        "seconds": float(seconds),
        "kinds": list(chosen),
        "max_shift_seconds": float(max_shift_seconds),
        "scenes": scenes,
    }
    _claim(out, arguments, videos)
    parts = out / PARTS_NAME
    parts.mkdir(exist_ok=True)
    names = [(index, kind_of(seed, index, chosen)) for index in range(videos)]
    jobs = [
        _Job(out, parts / f"{index:05d}_{kind}", index, kind, seed, size, seconds, max_shift_seconds, scenes)
        for index, kind in names
    ]
    missing = [job for job in jobs if not (job.video.exists() and job.truth.exists())]
    reused = videos - len(missing)
    if on_progress is not None:
        on_progress(reused, videos)
    made = _make_on_ray(missing, workers, address) if engine == "ray" else _make_all(missing, workers)
    for done, _ in enumerate(made, 1):
        if on_progress is not None:
            on_progress(reused + done, videos)
    shutil.rmtree(parts)
    _write_labels(out, jobs)
    return WorldSummary(made=len(missing), reused=reused, out=out)


def _claim(out: Path, arguments: dict[str, object], videos: int) -> None:
    """Make the folder ours, or refuse it if it holds anything but the beginning of this very world."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: a folder was asked for, this is a file. Name another place.")
    out.mkdir(parents=True, exist_ok=True)
    record = out / ARGUMENTS_NAME
    if not record.exists():
        others = [path.name for path in out.iterdir() if not path.name.startswith(".")]
        if others:
            raise UsageError(
                f"{out}: an empty or new folder was asked for, it holds {len(others)} other files "
                f"({sorted(others)[0]}, ...). Name another place."
            )
    else:
        found = json.loads(record.read_text())
        before = found.pop("videos", videos)
        for name, value in arguments.items():
            if found.get(name, _BEFORE.get(name)) != value:
                raise UsageError(
                    f"{out}: a world with {name} {value} was asked for, this one has {name} {found.get(name)}. "
                    "Name another place or delete this one."
                )
        if before > videos:
            raise UsageError(
                f"{out}: a world of {videos} videos was asked for, this one has {before}. "
                "Name another place or delete this one."
            )
    _write_whole(record, json.dumps({**arguments, "videos": videos}, indent=1) + "\n")


def _make_on_ray(jobs: list[_Job], workers: int | None, address: str | None) -> Iterator[int]:
    """Make the videos on a Ray cluster; yields once per finished video."""
    from avts.jobs.ray_engine import RayEngine

    if not jobs:
        return
    engine = RayEngine(workers, address=address, timeout_seconds=float("inf"), function=_make)  # no decoder may hang
    try:
        for job, result in engine.run(jobs):
            if isinstance(result, Lost):
                raise InputError(
                    f"{job.video.name}: its process on the Ray cluster was lost each time. Run the same command again; "
                    "what is done is kept."
                )
            _put(job)
            yield job.index
    finally:
        engine.close()


def _make_all(jobs: list[_Job], asked: int | None) -> Iterator[int]:
    """Make the videos, in this process if they are few; yields once per finished video."""
    workers = asked or os.cpu_count() or 1
    if min(len(jobs), workers) <= 1 or len(jobs) <= _FEW:
        for job in jobs:
            yield _make_here(job)
        return
    # Not fork: the parent may have threads (torch), which a forked child would inherit in mid-step.
    method = "forkserver" if sys.platform == "linux" else "spawn"
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context) as pool:
        futures = [pool.submit(_make_here, job) for job in jobs]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _make_here(job: _Job) -> int:
    _make(job, lambda: None)
    _put(job)
    return job.index


def _put(job: _Job) -> None:
    """Move a video and its truth to their place; the truth comes last, so both exist or the video is made anew."""
    os.replace(job.staged.with_suffix(".mp4"), job.video)
    os.replace(job.staged.with_suffix(".json"), job.truth)


def _make(job: _Job, alive: Callable[[], None]) -> int:
    """Make one video and its truth where they are staged."""
    from avts.world.composition import compose

    take = compose(
        job.seed,
        job.index,
        size=job.size,
        seconds=job.seconds,
        kind=job.kind,
        max_shift_seconds=job.max_shift_seconds,
        scenes=job.scenes,
    )
    alive()
    encode(take, job.staged.with_suffix(".mp4"))
    job.staged.with_suffix(".json").write_text(json.dumps(asdict(take.truth), indent=1) + "\n")
    return job.index


def encode(take: Take, path: Path) -> None:
    """Write a take to a file, whatever its name ends in: H.264 picture, AAC sound, both from 0 s."""
    import av  # here, so that naming the kinds of a world stays cheap
    import cv2
    import numpy as np

    height, width = take.frames.shape[1:3]
    with av.open(str(path), "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=FRAME_RATE)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.thread_count = 1  # several worker processes share the cores
        video.options = {"crf": _QUALITY, "preset": "ultrafast", "g": str(2 * FRAME_RATE)}
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono", options={"aac_coder": "fast"})
        audio.bit_rate = _AUDIO_BITS_PER_SECOND
        for number, picture in enumerate(take.frames):
            # OpenCV converts the colours six times faster than the frame's own conversion, to the same BT.601 values.
            planes = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)
            image = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            image.pts, image.time_base = number, Fraction(1, FRAME_RATE)
            container.mux(video.encode(image))
        container.mux(video.encode(None))
        for start in range(0, len(take.samples), _SAMPLES_A_FRAME):
            part = np.ascontiguousarray(take.samples[None, start : start + _SAMPLES_A_FRAME])
            sound = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
            container.mux(audio.encode(sound))
        container.mux(audio.encode(None))


def _write_labels(out: Path, jobs: list[_Job]) -> None:
    part = out / f".{LABELS_NAME}.part"
    with part.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(LABEL_COLUMNS)
        for job in jobs:
            truth = json.loads(job.truth.read_text())
            writer.writerow([job.video.name, *(truth[name] for name in LABEL_COLUMNS[1:])])
    os.replace(part, out / LABELS_NAME)


def _write_whole(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.part")
    part.write_text(text)
    os.replace(part, path)
