"""The audio tower trained from scratch on labels alone: what a probe of a pre-trained one is held against.

Windows at random times, masks over bands and steps, mixed in pairs (Zhang et al. 2018, "mixup"); training stops where a
held-out part of the TRAINING recordings is answered best. The test fold is scored once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from avts.downstream.folds import Indices, drawn_folds, groups_of
from avts.downstream.hearing import Sound, at_least, audible, window_starts
from avts.downstream.pooling import Pooling
from avts.downstream.recordings import Recording
from avts.downstream.sounds import Score, labels_of
from avts.model.dense import STEPS_PER_SECOND
from avts.model.frontend import normalise_filterbank
from avts.model.two_stream import TwoStream

HELD_OUT_FOLDS = 5
"""One of so many parts of the training recordings says when to stop."""

MASKS = 2
MIX = 0.2
"""Of the beta distribution that says how much of the other window is mixed in."""


@dataclass(frozen=True)
class ScratchSettings:
    """How the net is trained.

    Attributes:
        epochs: at most; in one, each recording gives `windows` windows.
        patience: epochs without a better answer before it stops.
        windows: of a recording in an epoch.
        batch_size: windows in a step.
        learning_rate: the highest, of a cosine with warm-up over all epochs.
        weight_decay: of AdamW.
    """

    epochs: int = 60
    patience: int = 15
    windows: int = 2
    batch_size: int = 32
    learning_rate: float = 2e-3
    weight_decay: float = 0.05


class SoundClassifier(nn.Module):
    """The audio tower's stage, pooled, and one linear layer.

    Args:
        model: gives the audio tower, with the weights it has.
        stage: the last stage that is used.
        pooling: of its maps.
        classes: number of classes.
    """

    def __init__(self, model: TwoStream, *, stage: str, pooling: Pooling, classes: int) -> None:
        super().__init__()
        self.model, self.stage, self.pooling = model, stage, pooling
        self.classify = nn.LazyLinear(classes)

    def forward(self, filterbanks: Tensor) -> Tensor:
        """Logits of normalised filterbanks. Shape: [B, M, S] to [B, classes]."""
        maps = self.model.sound_stage_maps(filterbanks, (self.stage,))[self.stage]
        logits: Tensor = self.classify(self.pooling.over_time(self.pooling.over_space(maps)))
        return logits


@dataclass(frozen=True)
class Bank:
    """A recording's normalised filterbank [M, S], and where its windows for a test start, in steps."""

    energies: Tensor
    starts: tuple[int, ...]


def banks_of(model: TwoStream, sounds: Sequence[Sound], *, num_windows: int, window_seconds: float) -> list[Bank]:
    """Filterbanks of recordings, made once."""
    steps = round(max(window_seconds, model.context_seconds) * STEPS_PER_SECOND)
    found = []
    for sound in sounds:
        whole = at_least(sound, window_seconds)
        starts = audible(whole, window_starts(len(whole), num_windows, window_seconds), window_seconds)
        with torch.inference_mode():
            energies = normalise_filterbank(model.filterbank(torch.from_numpy(whole)[None]), steps)[0]
        last = energies.shape[-1] - round(window_seconds * STEPS_PER_SECOND)
        found.append(Bank(energies.clone(), tuple(min(round(start * STEPS_PER_SECOND), last) for start in starts)))
    return found


