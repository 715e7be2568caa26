"""The model that ships with the package."""

from pathlib import Path

import avts
from avts.offset.model import SHIPPED
from avts.world import write_world

MOST_BYTES = 12_000_000


def test_the_model_in_the_box_is_small_enough_to_ship() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) <= MOST_BYTES


def test_the_model_in_the_box_finds_shifts_of_claps_it_never_saw(tmp_path: Path) -> None:
    write_world(tmp_path, videos=2, seed=424242, kinds=["clap"], size=64, max_shift_seconds=0.8, workers=1)
    truth = [float(row.split(",")[4]) for row in (tmp_path / "labels.csv").read_text().splitlines()[1:]]
    model = avts.load()
    found = [avts.sync(path, model).offset_seconds for path in sorted(tmp_path.glob("*.mp4"))]
    assert all(abs(answer - offset) < 0.1 for answer, offset in zip(found, truth, strict=True)), (found, truth)
