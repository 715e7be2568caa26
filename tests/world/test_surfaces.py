"""Textured surfaces: fractal noise and a pen whose fills carry it along."""

import numpy as np
import pytest

from avts.world.canvas import Pen
from avts.world.surfaces import TexturedPen, fractal, random_texture


def pen_on(image: np.ndarray, texture: np.ndarray) -> TexturedPen:
    return TexturedPen(image, 64.0, 0.0, 0.0, 64.0, 32.0, 32.0, texture, 64.0)


@pytest.mark.parametrize("slope", [0.5, 1.5])
def test_amplitude_of_fractal_noise_falls_with_its_slope(slope: float) -> None:
    image = fractal(np.random.default_rng(0), 256, 256, slope)
    assert abs(image.mean()) < 1e-4
    assert image.std() == pytest.approx(1, abs=1e-3)
    spectrum = np.abs(np.fft.fft2(image))
    radius = np.hypot(*np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256)))
    bands = [(0.02, 0.03), (0.2, 0.3)]
    low, high = (spectrum[(radius > a) & (radius < b)].mean() for a, b in bands)
    assert np.log10(low / high) == pytest.approx(slope, abs=0.1)


def test_a_textured_fill_covers_what_a_flat_fill_covers_in_its_colour_on_average() -> None:
    texture = random_texture(np.random.default_rng(2), 64)
    flat, rough = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8)
    Pen(flat, 64.0, 0.0, 0.0, 64.0, 32.0, 32.0).disc(0.1, 0.0, 0.3, 0.2, (90, 60, 30))
    pen_on(rough, texture).disc(0.1, 0.0, 0.3, 0.2, (90, 60, 30))
    assert np.mean((flat[..., 0] > 45) == (rough[..., 0] > 0)) > 0.95
    assert rough[flat[..., 0] == 90].mean() == pytest.approx(60, rel=0.25)
    assert rough[flat[..., 0] == 90].std() > flat[flat[..., 0] == 90].std()


def test_texture_moves_with_the_part_that_wears_it() -> None:
    texture = random_texture(np.random.default_rng(2), 64)
    here, there = np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64, 3), np.uint8)
    pen_on(here, texture).disc(0.0, 0.0, 0.2, 0.2, (200, 200, 200))
    pen_on(there, texture).moved(0.125, 0.0625).disc(0.0, 0.0, 0.2, 0.2, (200, 200, 200))
    assert np.array_equal(np.roll(here, (4, 8), axis=(0, 1)), there)


def test_shapes_outside_the_picture_leave_it_as_it_is() -> None:
    image = np.zeros((32, 32, 3), np.uint8)
    pen_on(image, random_texture(np.random.default_rng(2), 64)).box(5.0, 5.0, 6.0, 6.0, (255, 255, 255))
    assert not image.any()
