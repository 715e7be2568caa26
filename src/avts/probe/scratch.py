"""The audio tower trained from scratch on labels only: the baseline for a probe of a pre-trained one.

Windows at random times, masks over bands and steps, mixed in pairs (Zhang et al. 2018, "mixup"). As with the probe's C,
the learning rate is chosen on a held-out part of the TRAINING recordings and the net is then trained on all of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from avts.features.pooling import Pooling
from avts.features.recordings import Recording
from avts.model.dense import STEPS_PER_SECOND
from avts.model.frontend import normalise_filterbank
from avts.model.two_stream import TwoStream
from avts.probe.cross_validation import Score, Scored, labels_of
from avts.probe.folds import Indices, drawn_folds, groups_of
from avts.probe.sound_features import Sound, at_least, audible, window_starts

HELD_OUT_FOLDS = 5
"""One of so many parts of the training recordings judges the trials."""

MASKS = 2
MIX = 0.2
"""Of the beta distribution that says how much of the other window is mixed in."""

_MAKING = threading.Lock()  # fresh weights come from torch's one generator


@dataclass(frozen=True)
class ScratchSettings:
    """How the net is trained.

    Attributes:
        epochs: of the training; in one, each recording gives `windows` windows.
        windows: of a recording in an epoch.
        batch_size: windows in a step.
        least_steps: to make at least, however few the recordings.
        learning_rates: to choose from; each is the highest of a cosine with warm-up.
        trial_share: length of the trial of a rate, as a share of the training.
        weight_decay: of AdamW.
    """

    epochs: int = 24
    windows: int = 2
    batch_size: int = 16
    least_steps: int = 300
    learning_rates: tuple[float, ...] = (1e-3, 4e-3)
    trial_share: float = 0.25
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
    device, found = next(model.parameters()).device, []
    for sound in sounds:
        whole = at_least(sound, window_seconds)
        starts = audible(whole, window_starts(len(whole), num_windows, window_seconds), window_seconds)
        with torch.inference_mode():
            energies = normalise_filterbank(model.filterbank(torch.from_numpy(whole)[None].to(device)), steps)[0]
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
    on_trial: Callable[[float, float], None] | None = None,
) -> Score:
    """A net trained anew for each fold, as `probe` wants it; several folds may be in work at once.

    Args:
        recordings: labelled.
        banks: theirs.
        make: a fresh net for a number of classes.
        window_seconds: length of a window.
        settings: of the training.
        seed: of the held-out part, the windows and the masks.
        on_trial: called with (learning rate, held-out accuracy).
    """
    labels, groups = labels_of(recordings), groups_of(recordings)
    steps = round(window_seconds * STEPS_PER_SECOND)

    def score(train: Indices, test: Indices) -> Scored:
        names, target = np.unique(labels[train], return_inverse=True)
        targets = torch.full((len(labels),), -1, dtype=torch.long)
        targets[torch.from_numpy(train)] = torch.from_numpy(target)

        def fresh() -> _Loop:
            with _MAKING:
                device = banks[0].energies.device
                net = make(len(names)).to(device)
                net(
                    torch.zeros(2, *banks[0].energies.shape[:1], steps, device=device)
                )  # the linear layer learns its size
            return _Loop(net, banks, targets, steps, settings, seed)

        def tried(rate: float) -> float:
            loop = fresh()
            loop.fit(kept, rate, settings.trial_share)
            accuracy = loop.accuracy(held)
            if on_trial is not None:
                on_trial(rate, accuracy)
            return accuracy

        rates = settings.learning_rates
        kept, held = _held_out(labels, groups, train, seed)
        accuracies = [tried(rate) for rate in rates] if len(held) and len(rates) > 1 else [0.0]
        rate = rates[int(np.argmax(accuracies))]
        loop = fresh()
        made = loop.fit(train, rate, 1.0)
        chosen = f", held-out {max(accuracies):.3f}" if len(accuracies) > 1 else ", not chosen"
        return loop.scores(test).double().numpy(), names, f"learning rate {rate:g}{chosen}; {made} steps"

    return score


def _held_out(labels: NDArray[np.str_], groups: NDArray[np.str_], train: Indices, seed: int) -> tuple[Indices, Indices]:
    """The training recordings in two: to try on, and to judge by; none to judge by if a class has a single one."""
    fewest = min(len(np.unique(groups[train][labels[train] == name])) for name in np.unique(labels[train]))
    if fewest < 2:
        return train, train[:0]
    part = drawn_folds(labels[train], groups[train], min(HELD_OUT_FOLDS, fewest), seed)[0]
    return train[part.train], train[part.test]


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

    def fit(self, recordings: Indices, rate: float, share: float) -> int:
        """Train for a share of the epochs, at a rate; gives the number of steps."""
        settings = self._settings
        steps_an_epoch = -(-len(recordings) * settings.windows // settings.batch_size)
        total = max(round(share * max(settings.epochs * steps_an_epoch, settings.least_steps)), 2)
        optimizer = torch.optim.AdamW(self._net.parameters(), lr=rate, weight_decay=settings.weight_decay)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=total, pct_start=0.1)
        self._net.train()
        batches: list[Indices] = []
        for _ in range(total):
            batches = batches or self._batches(recordings)
            self._step(batches.pop(), optimizer)
            schedule.step()
        return total

    def accuracy(self, recordings: Indices) -> float:
        """Share of recordings that are answered right."""
        answers = self.scores(recordings).argmax(1)
        return float((answers == self._targets[torch.from_numpy(recordings)]).float().mean())

    def scores(self, recordings: Indices) -> Tensor:
        """Mean log probabilities over each recording's windows, [R, classes]."""
        self._net.eval()
        means = []
        with torch.inference_mode():
            for recording in recordings:
                bank = self._banks[recording]
                windows = torch.stack([bank.energies[:, start : start + self._steps] for start in bank.starts])
                means.append(self._net(windows).log_softmax(1).mean(0))
        return torch.stack(means).cpu()

    def _batches(self, kept: Indices) -> list[Indices]:
        order = self._random.permutation(np.repeat(kept, self._settings.windows))
        return np.array_split(order, -(-len(order) // self._settings.batch_size))

    def _step(self, batch: Indices, optimizer: torch.optim.Optimizer) -> None:
        windows = torch.stack([self._window(recording) for recording in batch])
        targets = (
            F.one_hot(self._targets[torch.from_numpy(batch)], self._net.classify.out_features)
            .float()
            .to(windows.device)
        )
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
