"""Kill -9 at random moments: of ingest, of repair and of training. Nothing may be lost, doubled or half written.

Input: how many kills. Output: a Kills for each: how many came in time, how many runs were ended by them, and faults.
"""

from __future__ import annotations

import hashlib
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from avts.corpus.ingest import ingest
from avts.corpus.manifest import JOURNAL_NAME
from avts.world import write_world
from benchmarks.endurance.nursery import Nursery
from benchmarks.formats.film import Film, write_film
from benchmarks.formats.seen import see

RECIPE = """
[model]
video_width = 4
audio_width = 8
picture_input = "change"
frame_size = 32
head = "temporal"
head_steps = 6
hidden = 16
embedding = 8
filter_bands = 16

[pairs]
batch_size = 4

[[curriculum]]
name = "easy"
epochs = 6
easy = 1.0

[[curriculum]]
name = "75/25"
epochs = 6
easy = 0.75
hard = 0.25

[optimizer]
name = "adamw"
learning_rate = 1e-3
schedule = "cosine"
warmup_steps = 2

[training]
precision = "fp32"
workers = 0
log_every_steps = 1
checkpoint_every_steps = 1
ema_decay = 0.9
"""
"""A small recipe that keeps everything a checkpoint can hold: moments, a moving average, a schedule, a curriculum."""


@dataclass
class Kills:
    """What came of kills: how many came before the end; whole: runs that then were finished and compared; faults."""

    what: str
    kills: int = 0
    whole: int = 0
    left: int = 0
    faults: list[str] = field(default_factory=list)


OnKill = Callable[[int], None]


def digests(folder: Path, *, but: tuple[str, ...] = ()) -> dict[str, str]:
    """A digest of each file below a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in but
    }


def kill_ingest(
    nursery: Nursery, folder: Path, wanted: int, *, seed: int = 0, films: int = 6, on_kill: OnKill
) -> Kills:
    """Kill ingest again and again, finish it, and compare the corpus with one that was made without a kill."""
    found, rng = Kills("ingest"), random.Random(seed)
    source, whole = folder / "films", folder / "whole"
    source.mkdir(parents=True, exist_ok=True)
    for index in range(films):
        write_film(source / f"{index}.mp4", replace(Film(), clicks=(0.3 + index / 20, 1.1)))
    shutil.copy(source / "0.mp4", source / "copy.mp4")  # refused as a copy, by every run
    before = digests(source)
    request = {"words": ["ingest", str(source), str(whole), "--workers", "1", "--short-side", "32"]}
    shutil.rmtree(whole, ignore_errors=True)
    ended = nursery.run(request)
    if ended.status != 3:
        found.faults.append(f"exit status {ended.status} without a kill")
        return found
    expected, number = digests(whole, but=(JOURNAL_NAME,)), 0
    out = folder / "killed-0"
    while found.kills < wanted or out.exists():
        request["words"][2] = str(out)
        finish = found.kills >= wanted
        end = nursery.run(request, kill_after_seconds=None if finish else rng.uniform(0, 0.8 * ended.seconds))
        if end.killed:
            found.kills += 1
            on_kill(found.kills)
            continue
        found.whole += 1
        now = digests(out, but=(JOURNAL_NAME,))
        if end.status != 3 or now != expected:
            others = sorted(name for name in now.keys() | expected if now.get(name) != expected.get(name))
            found.faults.append(f"{out.name}: status {end.status}, other than without a kill: {', '.join(others)}")
        shutil.rmtree(out)
        number += 1
        out = folder / f"killed-{number}"
    if digests(source) != before:
        found.faults.append("a source was changed")
    return found


def kill_repair(
    nursery: Nursery, folder: Path, wanted: int, *, seed: int = 0, seconds: float = 60.0, on_kill: OnKill
) -> Kills:
    """Kill a repair; its target is there whole or not at all, and an older one stays until then."""
    found, rng = Kills("repair"), random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    source, target = folder / "source.mkv", folder / "out" / "repaired.mkv"
    write_film(source, replace(Film(), seconds=seconds, audio="pcm_s24le"))
    shutil.rmtree(target.parent, ignore_errors=True)
    target.parent.mkdir()
    request = {"repair": [str(source), str(target), -0.2]}
    before, took = source.read_bytes(), nursery.run(request)
    if took.status != 0:
        found.faults.append(f"exit status {took.status} without a kill")
        return found
    expected = see(target, decode=False).packets  # Matroska writes a random number into each file
    while found.kills < wanted:
        target.unlink(missing_ok=True)
        end = nursery.run(request, kill_after_seconds=rng.uniform(0, took.seconds))
        if end.killed:
            found.kills += 1
            on_kill(found.kills)
        else:
            found.whole += 1
        if target.exists() and see(target, decode=False).packets != expected:
            found.faults.append(f"kill {found.kills}: {target.name} is not whole")
        if not end.killed and not target.exists():
            found.faults.append(f"status {end.status}, but {target.name} is not there")
    if source.read_bytes() != before:
        found.faults.append("the source was changed")
    target.unlink(missing_ok=True)
    nursery.run(request)
    # of a process that is killed outright a temporary file may stay; the next run has to take it away
    found.left = sum(path != target for path in target.parent.iterdir())
    if found.left:
        found.faults.append(f"{found.left} temporary files stay after the next repair: {_names(target.parent, target)}")
    return found


def _names(folder: Path, but: Path) -> str:
    return ", ".join(sorted(path.name for path in folder.iterdir() if path != but)[:3])


def kill_training(
    nursery: Nursery, folder: Path, wanted: int, *, seed: int = 0, videos: int = 6, on_kill: OnKill
) -> Kills:
    """Kill training, resume it until it is done, and compare the weights with those of a run without a kill."""
    found, rng = Kills("training"), random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "corpus" / "corpus.json").exists():
        for split in ("train", "validation"):
            write_world(folder / "world" / split, videos=videos, seed=len(split), size=64, seconds=3.0, workers=1)
        ingest(folder / "world", folder / "corpus", short_side=64, workers=1)
    (folder / "recipe.toml").write_text(RECIPE, encoding="utf-8")
    words = ["train", str(folder / "recipe.toml"), "--data", str(folder / "corpus"), "--device", "cpu", "--out"]
    shutil.rmtree(folder / "whole", ignore_errors=True)
    took = nursery.run({"words": [*words, str(folder / "whole")]})
    if took.status != 0:
        found.faults.append(f"exit status {took.status} without a kill")
        return found
    expected = digests(folder / "whole")["model.safetensors"]
    run, number = folder / "killed-0", 0
    shutil.rmtree(run, ignore_errors=True)
    while found.kills < wanted or run.exists():
        resume = ["--resume"] if any((run / "checkpoints").glob("step-*[0-9]")) else []
        finish = found.kills >= wanted
        request = {"words": [*words, str(run), *resume]}
        end = nursery.run(request, kill_after_seconds=None if finish else rng.uniform(0, 0.8 * took.seconds))
        if end.killed:
            found.kills += 1
            on_kill(found.kills)
            continue
        found.whole += 1
        if end.status != 0 or digests(run).get("model.safetensors") != expected:
            found.faults.append(f"{run.name}: status {end.status}, weights other than without a kill")
            shutil.move(run, folder / f"fault-{number}")
        shutil.rmtree(run, ignore_errors=True)
        number += 1
        run = folder / f"killed-{number}"
    return found
