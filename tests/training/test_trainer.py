"""The training loop: the loss falls, a stopped run goes on exactly, and what cannot go on says why."""

import dataclasses
import json
import math
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from avts.corpus.corpus import Corpus
from avts.errors import CheckpointError, CorpusError, TrainingError, UsageError
from avts.model.checkpoint import load_model, read_header
from avts.settings import Recipe
from avts.training import objective
from avts.training import trainer as trainer_module
from avts.training.checkpoints import checkpoints
from avts.training.checks import start_run
from avts.training.interrupt import Interrupted
from avts.training.trainer import Trainer
from fixtures_training import VIDEOS, tiny_recipe

OnProgress = Callable[[int, int], None]
STEPS = 8  # 4 epochs of 8 clips in batches of 4


@pytest.fixture(autouse=True)
def alone(one_thread: None) -> None:
    """Every test here runs in one thread."""


def trainer_of(corpus: Corpus, run: Path, recipe: Recipe | None = None) -> Trainer:
    return Trainer(corpus, recipe or tiny_recipe(), run, device="cpu", say=lambda _: None)


def log_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def weights_of(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


def at_step(step: int, action: Callable[[], None]) -> OnProgress:
    return lambda done, _: action() if done == step else None


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


def test_the_loss_falls_below_what_a_net_that_ignores_its_input_can_reach(small_corpus: Corpus, tmp_path: Path) -> None:
    recipe = tiny_recipe(
        curriculum=[{"name": "easy", "epochs": 14}],
        optimizer={"schedule": "constant"},
        pairs={"batch_size": 8, "clip_seconds": 3.0},  # the whole clip: the same batch each time
        model={"video_width": 8, "embedding": 32, "hidden": 32},
        augment={"least_crop": 1.0},
    )
    trainer_of(small_corpus, tmp_path, recipe).train()
    rows = log_of(tmp_path)
    constant = (0.99 / 2) ** 2  # all distances alike, d: the least of d^2 / 2 + (0.99 - d)^2 / 2
    assert rows[0]["loss"] > constant
    assert rows[-1]["loss"] < 0.85 * constant
    assert rows[-1]["positive_distance"] < rows[-1]["easy_distance"]


def test_a_finished_run_holds_a_model_and_a_line_for_each_step(small_corpus: Corpus, tmp_path: Path) -> None:
    trainer = trainer_of(small_corpus, tmp_path)
    seen: list[tuple[int, int]] = []
    trainer.train(lambda done, total: seen.append((done, total)))
    assert seen == [(step, STEPS) for step in range(1, STEPS + 1)]
    rows = log_of(tmp_path)
    assert [(row["step"], row["epoch"], row["stage"]) for row in rows] == [
        (0, 0, 0), (1, 0, 0), (2, 1, 0), (3, 1, 0), (4, 2, 1), (5, 2, 1), (6, 3, 1), (7, 3, 1),
    ]  # fmt: skip
    assert all(row["hard_distance"] is None for row in rows[:4])
    assert all(row["hard_distance"] > 0 for row in rows[4:])
    assert same(load_model(tmp_path).state_dict(), weights_of(trainer))
    assert read_header(tmp_path)[1]["step"] == STEPS
    json.loads((tmp_path / "model.json").read_text(), parse_constant=pytest.fail)


KINDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "averaged, batches added up": {
        "pairs": {"batch_size": 2},
        "optimizer": {"name": "sgd", "learning_rate": 0.05},
        "training": {"ema_decay": 0.9, "accumulate_steps": 2},
    },
}


def recipe_of(kind: str, **training: int) -> Recipe:
    tables = KINDS[kind]
    return tiny_recipe(**{**tables, "training": {**tables.get("training", {}), **training}})


