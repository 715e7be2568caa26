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
    """Make the videos, measure them, print the share within the tolerance and of 'cannot tell'."""
    model = avts.load() if run is None else avts.load(run)
    for scenes in ("plain", "rich"):
        out = folder / scenes
        write_world(out, videos=VIDEOS, seed=SEED, scenes=scenes, max_shift_seconds=MAX_SHIFT_SECONDS)
        errors = []
        for path in sorted(out.glob("*.mp4")):
            found = avts.sync(path, model).offset_seconds
            truth = json.loads(path.with_suffix(".json").read_text())["offset_seconds"]
            errors.append(None if found is None else abs(found - truth))
        told = [error for error in errors if error is not None]
        within = sum(error < TOLERANCE_SECONDS for error in told)
        print(f"{scenes}: {within} of {VIDEOS} within {TOLERANCE_SECONDS} s, {VIDEOS - len(told)} cannot tell")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
