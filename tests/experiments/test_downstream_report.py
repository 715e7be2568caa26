"""The tables of what the features are worth, from a few made-up result files; figures by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from downstream_report import (
    AVTS,
    EASY,
    SCRATCH,
    SHORT,
    SIZES,
    by_seed,
    curve_table,
    findings_table,
    lead,
    read_trials,
    told,
    write_results,
)


def trial(start: str, seed: int, accuracies: dict[str, float], **other: Any) -> dict[str, Any]:
    rows = {labels: {"accuracy": value, "tested": 200} for labels, value in accuracies.items()}
    found = {"task": "actions", "world": "unseen", "start": start, "form": "global", "regime": "easy-then-mixed"}
    return found | {"videos": None, "times": 4, "seed": seed, "labels": rows} | other


TRIALS = [
    trial("regime", 0, {"10": 0.60, "5": 0.80}),
    trial("regime", 1, {"10": 0.60, "5": 0.84}),
    trial("scratch", 0, {"10": 0.30, "5": 0.60}),
    trial("scratch", 1, {"10": 0.40, "5": 0.70}),
    trial("regime", 0, {"5": 0.10}, videos=30, times=1),
    trial("regime", 0, {"5": 0.15}, times=1),
    trial("regime", 0, {"5": 0.20}, form="rgb"),
    trial("regime", 0, {"5": 0.12}, regime="easy", times=1),
    trial("regime", 0, {"5": 0.30}, world="seen"),
]


def test_a_start_is_told_from_all_others_by_regime_form_size_and_world() -> None:
    assert by_seed(TRIALS, "actions", "unseen", AVTS) == {0: 0.80, 1: 0.84}
    assert by_seed(TRIALS, "actions", "unseen", EASY) == {0: 0.12}
    assert by_seed(TRIALS, "actions", "unseen", SIZES[0]) == {0: 0.10}
    assert by_seed(TRIALS, "actions", "seen", AVTS) == {0: 0.30}
    assert told(TRIALS, "sounds", "unseen", AVTS) == "–"


def test_leads_are_taken_seed_by_seed() -> None:
    assert lead(TRIALS, "actions", "unseen", AVTS, SCRATCH) == "+17.0 ± 4.2"  # 20 and 14 points
    assert lead(TRIALS, "actions", "unseen", SHORT, EASY) == "+3.0", "the one seed that both have"
    assert lead(TRIALS, "sounds", "unseen", AVTS, SCRATCH) == "–"


def test_the_curve_has_a_column_for_each_number_of_labels() -> None:
    rows = curve_table(TRIALS, "actions", "unseen").splitlines()
    assert rows[0] == "| start | 1 | 5 | 10 | 20 | all |"
    assert rows[2] == "| AVTS, the curriculum | – | 82.0 ± 2.8 | 60.0 ± 0.0 | – | – |"
    assert rows[-1] == "| AVTS, the curriculum, minus from scratch | – | +17.0 ± 4.2 | +25.0 ± 7.1 | – | – |"


def test_the_papers_figure_stands_beside_each_finding() -> None:
    assert "| AVTS start against scratch, actions | +16.7 | +17.0 ± 4.2 |" in findings_table(TRIALS)


@pytest.mark.parametrize("trials", [TRIALS, []])
def test_the_page_is_written_however_little_was_measured(trials: list[dict[str, Any]], tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    for number, each in enumerate(trials):
        (results / f"{number}.json").write_text(json.dumps(each))
    assert read_trials(results) == trials
    page = write_results(results, tmp_path)
    assert page.count("\n### ") == 7
    assert (tmp_path / "downstream-labels.png").read_bytes().startswith(b"\x89PNG")
