"""How far the confidence of `avts sync` can be trusted: fitted on one set of generated videos, shown on another.

python experiments/reliability.py runs/reliability [CLIPS]

Prints the two numbers of sync.estimate's calibration as the first set gives them, and draws docs/reliability.png from
the second set, and from a folder of in-sync clips if one is given (over +-1 s, as they are and with known shifts).
"""

import json
import sys
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, logit

import avts
from avts.errors import AvtsError
from avts.report.reliability import draw_reliability, reliability_table
from avts.sync import estimate
from avts.sync.clips import SEARCH_SECONDS, clip_offsets
from avts.world import write_world

SETS = {"fit": 9400, "shown": 9500}
SHARE = {"rich": 90, "plain": 30}
LENGTHS_SECONDS = (3.0, 6.0)
MAX_SHIFT_SECONDS = 1.0


def generated(folder: Path, seed: int, model: avts.SyncModel) -> list[tuple[float, bool]]:
    """Confidence and truth of each generated video that was answered."""
    rows = []
    for scenes, videos in SHARE.items():
        for seconds in LENGTHS_SECONDS:
            out = folder / f"{scenes}-{seconds:g}-{seed}"
            write_world(
                out, videos=videos, seed=seed, scenes=scenes, seconds=seconds, max_shift_seconds=MAX_SHIFT_SECONDS
            )
            for path in sorted(out.glob("*.mp4")):
                found = avts.sync(path, model)
                truth = json.loads(path.with_suffix(".json").read_text())["offset_seconds"]
                if found.offset_seconds is not None:
                    right = abs(found.offset_seconds - truth) < estimate.TOLERANCE_SECONDS
                    rows.append((found.confidence, bool(right)))
    return rows


def real(folder: Path, model: avts.SyncModel) -> list[tuple[float, bool]]:
    """The same of in-sync clips, as they are and shifted."""
    rows = []
    for path in sorted(folder.rglob("*.*")):
        try:
            offsets = clip_offsets(path, "", model)
        except AvtsError:
            continue
        for each in offsets:
            found, sure = each.found_seconds["model"], each.confidence["model"]
            rows.append((sure, bool(abs(found - each.shift_seconds) < estimate.TOLERANCE_SECONDS)))
    return rows


def fitted(rows: list[tuple[float, bool]]) -> tuple[float, float]:
    """Slope and shift of the logistic calibration that makes the answers likeliest."""
    said, right = (np.array(column, float) for column in zip(*rows, strict=True))
    odds = (logit(np.clip(said, 1e-6, 1 - 1e-6)) - estimate.CALIBRATION_SHIFT) / estimate.CALIBRATION_SLOPE

    def cost(line: np.ndarray) -> float:
        chance = np.clip(expit(line[0] * odds + line[1]), 1e-9, 1 - 1e-9)
        return -float(np.mean(right * np.log(chance) + (1 - right) * np.log(1 - chance)))

    slope, shift = minimize(cost, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(slope), float(shift)


def main(folder: Path, clips: Path | None) -> None:
    """Measure, print, draw."""
    model = avts.load()
    rows = {name: generated(folder, seed, model) for name, seed in SETS.items()}
    slope, shift = fitted(rows["fit"])
    print(f"calibration fitted on {len(rows['fit'])} videos: slope {slope:.3f}, shift {shift:.3f}")
    groups = {f"generated, {len(rows['shown'])}": rows["shown"]}
    if clips:
        found = real(clips, model)
        groups[f"real clips, +-{SEARCH_SECONDS:g} s, {len(found)}"] = found
    print(reliability_table(groups))
    draw_reliability(Path("docs/reliability.png"), groups)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
