"""The result of `avts overfit` as text with a one-line curve. Input: an Overfitting. Output: text, plain values."""

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
    """The whole report for a terminal."""
    lines = [
        f"one batch of {found.videos} videos, stage '{found.stage_name}', {len(found.losses)} steps, "
        f"{duration(found.seconds)}",
        f"loss {found.losses[0]:.4f} {curve(found.losses)} {found.losses[-1]:.4f}",
        f"minimum loss on this batch {found.bounds.least:.4f}, loss of networks that ignore their input "
        f"{found.bounds.blind:.4f}, target {found.target:.4f}",
    ]
    for each in found.partings:
        kind = KIND_NAMES[each.kind].replace("_", "-")
        lines.append(f"distances at the end: positive {each.positive:.3f}, {kind} {each.negative:.3f}")
    lines.append(verdict(found))
    return "\n".join([*lines, *(reason_lines(found.reasons) if not found.learned else [])])


def overfit_record(found: Overfitting) -> dict[str, Any]:
    """The same report as plain values."""
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
    """The verdict and what it means."""
    if found.learned:
        return (
            "The batch was learned: the networks can match the sounds of this batch to its pictures, so the recipe "
            "works on this corpus. This does not show yet how they generalise to unseen videos: train."
        )
    done = 1 - found.bounds.share_left(min(found.losses))
    if done > 0 and found.still_falls:
        return (
            f"Not learned yet: the loss fell by {done:.0%} of the possible range in {len(found.losses)} steps and is "
            "still falling. Increase --steps."
        )
    return (
        "The batch was not learned, so training on the whole corpus would fail too. There is a problem with the recipe "
        "or the corpus; find it before you train."
    )


def curve(losses: Sequence[float]) -> str:
    """A line of blocks, from the highest loss to the lowest."""
    pieces = np.array_split(np.array(losses), min(CURVE_WIDTH, len(losses)))
    means = np.array([piece.mean() for piece in pieces])
    low, high = float(means.min()), float(means.max())
    level = (means - low) / max(high - low, 1e-12) * (len(BLOCKS) - 1)
    return "".join(BLOCKS[index] for index in np.rint(level).astype(int))
