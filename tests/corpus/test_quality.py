import numpy as np
import pytest

from avts.corpus.quality import (
    MotionMeter,
    SoundMeter,
    is_silent,
    is_still,
    is_too_short,
    is_usable,
    mean_difference,
)


def tone(seconds: float, level_db: float) -> np.ndarray:
    """A sine whose RMS has a level in dB of full scale."""
    at = np.arange(round(seconds * 16_000)) / 16_000
    return (10 ** (level_db / 20) * np.sqrt(2) * np.sin(2 * np.pi * 400 * at)).astype(np.float32)


@pytest.mark.parametrize(("level_db", "silent"), [(-20, False), (-58, False), (-62, True), (-90, True)])
def test_silence_begins_at_60_db_below_full_scale(level_db: float, silent: bool) -> None:
    assert is_silent(tone(2.0, level_db)) is silent


def test_a_few_blips_do_not_end_silence_but_a_sound_now_and_then_does() -> None:
    quiet = np.zeros(160_000, np.float32)  # 10 s, 200 blocks of 50 ms
    blip, now_and_then = quiet.copy(), quiet.copy()
    blip[1000:1600] = 0.5  # in 2 blocks: 1 %
    now_and_then[::16_000] = 0.5  # in 10 blocks: 5 %
    assert is_silent(blip)
    assert not is_silent(now_and_then)


def test_nothing_is_silent() -> None:
    assert is_silent(np.empty(0, np.float32))
    assert SoundMeter().loudness_db == -120.0


def test_loudness_is_the_rms_whatever_the_pieces() -> None:
    whole = tone(1.0, -23.0)
    meter = SoundMeter()
    for piece in np.split(whole, [1, 799, 801, 5000]):
        meter.add(piece)
    assert meter.loudness_db == pytest.approx(-23.0, abs=0.01)
    assert not meter.is_silent


def test_motion_is_the_mean_absolute_luminance_difference_whatever_the_pieces() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (7, 8, 10), np.uint8)
    by_hand = np.abs(np.diff(frames.astype(float), axis=0)).mean()
    meter = MotionMeter()
    for piece in (frames[:1], frames[1:4], frames[4:]):
        meter.add(piece)
    assert meter.motion == pytest.approx(by_hand)
    assert mean_difference(frames[0], frames[1]) == pytest.approx(np.abs(frames[0].astype(float) - frames[1]).mean())


def test_still_is_a_picture_that_does_not_change() -> None:
    frames = np.full((5, 16, 16), 100, np.uint8)
    assert is_still(frames)
    assert is_still(frames[:1])
    frames[2, 0, 0] = 110  # 10 of 255 at one pixel of 256, twice in 4 steps: 0.02
    assert is_still(frames)
    frames[2, :2] = 110
    assert not is_still(frames)


def test_usable_and_too_short() -> None:
    assert is_usable(())
    assert is_usable(("truncated",))
    assert not any(is_usable((flag,)) for flag in ("no_audio", "silent", "still"))
    assert not is_usable(("truncated", "still"))
    assert is_too_short(0.99)
    assert not is_too_short(1.0)
