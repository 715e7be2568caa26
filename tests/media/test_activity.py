"""Change and loudness of a film against hand counts, in chunks of any size."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from avts.media.activity import BlockPower, PictureActivity, SoundActivity, audible_windows, moving_windows
from avts.media.planes import Planes


def planes(luma: np.ndarray) -> Planes:
    half = np.full((len(luma), luma.shape[1] // 2, luma.shape[2] // 2), 128, np.uint8)
    return Planes(luma, half, half)


def test_change_is_the_mean_difference_to_the_next_frame() -> None:
    luma = np.full((4, 128, 128), 100, np.uint8)
    luma[2:, :64] = 151  # half the picture by 51 of 255 levels
    activity = PictureActivity()
    whole = planes(luma)
    handed = list(activity.watching(iter([whole.part(0, 1), whole.part(1, 3), whole.part(3, 4)])))
    assert [chunk.num_frames for chunk in handed] == [1, 2, 1]
    assert activity.change == pytest.approx([0, 0.1, 0, 0])
    assert activity.largest == pytest.approx([0, 51, 0, 0])


def test_the_last_frame_has_the_change_of_the_one_before() -> None:
    luma = np.stack([np.full((64, 64), level, np.uint8) for level in (10, 10, 61)])
    activity = PictureActivity()
    list(activity.watching([planes(luma)]))
    assert activity.change == pytest.approx([0, 0.2, 0.2])


def test_power_of_blocks_by_hand_whatever_the_chunks() -> None:
    meter = BlockPower(4)
    samples = np.array([0, 1, 0, 1, 0.5, 0.5, 0.5, 0.5, 3], np.float32)
    found = [meter.add(chunk) for chunk in (samples[:3], samples[3:4], samples[4:4], samples[4:])]
    assert [part.tolist() for part in found] == [[], [0.5], [], [0.25]]
    assert meter.add(np.zeros(3, np.float32)).tolist() == [2.25]  # the sample that was left over came first


def test_a_film_of_no_frames_has_no_change() -> None:
    assert len(PictureActivity().change) == 0
    assert len(SoundActivity().power) == 0


@pytest.mark.parametrize("size", [1, 100, 667, 5000])
def test_power_is_the_mean_square_during_each_frame_whatever_the_chunks(size: int) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 5000).astype(np.float32)
    activity = SoundActivity()
    handed = list(activity.watching(samples[first : first + size] for first in range(0, 5000, size)))
    assert np.array_equal(np.concatenate(handed), samples)
    assert activity.num_samples == 5000
    edges = [0, 667, 1333, 2000, 2667, 3333, 4000, 4667]  # 2000 / 3 samples a frame; 333 are left over
    expected = [np.square(samples[a:b].astype(float)).mean() for a, b in pairwise(edges)]
    assert activity.power == pytest.approx(expected, rel=1e-6)


def test_a_window_is_heard_above_minus_60_dbfs() -> None:
    power = np.array([0, 0, 0, 4e-6, 0, 0])  # the mean of 3 frames is 1.33e-6 with the loud one in them
    assert audible_windows(power, 3).tolist() == [False, True, True, True]
    assert len(audible_windows(power, 7)) == 0


def test_a_window_moves_if_a_cell_of_one_frame_changes_by_more_than_two_levels() -> None:
    largest = np.array([0, 1.9, 2.1, 0, 0])
    assert moving_windows(largest, 2).tolist() == [False, True, True, False]
    assert len(moving_windows(largest, 6)) == 0


def test_a_loader_worker_does_not_pay_for_drawing_code() -> None:
    code = "import sys, avts.pairs.loader; sys.exit('cv2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
