"""The plain baseline: motion against loudness, on films whose truth is known."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from avts.media.writer import write_video
from avts.offset.estimate import FLAT, SILENT, STILL, TOO_SHORT
from avts.offset.film import ArrayFilm, FileFilm
from avts.offset.motion import motion_estimate, motion_measure, motion_scan
from avts.offset.repair import repair

Make = Callable[..., tuple]


@pytest.mark.parametrize("offset", [-0.75, -0.2, 0.0, 0.4, 1.1])
def test_the_offset_of_a_film_whose_flicker_makes_its_noise_is_found(beating: Make, offset: float) -> None:
    scan, found = motion_measure(ArrayFilm(*beating(offset_seconds=offset)))
    assert found.offset_seconds == pytest.approx(offset, abs=0.02)
    assert found.reason is None
    assert scan.distances.shape == (12 * 24 - 23, 97)


def test_the_curve_is_pearsons_correlation_of_the_logarithms() -> None:
    rng = np.random.default_rng(1)
    change, power = np.exp(rng.normal(-5, 1, 100)), np.exp(rng.normal(-8, 2, 100))
    scan = motion_scan(change, power, range_seconds=1.0)
    curve = motion_estimate(change, power, scan).curve
    a, b = np.log(change + 1e-4), np.log(power + 1e-6)
    for column, offset in enumerate(range(-24, 25)):
        # sound early by k frames is found k frames before its picture
        pairs = np.array([(a[t], b[t - offset]) for t in range(100) if 0 <= t - offset < 100])
        assert curve[column] == pytest.approx((1 - np.corrcoef(pairs.T)[0, 1]) / 2)


def test_loudness_does_not_matter(beating: Make) -> None:
    frames, fps, samples, rate = beating(offset_seconds=0.3)
    quiet = motion_measure(ArrayFilm(frames, fps, samples / 4, rate))[1]
    assert quiet.offset_seconds == pytest.approx(0.3, abs=0.02)


def test_sound_of_another_film_is_not_sure(beating: Make) -> None:
    said = []
    for seed in range(12):
        frames, fps, _, _ = beating(seed=seed)
        _, _, samples, rate = beating(seed=seed + 100)
        said.append(motion_measure(ArrayFilm(frames, fps, samples, rate))[1].confidence)
    assert np.mean(said) < 0.45


def test_what_cannot_be_told_has_a_reason(beating: Make) -> None:
    frames, fps, samples, rate = beating()
    still = np.repeat(frames[:1], len(frames), axis=0)
    assert motion_measure(ArrayFilm(still, fps, samples, rate))[1].reason == STILL
    assert motion_measure(ArrayFilm(frames, fps, samples * 0, rate))[1].reason == SILENT
    assert motion_measure(ArrayFilm(frames[:20], fps, samples, rate))[1].reason == TOO_SHORT
    hum = 0.1 * np.sin(2 * np.pi * 480 * np.arange(len(samples)) / rate)  # a whole number of periods a frame
    assert motion_measure(ArrayFilm(frames, fps, hum, rate))[1].reason == FLAT


FLICKER_RATE, FLICKER_SECONDS = 16_000, 14


def write_flicker(path: Path, frames_per_second: float, early_seconds: float) -> Path:
    """Pictures whose brightness jumps at uneven times; each jump makes a burst that is heard too early."""
    rng = np.random.default_rng(2)
    jumps = np.cumsum(rng.uniform(0.3, 0.9, 60))
    jumps = np.round(jumps[jumps < FLICKER_SECONDS - 1] * frames_per_second) / frames_per_second
    levels = rng.permutation(np.tile([40, 110, 180], 20))
    shown = np.arange(round(FLICKER_SECONDS * frames_per_second)) / frames_per_second
    bright = levels[np.searchsorted(jumps, shown + 1e-6, side="right")]
    frames = np.repeat(np.repeat(bright[:, None, None, None], 64, 1), 64, 2).repeat(3, 3).astype(np.uint8)
    heard = np.arange(FLICKER_SECONDS * FLICKER_RATE) / FLICKER_RATE + early_seconds
    happened = jumps - 0.5 / frames_per_second  # between the last picture before and the first one after
    loud = np.where(np.abs(heard[:, None] - happened).min(axis=1) < 0.02, 0.3, 0.002)
    samples = (loud * rng.normal(size=len(heard))).astype(np.float32)
    write_video(path, frames, samples, frames_per_second=frames_per_second)
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("early", [0.411, -0.411, 0.0])
def test_a_known_offset_of_twelve_frames_a_second_is_read_within_a_frame_and_0_after_the_repair(
    tmp_path: Path, suffix: str, early: float
) -> None:
    film, repaired = write_flicker(tmp_path / f"film{suffix}", 12, early), tmp_path / f"repaired{suffix}"
    assert motion_measure(FileFilm(film))[1].offset_seconds == pytest.approx(early, abs=0.042)
    repair(film, repaired, offset_seconds=early)
    assert motion_measure(FileFilm(repaired))[1].offset_seconds == pytest.approx(0, abs=0.042)
