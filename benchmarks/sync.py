"""`python -m benchmarks sync`: how fast, how small and how right `avts sync` is, beside the usual ways.

Ratios are of processor time, interleaved where both run in this process; the speed on a film is of the clock.
"""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from avts.errors import CheckpointError, InputError
from benchmarks.films import MAX_SHIFT_SECONDS, large_film, repeated, shifted_film
from benchmarks.rows import Row
from benchmarks.timing import median_cpu_seconds, median_ratio, timed

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from avts.media.planes import Planes
    from avts.media.standard import StandardClip
    from avts.offset.features import Features
    from avts.offset.model import SyncModel

MAP_WINDOWS, MAP_SIZE = 1500, 1024
"""Features of a minute of a film at 25 frames a second, of the size that SyncNet has."""

MAP_REACHES = (50, 15)
"""Frames either way: the 2 s that avts searches, and SyncNet's own default."""

ROUNDS = 5

RESIDUAL_SECONDS = 0.05
WORSE_SECONDS = 0.02
"""More than this beyond the offset there was is worse than before."""

PARTS = ("speed", "windows", "map", "memory", "repair")

_folder = click.Path(path_type=Path)
OPTIONS = (
    click.Option(["--model"], type=_folder, help="A trained run instead of the model in the box."),
    click.Option(["--work"], type=_folder, help="Keep the films here for the next time."),
    click.Option(["--only"], multiple=True, type=click.Choice(PARTS), help="Measure only this; may be repeated."),
    click.Option(["--minutes"], default=10.0, show_default=True, help="Length of the film of the speed."),
    click.Option(["--hours"], default=2.0, show_default=True, help="Length of the film of the memory."),
    click.Option(["--count"], default=200, show_default=True, type=click.IntRange(1), help="Films to repair."),
    click.Option(["--syncnet"], type=_folder, help="A checkout of github.com/joonson/syncnet_python."),
)


def rows(
    *,
    model: Path | None = None,
    work: Path | None = None,
    only: Sequence[str] = (),
    minutes: float = 10.0,
    hours: float = 2.0,
    count: int = 200,
    syncnet: Path | None = None,
) -> list[Row]:
    """Measure avts sync: speed, dense features, the distance map, memory, and offsets repaired and measured again.

    What could not be run is listed with the reason.
    """
    with ExitStack() as stack:
        folder = work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        parts: dict[str, Callable[[], Iterator[Row]]] = {
            "speed": lambda: _speed_rows(folder, model, 60 * minutes),
            "windows": lambda: _window_rows(folder, model),
            "map": lambda: _map_rows(syncnet),
            "memory": lambda: _memory_rows(folder, model, 3600 * hours),
            "repair": lambda: _repair_rows(folder, model, count),
        }
        found: list[Row] = []
        for name in only or PARTS:
            try:
                found += parts[name]()
            except CheckpointError as error:
                found.append(Row(f"{name}: not run", None, "", note=str(error)))
        return found


def _speed_rows(folder: Path, model: Path | None, seconds: float) -> Iterator[Row]:
    """A 720p film, decoding included, in a process of its own."""
    told = _in_process(_long_film(folder, seconds), model)
    cores = os.cpu_count() or 1
    yield Row(
        f"speed, 720p film of {told['film_seconds'] / 60:.1f} min, decoding included",
        told["film_seconds"] / told["wall_seconds"],
        "times real time",
        10,
        note=f"{cores} cores; {told['film_seconds'] / told['cpu_seconds']:.1f} times for each second of one core",
    )


def _memory_rows(folder: Path, model: Path | None, seconds: float) -> Iterator[Row]:
    """The peak over a long film, and over a tenth of it, to see that it is flat."""
    short, whole = (_in_process(_long_film(folder, length), model)["megabytes"] for length in (seconds / 10, seconds))
    yield Row(
        f"memory on a film of {seconds / 3600:g} h",
        whole,
        "MB",
        2000,
        at_least=False,
        note=f"a tenth of it: {short:.0f} MB",
    )


def _long_film(folder: Path, seconds: float) -> Path:
    short = large_film(folder / "large.mp4")
    return repeated(short, folder / f"large-{seconds:.0f}.mp4", seconds=seconds)


