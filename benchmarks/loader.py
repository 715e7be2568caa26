"""`python -m benchmarks loader`: windows a second and core out of a corpus, against others doing the same work.

Everyone decodes the same windows of the same videos with one thread. The peers hand over pictures only; avts hands
over the sound as well.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import click

from avts.timebase import Span
from benchmarks.ingesting import ingest_row
from benchmarks.material import WINDOW_SECONDS, Material, Place, make_material
from benchmarks.rivals import Rival, Windows, python_with_peers
from benchmarks.rows import Row
from benchmarks.timing import Timing, median_cpu_seconds, median_ratio, median_wall_seconds, timed
from benchmarks.workers import workers_row

PLACES = 8
"""Windows of a round that everyone decodes."""

OVER_AND_OVER = 8
"""How often the fast ones decode them, to be long enough for the clock."""

ON_ORIGINALS = ("pyav", "torchcodec", "decord")

_folder = click.Path(path_type=Path)
OPTIONS = (
    click.Option(["--work"], type=_folder, help="Keep the videos and the corpus here for the next time."),
    click.Option(["--videos"], type=_folder, help="Use the videos of this folder instead of generated ones."),
    click.Option(["--count"], default=12, show_default=True, type=click.IntRange(2), help="How many videos."),
    click.Option(["--rounds"], default=7, show_default=True, type=click.IntRange(1), help="Interleaved runs."),
    click.Option(["--peers"], type=_folder, help="Python that has the peers; that of `make bench-env` if left out."),
    click.Option(["--avid-cma"], type=_folder, help="A checkout of github.com/facebookresearch/AVID-CMA."),
)


def rows(
    *,
    work: Path | None = None,
    videos: Path | None = None,
    count: int = 12,
    rounds: int = 7,
    peers: Path | None = None,
    avid_cma: Path | None = None,
) -> list[Row]:
    """Measure how fast windows come out of a corpus and videos go into one, beside others at the same work.

    Times are of the processor, medians of interleaved rounds. What could not be run is listed with the reason.
    """
    with ExitStack() as stack:
        folder = work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        material = make_material(folder, count=count, videos=videos)
        python = python_with_peers(peers)
        rivals = {name: stack.enter_context(closing(Rival(python, name))) for name in ON_ORIGINALS}
        rivals["shards"] = stack.enter_context(closing(Rival(python, "torchcodec")))
        if avid_cma is not None:
            rivals["avid-cma"] = stack.enter_context(closing(Rival(python, "avid-cma", str(avid_cma))))
        ours, theirs = _contest(material, rivals, rounds)
    speed = Row(
        "windows a second and core, 1 s with sound",
        1 / median_cpu_seconds(ours),
        "windows/s",
        250,
        note=f"by the clock {1 / median_wall_seconds(ours):.0f}; {material.in_words}",
    )
    compared = [_compared(name, rivals.get(name), ours, theirs.get(name, [])) for name in _NAMES]
    return [speed, *compared, workers_row(material, rounds=rounds), ingest_row(material.originals, rounds=rounds)]


_NAMES = {
    "pyav": ("against PyAV on the originals", 30.0),
    "torchcodec": ("against torchcodec on the originals", 30.0),
    "decord": ("against decord on the originals", 30.0),
    "shards": ("against torchcodec on the same shards", 1.0),
    "avid-cma": ("against AVID-CMA on the originals", 30.0),
}


def _contest(
    material: Material, rivals: dict[str, Rival], rounds: int
) -> tuple[list[Timing], dict[str, list[Timing | None]]]:
    """Everyone at the same windows, round by round; a first round warms up and does not count."""
    ours: list[Timing] = []
    theirs: dict[str, list[Timing | None]] = {name: [] for name in rivals}
    for number in range(rounds + 1):
        places = material.places(PLACES, seed=number)
        ours.append(timed(partial(read_places, material, places), PLACES * OVER_AND_OVER))
        for name, rival in rivals.items():
            theirs[name].append(rival.time(_windows(material, places, in_shards=name == "shards")))
    return ours[1:], {name: found[1:] for name, found in theirs.items()}


def read_places(material: Material, places: Sequence[Place]) -> None:
    """Read the windows with their sounds, all planes, several times over."""
    for _ in range(OVER_AND_OVER):
        for place in places:
            span = Span(place.start_seconds, place.start_seconds + WINDOW_SECONDS)
            material.corpus.frames(place.clip, span)
            material.corpus.sound(place.clip, span)


def _windows(material: Material, places: Sequence[Place], *, in_shards: bool) -> Windows:
    if not in_shards:
        return [(str(place.original), None, 0, place.start_seconds) for place in places]
    return [
        (str(material.corpus.path / clip.shard), clip.video_offset, clip.video_size, place.start_seconds)
        for _ in range(OVER_AND_OVER)
        for place in places
        for clip in [place.clip]
    ]


def _compared(name: str, rival: Rival | None, ours: list[Timing], found: Sequence[Timing | None]) -> Row:
    title, target = _NAMES[name]
    if rival is None:
        return Row(title, None, "times", target, note="give its checkout with --avid-cma")
    theirs = [timing for timing in found if timing is not None]
    if rival.missing is not None or len(theirs) != len(ours):
        return Row(title, None, "times", target, note=f"{rival.missing} (make bench-env)")
    cost = 1000 * statistics.median(timing.cpu_seconds for timing in theirs)
    return Row(title, median_ratio(theirs, ours), "times", target, note=f"{cost:.1f} ms a window; {rival.version}")
