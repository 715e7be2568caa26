"""Does all of it work on a card? The tests that need one, then demo.toml trained on the card and on the CPU.

python experiments/gpu/check.py runs/gpu                              # on the card, under 10 minutes
python experiments/gpu/check.py runs/gpu --device cpu --smallest      # the rehearsal
"""

from __future__ import annotations

import sys

from timed import AVTS, Run, arguments, auc_of, newest_model

SPLITS = {"train": (256, 4), "validation": (32, 2), "test": (64, 2)}
"""Videos of each split, and of the rehearsal."""

SMALLEST = """
[model]
video_width = 8
[pairs]
batch_size = 4
[[curriculum]]
name = "easy"
steps = 2
easy = 1.0
"""


def main() -> None:
    """Run it."""
    given = arguments(__doc__)
    run = Run("check", given.out, given.minutes)
    run.command(
        "tests", [sys.executable, "-m", "pytest", "-q", "tests/test_gpu.py"], keep_seconds=0 if given.smallest else 420
    )
    corpus, world = given.out / "check-corpus", given.out / "check-world"
    for seed, (split, counts) in enumerate(SPLITS.items()):
        count = counts[given.smallest]
        words = ["synth", world / split, "--videos", count, "--seed", 40 + seed, "--size", 64, "--seconds", 4]
        run.command(f"synth-{split}", [*AVTS, *words])
    run.command("ingest", [*AVTS, "ingest", world, corpus, "--short-side", 64])
    recipe = given.out / "check.toml"
    recipe.write_text('extends = "demo"\n' + (SMALLEST if given.smallest else ""), encoding="utf-8")
    areas = {}
    for device, keep in ((given.device, 240), ("cpu", 30)):
        name = f"{device.replace(':', '-')}-{'first' if keep == 240 else 'second'}"
        target = given.out / f"check-{name}"
        words = ["train", recipe, "--data", corpus, "--out", target, "--device", device]
        run.command(f"train-{name}", [*AVTS, *words], keep_seconds=0 if given.smallest else keep)
        said = run.command(
            f"eval-{name}",
            [*AVTS, "eval", newest_model(target), "--data", corpus, "--device", device, "--json"],
        )
        areas[name] = auc_of(said)
        run.note("auc", areas)
    run.note("done", True)


if __name__ == "__main__":
    main()
