"""Spans: which of their windows are paired as what, and that they are the windows that whole films give."""

import numpy as np
import pytest
import torch

from avts.media.planes import Planes
from avts.model.checkpoint import build_model
from avts.model.dense import picture_windows, sound_windows
from avts.model.two_stream import TwoStream
from avts.pairs.negatives import EASY, HARD, POSITIVE, SUPER_HARD
from avts.settings import ModelSettings
from avts.training.spans import (
    UNPAIRED,
    embed_picture_spans,
    embed_sound_spans,
    heard_windows,
    num_windows,
    pair_kinds,
)

SETTINGS = ModelSettings(
    video_width=4,
    audio_width=8,
    picture_input="change",
    frame_size=32,
    head="temporal",
    hidden=16,
    embedding=16,
    context_seconds=3.0,
)


@pytest.fixture(scope="module")
def model() -> TwoStream:
    torch.manual_seed(0)
    made = build_model(SETTINGS).eval()
    made.low_precision = False
    return made


def test_windows_of_three_seconds_start_an_eighth_apart() -> None:
    assert num_windows(3.0, 1.0) == 17  # 0, 0.125 ... 2.0


def test_kinds_follow_the_time_between_two_windows() -> None:
    kinds = pair_kinds(2, 3.0, 1.0, 0.5).reshape(2, 17, 2, 17)
    # the first window against all of its own span: 0 s; 0.125; 0.25 .. 0.875; 1 .. 1.375; 1.5 .. 2
    expected = [POSITIVE, UNPAIRED] + [SUPER_HARD] * 6 + [UNPAIRED] * 4 + [HARD] * 5
    assert kinds[0, 0, 0].tolist() == expected
    assert torch.equal(kinds[1, :, 1], kinds[0, :, 0])
    assert (kinds[0, :, 1] == EASY).all()
    assert torch.equal(kinds[0, :, 0], kinds[0, :, 0].T)


def test_span_windows_are_those_of_the_scanned_film(model: TwoStream) -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 255, (72, 32, 32), dtype=np.uint8)
    half = np.zeros((72, 16, 16), np.uint8)
    samples = (0.1 * rng.standard_normal(48_000)).astype(np.float32)
    with torch.inference_mode():
        pictures = embed_picture_spans(model, [torch.from_numpy(y)[None].float() / 255], clip_seconds=1.0)
        sounds = embed_sound_spans(model, torch.from_numpy(samples)[None], clip_seconds=1.0)
        film = picture_windows(model, [Planes(y, half, half)], window_seconds=1.0)
        heard = sound_windows(model, samples, window_seconds=1.0)
    assert pictures.shape == sounds.shape == (17, 16)
    torch.testing.assert_close(pictures, film[::3], atol=1e-4, rtol=0)
    torch.testing.assert_close(sounds, heard[::3], atol=1e-4, rtol=0)


def test_a_window_is_silent_where_its_whole_second_is() -> None:
    samples = torch.zeros(1, 48_000)
    samples[:, 32_000:] = 0.1  # sound from 2 s on: windows that start at or before 1 s hear nothing of it
    heard = heard_windows(samples, clip_seconds=1.0, silence_dbfs=-60.0)
    assert heard.tolist() == [False] * 9 + [True] * 8
