"""The sync benchmark: that the ways it compares give the same, and that its films are what they say."""

from pathlib import Path

import av
import numpy as np
import pytest
import torch

from avts.errors import CheckpointError, InputError
from avts.offset.distance_map import distance_map
from avts.offset.features import Features
from benchmarks.films import FORMS, repeated, shifted_film
from benchmarks.sync import calc_pdist_of, rows, window_by_window


def test_both_ways_give_the_same_distances() -> None:
    generator = np.random.default_rng(0)
    made = [generator.standard_normal((40, 16)) for _ in range(2)]
    pictures, sounds = ((each / np.linalg.norm(each, axis=1, keepdims=True)).astype(np.float32) for each in made)
    features = Features(pictures, sounds, np.ones(40, np.bool_), np.ones(40, np.bool_), 1.0)
    ours = distance_map(features, first_offset=-5, num_offsets=11, hop=1)
    usual = torch.stack(window_by_window(torch.from_numpy(pictures), torch.from_numpy(sounds), 5)).numpy() / 2
    known = np.isfinite(ours)
    # offsets rise in ours, places of the sound in theirs
    assert np.abs(ours - usual[:, ::-1])[known].max() < 1e-3
    assert known.sum() == 40 * 11 - 2 * (5 + 4 + 3 + 2 + 1)


def test_the_peers_function_is_taken_out_of_its_module(tmp_path: Path) -> None:
    (tmp_path / "SyncNetInstance.py").write_text(
        "import not_there\n\ndef calc_pdist(a, b, vshift=10):\n    return [a]\n"
    )
    assert calc_pdist_of(tmp_path)(3, 4) == [3]


def test_a_checkout_without_the_function_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--syncnet .*: no SyncNetInstance\.py in it"):
        calc_pdist_of(tmp_path)
    (tmp_path / "SyncNetInstance.py").write_text("x = 1\n")
    with pytest.raises(InputError, match=r"no calc_pdist in SyncNetInstance\.py"):
        calc_pdist_of(tmp_path)


def test_what_cannot_run_is_a_row_that_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def missing(path: object) -> None:
        raise CheckpointError("installation contains none")

    monkeypatch.setattr("avts.offset.model.load_sync_model", missing)
    (row,) = rows(only=["repair"], work=tmp_path)
    assert (row.name, row.value, row.reached, row.note) == ("repair: not run", None, None, "installation contains none")


@pytest.mark.parametrize("index", range(len(FORMS)))
def test_a_film_has_the_form_and_the_offset_that_it_says(tmp_path: Path, index: int) -> None:
    path, offset, form = shifted_film(tmp_path, index)
    assert path.suffix == form.ending
    assert 0 < abs(offset) <= 2.0
    with av.open(path) as container:
        assert float(container.streams.video[0].average_rate) == pytest.approx(float(form.frames_per_second), rel=0.01)
        assert container.streams.audio[0].rate == form.sample_rate


def test_a_long_film_repeats_a_short_one(tmp_path: Path) -> None:
    path, _, _ = shifted_film(tmp_path, 0)
    long = repeated(path, tmp_path / "long.mp4", seconds=20)
    with av.open(long) as container:
        assert float(container.duration) / av.time_base == pytest.approx(24, abs=0.5)
        stamps = [packet.dts for packet in container.demux(video=0) if packet.dts is not None]
    assert len(stamps) == pytest.approx(3 * 200, abs=4)
    assert (np.diff(stamps) > 0).all()
    assert repeated(path, long, seconds=99) == long, "what is there is kept"
