"""The offsets of generated videos by a model, the one in the box unless another is named: two rows of the box's card.

python experiments/box_offsets.py runs/box-offsets [RUN]
"""

import json
import sys
from pathlib import Path

import avts
from avts.offset.estimate import TOLERANCE_SECONDS
from avts.world import write_world

VIDEOS, SEED, MAX_SHIFT_SECONDS = 60, 9100, 1.0


def main(folder: Path, run: Path | None = None) -> None:
    """Make the videos, measure them, print the shares of best guesses and of answers within the tolerance."""
    model = avts.load() if run is None else avts.load(run)
    for scenes in ("plain", "rich"):
        out = folder / scenes
        write_world(out, videos=VIDEOS, seed=SEED, scenes=scenes, max_shift_seconds=MAX_SHIFT_SECONDS)
        near, answered = [], []
        for path in sorted(out.glob("*.mp4")):
            found = avts.sync(path, model)
            truth = json.loads(path.with_suffix(".json").read_text())["offset_seconds"]
            near.append(found.guess_seconds is not None and abs(found.guess_seconds - truth) < TOLERANCE_SECONDS)
            answered.append(found.offset_seconds is not None)
        right = sum(each for each, given in zip(near, answered, strict=True) if given)
        print(
            f"{scenes}: best guess of {sum(near)} of {VIDEOS} within {TOLERANCE_SECONDS} s; "
            f"{sum(answered)} answers given, {right} of them within it"
        )


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
