"""What real films teach: the lists of films that the experiment draws, and its tables from made-up figures, by hand."""

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from real_films import (
    CORPORA,
    MOST_OF_A_SOURCE,
    Cell,
    for_threshold,
    held_out,
    job_of,
    part_of,
    rows_of,
    write_list,
)
from real_films_report import read_cells, sounds_table, sync_table, write_results


def films(count: int, source: str = "a") -> list[dict[str, str]]:
    return [
        {"path": f"{source}-{each}.mp4", "group": source, "kind": "speech", "seconds": "6"} for each in range(count)
    ]


def test_lists_of_either_form_are_read(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("file,group,kind,seconds\nx/a.mp4,s,speech,2.5\n")
    (tmp_path / "other.csv").write_text("path,source,kind,duration_s\nx/a.mp4,s,speech,2.5\n")
    wanted = [{"path": str(tmp_path / "x" / "a.mp4"), "group": "s", "kind": "speech", "seconds": "2.5"}]
    assert rows_of(tmp_path / "one.csv") == rows_of(tmp_path / "other.csv") == wanted


def test_a_part_lasts_as_long_as_was_asked_and_a_smaller_one_lies_in_it() -> None:
    rows = films(100)
    small, large = part_of(rows, 1), part_of(rows, 3)
    assert (len(small), len(large)) == (10, 30)
    assert large[:10] == small
    assert part_of(rows[::-1], 1) == small, "the order of the list does not matter"


def test_no_source_has_more_held_out_films_than_the_most() -> None:
    kept = Counter(row["group"] for row in held_out(films(30, "a") + films(3, "b")))
    assert kept == {"a": MOST_OF_A_SOURCE, "b": 3}


def test_every_third_source_sets_the_threshold() -> None:
    rows = [row for source in "abcd" for row in films(2, source)]
    assert [row["path"] for row in for_threshold(rows)] == ["a-0.mp4", "a-1.mp4", "d-0.mp4", "d-1.mp4"]


def test_a_list_keeps_kind_group_and_split(tmp_path: Path) -> None:
    with write_list(films(1), "test", tmp_path / "lists" / "held-out.csv").open(newline="") as file:
        assert list(csv.DictReader(file)) == [{"path": "a-0.mp4", "label": "speech", "group": "a", "split": "test"}]


@pytest.mark.parametrize("corpus", [*CORPORA, "random", "scratch", "mfcc"])
def test_only_what_learns_from_films_is_trained_before(corpus: str, tmp_path: Path) -> None:
    job = job_of(Cell(corpus, 0), tmp_path, [])
    assert [need.name for need in job.needs] == ([f"train {corpus}-0"] if corpus in CORPORA else [])


def cell(corpus: str, seed: int, accuracies: tuple[float, float]) -> dict[str, Any]:
    sounds = {"5": {"accuracy": sum(accuracies) / 2, "folds": list(accuracies)}}
    kinds = {"easy": 0.9, "mixed": 0.8, "hard": 0.5}
    found = {"corpus": corpus, "seed": seed, "sounds": {"esc10": sounds, "kitchen20": sounds}}
    return found | ({"accuracy": kinds, "auc": kinds} if corpus == "real" else {})


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for each in (
        cell("real", 0, (0.70, 0.60)),
        cell("real", 1, (0.72, 0.62)),
        cell("random", 0, (0.60, 0.50)),
        cell("random", 1, (0.60, 0.54)),
        cell("random", 2, (0.1, 0.1)),
    ):
        (tmp_path / f"{each['corpus']}-{each['seed']}.json").write_text(json.dumps(each))
    return tmp_path


def test_leads_are_paired_by_fold_over_the_seeds_that_both_have(results: Path) -> None:
    """Folds ahead by 11 and 9 points, over two seeds: mean 10, standard error 1; t of 1 degree of freedom 12.7."""
    lines = sounds_table(read_cells(results), "esc10").splitlines()
    assert lines[0] == "| ESC-10 | 5 | over the fresh net at 5 | over scratch at 5 |"
    assert lines[2] == "| real films, 102 minutes | 66.0 ± 1.4 | +10.0 (-2.7 to +22.7) |  |"
    assert lines[3].startswith("| a fresh net, frozen | 40.7 ")


def test_only_nets_that_saw_pictures_are_asked_what_is_in_sync(results: Path) -> None:
    lines = sync_table(read_cells(results)).splitlines()
    assert lines[2:] == [
        "| real films, 102 minutes | 90.0 ± 0.0 | 80.0 ± 0.0 | 50.0 ± 0.0 | 90.0 ± 0.0 | 80.0 ± 0.0 | 50.0 ± 0.0 |"
    ]


def test_nothing_is_written_before_anything_is_measured(tmp_path: Path) -> None:
    assert write_results(tmp_path) == ""
