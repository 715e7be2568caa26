"""Time to accuracy: when a goal counts as reached, what compute is counted, and what may be claimed."""

import signal
from pathlib import Path
from typing import Any

import pytest

from avts.bench import time_to_accuracy
from avts.bench.time_to_accuracy import Course, accuracy_recipe, comparison_rows, train_course
from avts.bench.training_step import step_operations
from avts.corpus.corpus import Corpus
from avts.report.row import Row
from avts.settings import Recipe
from fixtures_training import build_corpus, tiny_recipe


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return Corpus.open(build_corpus(tmp_path_factory.getbasetemp() / "small-corpus"))


def recipe(sampling: str) -> Recipe:
    stages = [{"name": "75/25", "epochs": 3, "easy": 0.75, "hard": 0.25}]
    return tiny_recipe(
        pairs={"sampling": sampling},
        curriculum=stages,
        optimizer={"schedule": "constant"},
        training={"validate_every_epochs": 1},
    )


def course(auc: list[float], *, step: int = 10, cost: int = 5) -> Course:
    places = range(1, len(auc) + 1)
    steps = [step * place for place in places]
    return Course(steps, auc, [cost * each for each in steps], [2.0 * each for each in steps], 0.9)


@pytest.mark.parametrize(
    ("auc", "place"),
    [([0.5, 0.9, 0.7, 0.8, 0.8], 4), ([0.9, 0.9], 1), ([0.9, 0.7, 0.9], None), ([0.8], None), ([], None)],
)
def test_a_goal_is_reached_by_two_measurements_in_a_row(auc: list[float], place: int | None) -> None:
    assert course(auc).reached(0.8) == place


def by_name(pairs: Course, grid: Course) -> dict[str, Row]:
    return {row.name: row for row in comparison_rows(pairs, grid)}


def test_the_share_is_of_the_compute_at_the_measurement_that_reached_the_goal() -> None:
    found = by_name(course([0.6, 0.7, 0.8, 0.8]), course([0.5, 0.8, 0.9], step=1, cost=10))
    row = found["grid pairs reach it with this share of its compute"]
    assert (row.value, row.reached) == (3 * 10 / (40 * 5), True)
    assert row.note == "AUC 0.900 after 3 steps; processor time 0.07"
    assert found["pair by pair, AUC on hard negatives in the end"].value == 0.8


def test_a_goal_at_chance_or_out_of_reach_is_no_claim() -> None:
    at_chance = by_name(course([0.51]), course([0.9, 0.9]))["grid pairs reach it with this share of its compute"]
    assert (at_chance.value, at_chance.reached) == (None, None)
    assert at_chance.note.endswith("pair by pair is at chance (0.510), so this says nothing: give more --steps")
    missed = by_name(course([0.9]), course([0.8, 0.8]))["grid pairs reach it with this share of its compute"]
    assert (missed.value, missed.reached) == (2.0, False)
    assert missed.note.startswith("not reached: AUC 0.800 after 20 steps")


def test_both_ways_differ_in_nothing_but_sampling() -> None:
    pairs, grid = (accuracy_recipe(sampling, 5).model_dump() for sampling in ("pairs", "grid"))
    assert pairs["pairs"].pop("sampling") != grid["pairs"].pop("sampling")
    assert pairs == grid


@pytest.mark.parametrize(("sampling", "sounds"), [("pairs", 4), ("grid", 8)])
def test_compute_is_what_the_plans_encode(corpus: Corpus, sampling: str, sounds: int) -> None:
    made = recipe(sampling)
    found = train_course(corpus, made)
    each = step_operations(made, pictures=4, sounds=sounds)  # 8 training clips: 2 steps an epoch
    assert found.steps == [2, 4, 6]
    assert found.operations == [2 * each, 4 * each, 6 * each]
    assert 0 < found.cpu_seconds[0] < found.cpu_seconds[1] < found.cpu_seconds[2]
    assert 0 <= found.test_auc <= 1


@pytest.mark.parametrize("limit", [{"goal": 0.7}, {"most_operations": 1}])
def test_a_run_stops_at_its_goal_or_its_budget_and_looks_at_the_test_videos_once(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch, limit: dict[str, Any]
) -> None:
    asked: list[str] = []

    def measured(*arguments: Any) -> float:
        asked.append(arguments[3])
        return 0.75

    monkeypatch.setattr(time_to_accuracy, "hard_auc", measured)
    found = train_course(corpus, recipe("grid"), **limit)
    assert asked == ["validation"] * len(found.steps) + ["test"]
    assert len(found.steps) == (2 if "goal" in limit else 1)


def test_ctrl_c_ends_it_all(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> float:
        signal.raise_signal(signal.SIGINT)
        return 0.5

    monkeypatch.setattr(time_to_accuracy, "hard_auc", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train_course(corpus, recipe("grid"))


def test_grid_pairs_get_no_more_compute_than_pair_by_pair_had(monkeypatch: pytest.MonkeyPatch, corpus: Corpus) -> None:
    told: list[tuple[str, int, Any]] = []

    def trained(_: Corpus, made: Recipe, **limits: Any) -> Course:
        told.append((made.pairs.sampling, made.num_epochs, limits))
        return course([0.7, 0.8])

    monkeypatch.setattr(time_to_accuracy, "train_course", trained)
    time_to_accuracy.compared(corpus, 7)
    assert told == [("pairs", 7, {}), ("grid", 7, {"goal": 0.8, "most_operations": 100})]


def test_rows_come_of_a_corpus_that_is_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(time_to_accuracy, "VIDEOS", {"train": 2, "validation": 1, "test": 1})
    monkeypatch.setattr(time_to_accuracy, "SECONDS", 1.0)
    monkeypatch.setattr(time_to_accuracy, "compared", lambda *_: (course([0.8]), course([0.8, 0.8])))
    assert len(list(time_to_accuracy.accuracy_rows(1, tmp_path))) == 4
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "corpus").rglob("*.tar")}
    assert before
    list(time_to_accuracy.accuracy_rows(1, tmp_path))
    assert {path: path.stat().st_mtime_ns for path in before} == before
