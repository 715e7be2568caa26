"""Networks in use on a card, by a stand-in for one: what comes out is on the CPU, and the same as without a card."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from avts.corpus.corpus import Corpus
from avts.evaluation.evaluate import evaluate
from avts.features.pooling import pooling_of
from avts.features.recordings import Recording
from avts.features.towers import Plan, picture_columns, sound_columns
from avts.finetune.checkpoint import build_classifier
from avts.finetune.recipe import FinetuneRecipe
from avts.finetune.splits import Partition
from avts.finetune.start import networks_for
from avts.finetune.testing import score_videos
from avts.finetune.train import Finetuning
from avts.model.checkpoint import load_model
from avts.model.device import place
from avts.model.two_stream import TwoStream
from avts.offset.features import film_features
from avts.offset.film import ArrayFilm
from avts.probe.scratch import ScratchSettings, SoundClassifier, banks_of, from_scratch
from avts.probe.sound_features import tower_features
from avts.settings import PairSettings, settings_from
from fixtures_features import tiny_model, tiny_run
from fixtures_training import one_thread, small_corpus
from pretend_card import CARD, OnCard, PretendCard, pretend_card

__all__ = ["one_thread", "small_corpus", "tiny_model", "tiny_run"]

pytestmark = pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> Iterator[PretendCard]:
    with pretend_card(monkeypatch) as mode:
        yield mode


CLASSIFIER: dict[str, Any] = {
    "model": {"video_width": 4, "audio_width": 8, "picture_input": "change", "frame_size": 32, "filter_bands": 16},
    "clips": {"clip_frames": 6},
    "augment": {"frame_rate": 0.5, "picture_noise": 0.1, "sound_colour": 0.5, "sound_noise": 0.5},
    "optimizer": {"name": "adamw", "learning_rate": 1e-3, "schedule": "constant"},
    "training": {"batch_size": 4, "epochs": 1, "least_steps": 4, "precision": "fp32", "workers": 0},
    "test": {"windows": 3},
}


def film() -> ArrayFilm:
    """Three seconds of noise for the eye and the ear."""
    rng = np.random.default_rng(7)
    return ArrayFilm(rng.integers(0, 255, (72, 32, 48), np.uint8), 24.0, 0.1 * rng.normal(size=48_000), 16_000)


def on_both(model: TwoStream) -> Iterator[TwoStream]:
    """A copy on the CPU and one on the card."""
    for device in ("cpu", str(CARD)):
        moved = copy.deepcopy(model).eval()
        assert place(moved, device, precision="fp32") == torch.device(device)
        yield moved


def test_a_run_is_loaded_to_the_card(tiny_run: Path, card: PretendCard) -> None:
    model = load_model(tiny_run, device=str(CARD))
    assert all(isinstance(each, OnCard) for each in model.state_dict().values())
    assert all(isinstance(each, OnCard) for each in model.buffers())


@pytest.mark.parametrize("form", ["plain", "own lengths"])
def test_a_film_is_scanned_on_the_card(tiny_model: TwoStream, form: str, card: PretendCard) -> None:
    tiny_model.unit_vectors = form == "plain"
    found = [film_features(film(), each, window_seconds=1.0) for each in on_both(tiny_model)]
    for name in ("pictures", "sounds"):
        np.testing.assert_allclose(getattr(found[0], name), getattr(found[1], name), atol=2e-3)
    if form == "own lengths":
        maps = [each.compare(each.pictures[:5], each.sounds[:7]) for each in found if each.compare is not None]
        np.testing.assert_allclose(*maps, atol=1e-4)


def test_windows_are_embedded_on_the_card(tiny_model: TwoStream, card: PretendCard) -> None:
    plan = Plan(1.0, 6, ("conv4",), ("conv4",), pooling_of("2x2"))
    shown = film()
    found = [
        picture_columns(each, shown.pictures(), plan) | sound_columns(each, shown.sounds(), plan)
        for each in on_both(tiny_model)
    ]
    assert found[0].keys() == found[1].keys() == {"picture", "sound", "picture_conv4", "sound_conv4"}
    for name, column in found[0].items():
        np.testing.assert_allclose(column, found[1][name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_a_model_is_measured_on_the_card(small_corpus: Corpus, tiny_model: TwoStream, card: PretendCard) -> None:
    pairs = PairSettings(clip_seconds=0.75, hard_gap_seconds=0.25)
    found = [evaluate(each, small_corpus, pairs, rounds=2, workers=0) for each in on_both(tiny_model)]
    assert found[0]["threshold"] == pytest.approx(found[1]["threshold"], abs=1e-5)
    assert found[0]["num_pairs"] == found[1]["num_pairs"]


def test_sounds_are_probed_on_the_card(tiny_model: TwoStream, card: PretendCard) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    found = [
        tower_features(each, "conv5", [pooling_of("2x2")])(samples, np.array([0.0, 0.5]), 1.0)["2x2"]
        for each in on_both(tiny_model)
    ]
    np.testing.assert_allclose(*found, rtol=1e-4, atol=1e-5)


def test_a_net_from_scratch_is_trained_on_the_card(tiny_model: TwoStream, card: PretendCard) -> None:
    sounds = [np.random.default_rng(seed).normal(0, 0.1, 32_000).astype(np.float32) for seed in range(8)]
    recordings = [Recording(f"{index}.wav", "", label="ab"[index % 2]) for index in range(8)]
    settings = ScratchSettings(epochs=1, least_steps=2, batch_size=4, learning_rates=(1e-3, 1e-2))

    def make(classes: int) -> SoundClassifier:
        net = SoundClassifier(copy.deepcopy(model), stage="conv5", pooling=pooling_of("2x2"), classes=classes)
        net.classify = torch.nn.Linear(128, classes)  # type: ignore[assignment]  # wrapped tensors cannot be lazy
        return net

    *_, model = on_both(tiny_model)
    banks = banks_of(model, sounds, num_windows=2, window_seconds=1.0)
    assert isinstance(banks[0].energies, OnCard)
    score = from_scratch(recordings, banks, make, window_seconds=1.0, settings=settings, seed=0)
    scores, names, _ = score(np.arange(6), np.arange(6, 8))
    assert scores.shape == (2, 2)
    assert list(names) == ["a", "b"]


@pytest.mark.parametrize("senses", ["picture", "sound", "both"])
def test_a_classifier_is_trained_and_tested_on_the_card(
    small_corpus: Corpus, tmp_path: Path, senses: Any, card: PretendCard
) -> None:
    recipe = settings_from(CLASSIFIER, FinetuneRecipe, name="tiny")
    train, test = small_corpus.select("train"), small_corpus.select("test")
    classes = tuple(sorted({str(clip.label) for clip in train}))
    test = [clip for clip in test if str(clip.label) in classes]
    partition = Partition("made", tuple(train), tuple(test), classes)
    model = networks_for(recipe, senses, None)
    classifier = build_classifier(model, len(classes), senses=senses, settings=recipe.classifier).to(CARD)
    run = Finetuning(small_corpus, partition, classifier, model=model, recipe=recipe, run=tmp_path, key={})
    waits: list[int] = []
    card.waits.clear()
    card.places.clear()

    def on_progress(*_: int) -> None:
        waits.append(sum(card.waits.values()))
        card.waits.clear()

    run.train(on_progress)
    assert waits == [1, 0, 0, 1], card.places  # the first step and the last are logged
    assert run.step == run.num_steps
    assert (tmp_path / "model.safetensors").is_file()
    scores = score_videos(classifier, small_corpus, partition, recipe)
    assert len(scores.targets) == len(test)