def _in_process(film: Path, model: Path | None) -> dict[str, float]:
    """What benchmarks.film_memory tells of a film."""
    words = [sys.executable, "-m", "benchmarks.film_memory", str(film), *([str(model)] if model else [])]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CheckpointError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "ended without a word")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _window_rows(folder: Path, run: Path | None) -> Iterator[Row]:
    """Features cut from a dense pass against each window encoded by itself, a window at every frame."""
    from avts.media.standard import read_standard
    from avts.offset.distance_map import scan_features
    from avts.offset.estimate import estimate
    from avts.offset.features import film_features
    from avts.offset.model import load_sync_model

    model = load_sync_model(run)
    path, _, _ = shifted_film(folder, 2)
    clip = read_standard(path)
    kept: dict[str, Features] = {}

    def dense() -> None:
        film, seconds = _Decoded(clip), model.window_seconds
        kept["dense"] = film_features(film, model.network, window_seconds=seconds, in_parts=False)

    def alone() -> None:
        kept["alone"] = _alone(clip.planes, clip.samples, model, kept["dense"])

    cost_dense = timed(dense, 1)
    cost_alone = timed(alone, 1)
    offsets = [estimate(scan_features(kept[name], MAX_SHIFT_SECONDS)).offset_seconds for name in ("dense", "alone")]
    yield Row(
        "dense features, against each window encoded by itself, equal hop",
        cost_alone.cpu_seconds / cost_dense.cpu_seconds,
        "times faster",
        8,
        note=f"{len(kept['dense'])} windows of {model.window_seconds:g} s, one a frame; decoding not counted",
    )
    yield Row("the same, difference of the offsets", 1000 * abs(offsets[0] - offsets[1]), "ms", 5, at_least=False)


class _Decoded:
    """A film in memory, decoded and scaled."""

    name = "decoded"

    def __init__(self, clip: StandardClip) -> None:
        self._clip = clip

    def pictures(self) -> Iterator[Planes]:
        """The picture at once."""
        yield self._clip.planes

    def sounds(self) -> Iterator[NDArray[np.float32]]:
        """The sound at once."""
        yield self._clip.samples


def _alone(planes: Any, samples: Any, model: SyncModel, like: Features) -> Features:
    """Every window through the towers by itself, in batches."""
    import dataclasses

    import torch

    from avts.timebase import FRAME_RATE, sample_at

    length, size, network = round(model.window_seconds * FRAME_RATE), sample_at(model.window_seconds), model.network
    pictures, sounds = [], []
    with torch.inference_mode():
        for first in range(0, len(like), 16):
            starts = range(first, min(first + 16, len(like)))
            cut = [
                [torch.from_numpy(plane[at : at + length]) for at in starts] for plane in (planes.y, planes.u, planes.v)
            ]
            used = cut if network.needs_colour else cut[:1]
            pictures.append(network.embed_pictures(*(torch.stack(windows) for windows in used)))
            heard = [samples[sample_at(at / FRAME_RATE) :][:size] for at in starts]
            padded = [np.pad(piece, (0, size - len(piece))) for piece in heard]
            sounds.append(network.embed_sounds(torch.from_numpy(np.stack(padded))))
    return dataclasses.replace(
        like, pictures=torch.cat(pictures).half().numpy(), sounds=torch.cat(sounds).half().numpy()
    )


def _map_rows(syncnet: Path | None) -> Iterator[Row]:
    """The distance map against SyncNet's calc_pdist on features of equal shape, and against its form in our words."""
    import torch

    from avts.offset.distance_map import distance_map
    from avts.offset.features import Features

    generator = np.random.default_rng(0)
    made = [generator.standard_normal((MAP_WINDOWS, MAP_SIZE)) for _ in range(2)]
    unit = [(each / np.linalg.norm(each, axis=1, keepdims=True)).astype(np.float32) for each in made]
    every = np.ones(MAP_WINDOWS, np.bool_)
    # as the peer gets them: Features of a film hold half that precision, and cost the conversion
    features = Features(unit[0], unit[1], every, every, 1.0)
    pictures, sounds = (torch.from_numpy(each) for each in unit)

    ways: dict[str, Callable[[Tensor, Tensor, int], list[Tensor]]] = {}
    if syncnet is None:
        note = "not run: give --syncnet, a checkout of github.com/joonson/syncnet_python"
        yield Row("distance map, against SyncNet's calc_pdist", None, "times faster", 20, note=note)
    else:
        ways["SyncNet's calc_pdist"] = calc_pdist_of(syncnet)
    ways["the same done window by window with PyTorch"] = window_by_window
    for name, usual in ways.items():
        for reach in MAP_REACHES:
            first, count = -reach, 2 * reach + 1
            theirs = partial(usual, pictures, sounds, reach)
            ours = partial(distance_map, features, first_offset=first, num_offsets=count, hop=1)
            pairs = [(timed(_only(theirs), 1), timed(_only(ours), 1)) for _ in range(ROUNDS)]
            slow, fast = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
            spent = (
                f"{1000 * median_cpu_seconds(slow):.0f} against {1000 * median_cpu_seconds(fast):.1f} ms of processor"
            )
            yield Row(
                f"distance map, {count} offsets, against {name}",
                median_ratio(slow, fast),
                "times faster",
                20 if usual is not window_by_window else None,
                note=f"{MAP_WINDOWS} x {MAP_SIZE} features; {spent}",
            )


