"""A film as a strip of thumbnails."""

import base64
import re

import cv2
import numpy as np
import pytest

from avts.media.planes import Planes
from avts.offset.kept_frames import TimedPlanes
from avts.report.thumbnails import HEIGHT_PIXELS, thumbnail_strip


def plain(y: int, u: int, v: int, height: int = 128, width: int = 228, count: int = 2) -> Planes:
    half = (count, height // 2, width // 2)
    return Planes(np.full((count, height, width), y, np.uint8), np.full(half, u, np.uint8), np.full(half, v, np.uint8))


def images(strip: str) -> list[np.ndarray]:
    """The JPEGs of a strip, RGB."""
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', strip)
    decoded = [cv2.imdecode(np.frombuffer(base64.b64decode(each), np.uint8), cv2.IMREAD_COLOR) for each in found]
    return [image[:, :, ::-1] for image in decoded if image is not None]


def test_the_thumbnails_are_small_jpegs_in_the_colours_of_the_film() -> None:
    red = plain(81, 90, 240)  # BT.601, limited range
    strip = thumbnail_strip(TimedPlanes(red, (1.0, 2.0), 3.0))
    shown = images(strip)
    assert len(shown) == 2
    assert shown[0].shape == (HEIGHT_PIXELS, round(228 * HEIGHT_PIXELS / 128), 3)
    assert np.abs(shown[0].reshape(-1, 3).mean(axis=0) - [255, 0, 0]).max() < 6
    assert len(strip) < 20_000


@pytest.mark.parametrize(("height", "width"), [(2, 2), (128, 1024), (1024, 128), (16, 16)])
def test_any_shape_of_frame_has_its_aspect(height: int, width: int) -> None:
    (shown,) = images(thumbnail_strip(TimedPlanes(plain(120, 128, 128, height, width, 1), (0.0,), 1.0)))
    assert shown.shape[1] / shown.shape[0] == pytest.approx(width / height, rel=0.05)


@pytest.mark.parametrize(("duration", "labels"), [(100.0, ["8.3 s", "75.0 s"]), (130.0, ["0:08", "1:15"])])
def test_each_frame_has_its_time(duration: float, labels: list[str]) -> None:
    strip = thumbnail_strip(TimedPlanes(plain(120, 128, 128), (8.34, 75.0), duration))
    assert re.findall("<figcaption>(.*?)</figcaption>", strip) == labels
    assert re.findall('alt="(.*?)"', strip) == [f"frame at {label}" for label in labels]
