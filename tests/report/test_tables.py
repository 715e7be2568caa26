"""Numbers and results in words."""

import numpy as np
import pytest

from avts.report.evaluation import evaluation_table
from avts.report.tables import UNKNOWN, duration, fraction, interval, percent, text_table
from avts.report.targets import check_targets, targets_table


def test_text_goes_left_and_numbers_right() -> None:
    assert text_table(("kind", "AUC"), [("easy", "0.9"), ("super-hard", "0.75")]).splitlines() == [
        "kind         AUC",
        "----------  ----",
        "easy         0.9",
        "super-hard  0.75",
    ]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(4.25, "4.2 s"), (41, "41 s"), (59.7, "1 min 0 s"), (500, "8 min 20 s"), (7500, "2 h 5 min"), (None, UNKNOWN)],
)
def test_durations_are_said_the_way_people_do(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_shares_and_intervals() -> None:
    assert percent(0.7836) == "78.4 %"
    assert interval(0.9541, 0.941, 0.966) == "0.954 (0.941 to 0.966)"
    assert interval(0.9541, None, None) == "0.954"
    assert (percent(None), fraction(None), fraction(np.nan)) == (UNKNOWN, UNKNOWN, UNKNOWN)


def test_a_target_passes_at_its_bound_and_misses_beside_it() -> None:
    result = {"auc": {"easy": 0.95, "hard": 0.879}, "accuracy": {"mixed": 0.9}, "seconds": {"total": 601}}
    rows = {row["name"]: row for row in check_targets(result)}
    assert rows["AUC, easy negatives"]["passed"]
    assert not rows["AUC, hard negatives"]["passed"]
    assert not rows["Whole demo"]["passed"]
    assert rows["Offsets within 0.1 s"]["reached"] is None
    assert not rows["Offsets within 0.1 s"]["passed"]


def test_the_demos_table_says_pass_or_miss() -> None:
    lines = targets_table({"auc": {"easy": 0.97}, "offset_within_0.1s": 0.7, "seconds": {"total": 552}}).splitlines()
    assert lines[2].split()[-5:] == ["at", "least", "0.950", "0.970", "pass"]
    assert lines[3].endswith(UNKNOWN)
    assert lines[5].endswith("70.0 %  miss")
    assert lines[6].endswith("9 min 12 s  pass")


def test_an_evaluation_as_a_table() -> None:
    numbers = {"value": 0.9, "low": 0.88, "high": 0.92}
    found = {"threshold": 0.412, "kinds": {"hard": {"auc": numbers, "accuracy": numbers}}, "num_pairs": {"hard": 1200}}
    lines = evaluation_table(found).splitlines()
    assert lines[2].split("  ")[0] == "hard: same video, other time"
    assert lines[2].endswith("0.900 (0.880 to 0.920)  0.900 (0.880 to 0.920)           1,200")
    assert lines[3].startswith("threshold on the distance: 0.412")
    assert len(lines) == 4
    shared = evaluation_table(found | {"sound_within_share": 0.007}).splitlines()
    assert shared[4].startswith("variance of the sound embeddings within videos: 0.7%")
