from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from avts.media.planes import Planes
from avts.report.strip import DrawnPair, ShownSpan, frames_that_fit, rgb_of, write_strip
from avts.timebase import Span


@pytest.mark.parametrize(
    ("yuv", "rgb"),
    [
        ((16, 128, 128), (0, 0, 0)),
        ((235, 128, 128), (255, 255, 255)),
        ((81, 90, 240), (254, 0, 0)),  # BT.601's red, green, blue
        ((145, 54, 34), (0, 255, 1)),
        ((41, 240, 110), (0, 0, 255)),
    ],
)
def test_planes_become_the_published_colours(yuv: tuple[int, int, int], rgb: tuple[int, int, int]) -> None:
    y, u, v = (np.full((1, size, size), value, np.uint8) for size, value in zip((4, 2, 2), yuv, strict=True))
    np.testing.assert_allclose(rgb_of(Planes(y, u, v), 0)[1, 2], rgb, atol=1)


def test_narrow_frames_stand_closer() -> None:
    assert frames_that_fit(128, 128) == 10
    assert frames_that_fit(228, 128) == 6
    assert frames_that_fit(4000, 10) == 2


def test_a_strip_is_a_picture_with_the_kinds_colours(tmp_path: Path) -> None:
    frames = Planes(np.full((4, 8, 8), 235, np.uint8), *(np.full((4, 4, 4), 128, np.uint8) for _ in range(2)))
    shown = ShownSpan(Span(2.0, 6.0), frames, np.random.default_rng(0).normal(size=(40, 400)).astype(np.float32))
    pairs = [DrawnPair("positive", Span(2, 3), Span(2, 3)), DrawnPair("super_hard", Span(3, 4), Span(3.5, 4.5))]
    write_strip(tmp_path / "s.png", shown, pairs, title="a $clip$", subtitle="4 s")
    pixels = np.asarray(Image.open(tmp_path / "s.png").convert("RGB")).reshape(-1, 3)
    for colour, there in (((0x13, 0x89, 0x8B), True), ((0x7C, 0x5F, 0xC4), True), ((0xC0, 0x4A, 0x7A), False)):
        assert ((pixels == colour).all(axis=1).sum() > 300) == there


def test_a_long_title_and_a_long_label_are_broken_into_lines(tmp_path: Path) -> None:
    frames = Planes(np.full((4, 8, 8), 235, np.uint8), *(np.full((4, 4, 4), 128, np.uint8) for _ in range(2)))
    shown = ShownSpan(Span(2.0, 6.0), frames, np.zeros((40, 400), np.float32))
    heights = []
    for title, subtitle in (("a clip", "4 s"), ("a long name " * 30, "4 s"), ("a clip", "a long label " * 40)):
        write_strip(tmp_path / "s.png", shown, [], title=title, subtitle=subtitle)
        pixels = np.asarray(Image.open(tmp_path / "s.png").convert("L"))
        assert (pixels[:, -4:] == 255).all(), "nothing is cut off at the right edge"
        heights.append(len(pixels))
    assert heights[1] > heights[0] + 40
    assert heights[2] > heights[0] + 40