def _only(work: Callable[[], object]) -> Callable[[], None]:
    """The work without what it gives."""

    def done() -> None:
        work()

    return done


def window_by_window(pictures: Tensor, sounds: Tensor, reach: int) -> list[Tensor]:
    """Distances of each picture to the sounds around it, one picture at a time: the usual way."""
    import torch.nn.functional as F

    around = F.pad(sounds, (0, 0, reach, reach))
    width = 2 * reach + 1
    return [
        F.pairwise_distance(picture.expand(width, -1), around[at : at + width]) for at, picture in enumerate(pictures)
    ]


def calc_pdist_of(checkout: Path) -> Callable[..., list[Tensor]]:
    """The function calc_pdist out of a checkout, without what its module imports.

    Raises:
        InputError: there is none.
    """
    import torch

    path = checkout / "SyncNetInstance.py"
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"--syncnet {checkout}: no SyncNetInstance.py in it. Give a checkout of its repository"
        ) from error
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "calc_pdist"]
    if not found:
        raise InputError(f"--syncnet {checkout}: no calc_pdist in SyncNetInstance.py. Give another checkout")
    names: dict[str, Any] = {"torch": torch}
    exec(compile(ast.Module(list(found), []), str(path), "exec"), names)
    function: Callable[..., list[Tensor]] = names["calc_pdist"]
    return function


def _repair_rows(folder: Path, run: Path | None, count: int) -> Iterator[Row]:
    """Films of eight forms whose sound is off by up to 2 s, repaired, and measured again."""
    from avts.offset.model import load_sync_model

    model = load_sync_model(run)
    triples = [_repaired(folder, index, model) for index in range(count)]
    left = np.array([abs(true - (found or 0.0)) for true, found, _ in triples])
    worse = sum(after > abs(true) + WORSE_SECONDS for (true, _, _), after in zip(triples, left, strict=True))
    untold = sum(found is None for _, found, _ in triples)
    again = [abs(seconds) < RESIDUAL_SECONDS for _, _, seconds in triples if seconds is not None]
    yield Row(
        f"generated films of 8 containers and rates, repaired: under {RESIDUAL_SECONDS} s of the true offset left",
        100 * float(np.mean(left < RESIDUAL_SECONDS)),
        "%",
        90,
        note=f"{count} films; {untold} cannot be told and stay; median {1000 * np.median(left):.0f} ms left",
    )
    yield Row(
        f"the same, measured again: under {RESIDUAL_SECONDS} s", 100 * sum(again) / count, "%", 90, note="untold: no"
    )
    yield Row("the same, made worse without a 'cannot tell'", float(worse), "films", 0, at_least=False)
    yield Row("the same, offset within 0.1 s", 100 * float(np.mean(left < 0.1)), "%", 90)


def _repaired(folder: Path, index: int, model: SyncModel) -> tuple[float, float | None, float | None]:
    """True offset of a film, the one found, and what is found after the repair; None for what cannot be told."""
    from avts.offset.film import FileFilm
    from avts.offset.measure import measure
    from avts.offset.repair import repair

    path, true, form = shifted_film(folder, index)
    found = measure(FileFilm(path), model, range_seconds=MAX_SHIFT_SECONDS + 0.5).offset_seconds
    if found is None:
        path.unlink()
        return true, None, None
    target = folder / f"{path.stem}-repaired{form.repaired or path.suffix}"
    repair(path, target, offset_seconds=found, overwrite=True)
    again = measure(FileFilm(target), model, range_seconds=MAX_SHIFT_SECONDS + 0.5).offset_seconds
    path.unlink()
    target.unlink()
    return true, found, again
