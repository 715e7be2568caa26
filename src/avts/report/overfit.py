"""What `avts overfit` found, in words and a curve of one line. Input: an Overfitting. Output: text, plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from avts.pairs.negatives import KIND_NAMES
from avts.report.tables import duration
from avts.training.diagnosis.watch import parting_json, reason_lines
from avts.training.overfit import Overfitting

BLOCKS = "▁▂▃▄▅▆▇█"
CURVE_WIDTH = 60


def overfit_text(found: Overfitting) -> str:
    """The whole answer, for a terminal."""
    lines = [
        f"one batch of {found.videos} videos, stage '{found.stage_name}', {len(found.losses)} steps, "
        f"{duration(found.seconds)}",
        f"loss {found.losses[0]:.4f} {curve(found.losses)} {found.losses[-1]:.4f}",
        f"the least that any embeddings reach on this batch is {found.bounds.least:.4f}, networks that ignore what "
        f"they are given {found.bounds.blind:.4f}; near zero is {found.target:.4f}",
    ]
    for each in found.partings:
        kind = KIND_NAMES[each.kind].replace("_", "-")
        lines.append(f"distances at the end: positive {each.positive:.3f}, {kind} {each.negative:.3f}")
    lines.append(verdict(found))
    return "\n".join([*lines, *(reason_lines(found.reasons) if not found.learned else [])])


def overfit_record(found: Overfitting) -> dict[str, Any]:
    """The same as plain values."""
    return {
        "learned": found.learned,
        "steps": len(found.losses),
        "videos": found.videos,
        "stage": found.stage_name,
        "first_loss": found.losses[0],
        "last_loss": found.losses[-1],
        "least_possible_loss": found.bounds.least,
        "blind_loss": found.bounds.blind,
        "target_loss": found.target,
        "losses": list(found.losses),
        "kinds": {KIND_NAMES[each.kind]: parting_json(each) for each in found.partings},
        "reasons": [asdict(reason) for reason in found.reasons],
        "verdict": verdict(found),
        "seconds": found.seconds,
    }


def verdict(found: Overfitting) -> str:
    """What came out, and what it means."""
    if found.learned:
        return (
            "It learns: the networks can tell which of this batch's sounds goes with which picture, so recipe and "
            "corpus fit each other. It says nothing yet about videos that they have not seen: train."
        )
    done = 1 - found.bounds.share_left(min(found.losses))
    if done > 0 and found.still_falls:
        return (
            f"Not there yet: the loss came {done:.0%} of the way down in {len(found.losses)} steps and still falls. "
            "Give it more --steps."
        )
    return (
        "It does not learn even this one batch: training on the whole corpus would not either. Something is wrong with "
        "the recipe or the corpus; look for it before you train."
    )


def curve(losses: Sequence[float]) -> str:
    """A line of blocks, from the highest loss to the lowest."""
    pieces = np.array_split(np.array(losses), min(CURVE_WIDTH, len(losses)))
    means = np.array([piece.mean() for piece in pieces])
    low, high = float(means.min()), float(means.max())
    level = (means - low) / max(high - low, 1e-12) * (len(BLOCKS) - 1)
    return "".join(BLOCKS[index] for index in np.rint(level).astype(int))
