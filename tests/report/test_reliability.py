"""Groups of answers of similar confidence, against hand counts."""

from pathlib import Path

import numpy as np
import pytest

from avts.report.reliability import calibration_error, draw_reliability, reliability, reliability_table


def test_groups_hold_answers_of_similar_confidence() -> None:
    answers = [(0.2, index < 4) for index in range(20)] + [(0.9, index < 15) for index in range(20)]
    said, right, sizes = reliability(answers)
    assert said.tolist() == pytest.approx([0.2, 0.9])
    assert right.tolist() == pytest.approx([0.2, 0.75])
    assert sizes.tolist() == [20, 20]
    assert calibration_error(answers) == pytest.approx(0.075)


def test_answers_of_one_confidence_stay_together() -> None:
    answers = [(1.0, True)] * 70 + [(0.5, False)] * 10
    assert reliability(answers)[2].tolist() == [10, 70]


def test_honest_confidences_have_a_small_calibration_error() -> None:
    rng = np.random.default_rng(0)
    said = rng.uniform(0, 1, 4000)
    honest = [(float(sure), bool(rng.random() < sure)) for sure in said]
    boasting = [(float(np.sqrt(sure)), right) for sure, right in honest]
    assert calibration_error(honest) < 0.03
    assert calibration_error(boasting) > 0.1


def test_the_table_names_each_group_and_a_picture_is_drawn(tmp_path: Path) -> None:
    groups = {"made, 40": [(0.5, True), (0.5, False)] * 20, "none": []}
    words = reliability_table({"made, 40": groups["made, 40"]})
    assert words.splitlines()[-1].split() == ["made,", "40", "40", "0.50", "0.50", "0.000"]
    draw_reliability(tmp_path / "out.png", {"made, 40": groups["made, 40"]})
    assert (tmp_path / "out.png").read_bytes().startswith(b"\x89PNG")
