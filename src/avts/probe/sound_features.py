"""Recordings as windows of sound, and windows as vectors: a frozen stage of the audio tower, or cepstra.

Input: recordings, and a model or none. Output: one vector per window, with what was skipped and why.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.signal import savgol_filter

from avts.errors import AvtsError, CorpusError, MediaError
from avts.features.loudness import Loudness
from avts.features.pooling import Pooling
from avts.features.recordings import Recording, streams_of
from avts.jobs.refusal import Refusal, plain
from avts.media.activity import DITHER_DBFS
from avts.model.dense import STEPS_PER_SECOND
from avts.model.frontend import Filterbank, normalise_filterbank
from avts.model.two_stream import TwoStream
from avts.timebase import SAMPLE_RATE

NUM_COEFFICIENTS = 20
SLOPE_STEPS = 9
"""Steps of 0.01 s over which the slope of a coefficient is fitted."""

BANDS = 40


def cepstra(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Features of windows.

    Args:
        samples: [W, N] at 16 kHz.

    Returns:
        [W, 80]: means of 20 coefficients and of their slopes, then their standard deviations.
    """
    with torch.inference_mode():
        energies = Filterbank(BANDS)(torch.from_numpy(samples)).numpy()  # [W, M, S]
    coefficients = dct(energies, type=2, axis=1, norm="ortho")[:, :NUM_COEFFICIENTS]
    slopes = savgol_filter(coefficients, SLOPE_STEPS, polyorder=1, deriv=1, axis=2)
    both = np.concatenate([coefficients, slopes], axis=1)
    found: NDArray[np.float32] = np.concatenate([both.mean(axis=2), both.std(axis=2)], axis=1).astype(np.float32)
    return found


