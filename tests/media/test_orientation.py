"""How a picture is turned, in files whose frames carry data that PyAV has no name for."""

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avts.media.orientation import orientation_of
from avts.media.probe import probe
from avts.media.standard import read_standard

WIDTH, ORIENTATION = 0x0100, 0x0112
"""Tags of EXIF."""


def exif(tag: int, value: int) -> bytes:
    """A JPEG's block of EXIF with one tag."""
    content = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, tag, 3, 1, value, 0)
    return b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content


def write_exif_film(path: Path, counterclockwise: int, tag: bytes) -> Path:
    """Motion JPEG as cameras write it, each picture with EXIF; upper left corner white, 64 x 32."""
    picture = np.full((32, 64), 16, np.uint8)
    picture[:12, :24] = 235
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("mjpeg", rate=25)
        video.width, video.height, video.pix_fmt = 64, 32, "yuvj420p"
        video.set_display_rotation(counterclockwise)
        for index in range(50):
            frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuvj420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            for packet in video.encode(frame):
                data = bytes(packet)
                tagged = av.Packet(data[:2] + tag + data[2:])
                tagged.pts = tagged.dts = packet.pts
                tagged.time_base, tagged.stream, tagged.is_keyframe = packet.time_base, video, True
                container.mux(tagged)
    return path


@pytest.mark.parametrize(
    ("counterclockwise", "tag", "degrees"),
    [(0, exif(WIDTH, 64), 0), (90, exif(WIDTH, 64), 270), (180, exif(WIDTH, 64), 180), (0, exif(ORIENTATION, 6), 90)],
)
def test_pictures_with_exif_are_read_and_turned(
    tmp_path: Path, counterclockwise: int, tag: bytes, degrees: int
) -> None:
    path = write_exif_film(tmp_path / "camera.mov", counterclockwise, tag)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    with pytest.raises(ValueError, match="not a valid Type"):
        len(frame.side_data)
    assert orientation_of(frame).rotation_degrees == degrees
    luminance = read_standard(path, short_side=32, need_sound=False).planes.y
    assert luminance.shape == (48, *((64, 32) if degrees in {90, 270} else (32, 64)))
    corners = {(y, x): luminance[3, y * 2 if y else 2, x * 2 if x else 2] for y in (0, -1) for x in (0, -1)}
    assert (
        max(corners, key=lambda corner: corners[corner])
        == {0: (0, 0), 90: (0, -1), 180: (-1, -1), 270: (-1, 0)}[degrees]
    )
    info = probe(path).video
    assert info is not None
    assert info.rotation_degrees == degrees
