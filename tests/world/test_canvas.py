"""Drawing in scene units."""

import math

import numpy as np
import pytest

from avts.world.canvas import Pen, ring_of, shaded

WHITE = (255, 255, 255)


def blank() -> np.ndarray:
    return np.zeros((100, 100, 3), np.uint8)


def pen_on(image: np.ndarray) -> Pen:
    return Pen(image, 100, 0, 0, 100, 50, 50)


def centre(image: np.ndarray) -> tuple[float, float]:
    weight = image[..., 0].astype(float)
    y, x = np.mgrid[0:100, 0:100]
    return float((x * weight).sum() / weight.sum()), float((y * weight).sum() / weight.sum())


def test_a_disc_moves_by_less_than_a_pixel() -> None:
    places = []
    for shift in (0.0, 0.0025, 0.005):
        image = blank()
        pen_on(image).disc(0.2 + shift, -0.1, 0.1, 0.1, WHITE)
        places.append(centre(image))
    assert places[0] == pytest.approx((70, 40), abs=0.2)
    assert places[1][0] - places[0][0] == pytest.approx(0.25, abs=0.1)
    assert places[2][0] - places[0][0] == pytest.approx(0.5, abs=0.1)


def test_moved_pen_scales_turns_and_mirrors() -> None:
    image = blank()
    pen_on(image).moved(0.1, 0.0, scale=0.5, angle=math.pi / 2).box(0.3, -0.1, 0.5, 0.1, WHITE)
    assert centre(image) == pytest.approx((60, 70), abs=0.5)  # right of the pen is down in the picture
    image = blank()
    pen_on(image).moved(0.1, 0.0, mirror=True).disc(0.2, 0.1, 0.1, 0.05, WHITE, angle=0.5)
    assert centre(image) == pytest.approx((40, 60), abs=0.5)


def test_a_mirrored_ellipse_leans_the_other_way() -> None:
    leaning, mirrored = blank(), blank()
    pen_on(leaning).disc(0, 0, 0.3, 0.05, WHITE, angle=0.6)
    pen_on(mirrored).moved(0, 0, mirror=True).disc(0, 0, 0.3, 0.05, WHITE, angle=0.6)
    difference = np.abs(leaning[:, 1:][:, ::-1].astype(int) - mirrored[:, 1:]).mean()
    assert difference < 1.5 < np.abs(leaning.astype(int) - mirrored).mean()


def test_ring_and_shade_against_a_hand_count() -> None:
    assert ring_of(4, 2.0) == pytest.approx(np.array([(2, 0), (0, 2), (-2, 0), (0, -2)]), abs=1e-9)
    assert shaded((100, 200, 10), 1.5) == (150, 255, 15)
