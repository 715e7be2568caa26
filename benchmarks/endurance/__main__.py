"""`python -m benchmarks.endurance --out DIR`: thousands of damaged files, and kills at random moments; resumable."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from functools import partial
from pathlib import Path

import av
import click

from avts.cli.progress import OnProgress, progress_bar
from avts.files import whole_file
from benchmarks.endurance.client import Client
from benchmarks.endurance.damaged import Chunk, run_chunk
from benchmarks.endurance.journal import Journal, num_faults, summary
from benchmarks.endurance.kills import Kills, kill_ingest, kill_repair, kill_training
from benchmarks.endurance.mutate import Mutant, mutant
from benchmarks.endurance.nursery import Nursery
from benchmarks.formats.cases import CONTAINERS, Case, codec_name
from benchmarks.formats.trial import cases

FILES_A_CHUNK = 24
MODEL_EVERY = 20
"""Every so many handfuls are measured by the model in the box, all others by plain motion, which is quicker."""

KILLS_A_ROUND = 10


@click.command(name="endurance")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the journal.")
@click.option("--mutated", default=10_000, show_default=True, type=click.IntRange(0), help="Damaged files.")
@click.option("--kills", default=100, show_default=True, type=click.IntRange(0), help="Kills of ingest, and of repair.")
@click.option("--training-kills", default=50, show_default=True, type=click.IntRange(0), help="Kills of training.")
def main(out: Path, *, mutated: int, kills: int, training_kills: int) -> int:
    """Damage files and kill processes; say what came of it. Run again, it goes on. Exit status 3: a fault."""
    out.mkdir(parents=True, exist_ok=True)
    journal = Journal(out / "journal.jsonl")
    damage(out, journal, mutated)
    kill(out, journal, kills, training_kills)
    text = summary(journal.lines)
    (out / "summary.txt").write_text(text + "\n", encoding="utf-8")
    click.echo(text)
    return 3 if num_faults(journal.lines) else 0


def whole_files(folder: Path) -> list[Path]:
    """The files that are damaged: one of each container with its usual codecs, and those of unusual structure."""
    folder.mkdir(parents=True, exist_ok=True)
    usual = [f"{codec_name(each.video)}-{codec_name(each.audio)}{each.ending}" for each in CONTAINERS]
    odd = [case.name for case in cases().values() if case.group == "structure" and _kept(case)]
    paths = []
    for name in [*usual, *odd]:
        path = folder / name
        if not path.exists():
            try:
                with whole_file(path) as waiting:
                    cases()[name].make(waiting)
            except (ValueError, OSError, av.FFmpegError):
                continue
        paths.append(path)
    return paths


ODD = ("packed", "joined", "gap of 3 ", "edit", "cover", "chapters", "subtitles", "16 channels")
"""Words of the structures that are damaged, too."""


def _kept(case: Case) -> bool:
    return case.file_name is None and case.refused is None and any(word in case.about for word in ODD)


def damage(out: Path, journal: Journal, mutated: int) -> None:
    """Damage files until there were as many as asked for, a handful at a time."""
    firsts = [first for first in range(0, mutated, FILES_A_CHUNK) if first not in journal.chunks()]
    if not firsts:
        return
    sources = whole_files(out / "whole")
    control = (out / "whole" / "h264-aac.mp4").read_bytes()
    client = Client(out / "commands.log")
    try:
        with progress_bar("damaged", "files") as on_progress:
            for first in firsts:
                mutants = [mutant(number, sources) for number in range(first, min(first + FILES_A_CHUNK, mutated))]
                method = "motion" if first // FILES_A_CHUNK % MODEL_EVERY else "model"
                chunk = run_chunk(client, out / "chunk", mutants, control, method=method)
                _keep_faulty(out / "faults", mutants, chunk)
                journal.add({"kind": "damaged", "first": first, "files": len(mutants), **chunk.as_json()})
                on_progress(sum(line["files"] for line in journal.lines if line["kind"] == "damaged"), mutated)
    finally:
        client.close()
        shutil.rmtree(out / "chunk", ignore_errors=True)


def _keep_faulty(folder: Path, mutants: list[Mutant], chunk: Chunk) -> None:
    """Keep every file that showed a fault."""
    names = {fault.file for fault in chunk.faults}
    for each in mutants:
        if each.name in names:
            folder.mkdir(exist_ok=True)
            (folder / each.name).write_bytes(each.data)


def kill(out: Path, journal: Journal, kills: int, training_kills: int) -> None:
    """Kill until there were as many kills as asked for, some at a time."""
    for what, function, wanted in (
        ("ingest", kill_ingest, kills), ("repair", kill_repair, kills), ("training", kill_training, training_kills)
    ):  # fmt: skip
        if journal.kills(what) >= wanted:
            continue
        nursery = Nursery(out / f"{what}.log")
        try:
            with progress_bar(f"kills of {what}", "kills") as on_progress:
                while (done := journal.kills(what)) < wanted:
                    begun, some = partial(_shown, on_progress, done, wanted), min(KILLS_A_ROUND, wanted - done)
                    found: Kills = function(nursery, out / "kills" / what, some, seed=done, on_kill=begun)
                    journal.add({"kind": "kills", **asdict(found)})
                    if not found.kills:
                        break
        finally:
            nursery.close()


def _shown(on_progress: OnProgress, done: int, wanted: int, number: int) -> None:
    on_progress(done + number, wanted)


if __name__ == "__main__":
    raise SystemExit(main(standalone_mode=False))
