"""`avts show`: a clip of a corpus as a PNG strip, with windows as training could cut them; or the course of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from avts.errors import UsageError

if TYPE_CHECKING:
    from avts.corpus.clip import Clip
    from avts.corpus.corpus import Corpus
    from avts.report.strip import DrawnPair, ShownSpan
    from avts.timebase import Span

NEAREST_KEYS = 3


@click.command(name="show")
@click.argument("corpus", metavar="CORPUS|RUN")
@click.argument("key", required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PNG",
    help="The picture; KEY.png or RUN/training.png if left out.",
)
@click.option(
    "--start", "start_seconds", default=0.0, show_default=True, type=click.FloatRange(0), help="From here on."
)
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(1, 120), help="So long, at most.")
@click.option("--clip-seconds", default=1.0, show_default=True, type=click.FloatRange(0.5, 10), help="Of a window.")
@click.option("--gap-seconds", default=0.5, show_default=True, type=click.FloatRange(0), help="Least, of a hard pair.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Which windows.")
@click.option("--json", "as_json", is_flag=True, help="Print the windows as one JSON object too.")
def command(
    corpus: str,
    key: str | None,
    *,
    out: Path | None,
    start_seconds: float,
    seconds: float,
    clip_seconds: float,
    gap_seconds: float,
    seed: int,
    as_json: bool,
) -> int:
    """Draw clip KEY of CORPUS: frames over the filterbank on one time axis; or the course of a training RUN.

    Under a clip stands a window of each kind of pair that it gives by itself: positive, hard, super-hard. Of a run,
    while it goes on or afterwards: loss, mean distances, and histograms of the distances by kind of pair.
    """
    if key is None:
        click.echo(str(draw_run(Path(corpus), out)))
        return 0
    from avts.corpus.corpus import Corpus
    from avts.report.strip import write_strip
    from avts.timebase import Span

    opened = Corpus.open(corpus)
    clip = clip_of(opened, key)
    if start_seconds >= clip.duration_seconds:
        raise UsageError(f"--start {start_seconds:g}: clip {key} lasts {clip.duration_seconds:.2f} s. Give less.")
    span = Span(start_seconds, min(start_seconds + seconds, clip.duration_seconds))
    pairs = drawn_pairs(span, clip_seconds=clip_seconds, gap_seconds=gap_seconds, seed=seed)
    path = out or Path(f"{key}.png")
    flags = f"; {', '.join(clip.flags)}" if clip.flags else ""
    words = (
        f"{clip.duration_seconds:.2f} s, {clip.width} x {clip.height}, {clip.split}, {clip.label or 'no label'}{flags}"
    )
    write_strip(path, _shown(opened, clip, span), pairs, title=clip.key, subtitle=words)
    if as_json:
        windows = [
            {"kind": p.kind, "picture_seconds": p.picture.start_seconds, "sound_seconds": p.sound.start_seconds}
            for p in pairs
        ]
        click.echo(json.dumps({"key": key, "png": str(path), "windows": windows}))
    else:
        click.echo(str(path))
    return 0


def draw_run(run: Path, out: Path | None) -> Path:
    """Draw the course of a run; gives the picture's path.

    Raises:
        UsageError: no line of a log in the folder.
    """
    from avts.report.training_figure import write_training_figure
    from avts.training.log import read_log

    history = read_log(run)
    if not history:
        raise UsageError(f"{run}: no log of a training run in it. Give a run, or a corpus and the KEY of a clip in it.")
    path = out or run / "training.png"
    write_training_figure(path, history)
    return path


def clip_of(corpus: Corpus, key: str) -> Clip:
    """The clip of a key.

    Raises:
        UsageError: there is none; names the nearest.
    """
    import difflib

    for clip in corpus.clips:
        if clip.key == key:
            return clip
    keys = [clip.key for clip in corpus.clips]
    near = difflib.get_close_matches(key, keys, n=NEAREST_KEYS, cutoff=0.1) or keys[:NEAREST_KEYS]
    raise UsageError(f"{key}: no such clip among {len(keys)}. Some of its keys: {', '.join(near)}.")


def drawn_pairs(span: Span, *, clip_seconds: float, gap_seconds: float, seed: int) -> list[DrawnPair]:
    """One pair of each kind that a single clip gives, drawn as in training; a kind it is too short for is left out."""
    import numpy as np

    from avts.pairs.negatives import HARD, KIND_NAMES, POSITIVE, SUPER_HARD, window_pair
    from avts.report.strip import DrawnPair
    from avts.timebase import Span

    found = []
    if span.duration_seconds < clip_seconds:
        return []
    for kind in (POSITIVE, HARD, SUPER_HARD):
        rng = np.random.default_rng([seed, kind])
        starts = window_pair(span.duration_seconds, kind, clip_seconds=clip_seconds, gap_seconds=gap_seconds, rng=rng)
        if starts is not None:
            windows = [Span(span.start_seconds + at, span.start_seconds + at + clip_seconds) for at in starts]
            found.append(DrawnPair(KIND_NAMES[kind], *windows))
    return found


def _shown(corpus: Corpus, clip: Clip, span: Span) -> ShownSpan:
    """The frames that fit side by side, each from the middle of its time, and the filterbank of the whole span."""
    import torch

    from avts.media.planes import Planes
    from avts.model.frontend import Filterbank
    from avts.report.strip import ShownSpan, frames_that_fit
    from avts.timebase import FRAME_RATE, Span

    count = frames_that_fit(clip.width, clip.height)
    step = span.duration_seconds / count
    last = clip.duration_seconds - 1 / FRAME_RATE
    middles = [min(span.start_seconds + (index + 0.5) * step, last) for index in range(count)]
    frames = corpus.frames_many(clip, [Span(at, at + 1 / FRAME_RATE) for at in middles])
    energies = Filterbank()(torch.from_numpy(corpus.sound(clip, span))[None])[0].numpy()
    return ShownSpan(span, Planes.join(frames), energies)
