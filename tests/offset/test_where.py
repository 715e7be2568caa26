"""Where the sound comes from: of two films side by side, the one whose sound is heard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import avts
import avts.offset.where as where_module
from avts.cli import main
from avts.errors import MediaError, UsageError
from avts.media.planes import Planes
from avts.offset import measure
from avts.offset.film import ArrayFilm
from avts.offset.measure import SyncResult
from avts.offset.where import Where
from avts.report.where_figure import write_where
from avts.world.composition import compose
from avts.world.writer import encode

SECONDS = 4.0


@pytest.fixture(scope="module")
def halves() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two generated films side by side, [T, H, 2 W]; and the sound of the left one and that of the right one."""
    left, right = (compose(5, index, kind=kind, seconds=SECONDS) for index, kind in enumerate(("hammer", "dog")))
    height, width = np.minimum(left.frames.shape[1:3], right.frames.shape[1:3])
    frames = np.concatenate([take.frames[:, :height, :width] for take in (left, right)], axis=2)
    return frames, left.samples, right.samples


@pytest.mark.parametrize("side", [0, 1])
def test_the_half_that_makes_the_sound_is_bright(halves: tuple[np.ndarray, ...], side: int) -> None:
    found = avts.where((halves[0], 24.0, halves[1 + side], 16_000), offset_seconds=0.0)
    assert found.maps.shape[1:] == found.mean_map.shape == (4, 4)
    assert found.frames.shape[0] == len(found.times_seconds) == len(found.maps)
    assert float(found.mean_map.sum()) == pytest.approx(1)
    left, right = found.mean_map[:, :2].sum(), found.mean_map[:, 2:].sum()
    assert (left, right)[side] > 0.8


def test_the_offset_is_measured_if_it_is_not_given(
    halves: tuple[np.ndarray, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    early = (halves[0], 24.0, halves[1][6_400:], 16_000)
    measured: list[SyncResult] = []

    def measure_features(*arguments: Any) -> SyncResult:
        measured.append(measure.measure_features(*arguments))
        return measured[-1]

    read: list[ArrayFilm] = []
    pictures = ArrayFilm.pictures

    def counted(film: ArrayFilm) -> Iterator[Planes]:
        read.append(film)
        return pictures(film)

    monkeypatch.setattr(where_module, "measure_features", measure_features)
    monkeypatch.setattr(ArrayFilm, "pictures", counted)
    found = avts.where(early)
    assert found.mean_map[:, :2].sum() > 0.8
    assert len(read) == 1, "the film is read once"
    assert measured[0].guess_seconds == pytest.approx(avts.sync(early).guess_seconds, abs=0.005)
    np.testing.assert_array_equal(found.maps, avts.where(early, offset_seconds=measured[0].guess_seconds).maps)


def test_too_short_a_film_and_a_still_model_are_refused(halves: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(MediaError, match="too short to see where its sound comes from; two seconds are needed"):
        avts.where((halves[0][:30], 24.0, halves[1][:20_000], 16_000), offset_seconds=0.0)
    model = avts.load()
    model.network.picture_input = "still"
    with pytest.raises(UsageError, match="cannot show where a sound comes from"):
        avts.where((halves[0], 24.0, halves[1], 16_000), model, offset_seconds=0.0)


def test_a_map_in_which_nothing_goes_with_the_sound_is_empty(tmp_path: Path) -> None:
    nothing = Where(np.array([1.0]), np.full((1, 4, 4), -0.1, np.float32), np.zeros((1, 32, 48), np.uint8))
    assert not nothing.mean_map.any()
    write_where(tmp_path / "x.png", nothing, title="x")
    assert (tmp_path / "x.png").stat().st_size > 1000


def test_a_long_file_name_is_broken_into_lines(tmp_path: Path) -> None:
    found = Where(np.array([1.0]), np.ones((1, 4, 4), np.float32), np.zeros((1, 32, 48), np.uint8))
    heights = []
    for title in ("film.mp4", "a-very-long-name-" * 20):
        write_where(tmp_path / "x.png", found, title=title)
        pixels = np.asarray(Image.open(tmp_path / "x.png").convert("L"))
        assert (pixels[:, -4:] == 255).all(), "nothing is cut off at the right edge"
        heights.append(len(pixels))
    assert heights[1] > heights[0] + 20


def test_avts_show_draws_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "dog.mp4"
    encode(compose(5, 1, kind="dog", seconds=3.0), film)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main(["show", str(film), "--where", "--offset", "0", "--json"])
    assert not stopped.value.code
    said = json.loads(capsys.readouterr().out)
    assert Path(said["png"]).read_bytes().startswith(b"\x89PNG")
    assert np.shape(said["map"]) == (4, 4)
