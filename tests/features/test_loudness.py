import numpy as np
import pytest

from avts.features.loudness import Loudness
from avts.media.activity import QUIETEST_DBFS


@pytest.mark.parametrize("piece", [100, 1_600, 50_000])
def test_loudness_of_windows_is_their_rms_whatever_the_pieces(piece: int) -> None:
    samples = np.concatenate([np.full(16_000, 0.1, np.float32), np.zeros(16_000, np.float32)])
    meter = Loudness()
    passed = list(meter.watching(samples[first : first + piece] for first in range(0, len(samples), piece)))
    assert np.array_equal(np.concatenate(passed), samples)
    assert meter.num_samples == 32_000
    # 0.1 is -20 dB; of a half-silent window half the power, 3.01 dB less
    found = meter.of_windows(np.array([0.0, 0.5, 1.0]), 1.0)
    assert found == pytest.approx([-20.0, -23.01, QUIETEST_DBFS], abs=0.01)
