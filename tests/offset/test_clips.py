"""In-sync clips as a test: known shifts are found by what follows the sound, and counted by hand."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from avts.media.planes import Planes
from avts.offset import clips as clips_module
from avts.offset.clips import ClipOffset, clip_offsets, known_shifts, share_close
from avts.offset.film import ArrayFilm

Make = Callable[..., tuple]


@pytest.fixture
def film_in_memory(monkeypatch: pytest.MonkeyPatch) -> Callable[[tuple], None]:
    """Lets a path stand for arrays."""

    def use(arrays: tuple) -> None:
        monkeypatch.setattr(clips_module, "FileFilm", lambda path: ArrayFilm(*arrays, name=str(path)))

    return use


def test_known_shifts_are_found_and_the_clip_as_it_is_too(
    beating: Make, film_in_memory: Callable[[tuple], None]
) -> None:
    film_in_memory(beating(seconds=8))
    found = clip_offsets(Path("a/clip.mp4"), "speech", None)
    assert [each.shift_seconds for each in found] == [0.0, *known_shifts(Path("b/clip.mp4"), 0)]
    for each in found:
        assert each.kind == "speech"
        assert set(each.found_seconds) == {"motion"}
        assert each.found_seconds["motion"] == pytest.approx(each.shift_seconds, abs=0.03)
        assert each.close("motion")


@pytest.mark.parametrize("shift", [-0.6, -0.05, 0.31, 0.6])
def test_a_shift_leaves_no_silence_that_would_tell_it(
    beating: Make, film_in_memory: Callable[[tuple], None], monkeypatch: pytest.MonkeyPatch, shift: float
) -> None:
    heard: list[np.ndarray] = []
    scan = clips_module.motion_scan

    def spy(change: np.ndarray, power: np.ndarray, **options: object) -> object:
        heard.append(power[: len(change)])
        return scan(change, power, **options)

    film_in_memory(beating(seconds=6))
    monkeypatch.setattr(clips_module, "motion_scan", spy)
    monkeypatch.setattr(clips_module, "known_shifts", lambda *_: [shift])
    found = clip_offsets(Path("clip.mp4"), "", None)[1]
    assert found.found_seconds["motion"] == pytest.approx(shift, abs=0.03)
    assert heard[1].min() > 0
    assert len(heard[1]) == pytest.approx((6 - abs(shift)) * 24, abs=1.5)


def test_shifts_depend_on_name_and_seed_and_stay_in_bounds() -> None:
    drawn = [known_shifts(Path(f"{number}.mp4"), seed) for number in range(50) for seed in range(2)]
    assert len({tuple(shifts) for shifts in drawn}) == 100
    assert 0.5 < np.abs(drawn).max() <= 0.6
    assert len(drawn[0]) == 2


def test_a_clip_under_two_and_a_half_seconds_is_left_out(
    beating: Make, film_in_memory: Callable[[tuple], None]
) -> None:
    film_in_memory(beating(seconds=2.45))
    assert clip_offsets(Path("clip.mp4"), "", None) == []
    film_in_memory(beating(seconds=2.5))
    assert len(clip_offsets(Path("clip.mp4"), "", None)) == 3


def test_a_silent_clip_is_not_found_at_0(beating: Make, film_in_memory: Callable[[tuple], None]) -> None:
    frames, fps, samples, rate = beating(seconds=4)
    film_in_memory((frames, fps, samples * 0, rate))
    (as_it_is, *_) = clip_offsets(Path("clip.mp4"), "", None)
    assert np.isnan(as_it_is.found_seconds["motion"])
    assert not as_it_is.close("motion")


def test_shares_count_the_clips_within_a_fifth_of_a_second() -> None:
    found = [(0.0, 0.19), (0.0, -0.21), (0.0, float("nan")), (0.5, 0.69), (0.5, 0.2)]
    offsets = [ClipOffset(Path("a"), "", shift, {"motion": seconds}, {"motion": 0.9}) for shift, seconds in found]
    assert share_close(offsets, "motion", shifted=False) == pytest.approx(1 / 3)
    assert share_close(offsets, "motion", shifted=True) == pytest.approx(1 / 2)
    assert share_close(offsets[:3], "motion", shifted=True) is None


def test_planes_are_what_films_hand_over(beating: Make) -> None:
    assert isinstance(next(iter(ArrayFilm(*beating(seconds=1)).pictures())), Planes)
