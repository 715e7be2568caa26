"""Signs of an offset on made maps, the logistic function by hand, the file beside a model."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from avts.errors import CheckpointError
from avts.offset.calibration import (
    LIMITS,
    MODEL,
    SIGNS,
    Calibration,
    read_calibration,
    signs_of,
    why_uncertain,
    within_limits,
)
from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import window_votes
from avts.offset.model import SHIPPED

OFFSETS = np.arange(-24, 25) / 24


def signs(distances: np.ndarray, motion: np.ndarray | None = None) -> dict[str, float]:
    """Signs of offset 0 on a map of windows one frame apart."""
    times = np.arange(len(distances)) / 24
    scan = OffsetScan(times, OFFSETS, distances.astype(np.float32), 1.0, motion_evidence=motion)
    votes = window_votes(scan)
    return signs_of(scan, votes, votes.sum(axis=0) + (0 if motion is None else motion), 0.0)


def noisy(windows: int = 96, *, seed: int = 0) -> np.ndarray:
    return 0.6 + 0.05 * np.random.default_rng(seed).standard_normal((windows, len(OFFSETS)))


def with_peak(windows: int = 96, *, column: int = 24, depth: float = 0.4) -> np.ndarray:
    distances = noisy(windows)
    distances[:, column] -= depth
    return distances


def test_a_clear_peak_has_better_signs_than_noise() -> None:
    clear, nothing = signs(with_peak()), signs(noisy())
    for name in ("margin", "fit", "halves", "votes"):
        assert clear[name] > nothing[name], name
    assert clear["distance"] == pytest.approx(0.2, abs=0.02)
    assert clear["fit"] == pytest.approx(0.4, abs=0.02)
    assert clear["votes"] == pytest.approx(1.0)
    assert clear["seconds"] == pytest.approx(math.log(4))
    assert set(clear) - {"seconds"} == set(SIGNS) == set(LIMITS)


def test_a_second_peak_as_high_leaves_no_margin() -> None:
    distances = with_peak()
    distances[:, 40] -= 0.4
    assert signs(distances)["margin"] == pytest.approx(0, abs=0.5)
    assert signs(with_peak())["margin"] > 2


def test_halves_that_disagree_show_in_the_weaker_one() -> None:
    distances = with_peak()
    distances[48:] = with_peak(48, column=5)
    assert signs(distances)["halves"] < -0.5
    assert signs(with_peak())["halves"] > 0.5


def test_a_map_without_a_rival_gives_signs_of_nothing() -> None:
    distances = np.full((3, 49), np.nan)
    assert set(signs(distances)) == {*SIGNS, "seconds"}
    distances[:, 24] = 0.1
    assert signs(distances)["margin"] == 0


def test_the_confidence_is_a_logistic_function_of_signs_within_limits() -> None:
    calibration = Calibration(-1.0, {"margin": 0.5, "votes": 2.0}, 0.7)
    values = dict.fromkeys(SIGNS, 0.0) | {"margin": 2.0, "votes": 0.5}
    assert calibration.confidence(values) == pytest.approx(1 / (1 + math.exp(-1.0)))
    values["margin"] = 1e9
    assert calibration.confidence(values) == pytest.approx(1 / (1 + math.exp(-(0.5 * LIMITS["margin"][1]))))
    assert within_limits("votes", -3) == LIMITS["votes"][0]


def test_a_clear_peak_is_an_answer_and_noise_is_none() -> None:
    assert MODEL.confidence(signs(with_peak(), np.where(np.arange(49) == 24, 3.0, 0.0))) > MODEL.least_confidence
    assert MODEL.confidence(signs(noisy())) < MODEL.least_confidence


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"seconds": 0.0}, "too little of it has both motion and sound"),
        ({"margin": 0.0, "votes": 0.9}, "several offsets match about equally well"),
        ({"halves": -1.0, "votes": 0.9, "margin": 1.0}, "parts of it indicate different offsets"),
        ({"votes": 0.5, "margin": 1.0}, "too little in the picture clearly matches the sound"),
    ],
)
def test_what_speaks_most_against_an_offset_is_said_with_what_could_help(changed: dict[str, float], words: str) -> None:
    reason = why_uncertain(dict.fromkeys([*SIGNS, "seconds"], 1.5) | changed)
    assert reason.startswith(f"uncertain: {words}")
    assert reason.endswith("may help")


def test_a_model_without_a_file_has_no_calibration_of_its_own(tmp_path: Path) -> None:
    assert read_calibration(tmp_path) is None
    values = {"constant": -1, "weights": {"margin": 0.5}, "least_confidence": 0.6}
    (tmp_path / "calibration.json").write_text(json.dumps(values))
    assert read_calibration(tmp_path) == Calibration(-1.0, {"margin": 0.5}, 0.6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a calibration"),
        ('{"constant": 1}', "not a calibration .'weights'"),
        ('{"constant": 1, "weights": {"luck": 1}, "least_confidence": 0.5}', "unknown sign 'luck'"),
    ],
)
def test_a_file_that_is_no_calibration_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "calibration.json").write_text(text)
    with pytest.raises(CheckpointError, match=message):
        read_calibration(tmp_path)


def test_the_model_in_the_box_has_a_calibration_whose_least_confidence_the_documents_name() -> None:
    found = read_calibration(SHIPPED)
    assert found is not None
    root = Path(__file__).parents[2]
    for name in ("docs/fix-a-film.md", "src/avts/api.py"):
        assert f"{found.least_confidence:g} for the model in the box" in (root / name).read_text(encoding="utf-8"), name
