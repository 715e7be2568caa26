"""How fast is a training step on a card? Clips a second, share of the card's bf16 peak, and memory.

python experiments/gpu/step.py runs/gpu                              # on the card, under 10 minutes
python experiments/gpu/step.py runs/gpu --device cpu --smallest      # the rehearsal: the rows say that there is no card
"""

from __future__ import annotations

import sys

from timed import Run, arguments

MEMORY = """
import json, torch
from benchmarks.training_step import StepSize, TrainingStep
size = StepSize({side}, {frames}, {batch}, {width})
TrainingStep(size, torch.device("{device}")).make()
known = torch.cuda.is_available() and "{device}" != "cpu"
print(json.dumps({{"bytes": torch.cuda.max_memory_allocated() if known else None}}))
"""


def main() -> None:
    """Run it."""
    given = arguments(__doc__)
    run = Run("step", given.out, given.minutes)
    size = ["--width", 8, "--frames", 12] if given.smallest else []
    run.command("speed", [sys.executable, "-m", "benchmarks", "train", "--only", "gpu", *size], keep_seconds=120)
    for side, batch in ((112, 32), (224, 8)):
        smallest = {"side": 32, "batch": 2, "frames": 12, "width": 8}
        shape = smallest if given.smallest else {"side": side, "batch": batch, "frames": 25, "width": 64}
        code = MEMORY.format(**shape, device=given.device)
        run.command(f"memory-{side}", [sys.executable, "-c", code])
    run.note("done", True)


if __name__ == "__main__":
    main()
