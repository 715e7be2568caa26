"""Mel-frequency cepstral coefficients of windows of sound, the features that every probe is held against.

The discrete cosine transform of the log filterbank that the audio tower hears, before it is normalised; its slope over
time beside it; mean and standard deviation of both over the window.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.signal import savgol_filter

from avts.model.frontend import Filterbank

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
