"""The paper's form at width 64 and 112 x 112: a curriculum against easy negatives alone, the same number of steps.

python experiments/gpu/paper.py runs/gpu CORPUS                              # under 10 minutes
python experiments/gpu/paper.py runs/gpu CORPUS --device cpu --smallest      # the rehearsal

Both begin with the same easy steps, which are trained once.
"""

from __future__ import annotations

from timed import AVTS, Run, arguments, auc_of, newest_model

FORM = """
extends = "paper"
[model]
frame_size = 112
{model}
[pairs]
batch_size = {batch}
[optimizer]
schedule = "constant"
[training]
checkpoint_every_steps = {first}
workers = {workers}
channels_last = true
"""

STAGE = """
[[curriculum]]
name = "{name}"
steps = {steps}
easy = {easy}
hard = {hard}
"""


def main() -> None:
    """Run it."""
    given = arguments(__doc__, "corpus")
    run = Run("paper", given.out, given.minutes)
    first, second = (2, 2) if given.smallest else (600, 400)
    small = "video_width = 4\naudio_width = 8" if given.smallest else ""
    form = FORM.format(model=small, batch=2 if given.smallest else 64, first=first, workers=0 if given.smallest else -1)
    begin = STAGE.format(name="easy", steps=first, easy=1.0, hard=0.0)
    areas = {}
    shares = {"easy": (1.0, 0.0), "curriculum": (0.75, 0.25)}
    for place, (name, (easy, hard)) in enumerate(shares.items()):
        recipe, target = given.out / f"paper-{name}.toml", given.out / f"paper-{name}"
        text = form + begin + STAGE.format(name="second", steps=second, easy=easy, hard=hard)
        recipe.write_text(text, encoding="utf-8")
        words = ["train", recipe, "--data", given.corpus, "--out", target, "--device", given.device]
        words += ["--branch", given.out / "paper-easy"] if place else []
        keep = 60 if place else run.seconds_left * 0.4
        run.command(f"train-{name}", [*AVTS, *words], keep_seconds=0 if given.smallest else keep)
        words = ["eval", newest_model(target), "--data", given.corpus, "--device", given.device, "--json"]
        said = run.command(f"eval-{name}", [*AVTS, *words])
        areas[name] = auc_of(said)
        run.note("auc", areas)
    run.note("done", True)


if __name__ == "__main__":
    main()
