"""On a real card, where there is one: what runs on it, and how far it is from the CPU."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from avts.corpus.corpus import Corpus
from avts.media.crops import Crops
from avts.model.checkpoint import load_model
from avts.model.scaling import crop_and_resize, resize_packed
from avts.offset.features import film_features
from avts.offset.film import ArrayFilm
from avts.pairs.feed import Feed
from avts.training.augment import random_boxes
from avts.training.trainer import Trainer
from fixtures_features import tiny_run
from fixtures_training import small_corpus, tiny_recipe

__all__ = ["small_corpus", "tiny_run"]

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def losses(corpus: Corpus, run: Path, device: str, **training: object) -> list[float]:
    """Of a short training in fp32."""
    trainer = Trainer(corpus, tiny_recipe(training=training), run, device=device, say=lambda _: None)
    trainer.train()
    return [json.loads(line)["loss"] for line in (run / "log.jsonl").read_text().splitlines()]


def test_training_goes_as_on_the_cpu(small_corpus: Corpus, tmp_path: Path) -> None:
    one, other = (losses(small_corpus, tmp_path / name, name) for name in ("cpu", "cuda"))
    assert other == pytest.approx(one, rel=0.02)


@pytest.mark.parametrize("setting", ["channels_last", "compile", "recompute"])
def test_layout_compiling_and_recomputing_change_no_loss(small_corpus: Corpus, tmp_path: Path, setting: str) -> None:
    plain, tuned = (losses(small_corpus, tmp_path / str(on), "cuda", **{setting: on}) for on in (False, True))
    assert tuned == pytest.approx(plain, rel=0.02)


def test_boxes_are_scaled_all_at_once_as_one_by_one_on_the_cpu() -> None:
    rng = np.random.default_rng(0)
    planes = torch.from_numpy(rng.integers(0, 256, (6, 5, 96, 128), np.uint8))
    boxes = random_boxes(6, 0.5, rng)
    alone = crop_and_resize(planes, boxes, 48)
    crops = Crops.of(boxes, 96, 128)
    places = zip(planes, crops.tops, crops.lefts, crops.heights, crops.widths, strict=True)
    packed = torch.cat([p[:, y : y + h, x : x + w].flatten() for p, y, x, h, w in places])
    for found in (crop_and_resize(planes.cuda(), boxes, 48), resize_packed(packed.cuda(), crops, 5, 48)):
        torch.testing.assert_close(found.cpu(), alone, rtol=0, atol=1e-6)


def test_a_step_that_is_not_logged_does_not_wait(small_corpus: Corpus, tmp_path: Path) -> None:
    everything = {"frame_rate": 0.5, "inset": 0.5, "picture_noise": 0.1, "sound_colour": 0.5, "sound_noise": 0.5}
    recipe = tiny_recipe(augment=everything, training={"log_every_steps": 100}, pairs={"batch_size": 2})
    trainer = Trainer(small_corpus, recipe, tmp_path, device="cuda", say=lambda _: None)
    feed = Feed(trainer._batches(), trainer.device)
    trainer.model.train()
    stage = trainer.curriculum.stage_at(0)[1]
    trainer.stepper.make(0, feed, stage, 1e-3)  # cuDNN measures, the optimiser makes its state
    torch.cuda.set_sync_debug_mode("error")
    try:
        trainer.stepper.make(1, feed, stage, 1e-3)
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_bf16_learns(small_corpus: Corpus, tmp_path: Path) -> None:
    assert np.isfinite(losses(small_corpus, tmp_path, "cuda", precision="bf16")).all()


def test_a_run_of_the_card_goes_on_on_the_cpu(small_corpus: Corpus, tmp_path: Path) -> None:
    recipe = tiny_recipe(training={"checkpoint_every_steps": 4})
    Trainer(small_corpus, recipe, tmp_path, device="cuda", say=lambda _: None).train()
    again = Trainer(small_corpus, recipe, tmp_path, device="cpu", say=lambda _: None)
    assert again.resume() == 4
    again.train()


def test_a_film_is_scanned_as_on_the_cpu(tiny_run: Path) -> None:
    rng = np.random.default_rng(7)
    film = ArrayFilm(rng.integers(0, 255, (72, 32, 48), np.uint8), 24.0, 0.1 * rng.normal(size=48_000), 16_000)
    models = [load_model(tiny_run, device=device) for device in ("cpu", "cuda")]
    found = [film_features(film, model, window_seconds=1.0) for model in models]
    for name in ("pictures", "sounds"):
        np.testing.assert_allclose(getattr(found[0], name), getattr(found[1], name), atol=5e-3)


def test_batches_arrive_whole_from_the_stream_of_their_own(small_corpus: Corpus, tmp_path: Path) -> None:
    trainer = Trainer(small_corpus, tiny_recipe(), tmp_path, device="cuda", say=lambda _: None)
    feed = Feed(trainer._batches(), trainer.device)
    for batch in trainer._batches():
        moved = next(feed)
        feed.fetch()
        for name, tensor in batch.tensors().items():
            assert torch.equal(moved.tensors()[name].cpu(), tensor), name
