from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avts.errors import LimitError
from avts.media.limits import Guard, Limits
from avts.media.standard import standard_frames, standard_sound

SMALL: dict[str, Any] = {"seconds": 2.0, "clicks_seconds": (), "width": 64, "height": 32}


def read(path: Path, **limits: Any) -> int:
    guard = Guard(path.name, Limits(**limits))
    return sum(chunk.num_frames for chunk in standard_frames(path, short_side=32, guard=guard))


def test_a_picture_with_too_many_pixels_is_refused_with_both_numbers(films: Any) -> None:
    path = films.write("wide.mp4", **SMALL)
    assert read(path, max_pixels=64 * 32) == 48
    with pytest.raises(LimitError, match=r"wide.mp4: 64 x 32 pixels, more than the 2047 allowed. Scale it down"):
        read(path, max_pixels=64 * 32 - 1)


def test_a_picture_that_grows_in_the_middle_is_refused(tmp_path: Path) -> None:
    """A header that says 64 x 32 does not keep an MPEG-2 stream from going on with 512 x 256."""
    whole = b""
    for index, (width, height) in enumerate([(64, 32), (512, 256)]):
        part = tmp_path / f"{index}.m2v"
        with av.open(str(part), "w", format="mpeg2video") as container:
            video: Any = container.add_stream("mpeg2video", rate=25)
            video.width, video.height, video.pix_fmt = width, height, "yuv420p"
            for k in range(100):
                frame = av.VideoFrame.from_ndarray(np.full((height, width), k, np.uint8), format="gray")
                frame.pts, frame.time_base = k, Fraction(1, 25)
                container.mux(video.encode(frame.reformat(format="yuv420p")))
            container.mux(video.encode(None))
        whole += part.read_bytes()
    (tmp_path / "grows.m2v").write_bytes(whole)
    with pytest.raises(LimitError, match=r"grows.m2v: 512 x 256 pixels, more than the 10000 allowed"):
        read(tmp_path / "grows.m2v", max_pixels=10_000)


def test_too_long_a_file_is_refused_by_what_it_says_and_by_what_it_holds(films: Any) -> None:
    path = films.write("long.mp4", **SMALL)
    assert read(path, max_duration_seconds=2.1) == 48
    with pytest.raises(LimitError, match=r"long.mp4: lasts 2 s, more than the 1 allowed"):
        read(path, max_duration_seconds=1.0)
    silent = films.write("unsaid.mkv", **SMALL, container_options={"live": "1"})  # a stream that says no duration
    with av.open(str(silent)) as container:
        assert not container.duration
    with pytest.raises(LimitError, match=r"unsaid.mkv: lasts 1 s, more than the 1 allowed"):
        read(silent, max_duration_seconds=1.0)


def test_too_many_bytes_once_decoded_are_refused(films: Any) -> None:
    path = films.write("bomb.mp4", **SMALL)
    with pytest.raises(LimitError, match=r"bomb.mp4: more than 100000 bytes once decoded. Cut it into parts"):
        read(path, max_decoded_bytes=100_000)  # 50 frames of 3 kB


def test_sound_has_the_same_limits(films: Any) -> None:
    path = films.write("film.mkv", **SMALL)
    for limits, message in (
        ({"max_duration_seconds": 1.0}, r"film.mkv: lasts \d s, more than the 1 allowed"),
        ({"max_decoded_bytes": 1000}, r"film.mkv: more than 1000 bytes once decoded"),
    ):
        with pytest.raises(LimitError, match=message):
            list(standard_sound(path, guard=Guard("film.mkv", Limits(**limits))))


def test_every_decoded_frame_is_a_sign_of_life(films: Any) -> None:
    path, beats = films.write("film.mp4", **SMALL), []
    list(standard_frames(path, short_side=32, guard=Guard("film.mp4", Limits(), lambda: beats.append(1))))
    assert len(beats) == 50  # 2 s of 25 frames
