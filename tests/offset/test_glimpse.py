"""The moment of a film that a plot shows: where it is, and that the sound is put right."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import OffsetEstimate, estimate
from avts.offset.glimpse import glimpse
from avts.offset.measure import SyncResult, result_of

OFFSETS = np.arange(-24, 25) / 24


def result_at(offset_seconds: float, best_window: int, windows: int = 73) -> SyncResult:
    """A result whose window `best_window` (one a frame) fits best."""
    dip = np.exp(-0.5 * ((OFFSETS - offset_seconds) / 0.1) ** 2)
    depth = np.full(windows, 0.2)
    depth[best_window] = 0.4
    scan = OffsetScan(np.arange(windows) / 24, OFFSETS, (0.6 - depth[:, None] * dip).astype(np.float32), 1.0)
    return result_of("film", scan, estimate(scan))


def test_the_moment_is_around_the_window_that_fits_best(films: Any) -> None:
    path: Path = films.write("film.mp4", seconds=4.0, clicks_seconds=(1.8,))
    found = glimpse(path, result_at(-0.5, best_window=36))  # 1.5 to 2.5 s
    assert found is not None
    assert found.start_seconds == pytest.approx(1.0)
    assert found.seconds == pytest.approx(2.0)
    assert found.frames.shape[0] == 48
    # the click at 1.8 s is 0.8 s into the moment; sound that is late by 0.5 s is moved earlier by that
    assert int(found.as_it_is.sum(axis=0).argmax()) == pytest.approx(80, abs=2)
    assert int(found.put_right.sum(axis=0).argmax()) == pytest.approx(30, abs=2)


def test_what_cannot_be_told_shows_its_start_as_it_is(films: Any) -> None:
    path: Path = films.write("film.mp4", seconds=3.0)
    scan = result_at(0.0, 0).scan
    found = glimpse(path, SyncResult("film", scan, OffsetEstimate(0.0, 0.0, np.zeros(49), 0, "flat curve")))
    assert found is not None
    assert found.start_seconds == 0
    assert np.array_equal(found.as_it_is, found.put_right)


def test_a_film_of_one_frame_has_no_moment(films: Any) -> None:
    path: Path = films.write("film.mp4", seconds=0.04, clicks_seconds=())
    assert glimpse(path, result_at(0.0, 0)) is None
