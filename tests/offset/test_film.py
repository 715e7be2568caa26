"""Arrays in memory as films of the standard form."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avts.errors import MediaError, UsageError
from avts.media.planes import Planes
from avts.offset.film import ArrayFilm, FileFilm, ahead, film_of


def counted(frames: int, size: tuple[int, int] = (64, 96)) -> np.ndarray:
    """Frames [T, H, W], frame k of level 2 k."""
    return np.tile(2 * np.arange(frames, dtype=np.uint8)[:, None, None], (1, *size))


def luma(film: ArrayFilm) -> np.ndarray:
    return Planes.join(list(film.pictures())).y


@pytest.mark.parametrize("rate", [12.0, 24.0, 25.0, 29.97, 60.0])
def test_each_frame_shows_the_array_frame_nearest_in_time(rate: float) -> None:
    levels = (luma(ArrayFilm(counted(90), rate, np.zeros(10), 16_000))[:, 0, 0].astype(float) - 16) * 255 / 219
    shown = np.round(levels / 2)
    assert len(shown) == round(90 / rate * 24)
    away = shown / rate - np.arange(len(shown)) / 24
    assert np.abs(away[:-1]).max() <= 0.5 / rate + 0.001
    assert abs(away[:-1].mean()) < 0.003


def test_luminance_takes_the_limited_range_and_the_standard_size() -> None:
    film = ArrayFilm(np.full((3, 90, 160), 255, np.uint8), 24, np.zeros(10), 16_000)
    (planes,) = film.pictures()
    assert planes.y.shape == (3, 128, 228)
    assert planes.u.shape == (3, 64, 114)
    assert set(np.unique(planes.y)) == {235}


def test_colour_becomes_planes_by_bt601() -> None:
    frames = np.tile(np.array([200, 80, 30], np.uint8), (2, 64, 64, 1))
    (planes,) = ArrayFilm(frames, 24, np.zeros(10), 16_000).pictures()
    y = 16 + (65.481 * 200 + 128.553 * 80 + 24.966 * 30) / 255
    v = 128 + (112 * 200 - 93.786 * 80 - 18.214 * 30) / 255
    assert planes.y[0, 5, 5] == pytest.approx(y, abs=1)
    assert planes.v[0, 5, 5] == pytest.approx(v, abs=1)


@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (48_000, 2), (44_100, 1), (8_000, 1)])
def test_sound_is_resampled_mixed_and_as_long_as_the_picture(rate: int, channels: int) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    samples = tone if channels == 1 else np.stack([tone, np.zeros_like(tone)], axis=1)
    (chunk,) = ArrayFilm(counted(36), 24, samples, rate).sounds()
    assert chunk.dtype == np.float32
    assert len(chunk) == 24_000
    expected = np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000) / channels
    assert np.abs(chunk[500:15_500] - expected[500:15_500]).max() < 0.02
    assert not chunk[16_000:].any()


def test_a_film_is_read_again_and_again() -> None:
    film = ArrayFilm(counted(30), 25, np.ones(16_000), 16_000)
    assert np.array_equal(luma(film), luma(film))


def test_paths_are_files_and_tuples_are_arrays() -> None:
    assert isinstance(film_of("a.mp4"), FileFilm)
    assert film_of(Path("b/a.mp4")).name == str(Path("b/a.mp4"))
    assert film_of((counted(3), 24.0, np.zeros(10), 16_000)).name == "arrays"


def test_chunks_made_ahead_are_the_same_and_an_error_comes_in_its_place() -> None:
    def failing() -> Iterator[int]:
        yield from (1, 2, 3)
        raise MediaError("film.mp4: breaks off")

    assert list(ahead(range(1, 20))) == list(range(1, 20))
    assert list(ahead([])) == []
    got: list[int] = []
    with pytest.raises(MediaError, match=r"film\.mp4: breaks off"):
        got.extend(ahead(failing()))
    assert got == [1, 2, 3]


def test_a_file_is_read_as_a_film(films: Any) -> None:
    path = films.write("film.mp4", seconds=2.0, clicks_seconds=(0.5, 1.5), video_start_seconds=0.2)
    film = FileFilm(path)
    assert sum(chunk.num_frames for chunk in film.pictures()) == 48
    samples = np.concatenate(list(film.sounds()))
    assert len(samples) == 32_000
    assert films.click_errors_seconds((0.5, 1.5), samples) == pytest.approx(0, abs=0.002)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((3, 8, 8)), 24.0, np.zeros(9), 16_000), r"frames are float64 \[3, 8, 8\]\. Give uint8"),
        ((np.zeros((3, 8), np.uint8), 24.0, np.zeros(9), 16_000), r"frames are uint8 \[3, 8\]"),
        ((np.zeros((3, 8, 8, 4), np.uint8), 24.0, np.zeros(9), 16_000), r"frames are uint8 \[3, 8, 8, 4\]"),
        (
            (np.zeros((0, 8, 8), np.uint8), 24.0, np.zeros(9), 16_000),
            r"frames are \[0, 8, 8\]: they contain no picture",
        ),
        ((np.zeros((3, 8, 8), np.uint8), 24.0, np.zeros(9, np.int16), 16_000), r"samples are int16 \[9\]"),
        ((np.zeros((3, 8, 8), np.uint8), 24.0, np.zeros((9, 2, 2)), 16_000), r"samples are float64 \[9, 2, 2\]"),
        ((np.zeros((3, 8, 8), np.uint8), 0.0, np.zeros(9), 16_000), r"frames_per_second is 0\.0\. Give a number"),
        ((np.zeros((3, 8, 8), np.uint8), 24.0, np.zeros(9), -1), r"sample_rate is -1\. Give a number above 0"),
    ],
)
def test_arrays_that_are_no_film_are_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ArrayFilm(*arguments)


@pytest.mark.parametrize(("least", "said"), [(5, [(2, 5), (4, 5), (5, 5)]), (6, [])])
def test_who_watches_a_long_film_is_told_how_far_it_has_come(
    least: int, said: list[tuple[int, int]], films: Any
) -> None:
    told: list[tuple[int, int]] = []
    path = films.write("long.mp4", seconds=5.0)
    film = FileFilm(path, on_progress=lambda done, total: told.append((done, total)), least_seconds=least)
    assert sum(len(chunk.y) for chunk in film.pictures()) == 120
    assert told == said
