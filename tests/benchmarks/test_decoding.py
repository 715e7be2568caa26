"""Decoding against a card: counted by hand where nothing is timed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from avts.settings import recipe_from
from benchmarks import decoding
from benchmarks.__main__ import command
from benchmarks.material import make_material
from benchmarks.timing import Timing
from benchmarks.training_step import step_operations
from fixtures_training import tiny_recipe


def test_a_card_takes_so_many_windows_as_its_assumed_rate_has_operations_for() -> None:
    capacity = decoding.Capacity(Timing(0.002, 0.004), operations=9e9, window_seconds=1.0)
    assert capacity.of_a_core == pytest.approx(500)
    assert capacity.of_a_card(200.0) == pytest.approx(0.45 * 200e12 / 9e9)
    rows = decoding._rows_of("x", _Material(), capacity, cores=16, peak=200.0)  # type: ignore[arg-type]
    assert [row.value for row in rows] == pytest.approx([500, 8000, 10_000, 20])
    assert [row.reached for row in rows] == [None, False, None, False]
    assert "assumed: 45% of 200 TFLOP/s; 9 GFLOP a window" in rows[2].note


class _Material:
    in_words = "no videos"


@pytest.mark.parametrize("sampling", ["grid", "pairs", "spans"])
def test_operations_are_of_the_windows_that_a_batch_has(tmp_path: Path, sampling: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("benchmarks.material.ORIGINAL_SECONDS", 4.0)
    material = make_material(tmp_path, count=2, short_side=64)
    assert {min(clip.height, clip.width) for clip in material.clips} == {64}
    recipe = tiny_recipe(pairs={"sampling": sampling, "span_seconds": 2.0}, curriculum=[
        {"name": "easy", "epochs": 1, "easy": 1.0}])  # fmt: skip
    found = decoding.capacity_of(recipe, material, rounds=1)
    assert found.timing.cpu_seconds > 0
    # a grid has the sounds of the negatives beside those of the positives; a span's sound costs twice, densely encoded
    sounds = {"grid": 4, "pairs": 4, "spans": 8}[sampling]
    assert found.operations * 4 == pytest.approx(step_operations(recipe, pictures=4, sounds=sounds))
    assert found.window_seconds == (2.0 if sampling == "spans" else 1.0)
    longer = recipe_from(recipe.model_dump() | {"pairs": {"sampling": "spans", "span_seconds": 4.0}}, name="longer")
    assert step_operations(longer, pictures=1, sounds=0) > 1.9 * step_operations(
        recipe_from(recipe.model_dump() | {"pairs": {"sampling": "spans", "span_seconds": 2.0}}, name="short"),
        pictures=1, sounds=0,
    )  # fmt: skip


def test_other_forms_of_a_clip_are_read_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.material.ORIGINAL_SECONDS", 3.0)
    material = make_material(tmp_path, count=2, short_side=64)
    rows = decoding.form_rows(material, tmp_path, rounds=2)
    assert [row.name.split(", ")[1] for row in rows] == [
        *(f"a key frame every {frames}" for frames in (12, 6, 3, 2)),
        "planes as they are",
    ]
    assert rows[0].note.startswith("1.00 times the corpus's form")
    sizes = [float(row.note.split(", ")[1].split()[0]) for row in rows]
    assert sizes == sorted(sizes)
    assert sizes[-1] == pytest.approx(64 * 64 * 1.5 * 24 / 1000, abs=1)


def test_it_is_a_command_that_says_what_it_assumes() -> None:
    said = CliRunner().invoke(command, ["decoding", "--help"])
    assert said.exit_code == 0
    assert "989" in said.output
