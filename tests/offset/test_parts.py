"""The picture of a short film in parts: where they lie, what is kept, and the distance that whole and parts give."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from avts.media.planes import Planes
from avts.model.dense import picture_windows
from avts.model.losses import PART_SHARPNESS, soft_minimum
from avts.model.two_stream import TwoStream
from avts.offset import parts as module
from avts.offset.distance_map import distance_map, scan_features
from avts.offset.estimate import estimate
from avts.offset.features import Features, film_features
from avts.offset.film import ArrayFilm
from avts.offset.measure import measure
from avts.offset.model import SyncModel
from avts.offset.parts import PLACES, PictureInParts
from fixtures_features import small_network


@pytest.fixture(scope="module")
def network() -> TwoStream:
    torch.manual_seed(0)
    return small_network()


def planes(frames: int, height: int = 72, width: int = 130, seed: int = 0) -> Planes:
    rng = np.random.default_rng(seed)
    y, u, v = (rng.integers(16, 236, (frames, height // by, width // by)).astype(np.uint8) for by in (1, 2, 2))
    return Planes(y, u, v)


def kept(*chunks: Planes) -> PictureInParts:
    picture = PictureInParts()
    for _ in picture.watching(iter(chunks)):
        pass
    return picture


def test_parts_reach_from_edge_to_edge_and_colour_goes_with_luminance() -> None:
    """72 x 130: colour planes of 36 x 65, parts of 18 x 32 there, at 0, 9, 18 down and 0, 16, 33 across."""
    whole = planes(2)
    for number, (row, column) in enumerate(PLACES):
        (part,) = kept(whole)._part(row, column)
        top, left = (0, 9, 18)[row], (0, 16, 33)[column]
        assert np.array_equal(part.u, whole.u[:, top : top + 18, left : left + 32]), number
        assert np.array_equal(part.v, whole.v[:, top : top + 18, left : left + 32])
        assert np.array_equal(part.y, whole.y[:, 2 * top : 2 * top + 36, 2 * left : 2 * left + 64])


def test_each_part_is_embedded_as_a_film_of_its_own(network: TwoStream) -> None:
    chunks = [planes(20, seed=1), planes(16, seed=2)]
    found = kept(*chunks).embedded(network, window_seconds=1.0)
    assert found is not None

    def middle() -> Iterator[Planes]:
        for each in chunks:
            y, u, v = each.y[:, 18:54, 32:96], each.u[:, 9:27, 16:48], each.v[:, 9:27, 16:48]
            yield Planes(*(np.ascontiguousarray(plane) for plane in (y, u, v)))

    assert torch.equal(found[PLACES.index((1, 1))], picture_windows(network, middle(), window_seconds=1.0))
    assert [each.shape for each in found] == [(13, 16)] * 9


def test_nothing_is_kept_of_a_long_film(monkeypatch: pytest.MonkeyPatch, network: TwoStream) -> None:
    monkeypatch.setattr(module, "LONGEST_SECONDS", 1.5)
    assert kept(planes(36)).embedded(network, window_seconds=1.0) is not None
    for picture in (kept(planes(30), planes(7)), kept()):
        assert picture.embedded(network, window_seconds=1.0) is None
        assert not picture._chunks


def test_the_soft_minimum_is_near_the_least_and_at_most_the_mean() -> None:
    rng = np.random.default_rng(0)
    distances = torch.from_numpy(rng.uniform(0, 1, (10, 50)))
    found = soft_minimum(distances)
    least = distances.amin(dim=0)
    assert (found >= least).all()
    assert (found <= least + np.log(10) / PART_SHARPNESS + 1e-6).all()
    assert (found <= distances.mean(dim=0) + 1e-6).all()
    assert soft_minimum(torch.full((10, 1), 0.7)) == pytest.approx(0.7, abs=1e-6)
    assert soft_minimum(torch.tensor([[torch.nan], [0.5]])).isnan().all()


def test_a_sound_that_one_part_fits_is_found_there(network: TwoStream) -> None:
    """The whole and all other parts are at random; part 4 has the embeddings of its sounds, 5 frames away."""
    rng = np.random.default_rng(3)
    unit = [each / np.linalg.norm(each, axis=-1, keepdims=True) for each in rng.normal(size=(11, 120, 16))]
    sounds, whole, *others = (each.astype(np.float16) for each in unit)
    parts = np.stack(others)
    parts[4, 5:] = sounds[:-5]
    every = np.ones(120, np.bool_)
    alone = Features(whole, sounds, every, every, 1.0)
    in_parts = Features(whole, sounds, every, every, 1.0, parts=parts)
    assert estimate(scan_features(in_parts, 1.0)).offset_seconds == pytest.approx(5 / 24, abs=0.02)
    cut = {"first_offset": -10, "num_offsets": 21, "hop": 2}
    maps = [distance_map(Features(each, sounds, every, every, 1.0), **cut) for each in (whole, *parts)]
    assert np.array_equal(distance_map(in_parts, **cut), soft_minimum(torch.from_numpy(np.stack(maps))), equal_nan=True)
    assert np.array_equal(distance_map(alone, **cut), maps[0], equal_nan=True)


def test_a_short_films_features_have_its_parts(
    beating: Callable[..., tuple], network: TwoStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = film_features(ArrayFilm(*beating(seconds=2)), network, window_seconds=1.0)
    assert features.parts is not None
    assert features.parts.shape == (9, 25, 16)
    assert features.parts.dtype == np.float16
    monkeypatch.setattr(module, "LONGEST_SECONDS", 1.5)
    whole = film_features(ArrayFilm(*beating(seconds=2)), network, window_seconds=1.0)
    assert whole.parts is None
    assert np.array_equal(whole.pictures, features.pictures)


@pytest.mark.parametrize("in_parts", [True, False])
def test_a_model_may_be_told_to_look_at_the_whole_only(
    beating: Callable[..., tuple], network: TwoStream, in_parts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(PictureInParts, "embedded", lambda *_, **__: asked.append(True))
    measure(ArrayFilm(*beating(seconds=3)), SyncModel(network, 1.0, "fresh", in_parts=in_parts))
    assert bool(asked) == in_parts
