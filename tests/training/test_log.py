"""What a run tells: the log, and the trackers by their names."""

import json
from pathlib import Path

import pytest

from avts.corpus.corpus import Corpus
from avts.errors import UsageError
from avts.training import log as record
from avts.training.interrupt import Interrupted
from avts.training.log import check_trackers
from avts.training.trainer import Trainer
from fixtures_training import tiny_recipe


def test_an_unknown_tracker_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UsageError, match=r"unknown tracker 'tensorbord'; known trackers: aim, .*tensorboard, .*wandb"):
        check_trackers(["tensorboard", "tensorbord"])


@pytest.mark.parametrize(("name", "package"), [("tensorboard", r"-e '\.\[track\]'"), ("wandb", "wandb")])
def test_a_tracker_that_is_not_installed_is_refused_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    monkeypatch.setattr(record, "get_available_trackers", list)
    with pytest.raises(UsageError, match=rf"tracker '{name}' is not installed here\. .*: pip install {package}"):
        check_trackers([name])


def told(run: Path, name: str) -> list[tuple[int, float]]:
    """What a run has told TensorBoard."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "trackers" / record.PROJECT))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_is_told_what_the_log_is_told_once_for_each_step_also_after_a_stop(
    small_corpus: Corpus, tmp_path: Path, one_thread: None
) -> None:
    recipe = tiny_recipe(training={"checkpoint_every_steps": 3})

    def die_after_5(done: int, _: int) -> None:
        if done == 5:
            raise Interrupted

    def trainer() -> Trainer:
        return Trainer(small_corpus, recipe, tmp_path, device="cpu", say=lambda _: None, trackers=["tensorboard"])

    with pytest.raises(Interrupted):
        trainer().train(die_after_5)
    assert [step for step, _ in told(tmp_path, "loss")] == [0, 1, 2, 3, 4]
    resumed = trainer()
    assert resumed.resume() == 3
    resumed.train()
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    for name in ("loss", "learning_rate", "positive_distance"):
        assert told(tmp_path, name) == [(row["step"], pytest.approx(row[name], rel=1e-6)) for row in rows]
    assert [step for step, _ in told(tmp_path, "hard_distance")] == [4, 5, 6, 7], "what is not there is not told"


def test_without_a_tracker_there_is_no_folder_of_them(small_corpus: Corpus, tmp_path: Path, one_thread: None) -> None:
    recipe = tiny_recipe(curriculum=[{"name": "easy", "epochs": 1}])
    Trainer(small_corpus, recipe, tmp_path, device="cpu", say=lambda _: None).train()
    assert not (tmp_path / "trackers").exists()
