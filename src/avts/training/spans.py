"""Dense steps: the towers run once over spans of several seconds, and all windows in them are paired.

One pass gives many windows, so hard and super-hard negatives are free, and the windows are like those of a film that is
scanned: features with a receptive field beyond the window, and statistics over more than the window.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from avts.model.audio import AudioTower
from avts.model.dense import STEPS_PER_SECOND
from avts.model.device import sent
from avts.model.frontend import normalise_filterbank
from avts.model.two_stream import TwoStream
from avts.pairs.negatives import EASY, HARD, POSITIVE, SUPER_HARD, SUPER_HARD_LEAST_SHIFT
from avts.timebase import FRAME_RATE, SAMPLE_RATE

HOP_FRAMES = 3
"""Hop between windows of a span, in frames."""

UNPAIRED = -1
"""Kind of two windows that are neither in sync nor a negative: too close to distinguish, or between kinds."""


def num_windows(span_seconds: float, clip_seconds: float) -> int:
    """Windows in a span."""
    return round((span_seconds - clip_seconds) * FRAME_RATE) // HOP_FRAMES + 1


def pair_kinds(num_spans: int, span_seconds: float, clip_seconds: float, gap_seconds: float) -> Tensor:
    """Kind of every pair of a window of picture and a window of sound.

    Args:
        num_spans: number of spans of a step, each from a different clip.
        span_seconds: length of a span.
        clip_seconds: length of a window.
        gap_seconds: minimum gap of a hard pair.

    Returns:
        int [P, P] with P = num_spans * num_windows, windows of a span are adjacent.
    """
    starts = torch.arange(num_windows(span_seconds, clip_seconds)) * HOP_FRAMES / FRAME_RATE
    shift = (starts[:, None] - starts[None]).abs() + 1e-6  # [W, W]
    within = torch.full(shift.shape, UNPAIRED)
    within[shift < 1e-3] = POSITIVE
    within[(shift >= SUPER_HARD_LEAST_SHIFT * clip_seconds) & (shift < clip_seconds)] = SUPER_HARD
    within[shift >= clip_seconds + gap_seconds] = HARD
    kinds = torch.full((num_spans, len(starts), num_spans, len(starts)), EASY)
    for span in range(num_spans):
        kinds[span, :, span] = within
    return kinds.flatten(2).flatten(0, 1)


def embed_picture_spans(
    model: TwoStream, planes: Sequence[Tensor], *, clip_seconds: float, margin_seconds: float = 0.0
) -> Tensor:
    """Embed the windows of spans of picture.

    Args:
        model: the networks.
        planes: luminance, and colour if it is used, each [B, T, H, W].
        clip_seconds: length of a window.
        margin_seconds: at each end of a span, input of the tower but not in any window: features near the ends depend
            on padding, which would reveal that two windows are from the same place.

    Returns:
        [B * W, D], of unit length.
    """
    sequence = model.picture_sequence(model.picture_input_of(*planes)).float()  # [B, T, C]
    margin = round(margin_seconds * FRAME_RATE)
    sequence = sequence[:, margin : sequence.shape[1] - margin]
    windows = sequence.unfold(1, round(clip_seconds * FRAME_RATE), HOP_FRAMES)  # [B, W, C, frames]
    embedded: Tensor = model.video_head(windows.flatten(0, 1).transpose(1, 2))
    return embedded


def embed_sound_spans(model: TwoStream, samples: Tensor, *, clip_seconds: float, margin_seconds: float = 0.0) -> Tensor:
    """Embed the windows of spans of sound.

    Args:
        model: the networks.
        samples: [B, N] at 16 kHz.
        clip_seconds: length of a window.
        margin_seconds: as in `embed_picture_spans`.

    Returns:
        [B * W, D], of unit length.
    """
    margin = round(margin_seconds * FRAME_RATE)  # in frames: the windows start together with those of the picture
    sequence = model.sound_sequence_dense(normalise_filterbank(model.filterbank(samples))).float()  # [B, S - 6, C]
    steps = round(clip_seconds * STEPS_PER_SECOND)
    features = AudioTower.out_steps(steps)
    count = num_windows(samples.shape[1] / SAMPLE_RATE - 2 * margin / FRAME_RATE, clip_seconds)
    frames = margin + HOP_FRAMES * torch.arange(count)
    starts = (frames * (STEPS_PER_SECOND / FRAME_RATE)).round().long()
    index = starts[:, None] + AudioTower.time_stride * torch.arange(features)  # [W, features]
    index = sent(index.clamp_max(sequence.shape[1] - 1), sequence.device)  # here or not, reading it must not wait
    windows = sequence[:, index]  # [B, W, features, C]
    embedded: Tensor = model.audio_head(windows.flatten(0, 1))
    return embedded


def heard_windows(samples: Tensor, *, clip_seconds: float, silence_dbfs: float, margin_seconds: float = 0.0) -> Tensor:
    """Which windows of spans of sound are not silent.

    Shape: [B, N] to bool [B * W]; margins at the ends of a span are not in any window.
    """
    margin = round(margin_seconds * FRAME_RATE) * SAMPLE_RATE // FRAME_RATE
    samples = samples[:, margin : samples.shape[1] - margin]
    hop = SAMPLE_RATE * HOP_FRAMES // FRAME_RATE
    windows = samples.unfold(1, round(clip_seconds * SAMPLE_RATE), hop)  # [B, W, n]
    return (windows.square().mean(-1) > 10 ** (silence_dbfs / 10)).flatten()
