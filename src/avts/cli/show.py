"""`avts show`: plot a clip of a corpus with example training windows, or the progress of a run, as a PNG."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from avts.cli.device import device_option
from avts.errors import UsageError

if TYPE_CHECKING:
    from avts.corpus.clip import Clip
    from avts.corpus.corpus import Corpus
    from avts.report.strip import DrawnPair, ShownSpan
    from avts.timebase import Span

NEAREST_KEYS = 3


@click.command(name="show")
@click.argument("corpus", metavar="CORPUS|RUN|FILE")
@click.argument("key", required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="PNG",
    help="Output file.  [default: KEY.png, RUN/training.png or FILE.where.png]",
)
@click.option(
    "--start", "start_seconds", default=0.0, show_default=True, type=click.FloatRange(0), help="Start time in seconds."
)
@click.option(
    "--seconds", default=10.0, show_default=True, type=click.FloatRange(1, 120), help="Maximum length in seconds."
)
@click.option("--clip-seconds", default=1.0, show_default=True, type=click.FloatRange(0.5, 10), help="Window length.")
@click.option(
    "--gap-seconds", default=0.5, show_default=True, type=click.FloatRange(0), help="Minimum gap of a hard pair."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Seed of the windows.")
@click.option("--where", is_flag=True, help="Plot where in the picture of a media FILE the sound comes from.")
@click.option("--model", "run", type=click.Path(path_type=Path), metavar="RUN", help="With --where: a trained run.")
@click.option(
    "--offset",
    "offset_seconds",
    type=float,
    metavar="SECONDS",
    help="With --where: offset of the file.  [default: measured]",
)
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print the windows, or the map, as one JSON object.")
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
    where: bool,
    run: Path | None,
    offset_seconds: float | None,
    device: str,
    as_json: bool,
) -> int:
    """Plot clip KEY of CORPUS: frames over the filterbank on one time axis; or the progress of a training RUN.

    Below a clip, one pair of windows is drawn for each kind that a single clip can provide: positive, hard and
    super-hard. For a run, finished or in progress: loss, mean distances, and histograms of the distances by kind of
    pair.

    'avts show FILE --where' plots where in the picture of a media file the sound comes from: frames with an overlay of
    how much each place contributes to the match of picture and sound.
    """
    if where:
        return draw_where(Path(corpus), out, run=run, offset_seconds=offset_seconds, device=device, as_json=as_json)
    if key is None:
        click.echo(str(draw_run(Path(corpus), out)))
        return 0
    from avts.corpus.corpus import Corpus
    from avts.report.strip import write_strip
    from avts.timebase import Span

    opened = Corpus.open(corpus)
    clip = clip_of(opened, key)
    if start_seconds >= clip.duration_seconds:
        raise UsageError(
            f"--start {start_seconds:g}: clip {key} is {clip.duration_seconds:.2f} s long. Give a smaller value."
        )
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


def draw_where(
    path: Path, out: Path | None, *, run: Path | None, offset_seconds: float | None, device: str, as_json: bool
) -> int:
    """Plot where the sound of a file comes from; prints the path of the figure, or the map."""
    from avts.api import where as where_of
    from avts.offset.model import load_sync_model
    from avts.report.where_figure import write_where

    found = where_of(path, load_sync_model(run, device=device), offset_seconds=offset_seconds)
    target = out or Path(f"{path.stem}.where.png")
    subtitle = "bright: matches the sound" if found.mean_map.any() else "no place matches the sound"
    write_where(target, found, title=path.name, subtitle=subtitle)
    if as_json:
        maps = [[round(float(value), 4) for value in row] for row in found.mean_map]
        click.echo(json.dumps({"file": str(path), "png": str(target), "map": maps}))
    else:
        click.echo(str(target))
    return 0


def draw_run(run: Path, out: Path | None) -> Path:
    """Plot the progress of a run and return the path of the figure.

    Raises:
        UsageError: the folder has no training log.
    """
    from avts.report.training_figure import write_training_figure
    from avts.training.log import read_log

    history = read_log(run)
    if not history:
        raise UsageError(f"{run}: contains no training log. Give a run, or a corpus and the KEY of a clip in it.")
    path = out or run / "training.png"
    write_training_figure(path, history)
    return path


def clip_of(corpus: Corpus, key: str) -> Clip:
    """The clip with a key.

    Raises:
        UsageError: there is no such clip; lists the nearest keys.
    """
    import difflib

    for clip in corpus.clips:
        if clip.key == key:
            return clip
    keys = [clip.key for clip in corpus.clips]
    near = difflib.get_close_matches(key, keys, n=NEAREST_KEYS, cutoff=0.1) or keys[:NEAREST_KEYS]
    raise UsageError(f"{key}: no such clip among {len(keys)}. Similar keys: {', '.join(near)}.")


def drawn_pairs(span: Span, *, clip_seconds: float, gap_seconds: float, seed: int) -> list[DrawnPair]:
    """One pair of each kind that a single clip can provide, sampled as in training, as far as it is long enough."""
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
    """As many frames as fit side by side, each from the middle of its interval, and the filterbank of the span."""
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
