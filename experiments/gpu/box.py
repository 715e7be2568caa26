"""The large form of the box's net on 10,000 rich films, as long as there is time; its figures beside those of the box.

python experiments/gpu/box.py runs/gpu                              # under 10 minutes; again: goes on where it was
python experiments/gpu/box.py runs/gpu --device cpu --smallest      # the rehearsal
"""

from __future__ import annotations

import os

from timed import AVTS, Run, arguments, newest_model

SPLITS = {"train": (10_000, 4), "validation": (128, 2), "test": (256, 2)}
"""Films of each split, and of the rehearsal."""

LARGE = """
[model]
video_width = 64
audio_width = 64
[training]
workers = -1
channels_last = true
checkpoint_every_steps = 100
"""

SMALLEST = """
[model]
video_width = 4
audio_width = 8
[pairs]
batch_size = 2
[training]
workers = 0
[[curriculum]]
name = "easy"
steps = 2
easy = 1.0
"""


def main() -> None:
    """Run it."""
    given = arguments(__doc__)
    run = Run("box", given.out, given.minutes)
    world, corpus, target = (given.out / f"box-{name}" for name in ("world", "corpus", "run"))
    for seed, (split, counts) in enumerate(SPLITS.items()):
        words = ["synth", world / split, "--videos", counts[given.smallest], "--seed", 7000 + seed]
        words += ["--scenes", "rich", "--size", 96, "--workers", os.cpu_count() or 1]
        if not (world / split).is_dir():
            run.command(f"synth-{split}", [*AVTS, *words], keep_seconds=0 if given.smallest else 300)
    run.command("ingest", [*AVTS, "ingest", world, corpus, "--short-side", 96])
    recipe = given.out / "box-large.toml"
    recipe.write_text('extends = "box"\n' + (SMALLEST if given.smallest else LARGE), encoding="utf-8")
    words = ["train", recipe, "--data", corpus, "--out", target, "--device", given.device]
    words += ["--resume"] if list(target.glob("checkpoints/step-*")) else []
    run.command("train", [*AVTS, *words], keep_seconds=0 if given.smallest else 45)
    model = newest_model(target)
    run.command("eval", [*AVTS, "eval", model, "--data", corpus, "--device", given.device, "--json"])
    run.note("done", True)


if __name__ == "__main__":
    main()
