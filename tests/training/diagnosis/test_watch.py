"""The alarm: broken on purpose, a run is told so with the right reason; a healthy run is told nothing."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avts.corpus.corpus import Corpus
from avts.doctor.alignment import measure_alignment
from avts.media.planes import Planes
from avts.settings import Recipe
from avts.training.curriculum import Curriculum
from avts.training.diagnosis import separation, watch
from avts.training.diagnosis.causes import Reason
from avts.training.diagnosis.watch import LONGEST_PATIENCE_STEPS, patience_steps, read_alarms, stage_span
from avts.training.trainer import Trainer
from fixtures_training import tiny_recipe

PATIENCE = 12
STUCK = {"learning_rate": 1e-9}


@pytest.fixture(autouse=True)
def alone_and_impatient(one_thread: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread, and so little patience that the tests are short."""
    monkeypatch.setattr(watch, "PATIENCE_STEPS", dict.fromkeys(("grid", "pairs", "spans"), PATIENCE))
    monkeypatch.setattr(watch, "LEAST_STEPS", 8)


def recipe_of(steps: int = PATIENCE + 2, **tables: Any) -> Recipe:
    """A recipe of that many steps, two an epoch."""
    stages = [{"name": "easy", "epochs": steps // 2}]
    optimizer = {"schedule": "constant", "learning_rate": 3e-3} | tables.pop("optimizer", {})
    return tiny_recipe(**{"curriculum": stages, "optimizer": optimizer} | tables)


def train(
    corpus: Corpus, run: Path, recipe: Recipe, check: Callable[[], Reason] | None = None
) -> tuple[list[str], list[dict[str, Any]]]:
    """The warnings of a run and its alarms."""
    said: list[str] = []
    trainer = Trainer(corpus, recipe, run, device="cpu", say=said.append)
    trainer.train(check_corpus=check)
    assert (run / "model.safetensors").is_file()  # an alarm is no error
    return [line for line in said if line.startswith("warning")], read_alarms(run)


def likely(alarm: dict[str, Any]) -> list[str]:
    return [reason["name"] for reason in alarm["reasons"] if reason["likely"]]


def figures(alarm: dict[str, Any], name: str) -> dict[str, Any]:
    return next(reason["figures"] for reason in alarm["reasons"] if reason["name"] == name)


def test_a_run_that_learns_raises_no_alarm(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(
        curriculum=[{"name": "easy", "epochs": 16}],
        optimizer={"learning_rate": 1e-3},
        pairs={"batch_size": 8, "clip_seconds": 3.0},  # the whole clip: the same batch each time
        model={"video_width": 8, "embedding": 32, "hidden": 32},
        augment={"least_crop": 1.0},
    )
    monkeypatch.setattr(separation, "WINDOW_STEPS", 4)
    monkeypatch.setattr(watch, "PATIENCE_STEPS", {"grid": 16})
    assert train(small_corpus, tmp_path, recipe) == ([], [])
    assert not (tmp_path / "diagnosis.json").exists()
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["easy_distance"] - rows[-1]["positive_distance"] > 0.1


def test_silent_windows_are_named_with_their_share(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, heard = Corpus.sound, [clip.key for clip in small_corpus.select("train")][:4]

    def mostly_silent(corpus: Corpus, clip: Any, span: Any) -> Any:
        return sound(corpus, clip, span) * (1.0 if clip.key in heard else 1e-4)

    monkeypatch.setattr(Corpus, "sound", mostly_silent)
    (warning,), (alarm,) = train(small_corpus, tmp_path, recipe_of())
    assert "silent data" in likely(alarm)
    assert figures(alarm, "silent data")["share"] == 0.5  # each epoch holds all clips once
    assert "likely: silent data: 50% of" in warning


def test_still_pictures_are_named_with_their_share(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames_into = Corpus.frames_into

    def still(corpus: Corpus, clip: Any, starts: Any, targets: list[Planes], **place: Any) -> None:
        frames_into(corpus, clip, starts, targets)
        for target in targets:
            target.planes.y[:] = 90

    monkeypatch.setattr(Corpus, "frames_into", still)
    (warning,), (alarm,) = train(small_corpus, tmp_path, recipe_of())
    assert {"still pictures", "collapsed picture embeddings"} <= set(likely(alarm))
    assert figures(alarm, "still pictures")["share"] == 1
    assert figures(alarm, "collapsed picture embeddings")["spread"] < 1e-3
    assert "likely: still pictures: 100% of" in warning


@pytest.mark.parametrize(("rate", "words"), [(100.0, "too high: at 100 "), (1e-9, "too low: at 1e-09 ")])
def test_a_rate_that_blows_up_the_weights_or_leaves_them_where_they_are_is_named(
    small_corpus: Corpus, tmp_path: Path, rate: float, words: str
) -> None:
    (warning,), (alarm,) = train(small_corpus, tmp_path, recipe_of(optimizer={"learning_rate": rate}))
    assert f"likely: learning rate: {words}" in warning
    measured = figures(alarm, "learning rate")
    assert measured["learning_rate"] == rate
    assert (measured["growth"] > 100) is (rate == 100)
    assert ("collapsed picture embeddings" in likely(alarm)) is (rate == 100)


def test_a_shifted_corpus_is_measured_when_there_is_an_alarm_and_named_with_the_shift(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = Corpus.sound
    monkeypatch.setattr(Corpus, "sound", lambda *what: np.roll(sound(*what), 8000))  # 0.5 s late
    (warning,), (alarm,) = train(
        small_corpus,
        tmp_path,
        recipe_of(optimizer=STUCK),
        lambda: measure_alignment(small_corpus, small_corpus.clips).reason,
    )
    assert "misaligned corpus" in likely(alarm)
    assert figures(alarm, "misaligned corpus")["place_seconds"] == pytest.approx(-0.5, abs=0.1)
    assert " late. Repair the files first" in warning


def test_there_is_one_alarm_a_stage_and_it_is_kept_over_a_resume(small_corpus: Corpus, tmp_path: Path) -> None:
    stages = [{"name": name, "epochs": PATIENCE // 2 + 2} for name in ("one", "two")]
    recipe = recipe_of(curriculum=stages, optimizer=STUCK, training={"checkpoint_every_steps": PATIENCE + 2})
    warnings, alarms = train(small_corpus, tmp_path, recipe)
    assert [(alarm["stage_name"], alarm["step"]) for alarm in alarms] == [
        ("one", PATIENCE - 1),
        ("two", PATIENCE + 4 + PATIENCE - 1),
    ]
    assert len(warnings) == 2
    last = sorted((tmp_path / "checkpoints").iterdir())[-1]
    said: list[str] = []
    resumed = Trainer(small_corpus, recipe, tmp_path, device="cpu", say=said.append)
    assert resumed.resume() == int(last.name.removeprefix("step-")) == 2 * (PATIENCE + 2)
    resumed.train()
    assert not [line for line in said if line.startswith("warning")]
    assert read_alarms(tmp_path) == alarms


def test_alarms_of_steps_that_are_made_again_are_forgotten(small_corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "diagnosis.json").write_text('{"alarms": [{"step": 7, "stage": 0}]}')
    assert train(small_corpus, tmp_path, recipe_of(steps=4)) == ([], [])
    assert json.loads((tmp_path / "diagnosis.json").read_text()) == {"alarms": []}
    (tmp_path / "diagnosis.json").write_text("no JSON")
    assert read_alarms(tmp_path) == []


def test_a_stage_shorter_than_the_patience_is_judged_at_its_end(small_corpus: Corpus, tmp_path: Path) -> None:
    _, (alarm,) = train(small_corpus, tmp_path, recipe_of(steps=PATIENCE - 2, optimizer=STUCK))
    assert alarm["step"] == PATIENCE - 3


def test_watching_changes_nothing_of_what_is_learned(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe_of(steps=PATIENCE, optimizer={"learning_rate": 1e-5})
    train(small_corpus, tmp_path / "watched", recipe)
    monkeypatch.setattr(watch.Watch, "see", lambda *_: None)
    train(small_corpus, tmp_path / "alone", recipe)
    one, other = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("watched", "alone"))
    assert one == other
    assert read_alarms(tmp_path / "watched")


def curriculum_of(epochs: int, **tables: Any) -> Curriculum:
    stages = [{"name": "a", "epochs": epochs}, {"name": "b", "epochs": 3}]
    return Curriculum(tiny_recipe(curriculum=stages, **tables), (3.0,) * 8)


def test_patience_is_a_tenth_of_the_stage_within_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    curriculum = curriculum_of(5)
    assert (stage_span(curriculum, 0), stage_span(curriculum, 1)) == ((0, 10), (10, 16))
    warm = tiny_recipe(optimizer={"warmup_steps": 7})
    assert patience_steps(warm, 10, 0) == 107
    assert patience_steps(warm, 10, 1) == 100
    assert patience_steps(warm, 5000, 1) == 500
    assert patience_steps(warm, 10**6, 1) == LONGEST_PATIENCE_STEPS
    assert patience_steps(tiny_recipe(pairs={"sampling": "pairs"}), 1000, 1) == 500