Sound = NDArray[np.float32]
Starts = NDArray[np.float64]
Extract = Callable[[Sound, Starts, float], dict[str, NDArray[np.float32]]]
"""From samples [N], starts of windows [W] and their length, seconds, to features [W, F] by the name of the pooling."""

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Windows:
    """Features of the windows of some recordings.

    Attributes:
        features: [M, F] of all windows, by the name of the pooling.
        owner: index of the recording of each window, [M], rising.
    """

    features: dict[str, NDArray[np.float32]]
    owner: NDArray[np.int64]

    def of(self, recordings: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which windows are of some recordings, bool [M]."""
        return np.isin(self.owner, recordings)


def tower_features(model: TwoStream, stage: str, poolings: Sequence[Pooling]) -> Extract:
    """Features of a conv stage of the audio tower; a recording goes through it once.

    Args:
        model: the networks, in evaluation mode.
        stage: of the audio tower.
        poolings: of the part of its maps that lies in a window.
    """

    def extract(samples: Sound, starts: Starts, window_seconds: float) -> dict[str, NDArray[np.float32]]:
        device = next(model.parameters()).device
        context = round(max(window_seconds, model.context_seconds) * STEPS_PER_SECOND)
        with torch.inference_mode():
            energies = model.filterbank(torch.from_numpy(samples)[None].to(device))
            maps = model.sound_stage_maps(normalise_filterbank(energies, context), (stage,))[stage]
            rate = STEPS_PER_SECOND / {"pool2": 2, "conv3": 2, "conv4": 2, "conv5": 2, "pool5": 4}.get(stage, 1)
            length = min(int(window_seconds * rate) - 1, maps.shape[-1])
            firsts = [min(round(start * rate), maps.shape[-1] - length) for start in starts]
            found: dict[str, NDArray[np.float32]] = {}
            for pooling in poolings:
                sequence = pooling.over_space(maps)[0]
                windows = torch.stack([sequence[first : first + length] for first in firsts])
                found[str(pooling)] = pooling.over_time(windows).cpu().numpy()
        return found

    return extract


def cepstral_features(samples: Sound, starts: Starts, window_seconds: float) -> dict[str, NDArray[np.float32]]:
    """Cepstra, their mean and spread in the window."""
    return {"mean, sd": cepstra(cut(samples, starts, window_seconds))}


def cut(samples: Sound, starts: Starts, window_seconds: float) -> NDArray[np.float32]:
    """Windows of samples, [W, N]."""
    length = round(window_seconds * SAMPLE_RATE)
    firsts = (round(start * SAMPLE_RATE) for start in starts)
    return np.stack([samples[min(first, len(samples) - length) :][:length] for first in firsts])


def hear(
    recordings: Sequence[Recording],
    extract: Extract,
    *,
    num_windows: int,
    window_seconds: float,
    on_progress: OnProgress | None = None,
) -> tuple[list[Recording], Windows, list[Refusal]]:
    """Features of the windows of recordings.

    Args:
        recordings: what to read.
        extract: makes the features.
        num_windows: of each recording.
        window_seconds: length of a window.
        on_progress: called with (recordings done, recordings in all).

    Returns:
        The recordings that could be read, their windows, and why the others could not.

    Raises:
        CorpusError: none could be read.
    """
    kept: list[Recording] = []
    found: list[dict[str, NDArray[np.float32]]] = []
    refused: list[Refusal] = []
    for done, (recording, sound) in enumerate(zip(recordings, sounds_of(recordings), strict=True)):
        if isinstance(sound, Refusal):
            refused.append(sound)
        else:
            whole = at_least(sound, window_seconds)
            starts = audible(whole, window_starts(len(whole), num_windows, window_seconds), window_seconds)
            kept.append(recording)
            found.append(extract(whole, starts, window_seconds))
        if on_progress is not None:
            on_progress(done + 1, len(recordings))
    if not kept:
        raise CorpusError(f"all {len(recordings)} recordings were refused, first: {refused[0].message}")
    names = list(found[0])
    features = {name: np.concatenate([each[name] for each in found]) for name in names}
    owner = np.repeat(np.arange(len(found)), [len(each[names[0]]) for each in found])
    return kept, Windows(features, owner), refused


def sounds_of(recordings: Iterable[Recording]) -> Iterator[Sound | Refusal]:
    """The whole sound of each recording, decoded while the one before is worked on."""
    with ThreadPoolExecutor(1) as pool:
        yield from pool.map(_sound_of, recordings)


def _sound_of(recording: Recording) -> Sound | Refusal:
    try:
        with (
            tempfile.TemporaryDirectory(prefix="avts-probe-") as folder,
            streams_of(recording, Path(folder) / "copy", lambda: None) as streams,
        ):
            if streams.sounds is None:
                raise MediaError(f"{recording.source}: has no sound, which a probe of sounds needs.")
            if streams.pictures is not None and recording.clip is None:
                for _ in streams.pictures():  # sets the length of the sound
                    pass
            samples = np.concatenate([np.empty(0, np.float32), *streams.sounds()])
            if not len(samples):
                raise MediaError(f"{recording.source}: its sound is empty. Remove it.")
            return samples
    except AvtsError as error:
        return Refusal(recording.source, "unreadable", plain(str(error)))


def at_least(samples: Sound, window_seconds: float) -> Sound:
    """A sound repeated until it fills a window."""
    length = round(window_seconds * SAMPLE_RATE)
    return samples if len(samples) >= length else np.resize(samples, length)


def window_starts(num_samples: int, count: int, window_seconds: float) -> Starts:
    """When windows start that lie evenly over a sound; fewer where they would coincide."""
    room = max(0.0, num_samples / SAMPLE_RATE - window_seconds)
    return np.unique(np.linspace(0, room, count).round(3))


def audible(samples: Sound, starts: Starts, window_seconds: float) -> Starts:
    """Those windows that are not silent; all of them if every one is."""
    meter = Loudness()
    for _ in meter.watching([samples]):
        pass
    heard = meter.of_windows(starts, window_seconds) >= DITHER_DBFS
    return starts[heard] if heard.any() else starts
