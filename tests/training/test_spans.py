"""Spans: which of their windows are paired as what, and that they are the windows that whole films give."""

import numpy as np
import pytest
import torch

from avts.media.planes import Planes
from avts.model.dense import picture_windows, sound_windows
from avts.model.two_stream import TwoStream
from avts.pairs.negatives import EASY, HARD, POSITIVE, SUPER_HARD
from avts.training.spans import (
    UNPAIRED,
    embed_picture_spans,
    embed_sound_spans,
    heard_windows,
    num_windows,
    pair_kinds,
)
from fixtures_features import SMALL, small_network

SETTINGS = SMALL.model_copy(update={"context_seconds": 3.0, "filter_bands": 40})


@pytest.fixture(scope="module")
def model() -> TwoStream:
    torch.manual_seed(0)
    return small_network(SETTINGS)


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


def test_without_a_gap_each_shift_of_a_window_or_more_is_a_hard_pair() -> None:
    kinds = pair_kinds(1, 3.0, 1.0, 0.0)
    # 0 s; 0.125; 0.25 .. 0.875; 1 .. 2
    assert kinds[0].tolist() == [POSITIVE, UNPAIRED] + [SUPER_HARD] * 6 + [HARD] * 9


def test_margins_leave_the_inner_windows_as_they_are(model: TwoStream) -> None:
    """Windows start every 3 frames, so margins of 0.25 s, 6 frames, drop two windows at each end."""
    rng = np.random.default_rng(2)
    y = torch.from_numpy(rng.random((2, 72, 32, 32), dtype=np.float32))
    samples = torch.from_numpy((0.1 * rng.standard_normal((2, 48_000))).astype(np.float32))
    samples[0, 20_000:] = 0
    for embed, span in ((embed_picture_spans, [y]), (embed_sound_spans, samples)):
        with torch.inference_mode():
            whole = embed(model, span, clip_seconds=1.0).view(2, 17, -1)  # type: ignore[operator]
            inner = embed(model, span, clip_seconds=1.0, margin_seconds=0.25)  # type: ignore[operator]
        torch.testing.assert_close(inner.view(2, 13, -1), whole[:, 2:-2], atol=1e-5, rtol=0)
    heard = [
        heard_windows(samples, clip_seconds=1.0, silence_dbfs=-60.0, margin_seconds=margin).view(2, -1)
        for margin in (0.0, 0.25)
    ]
    assert torch.equal(heard[1], heard[0][:, 2:-2])
    assert not heard[1].all()


def test_in_margins_no_window_sees_padding(model: TwoStream) -> None:
    """MC3 sees 5 frames either way: with a margin of 6 what lies beyond the span changes no window of it."""
    y = torch.from_numpy(np.random.default_rng(3).random((1, 90, 32, 32), dtype=np.float32))
    with torch.inference_mode():
        frames = model.picture_input_of(y)  # one normalisation for all, so that only what the tower sees differs
        alone, amid = (model.picture_sequence(part).float() for part in (frames[:, :, 9:81], frames))
    seen = (alone - amid[:, 9:81]).abs().amax((0, 2)) > 1e-5
    assert seen[:5].all()
    assert not seen[6:-6].any()
