"""How far the confidence of `avts sync` can be trusted, on generated videos and on real clips.

python experiments/reliability.py runs/reliability [CLIPS]

Prints a table and draws docs/reliability.png; of a folder of in-sync clips, if one is given, as they are and with known
shifts, searched over +-1 s.
"""

import json
import sys
from pathlib import Path

import avts
from avts.errors import AvtsError
from avts.offset.calibration import RIGHT_SECONDS
from avts.offset.clips import SEARCH_SECONDS, clip_offsets
from avts.report.reliability import draw_reliability, reliability_table
from avts.world import write_world

SEED = 9500
SHARE = {"rich": 90, "plain": 30}
LENGTHS_SECONDS = (3.0, 6.0)
MAX_SHIFT_SECONDS = 1.0


def generated(folder: Path, model: avts.SyncModel) -> list[tuple[float, bool]]:
    """Confidence and truth of the best guess in each generated video, whether it is given as an answer or not."""
    rows = []
    for scenes, videos in SHARE.items():
        for seconds in LENGTHS_SECONDS:
            out = folder / f"{scenes}-{seconds:g}"
            write_world(
                out, videos=videos, seed=SEED, scenes=scenes, seconds=seconds, max_shift_seconds=MAX_SHIFT_SECONDS
            )
            for path in sorted(out.glob("*.mp4")):
                found = avts.sync(path, model)
                truth = json.loads(path.with_suffix(".json").read_text())["offset_seconds"]
                if found.estimate.num_windows:
                    right = abs(found.estimate.offset_seconds - truth) <= RIGHT_SECONDS
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
            rows.append((sure, bool(abs(found - each.shift_seconds) <= RIGHT_SECONDS)))
    return rows


def main(folder: Path, clips: Path | None) -> None:
    """Measure, print, draw."""
    model = avts.load()
    made = generated(folder, model)
    groups = {f"generated, {len(made)}": made}
    if clips:
        found = real(clips, model)
        groups[f"real clips, +-{SEARCH_SECONDS:g} s, {len(found)}"] = found
    print(reliability_table(groups))
    draw_reliability(Path("docs/reliability.png"), groups)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None)
