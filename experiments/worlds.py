"""The generated videos of the experiments: kinds that pre-training sees, and kinds that it never does.

WORK/corpus         kinds SEEN: train, validation, test; pre-training takes no label
WORK/corpus-30 ...  the first so many of its training videos, with the same validation and test
WORK/unseen         kinds UNSEEN: train with labels, test
WORK/unseen-rich    the same kinds in rich scenes: with other sounds behind, rests, and other colours of sound
WORK/corpus-resting kinds SEEN as in WORK/corpus, but that the actions rest now and then
WORK/corpus-individual   bodies whose looks go with their voice, so that other videos' sounds need no timing
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

SEEN = ("ball", "hammer", "clap", "bell", "pendulum", "rotor", "mouth", "bird", "rain", "waves")
UNSEEN = ("drumstick", "footsteps", "xylophone", "string", "saw", "piston", "engine", "dog", "fire", "pouring")
"""Half of the plain world's kinds each, chosen by name before anything was trained; every family has both but one."""

INDIVIDUAL = ("jumper", "grower", "flasher")

VIDEOS = {"train": 480, "validation": 96, "test": 192}
UNSEEN_VIDEOS = {"train": 320, "test": 200}
SECONDS = 5.0
SIZES = {"plain": 64, "resting": 64, "rich": 96, "individual": 64}
"""Short side by scenes: 96 is the smallest that rich ones have, of which only the sounds are judged."""

SEED, INDIVIDUAL_SEED = 501, 521
"""Of the first split of the first world and of the individuals, the others follow; 511 to 513 were seen too early."""

PARTS = (30, 120)
"""A sixteenth and a quarter of the training videos."""


def make_corpora(work: Path, only: Collection[str] = ()) -> None:
    """Generate and ingest whatever is missing, of all corpora or of some by name; parts come with the whole."""
    from avts.corpus.ingest import ingest

    for seed, world, corpus, kinds, videos, scenes in (
        (SEED, "world", "corpus", SEEN, VIDEOS, "plain"),
        (SEED + 3, "unseen-world", "unseen", UNSEEN, UNSEEN_VIDEOS, "plain"),
        (SEED + 5, "unseen-rich-world", "unseen-rich", UNSEEN, UNSEEN_VIDEOS, "rich"),
        (SEED + 7, "resting-world", "corpus-resting", SEEN, VIDEOS, "resting"),
        (INDIVIDUAL_SEED, "individual-world", "corpus-individual", INDIVIDUAL, VIDEOS, "individual"),
    ):
        if only and corpus not in only:
            continue
        for its_seed, (split, count) in enumerate(videos.items(), seed):
            _write(work / world / split, count, its_seed, kinds, scenes)
        ingest(work / world, work / corpus)
    for count in PARTS if not only or "corpus" in only else ():
        ingest(_part(work, count), work / f"corpus-{count}")


def _write(folder: Path, count: int, seed: int, kinds: tuple[str, ...], scenes: str) -> None:
    from avts.world import write_world

    size = SIZES[scenes]
    write_world(folder, videos=count, seed=seed, size=size, seconds=SECONDS, kinds=kinds, scenes=scenes)


def _part(work: Path, count: int) -> Path:
    """A folder with the first training videos, linked, and all of validation and test."""
    whole, part = work / "world", work / f"world-{count}"
    for split in VIDEOS:
        (part / split).mkdir(parents=True, exist_ok=True)
        chosen = sorted((whole / split).glob("*.mp4"))[: count if split == "train" else None]
        for path in chosen:
            target = part / split / path.name
            if not target.exists():
                os.link(path, target)
        head, *rows = (whole / split / "labels.csv").read_text(encoding="utf-8").splitlines(keepends=True)
        names = {path.name for path in chosen}
        kept = [head, *(row for row in rows if row.split(",", 1)[0] in names)]
        (part / split / "labels.csv").write_text("".join(kept), encoding="utf-8")
    return part
