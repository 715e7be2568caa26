import json
import math
import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from avts.errors import CheckpointError, TrainingError
from avts.finetune.recipe import FinetuneOptimizer
from avts.finetune.study import Study, make_training
from avts.finetune.train import Finetuning, learning_rate, num_steps
from avts.training.interrupt import Interrupted


def training(corpus, recipe, run: Path, labels: int | None = None, **given) -> Finetuning:
    study = Study(corpus, recipe, device="cpu", labels_per_class=(labels,), **given)
    ((_, _, partition),) = study.parts()
    return make_training(study, partition, labels, run, say=[].append)


@pytest.mark.parametrize("senses", ["picture", "both"])
def test_a_killed_and_resumed_run_ends_bit_equal(tiny, small_corpus, tmp_path, one_thread, senses) -> None:
    recipe = tiny(
        training={"epochs": 4, "checkpoint_every_steps": 3},
        classifier={"dropout": 0.3, "hidden": 8},
        augment={"picture_noise": 0.1, "sound_noise": 0.5},
        clips={"clip_frames": 12},
    )
    whole = training(small_corpus, recipe, tmp_path / "whole", senses=senses)
    assert whole.num_steps == 8
    whole.train()

    def kill(done: int, _: int) -> None:
        if done == 5:
            raise KeyError("killed")

    broken = training(small_corpus, recipe, tmp_path / "broken", senses=senses)
    with pytest.raises(KeyError):
        broken.train(kill)
    again = training(small_corpus, recipe, tmp_path / "broken", senses=senses)
    assert again.resume() == 3
    again.train()
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "broken"))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    logs = [(tmp_path / name / "log.jsonl").read_text().splitlines() for name in ("whole", "broken")]
    for rows in zip(*logs, strict=True):
        first, second = map(json.loads, rows)
        assert (first["step"], first["loss"]) == (second["step"], second["loss"])


def test_training_lowers_the_loss_on_few_videos(tiny, small_corpus, tmp_path, one_thread) -> None:
    recipe = tiny(training={"least_steps": 40, "batch_size": 8}, optimizer={"learning_rate": 5e-3})
    made = training(small_corpus, recipe, tmp_path / "run")
    assert made.num_steps == 40
    made.train()
    losses = [json.loads(line)["loss"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert losses[0] == pytest.approx(math.log(4), abs=0.5)  # four classes, nothing learnt yet
    assert sum(losses[-5:]) / 5 < 0.5 * losses[0]


def test_a_loss_that_is_not_finite_stops_the_run(tiny, small_corpus, tmp_path) -> None:
    made = training(small_corpus, tiny(training={"checkpoint_every_steps": 1}), tmp_path / "run")

    def poison(done: int, _: int) -> None:
        if done == 2:
            with torch.no_grad():
                made.classifier.layers[-1].bias[0] = math.nan

    with pytest.raises(
        TrainingError, match=r"step 2: the cross-entropy is nan\. Last good checkpoint: .*run/checkpoint"
    ):
        made.train(poison)
    assert not (tmp_path / "run" / "model.json").exists()


def test_a_run_is_not_gone_on_with_otherwise_than_it_began(tiny, small_corpus, tmp_path) -> None:
    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyError("killed")

    first = training(small_corpus, tiny(training={"checkpoint_every_steps": 1, "least_steps": 3}), tmp_path / "run", 1)
    with pytest.raises(KeyError):
        first.train(stop)
    other = training(small_corpus, tiny(training={"checkpoint_every_steps": 1, "least_steps": 3}), tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"checkpoint: was made with another labels per class \(1, now None\)"):
        other.resume()
    recipe = tiny(training={"checkpoint_every_steps": 1, "seed": 1})
    with pytest.raises(CheckpointError, match=r"checkpoint: was made with another recipe\. Choose another --out"):
        training(small_corpus, recipe, tmp_path / "run", 1).resume()
    (tmp_path / "run" / "checkpoint" / "optimizer.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"checkpoint: incomplete \("):
        other.resume()


def test_the_rate_drops_at_its_shares_and_falls_as_a_cosine() -> None:
    drops = FinetuneOptimizer(learning_rate=1.0, drops=(0.25, 0.5), drop_factor=0.1)
    assert [learning_rate(drops, step, 8) for step in range(8)] == pytest.approx([1, 1, 0.1, 0.1] + [0.01] * 4)
    cosine = FinetuneOptimizer(learning_rate=2.0, schedule="cosine", warmup_steps=1)
    assert [learning_rate(cosine, step, 5) for step in (0, 1, 3)] == pytest.approx([1, 2, 1])
    assert learning_rate(FinetuneOptimizer(learning_rate=3.0, schedule="constant"), 7, 8) == 3.0


def test_steps_follow_the_epochs_but_are_not_fewer_than_asked_for(tiny) -> None:
    assert num_steps(10, tiny(training={"epochs": 3, "batch_size": 4})) == 8
    assert num_steps(10, tiny(training={"epochs": 3, "batch_size": 4, "least_steps": 20})) == 20


def test_new_layers_learn_at_their_own_rate(tiny, small_corpus, tmp_path) -> None:
    made = training(small_corpus, tiny(optimizer={"classifier_rate": 5.0}, training={"epochs": 0.5}), tmp_path / "run")
    made.train()
    rates = {group["lr"] for group in made.optimizer.param_groups if not group["is_new"]}
    assert rates == {1e-3}
    assert {group["lr"] for group in made.optimizer.param_groups if group["is_new"]} == {5e-3}


def test_a_kill_between_two_renames_leaves_the_older_state(tiny, small_corpus, tmp_path) -> None:
    recipe = tiny(training={"checkpoint_every_steps": 3})
    training(small_corpus, recipe, tmp_path / "run").train()
    (tmp_path / "run" / "checkpoint").rename(tmp_path / "run" / "checkpoint.old")
    assert training(small_corpus, recipe, tmp_path / "run").resume() == 3


def test_a_signal_ends_the_step_and_saves_it(tiny, small_corpus, tmp_path) -> None:
    made = training(small_corpus, tiny(), tmp_path / "run")
    with pytest.raises(Interrupted):
        made.train(lambda done, _: os.kill(os.getpid(), signal.SIGINT) if done == 2 else None)
    assert not (tmp_path / "run" / "model.json").exists()
    assert training(small_corpus, tiny(), tmp_path / "run").resume() == 2
