"""The net from scratch: nothing of a test recording moves it, and its learning rate is chosen as the probe's C is."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from avts.features.pooling import pooling_of
from avts.features.recordings import Recording
from avts.model.two_stream import TwoStream
from avts.probe.scratch import Bank, ScratchSettings, SoundClassifier, from_scratch

SETTINGS = ScratchSettings(epochs=4, least_steps=12, batch_size=8, learning_rates=(1e-6, 1e-2))
TRAIN, TEST = np.arange(16), np.arange(16, 20)


def banks(spoilt: np.ndarray) -> list[Bank]:
    """Two classes: the low or the high half of 16 bands is loud."""
    generator = torch.Generator().manual_seed(0)
    found = []
    for index in range(20):
        energies = torch.randn(16, 150, generator=generator)
        energies[slice(0, 8) if index % 2 else slice(8, 16)] += 2
        found.append(Bank(torch.full_like(energies, 1e6) if index in spoilt else energies, (0, 50)))
    return found


def answered(
    model: TwoStream, settings: ScratchSettings, *, train: np.ndarray = TRAIN, spoilt: np.ndarray = TRAIN[:0]
) -> tuple[np.ndarray, str, list[tuple[float, float]]]:
    trials: list[tuple[float, float]] = []

    def make(classes: int) -> SoundClassifier:
        torch.manual_seed(classes)
        return SoundClassifier(copy.deepcopy(model), stage="conv5", pooling=pooling_of("4xsd"), classes=classes)

    recordings = [Recording(f"{index}.wav", "", label="ab"[index % 2]) for index in range(20)]
    common = {"window_seconds": 1.0, "settings": settings, "seed": 0}
    score = from_scratch(recordings, banks(spoilt), make, **common, on_trial=lambda *each: trials.append(each))
    scores, _, chosen = score(train, TEST)
    return scores, chosen, trials


def test_the_rate_that_answers_held_out_training_recordings_is_taken(tiny_model: TwoStream, one_thread: None) -> None:
    scores, chosen, trials = answered(tiny_model, SETTINGS)
    assert [rate for rate, _ in trials] == [1e-6, 1e-2]
    assert trials[1][1] > trials[0][1]
    assert chosen == f"learning rate 0.01, held-out {trials[1][1]:.3f}; 16 steps"
    assert scores.argmax(1).tolist() == [0, 1, 0, 1]


def test_nothing_of_the_test_recordings_moves_trials_or_choice(tiny_model: TwoStream, one_thread: None) -> None:
    _, chosen, trials = answered(tiny_model, SETTINGS)
    assert answered(tiny_model, SETTINGS, spoilt=TEST)[1:] == (chosen, trials)


def test_a_single_recording_a_class_is_trained_on_without_a_choice(tiny_model: TwoStream, one_thread: None) -> None:
    _, chosen, trials = answered(tiny_model, SETTINGS, train=TRAIN[:2])
    assert (chosen, trials) == ("learning rate 1e-06, not chosen; 12 steps", [])
    epochs = dataclasses.replace(SETTINGS, epochs=20, learning_rates=(1e-3,))
    assert answered(tiny_model, epochs, train=TRAIN[:2])[1] == "learning rate 0.001, not chosen; 20 steps"


def test_a_recording_gives_its_windows_in_each_epoch(tiny_model: TwoStream, one_thread: None) -> None:
    from avts.probe.scratch import _Loop

    loop = _Loop(torch.nn.Identity(), [], torch.zeros(0), 100, SETTINGS, 0)  # type: ignore[arg-type]
    batches = loop._batches(np.arange(5))
    assert sorted(np.concatenate(batches).tolist()) == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert [len(batch) for batch in batches] == [5, 5], "no step has a single window, which BatchNorm could not bear"


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
