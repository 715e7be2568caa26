"""Time to accuracy: what compute each way is given, how it is counted, and what may be claimed."""

from pathlib import Path
from typing import Any

import pytest

from avts.corpus.corpus import Corpus
from avts.settings import Recipe
from avts.training.interrupt import Interrupted
from avts.training.trainer import Trainer
from benchmarks import time_to_accuracy
from benchmarks.rows import Row
from benchmarks.time_to_accuracy import Run, accuracy_recipe, comparison_rows, train_run
from benchmarks.training_step import step_operations
from fixtures_training import build_corpus, tiny_recipe


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.open(build_corpus(tmp_path_factory.getbasetemp() / "small-corpus"))


def run(auc: float, *, steps: int = 100, operations: int = 1000) -> Run:
    return Run(steps, operations, 2.0 * steps, auc, 0.9)


def by_name(pairs: Run, grids: list[Run]) -> dict[str, Row]:
    return {row.name: row for row in comparison_rows(pairs, grids)}


def test_the_share_is_that_of_the_run_which_reached_the_goal() -> None:
    grids = [run(0.7, steps=8, operations=90), run(0.85, steps=16, operations=180)]
    found = by_name(run(0.8), grids)
    row = found["grid pairs reach it with this share of its compute"]
    assert (row.value, row.reached) == (0.18, True)
    assert row.note == "0.09: AUC 0.700, 8 steps, 0.18: AUC 0.850, 16 steps; processor time 0.16"
    assert found["pair by pair, AUC on hard negatives"].value == 0.8


def test_a_goal_at_chance_or_out_of_reach_is_no_claim() -> None:
    at_chance = by_name(run(0.51), [run(0.9)])["grid pairs reach it with this share of its compute"]
    assert (at_chance.value, at_chance.reached) == (None, None)
    assert at_chance.note.endswith("pair by pair is at chance (0.510), so this says nothing: give more --steps")
    missed = by_name(run(0.9), [run(0.7), run(0.8, operations=800)])
    row = missed["grid pairs reach it with this share of its compute"]
    assert (row.value, row.reached) == (0.8, False)
    assert row.note.startswith("not reached: ")


def test_both_ways_differ_in_nothing_but_sampling() -> None:
    pairs, grid = (accuracy_recipe(sampling, 5).model_dump() for sampling in ("pairs", "grid"))
    assert pairs["pairs"].pop("sampling") != grid["pairs"].pop("sampling")
    assert pairs == grid


@pytest.mark.parametrize(("sampling", "sounds"), [("pairs", 4), ("grid", 8)])
def test_compute_is_what_the_plans_encode(corpus: Corpus, sampling: str, sounds: int) -> None:
    stages = [{"name": "75/25", "epochs": 3, "easy": 0.75, "hard": 0.25}]
    made = tiny_recipe(pairs={"sampling": sampling}, curriculum=stages)
    found = train_run(corpus, made)
    assert found.steps == 6, "8 training clips: 2 steps an epoch"
    assert found.operations == 6 * step_operations(made, pictures=4, sounds=sounds)
    assert found.cpu_seconds > 0
    assert 0 <= found.hard_auc <= 1
    assert 0 <= found.test_auc <= 1


def test_ctrl_c_ends_it_all(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise Interrupted

    monkeypatch.setattr(Trainer, "train", interrupted)
    with pytest.raises(KeyboardInterrupt) as raised:
        train_run(corpus, tiny_recipe())
    assert raised.type is KeyboardInterrupt


def test_grid_pairs_get_more_and_more_of_the_compute_until_they_are_as_good(
    monkeypatch: pytest.MonkeyPatch, corpus: Corpus
) -> None:
    told: list[tuple[str, int]] = []

    def trained(_: Corpus, made: Recipe) -> Run:
        told.append((made.pairs.sampling, made.num_epochs))
        of_an_epoch = 100 if made.pairs.sampling == "pairs" else 110
        auc = 0.8 if made.pairs.sampling == "pairs" or made.num_epochs >= 7 else 0.7
        return run(auc, operations=of_an_epoch * made.num_epochs)

    monkeypatch.setattr(time_to_accuracy, "train_run", trained)
    monkeypatch.setattr(time_to_accuracy, "operations_of", lambda *_: 110)
    pairs, grids = time_to_accuracy.compared(corpus, 20)
    assert told == [("pairs", 20), ("grid", 1), ("grid", 3), ("grid", 7)], "of 2000: 1.8, 3.6 and 7.3 epochs"
    assert [found.hard_auc for found in (pairs, *grids)] == [0.8, 0.7, 0.7, 0.8]


def test_rows_come_of_a_corpus_that_is_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(time_to_accuracy, "VIDEOS", {"train": 2, "validation": 1, "test": 1})
    monkeypatch.setattr(time_to_accuracy, "SECONDS", 1.0)
    monkeypatch.setattr(time_to_accuracy, "compared", lambda *_: (run(0.8), [run(0.8)]))
    assert len(list(time_to_accuracy.accuracy_rows(1, tmp_path))) == 4
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "corpus").rglob("*.tar")}
    assert before
    list(time_to_accuracy.accuracy_rows(1, tmp_path))
    assert {path: path.stat().st_mtime_ns for path in before} == before