@pytest.fixture(scope="module", params=KINDS)
def whole(request: pytest.FixtureRequest, small_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Kind of recipe, files and losses of a run that nobody stopped."""
    run, threads = tmp_path_factory.mktemp("whole"), torch.get_num_threads()
    torch.set_num_threads(1)
    trainer_of(small_corpus, run, recipe_of(request.param)).train()
    torch.set_num_threads(threads)
    return request.param, load_file(run / "model.safetensors"), [row["loss"] for row in log_of(run)]


@pytest.mark.parametrize(("step", "number"), [(3, signal.SIGTERM), (4, signal.SIGINT), (STEPS, signal.SIGTERM)])
def test_a_run_stopped_by_a_signal_goes_on_bit_for_bit(
    small_corpus: Corpus, tmp_path: Path, whole: Any, step: int, number: int
) -> None:
    kind, weights, losses = whole
    run = tmp_path / "stopped"
    handlers = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    with pytest.raises(Interrupted):
        trainer_of(small_corpus, run, recipe_of(kind)).train(at_step(step, lambda: os.kill(os.getpid(), number)))
    assert [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)] == handlers
    assert [path.name for path in checkpoints(run)] == [f"step-{step:06d}"]
    assert not (run / "model.json").exists()
    start_run(run, resume=True)
    resumed = trainer_of(small_corpus, run, recipe_of(kind))
    assert resumed.resume() == step
    resumed.train()
    assert same(weights, load_file(run / "model.safetensors"))
    assert [row["step"] for row in log_of(run)] == list(range(STEPS))
    assert [row["loss"] for row in log_of(run)] == losses


@pytest.mark.parametrize("seed", range(3))
def test_a_run_killed_at_a_random_step_goes_on_bit_for_bit_from_its_last_checkpoint(
    small_corpus: Corpus, tmp_path: Path, whole: Any, seed: int
) -> None:
    kind, weights, losses = whole
    chance = random.Random(seed)
    every = chance.randint(1, 3)
    killed = chance.randint(every + 1, STEPS - 1)
    run, recipe = tmp_path / "killed", recipe_of(kind, checkpoint_every_steps=every)

    def die() -> None:
        raise MemoryError

    with pytest.raises(MemoryError):
        trainer_of(small_corpus, run, recipe).train(at_step(killed, die))
    with (run / "log.jsonl").open("a") as log:
        log.write('{"step": 5, "lo')  # the line that was being written
    (run / "checkpoints" / "step-000099.partial").mkdir()  # and the checkpoint
    resumed = trainer_of(small_corpus, run, recipe)
    assert resumed.resume() == (killed - 1) // every * every, "the one of the step itself was not written"
    resumed.train()
    assert same(weights, load_file(run / "model.safetensors"))
    assert [row["loss"] for row in log_of(run)] == losses


def test_a_plateau_is_seen_across_a_stop_in_mid_epoch(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    means: list[float] = []
    end_epoch = trainer_module.Plateau.end_epoch
    monkeypatch.setattr(trainer_module.Plateau, "end_epoch", lambda p, loss: (means.append(loss), end_epoch(p, loss)))
    with pytest.raises(Interrupted):
        trainer_of(small_corpus, tmp_path).train(at_step(1, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    resumed = trainer_of(small_corpus, tmp_path)
    resumed.resume()
    resumed.train()
    losses = [row["loss"] for row in log_of(tmp_path)]
    assert means == pytest.approx([(losses[2 * epoch] + losses[2 * epoch + 1]) / 2 for epoch in range(4)])


def test_the_watch_for_a_plateau_goes_on_where_it_was(small_corpus: Corpus, tmp_path: Path) -> None:
    trainer = trainer_of(small_corpus, tmp_path)
    trainer.plateau = trainer_module.Plateau(1, factor=0.01, best_loss=1e-6)  # lower than any to come
    with pytest.raises(Interrupted):
        trainer.train(at_step(3, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    resumed = trainer_of(small_corpus, tmp_path)
    resumed.resume()
    assert resumed.plateau == trainer.plateau == trainer_module.Plateau(1, factor=pytest.approx(0.001), best_loss=1e-6)
    resumed.train()
    assert log_of(tmp_path)[3]["learning_rate"] == pytest.approx(1e-6)


def test_learning_rates_are_those_of_the_schedule(small_corpus: Corpus, tmp_path: Path) -> None:
    optimizer = {"schedule": "cosine", "warmup_steps": 2, "learning_rate": 0.003}
    trainer_of(small_corpus, tmp_path, tiny_recipe(optimizer=optimizer)).train()
    rates = [row["learning_rate"] for row in log_of(tmp_path)]
    by_hand = [0.001, 0.002, *(0.0015 * (1 + math.cos(math.pi * done / 6)) for done in range(6))]
    assert rates == pytest.approx(by_hand)


@pytest.mark.parametrize("keep", [1, 2])
def test_the_last_checkpoints_are_kept(small_corpus: Corpus, tmp_path: Path, keep: int) -> None:
    recipe = tiny_recipe(training={"checkpoint_every_steps": 2, "keep_checkpoints": keep})
    trainer_of(small_corpus, tmp_path, recipe).train()
    assert [path.name for path in checkpoints(tmp_path)] == ["step-000004", "step-000006"][-keep:]


@pytest.mark.parametrize("what", ["loss", "gradient norm"])
def test_what_is_not_finite_stops_the_run_and_leaves_the_checkpoints(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    trainer = trainer_of(small_corpus, tmp_path, tiny_recipe(training={"checkpoint_every_steps": 2}))
    loss_of = objective.contrastive_loss

    def broken(*arguments: Any, **options: Any) -> torch.Tensor:
        loss = loss_of(*arguments, **options)
        if trainer.step < 5:
            return loss
        return loss * float("nan") if what == "loss" else loss + (loss - loss.detach()).sqrt()

    monkeypatch.setattr(objective, "contrastive_loss", broken)
    with pytest.raises(
        TrainingError, match=rf"step 5: the .*{what} is (nan|inf) \(.*\)\. Last good checkpoint: .*step-000004\."
    ):
        trainer.train()
    assert [path.name for path in checkpoints(tmp_path)] == ["step-000002", "step-000004"]
    assert not (tmp_path / "model.json").exists()
    assert [row["step"] for row in log_of(tmp_path)] == [0, 1, 2, 3, 4]


def test_silence_in_every_window_is_an_error_not_a_loss_of_zero(small_corpus: Corpus, tmp_path: Path) -> None:
    recipe = tiny_recipe(pairs={"silence_dbfs": 0.0})
    with pytest.raises(CorpusError, match=r"no pair of an epoch is usable: .* louder than 0 dBFS"):
        trainer_of(small_corpus, tmp_path, recipe).train()


@pytest.mark.parametrize("clips", [0, 1])
def test_a_corpus_of_fewer_than_two_videos_is_refused_with_the_number(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clips: int
) -> None:
    kept = small_corpus.select("train")[:clips]
    monkeypatch.setattr(Corpus, "select", lambda *_: kept)
    with pytest.raises(CorpusError, match=rf"c: {clips} usable training clip\(s\) of at least 2\.5 s; .* at least 2"):
        trainer_of(small_corpus, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("shares", "clip_seconds", "least"),
    [
        ({}, 3.5, r"3\.5"),
        ({"easy": 0.75, "hard": 0.25}, 1.5, r"3\.5"),  # two windows and half a second between them
        ({"easy": 0.5, "super_hard": 0.5}, 2.75, r"3\.33333"),  # shifted by a fifth of 66 frames, 14: 80 frames
    ],
)
def test_clips_too_short_for_a_kind_of_negative_are_not_used(
    small_corpus: Corpus, tmp_path: Path, shares: dict[str, float], clip_seconds: float, least: str
) -> None:
    recipe = tiny_recipe(pairs={"clip_seconds": clip_seconds}, curriculum=[{"name": "a", "epochs": 1, **shares}])
    with pytest.raises(CorpusError, match=rf"0 usable training clip\(s\) of at least {least} s"):
        trainer_of(small_corpus, tmp_path, recipe)


def test_clips_that_are_left_out_are_told(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = small_corpus.select("train")
    cut = [
        *whole[:6],
        *(dataclasses.replace(clip, duration_seconds=59 / 24) for clip in whole[6:]),
    ]  # a frame under 2.5 s
    monkeypatch.setattr(Corpus, "select", lambda *_: cut)
    said: list[str] = []
    trainer = Trainer(small_corpus, tiny_recipe(), tmp_path, device="cpu", say=said.append)
    assert trainer.clips == list(whole[:6])
    assert "clips: 2 of 8 skipped (shorter than 2.5 s, which the negatives need)" in said
    easy = tiny_recipe(curriculum=[{"name": "easy", "epochs": 1}])
    assert len(Trainer(small_corpus, easy, tmp_path, device="cpu", say=said.append).clips) == 8


def test_another_recipe_or_corpus_is_refused_on_resume(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Interrupted):
        trainer_of(small_corpus, tmp_path).train(at_step(1, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    with pytest.raises(CheckpointError, match="made with another recipe"):
        trainer_of(small_corpus, tmp_path, tiny_recipe(training={"seed": 5})).resume()
    kept = small_corpus.select("train")[:5]
    monkeypatch.setattr(Corpus, "select", lambda *_: kept)
    with pytest.raises(CheckpointError, match=rf"was started with {VIDEOS['train']} clips, .* has 5\. Resume with"):
        trainer_of(small_corpus, tmp_path).resume()


def test_a_folder_that_holds_a_run_is_kept_from_a_new_one(small_corpus: Corpus, tmp_path: Path) -> None:
    start_run(tmp_path / "new", resume=False)
    trainer_of(small_corpus, tmp_path / "run").train()
    with pytest.raises(
        UsageError,
        match=r"run: already holds a finished run\. Choose another --out; --start .*run starts from its weights",
    ):
        start_run(tmp_path / "run", resume=False)
    start_run(tmp_path / "run", resume=True)
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match=r"file: is a file, not a folder"):
        start_run(tmp_path / "file", resume=False)


def test_a_run_killed_before_its_first_checkpoint_can_be_started_again(small_corpus: Corpus, tmp_path: Path) -> None:
    (tmp_path / "log.jsonl").write_text('{"step": 0}\n{"st')
    start_run(tmp_path, resume=False)
    trainer_of(small_corpus, tmp_path).train()
    assert [row["step"] for row in log_of(tmp_path)] == list(range(STEPS))


def test_choices_are_told_with_their_reasons(small_corpus: Corpus, tmp_path: Path) -> None:
    said: list[str] = []
    Trainer(small_corpus, tiny_recipe(), tmp_path, device="cpu", say=said.append)
    assert said == ["device: cpu (as asked)", "precision: fp32 (as asked)"]


def test_the_finished_model_is_the_moving_average_where_one_is_kept(small_corpus: Corpus, tmp_path: Path) -> None:
    trainer = trainer_of(small_corpus, tmp_path, tiny_recipe(training={"ema_decay": 0.5}))
    expected = weights_of(trainer)
    states: list[dict[str, torch.Tensor]] = []
    trainer.train(lambda *_: states.append(weights_of(trainer)))
    for step, state in enumerate(states):
        decay = min(0.5, (1 + step) / (10 + step))
        for name, value in state.items():
            expected[name] = decay * expected[name] + (1 - decay) * value if value.is_floating_point() else value
    found = load_model(tmp_path).state_dict()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6)
    assert not same(found, weights_of(trainer))
    assert read_header(tmp_path)[1]["weights"] == "moving average, decay 0.5"


def test_a_checkpoint_keeps_the_weights_and_their_average(small_corpus: Corpus, tmp_path: Path) -> None:
    trainer = trainer_of(small_corpus, tmp_path, tiny_recipe(training={"ema_decay": 0.5}))
    with pytest.raises(Interrupted):
        trainer.train(at_step(3, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    folder = checkpoints(tmp_path)[0]
    assert trainer.average is not None
    assert same(load_file(folder / "model.safetensors"), weights_of(trainer))
    assert same(load_file(folder / "average.safetensors"), trainer.average.model.state_dict())


def test_resuming_with_other_clips_of_the_same_number_is_refused(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Interrupted):
        trainer_of(small_corpus, tmp_path).train(at_step(1, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    clips = [*small_corpus.select("train")[:-1], small_corpus.select("test")[0]]
    monkeypatch.setattr(Corpus, "select", lambda *_: clips)
    with pytest.raises(CheckpointError, match=r"was started with other clips .* than the 8 of .* Resume with"):
        trainer_of(small_corpus, tmp_path).resume()


def test_a_checkpoint_made_before_there_were_these_settings_goes_on(small_corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        trainer_of(small_corpus, tmp_path).train(at_step(3, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    path = checkpoints(tmp_path)[0] / "model.json"
    header = json.loads(path.read_text())
    for name in ("accumulate_steps", "ema_decay", "validate_every_epochs"):
        del header["recipe"]["training"][name]
    for name in ("clips_digest", "num_processes"):
        del header["progress"][name]
    path.write_text(json.dumps(header))
    assert trainer_of(small_corpus, tmp_path).resume() == 3


def test_a_corpus_too_small_for_a_step_of_added_up_batches_is_refused(small_corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(
        CorpusError, match=r"8 training clips of at least .* s; a step of accumulate_steps = 3 batches of 4 needs 12"
    ):
        trainer_of(small_corpus, tmp_path, tiny_recipe(training={"accumulate_steps": 3}))
