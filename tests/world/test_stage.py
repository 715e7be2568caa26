"""The stage: its clock and its colours."""

import numpy as np
import pytest

from avts.timebase import FRAME_RATE, SAMPLE_RATE
from avts.world.stage import Stage, timeline


def luminance(colour: tuple[int, int, int]) -> float:
    return float(np.dot(colour, (0.299, 0.587, 0.114)))


@pytest.mark.parametrize("background", [20.0, 128.0, 235.0])
def test_colours_stand_out_from_the_background_and_from_each_other(background: float) -> None:
    stage = Stage(np.random.default_rng(0), *timeline(1.0), background_luminance=background)
    for _ in range(20):
        shades = [luminance(colour) for colour in stage.colours(4)]
        assert min(abs(shade - background) for shade in shades) >= 65
        assert np.abs(np.diff(shades)).min() >= 30


def test_timeline_has_real_sound_before_and_after_the_picture() -> None:
    span, frames, samples = timeline(3.0)
    assert (span.start_seconds, span.stop_seconds) == (-2.0, 5.0)
    assert len(frames) == 3 * FRAME_RATE
    assert (frames[0], frames[-1]) == (0.0, pytest.approx(3 - 1 / FRAME_RATE))
    assert len(samples) == 7 * SAMPLE_RATE
    assert samples[2 * SAMPLE_RATE] == pytest.approx(0.0)
