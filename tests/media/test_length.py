"""How long a file is when its header says what cannot be."""

import struct
from pathlib import Path
from typing import Any

import pytest

from avts.media.limits import Guard, Limits
from avts.media.probe import probe
from avts.media.standard import read_standard, standard_frames

FILM: dict[str, Any] = {"seconds": 2.0, "clicks_seconds": (0.4, 1.2), "width": 64, "height": 32, "audio_codec": "aac"}
SEGMENT, DURATION = bytes.fromhex("18538067"), bytes.fromhex("4489")


def with_length(film: Path, seconds: float) -> Path:
    """A Matroska file whose header says another length."""
    data = bytearray(film.read_bytes())
    place = data.index(DURATION, data.index(SEGMENT)) + len(DURATION) + 1
    data[place : place + 8] = struct.pack(">d", seconds * 1000)
    film.write_bytes(data)
    return film


@pytest.mark.parametrize("said", [-5.0, 0.3, 1e6, 1e12])
def test_a_length_that_cannot_be_is_counted(films: Any, said: float) -> None:
    film = with_length(films.write("film.mkv", **FILM), said)
    assert probe(film).duration_seconds == pytest.approx(2.0, abs=0.1)
    frames = standard_frames(film, short_side=32, guard=Guard(film.name, Limits(max_duration_seconds=10.0)))
    assert sum(planes.num_frames for planes in frames) == 48


def test_a_length_that_can_be_is_believed(films: Any) -> None:
    assert probe(with_length(films.write("film.mkv", **FILM), 7.5)).duration_seconds == 7.5


@pytest.mark.parametrize("size", [0, 20, 10**12, 2**56 - 1])
def test_a_segment_of_a_false_size_is_read_to_its_end(films: Any, size: int) -> None:
    film = films.write("film.mkv", **FILM)
    data = bytearray(film.read_bytes())
    place = data.index(SEGMENT) + len(SEGMENT)
    data[place : place + 8] = (1 << 56 | size).to_bytes(8, "big")
    film.write_bytes(data)
    clip = read_standard(film, short_side=32)
    assert clip.planes.num_frames == 48
    assert clip.truncated == (size == 10**12)
