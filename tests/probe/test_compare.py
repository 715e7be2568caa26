"""Probes of the same folds, held against each other: differences by hand, and what cannot be paired."""

import json
from pathlib import Path
from typing import Any

import pytest

from avts.errors import UsageError
from avts.probe.compare import difference, read_measured, shared_labels
from avts.report.paired import paired_table


def written(path: Path, *lines: dict[str, Any]) -> Path:
    base = {"folds": "3 official folds", "num_recordings": 30, "classes": ["a", "b"], "seed": 0}
    path.write_text("\n".join(json.dumps(base | {"labels_per_class": "all"} | line) for line in lines))
    return path


def test_differences_are_of_folds_and_their_interval_is_students(tmp_path: Path) -> None:
    high = read_measured(written(tmp_path / "high.jsonl", {"accuracies": [0.9, 0.6, 0.8]}))
    low = read_measured(written(tmp_path / "low.jsonl", {"accuracies": [0.8, 0.4, 0.5]}))
    found = difference(high, low, "all")
    assert found.by_fold == pytest.approx((0.1, 0.2, 0.3))
    # mean 0.2, deviation 0.1, standard error 0.057735; t of 2 degrees at 97.5 % is 4.3027
    assert (found.mean, found.low, found.high) == pytest.approx((0.2, 0.2 - 0.24841, 0.2 + 0.24841), abs=1e-4)
    row = paired_table([high, low]).splitlines()[-1]
    assert "+20.0 (-4.8 to +44.8) points  +10.0, +20.0, +30.0" in row


def test_seeds_are_averaged_fold_by_fold_and_their_range_is_told(tmp_path: Path) -> None:
    lines = [{"seed": 0, "accuracies": [0.2, 0.4, 0.6]}, {"seed": 1, "accuracies": [0.4, 0.8, 0.6]}]
    found = read_measured(written(tmp_path / "random.jsonl", *lines))
    assert found.by_fold("all") == pytest.approx([0.3, 0.6, 0.6])
    assert found.range_of_seeds("all") == pytest.approx((0.4, 0.6))
    assert "2: 40.0 to 60.0 %" in paired_table([found])


def test_numbers_of_labels_rise_and_all_comes_last(tmp_path: Path) -> None:
    lines = [{"labels_per_class": labels, "accuracies": [0.5] * 3} for labels in ("all", 10, 5)]
    assert shared_labels([read_measured(written(tmp_path / "a.jsonl", *lines))]) == ["5", "10", "all"]


def test_what_cannot_be_paired_is_said(tmp_path: Path) -> None:
    one = written(tmp_path / "one.jsonl", {"accuracies": [0.5] * 3})
    other = written(tmp_path / "other.jsonl", {"accuracies": [0.5] * 2, "folds": "2 official folds"})
    with pytest.raises(UsageError, match=r"one against other: folds '3 official folds' and '2 official folds'. Only"):
        difference(read_measured(one), read_measured(other), "all")
    single = read_measured(written(tmp_path / "single.jsonl", {"accuracies": [0.5]}))
    with pytest.raises(UsageError, match="single against single: 1 fold; a paired comparison needs at least 2"):
        difference(single, single, "all")
    with pytest.raises(UsageError, match=r"gone.jsonl: No such file or directory. Give an output of avts probe sounds"):
        read_measured(tmp_path / "gone.jsonl")
    (tmp_path / "text.jsonl").write_text("accuracy 88 %\n")
    with pytest.raises(UsageError, match=r"text.jsonl: not an output of avts probe sounds --json"):
        read_measured(tmp_path / "text.jsonl")
    mixed = written(tmp_path / "mixed.jsonl", {"accuracies": [0.5]}, {"accuracies": [0.5], "classes": ["a", "c"]})
    with pytest.raises(UsageError, match=r"mixed.jsonl: 2 and 2 classes, or different ones. Give one file per method"):
        read_measured(mixed)