def from_scratch(
    recordings: Sequence[Recording],
    banks: Sequence[Bank],
    make: Callable[[int], SoundClassifier],
    *,
    window_seconds: float,
    settings: ScratchSettings,
    seed: int,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Score:
    """A net trained anew for each fold, as `probe` wants it.

    Args:
        recordings: labelled.
        banks: theirs.
        make: a fresh net for a number of classes.
        window_seconds: length of a window.
        settings: of the training.
        seed: of the held-out part, the windows and the masks.
        on_epoch: called with (epoch, held-out accuracy).
    """
    labels, groups = labels_of(recordings), groups_of(recordings)
    steps = round(window_seconds * STEPS_PER_SECOND)

    def score(train: Indices, test: Indices) -> tuple[NDArray[np.float64], NDArray[np.str_], str]:
        names, target = np.unique(labels[train], return_inverse=True)
        targets = torch.full((len(labels),), -1, dtype=torch.long)
        targets[torch.from_numpy(train)] = torch.from_numpy(target)
        fewest = min(len(np.unique(groups[train][labels[train] == name])) for name in names)
        kept, held = train, train[:0]
        if fewest > 1:
            parts = drawn_folds(labels[train], groups[train], min(HELD_OUT_FOLDS, fewest), seed)
            kept, held = train[parts[0].train], train[parts[0].test]
        net = make(len(names))
        net(torch.zeros(2, *banks[0].energies.shape[:1], steps))  # the linear layer learns its size
        loop = _Loop(net, banks, targets, steps, settings, seed)
        epoch, accuracy = loop.fit(kept, held, on_epoch)
        scores = loop.scores(test).double().numpy()
        stopped = f"stopped at epoch {epoch}, held-out {accuracy:.3f}" if len(held) else f"{epoch} epochs"
        return scores, names, stopped

    return score


class _Loop:
    """Training of one net, and its answers."""

    def __init__(
        self,
        net: SoundClassifier,
        banks: Sequence[Bank],
        targets: Tensor,
        steps: int,
        settings: ScratchSettings,
        seed: int,
    ) -> None:
        self._net, self._banks, self._targets, self._steps, self._settings = net, banks, targets, steps, settings
        self._random = np.random.default_rng(seed)

    def fit(self, kept: Indices, held: Indices, on_epoch: Callable[[int, float], None] | None) -> tuple[int, float]:
        """Train; the net is left as it was at its best on the held-out recordings. Gives that epoch and accuracy."""
        settings = self._settings
        steps_an_epoch = -(-len(kept) * settings.windows // settings.batch_size)
        optimizer = torch.optim.AdamW(
            self._net.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, settings.learning_rate, total_steps=settings.epochs * steps_an_epoch, pct_start=0.1
        )
        best = (0, -1.0, copy.deepcopy(self._net.state_dict()))
        for epoch in range(1, settings.epochs + 1):
            self._net.train()
            for batch in self._batches(kept):
                self._step(batch, optimizer)
                schedule.step()
            accuracy = self._accuracy(held) if len(held) else 0.0
            if on_epoch is not None:
                on_epoch(epoch, accuracy)
            if accuracy > best[1] or not len(held):
                best = (epoch, accuracy, copy.deepcopy(self._net.state_dict()))
            if epoch - best[0] >= settings.patience:
                break
        self._net.load_state_dict(best[2])
        return best[0], best[1]

    def scores(self, recordings: Indices) -> Tensor:
        """Mean log probabilities over each recording's windows, [R, classes]."""
        self._net.eval()
        means = []
        with torch.inference_mode():
            for recording in recordings:
                bank = self._banks[recording]
                windows = torch.stack([bank.energies[:, start : start + self._steps] for start in bank.starts])
                means.append(self._net(windows).log_softmax(1).mean(0))
        return torch.stack(means)

    def _accuracy(self, recordings: Indices) -> float:
        answers = self.scores(recordings).argmax(1)
        return float((answers == self._targets[torch.from_numpy(recordings)]).float().mean())

    def _batches(self, kept: Indices) -> list[Indices]:
        order = self._random.permutation(np.repeat(kept, self._settings.windows))
        return [
            part for part in np.split(order, range(self._settings.batch_size, len(order), self._settings.batch_size))
        ]

    def _step(self, batch: Indices, optimizer: torch.optim.Optimizer) -> None:
        windows = torch.stack([self._window(recording) for recording in batch])
        targets = F.one_hot(self._targets[torch.from_numpy(batch)], self._net.classify.out_features).float()
        share = float(self._random.beta(MIX, MIX))
        other = torch.from_numpy(self._random.permutation(len(batch)))
        mixed = share * windows + (1 - share) * windows[other]
        wanted = share * targets + (1 - share) * targets[other]
        loss = F.cross_entropy(self._net(mixed), wanted)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def _window(self, recording: int) -> Tensor:
        """A window near an audible place, with some bands and steps masked."""
        bank, steps = self._banks[recording], self._steps
        near = bank.starts[self._random.integers(len(bank.starts))] + int(self._random.integers(-25, 26))
        start = int(np.clip(near, 0, bank.energies.shape[-1] - steps))
        window = bank.energies[:, start : start + steps].clone()
        for _ in range(MASKS):
            for size, most in ((window.shape[0], 6), (steps, 15)):
                width = int(self._random.integers(0, most + 1))
                first = int(self._random.integers(0, size - width + 1))
                if size == window.shape[0]:
                    window[first : first + width] = 0
                else:
                    window[:, first : first + width] = 0
        return window
