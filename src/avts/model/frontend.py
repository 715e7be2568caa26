"""From the bytes of a window to the input of the towers, a whole batch at a time, on the device.

Pictures come as YUV 4:2:0 planes, sounds as samples. 'change' inputs and filterbanks are normalised per clip; for a
whole film the same statistics are taken over a moving window, so that each stretch looks as it did in training.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from avts.model.device import sent, widest
from avts.timebase import SAMPLE_RATE

WINDOW_SAMPLES = SAMPLE_RATE * 20 // 1000
"""0.02 s window of the filterbank (Korbar et al. 2018)."""

STEP_SAMPLES = SAMPLE_RATE * 10 // 1000
"""0.01 s step of the filterbank."""

FFT_SIZE = 1024

POWER_FLOOR = 1e-7  # about -70 dBFS a band: digital silence and coding noise look the same
MOTION_FLOOR = 1.0 / 255  # a still picture's coding noise must not be blown up to motion
BT601 = ((1.0, 0.0, 1.402), (1.0, -0.344136, -0.714136), (1.0, 1.772, 0.0))  # rows R, G, B of Y, U - 128, V - 128
RGB_MEAN, RGB_STD = 0.45, 0.225  # the usual statistics of natural video; the paper takes them from its training set


def rgb_channels(y: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Normalised colours from planes already scaled to one size.

    Shape: three of [B, T, H, W] in [0, 1] to [B, 3, T, H, W].
    """
    planes = torch.stack([(y - 16 / 255) * (255 / 219), (u - 128 / 255) * (255 / 224), (v - 128 / 255) * (255 / 224)])
    rgb = torch.einsum("rc,cbthw->brthw", sent(torch.tensor(BT601), y.device), planes).clamp(0, 1)
    return (rgb - RGB_MEAN) / RGB_STD


def change_channels(luma: Tensor, window: int | None = None) -> Tensor:
    """Luminance, its change from frame to frame, and the size of that change, each normalised.

    Args:
        luma: [B, T, H, W] in [0, 1].
        window: frames over which to take the statistics, moving; None takes the whole clip.

    Returns:
        [B, 3, T, H, W].
    """
    change = torch.diff(luma, dim=1, prepend=luma[:, :1])
    mean = _moving_mean(luma.mean((2, 3)), window)
    std = (_moving_mean(luma.square().mean((2, 3)), window) - mean.square()).clamp_min(1e-4).sqrt()
    pace = _moving_mean(change.square().mean((2, 3)), window).sqrt() + MOTION_FLOOR
    light = (luma - mean[..., None, None]) / std[..., None, None]
    change = (change / pace[..., None, None]).clamp(-8, 8)
    return torch.stack([light, change, change.abs()], dim=1)


def _moving_mean(values: Tensor, window: int | None) -> Tensor:
    """Mean of [B, T] over `window` steps around each step (shorter at the ends), or over all steps."""
    if window is None or window >= values.shape[1]:
        return values.mean(1, keepdim=True).expand_as(values)
    total = F.pad(values.to(widest(values.device)).cumsum(1), (1, 0))
    middle = torch.arange(values.shape[1], device=values.device)
    # at the ends the window stays whole and stops moving, as the first and last window of training would
    start = (middle - window // 2).clamp(0, values.shape[1] - window)
    return ((total[:, start + window] - total[:, start]) / window).to(values.dtype)


def mel_filters(num_bands: int) -> NDArray[np.float32]:
    """Triangular filters evenly spaced on the mel scale, [FFT_SIZE // 2 + 1, M].

    Source: O'Shaughnessy's mel scale, 2595 log10(1 + f / 700), from 60 Hz to half the sample rate.
    """
    top = 2595 * np.log10(1 + SAMPLE_RATE / 2 / 700)
    low = 2595 * np.log10(1 + 60 / 700)
    edges = 700 * (10 ** (np.linspace(low, top, num_bands + 2) / 2595) - 1)
    frequencies = np.linspace(0, SAMPLE_RATE / 2, FFT_SIZE // 2 + 1)[:, None]
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


class Filterbank(nn.Module):
    """Log filterbank energies of sound.

    Args:
        num_bands: number of filters.
    """

    filters: Tensor
    taper: Tensor

    def __init__(self, num_bands: int = 40) -> None:
        super().__init__()
        self.register_buffer("filters", torch.from_numpy(mel_filters(num_bands)), persistent=False)
        self.register_buffer("taper", torch.hann_window(WINDOW_SAMPLES), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Log energies; step s covers the samples around s * STEP_SAMPLES + WINDOW_SAMPLES / 2 of the padded sound.

        Shape: [B, N] to [B, M, N // STEP_SAMPLES].
        """
        margin = (WINDOW_SAMPLES - STEP_SAMPLES) // 2  # so that step s is centred on its own 0.01 s
        padded = F.pad(samples.float(), (margin, WINDOW_SAMPLES - STEP_SAMPLES - margin))
        pieces = padded.unfold(-1, WINDOW_SAMPLES, STEP_SAMPLES) * self.taper  # [B, S, window]
        power = torch.fft.rfft(pieces, n=FFT_SIZE).abs().square() / WINDOW_SAMPLES
        return cast(Tensor, (power @ self.filters + POWER_FLOOR).log().transpose(1, 2))


def normalise_filterbank(energies: Tensor, window: int | None = None) -> Tensor:
    """Zero mean and unit deviation over the clip, so that loudness does not matter.

    Args:
        energies: [B, M, S].
        window: steps over which to take the statistics, moving; None takes the whole clip.

    Returns:
        [B, M, S].
    """
    mean = _moving_mean(energies.mean(1), window)
    variance = _moving_mean(energies.square().mean(1), window) - mean.square()
    return (energies - mean[:, None]) / variance.clamp_min(0.05).sqrt()[:, None]
