"""Augmentation of training windows. All randomness comes from one generator.

If several processes share a step, each one draws the random values for the whole step and takes its own rows: which
process holds a window does not change its augmentation.

Pictures: a random crop (always), another source frame rate, noise, another clip in a corner of the frame.
Sounds: another frequency response (a room, a microphone), noise, background sounds.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from avts.settings import AugmentSettings
from avts.timebase import FRAME_RATE
from avts.training.distributed import Share

SOURCE_FRAME_RATES = (12.5, 15.0, 20.0, 25.0, 30.0)
"""Common frame rates of files; their conversion to 24 frames per second repeats or drops frames."""

COLOUR_POINTS = 8  # a random frequency response is a smooth curve through this many points
COLOUR_DECIBELS = 9.0


def random_boxes(num_clips: int, least_share: float, rng: np.random.Generator) -> Tensor:
    """Random crops, [B, 5]: top, left, bottom, right as shares of the sides, and 1 to mirror.

    Args:
        num_clips: number of boxes.
        least_share: minimum share of each side that is kept.
        rng: source of all chance.
    """
    sides = rng.uniform(least_share, 1, (num_clips, 2))
    corners = rng.uniform(0, 1, (num_clips, 2)) * (1 - sides)
    mirror = rng.integers(0, 2, (num_clips, 1))
    return torch.from_numpy(np.concatenate([corners, corners + sides, mirror], axis=1))


def augment_pictures(
    planes: Sequence[Tensor], settings: AugmentSettings, rng: np.random.Generator, share: Share | None = None
) -> list[Tensor]:
    """Augment a batch of pictures.

    Args:
        planes: luminance, and colour if it is used, each [B, T, H, W] in [0, 1] at the network's size.
        settings: how often and how strongly.
        rng: source of all chance.
        share: which pictures of the step these are; None if all.

    Returns:
        Planes of the same shapes.
    """
    share = share or Share.all_of(len(planes[0]))
    count, first = share.rows.total, share.rows.first
    _, frames, height, width = planes[0].shape
    for clip in np.flatnonzero(rng.random(count) < settings.frame_rate).tolist():
        index = torch.from_numpy(frames_at_rate(frames, float(rng.choice(SOURCE_FRAME_RATES))))
        for plane in planes if clip in share.rows else ():
            plane[clip - first] = plane[clip - first, index]
    for clip in np.flatnonzero(rng.random(count) < settings.inset).tolist():
        other = (clip + int(rng.integers(1, count))) % count
        where = (slice(None), _corner(height, rng), _corner(width, rng))
        for plane in planes:
            corner = share.part_of_row(plane, other, *where)
            if clip in share.rows:
                plane[clip - first][where] = corner
    noise = rng.uniform(0, settings.picture_noise, count).astype(np.float32)
    if settings.picture_noise:
        seed = torch.Generator().manual_seed(int(rng.integers(2**31)))
        grain = share.own(torch.randn((count, *planes[0].shape[1:]), generator=seed)).to(planes[0].device)
        strength = torch.from_numpy(share.own(noise)).to(planes[0].device)[:, None, None, None]
        return [(planes[0] + strength * grain).clamp(0, 1), *planes[1:]]
    return list(planes)


def frames_at_rate(num_frames: int, frames_per_second: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Index of the frame shown at each time after conversion to another frame rate and back, by nearest frame."""
    times = np.arange(num_frames) / FRAME_RATE
    through = np.round(times * frames_per_second) / frames_per_second
    return np.clip(np.round(through * FRAME_RATE), 0, num_frames - 1).astype(np.int64)


def _corner(size: int, rng: np.random.Generator) -> slice:
    """A range at one end of a side, a quarter to a half of its length."""
    length = int(size * rng.uniform(0.25, 0.5))
    return slice(0, length) if rng.random() < 0.5 else slice(size - length, size)


def augment_sounds(
    samples: Tensor, settings: AugmentSettings, rng: np.random.Generator, share: Share | None = None
) -> Tensor:
    """Augment a batch of sounds.

    Args:
        samples: [Q, N] at 16 kHz.
        settings: how often and how strongly.
        rng: source of all chance.
        share: which sounds of the step these are; None if all.

    Returns:
        [Q, N].
    """
    share = share or Share.all_of(len(samples))
    count = share.rows.total
    heard = samples
    if settings.sound_colour:
        heard = torch.where(_chosen(share, settings.sound_colour, rng, samples), _coloured(samples, rng, share), heard)
    level = samples.square().mean(1, keepdim=True).sqrt()
    if settings.sound_behind:
        places = int(rng.integers(1, max(count, 2)))
        behind = share.own(share.whole(samples).roll(places, 0))
        its_level = behind.square().mean(1, keepdim=True).sqrt()
        gain = _decibels(rng, share, -25, -8, samples) * level / its_level.clamp_min(1e-3)
        heard = heard + torch.where(_chosen(share, settings.sound_behind, rng, samples), gain, 0) * behind
    if settings.sound_noise:
        seed = torch.Generator().manual_seed(int(rng.integers(2**31)))
        noise = share.own(torch.randn((count, samples.shape[1]), generator=seed)).to(samples.device)
        hiss = _coloured(noise, rng, share)
        gain = _decibels(rng, share, -35, -10, samples) * level
        heard = heard + torch.where(_chosen(share, settings.sound_noise, rng, samples), gain, 0) * hiss
    return heard


def _coloured(samples: Tensor, rng: np.random.Generator, share: Share) -> Tensor:
    """Apply a smooth random gain over frequency to each sound."""
    bins = samples.shape[1] // 2 + 1
    points = rng.uniform(-COLOUR_DECIBELS, COLOUR_DECIBELS, (share.rows.total, COLOUR_POINTS))
    where = np.linspace(0, COLOUR_POINTS - 1, bins) ** 0.5 * (COLOUR_POINTS - 1) ** 0.5  # finer at low frequencies
    decibels = np.stack([np.interp(where, np.arange(COLOUR_POINTS), curve) for curve in share.own(points)])
    gain = torch.from_numpy((10 ** (decibels / 20)).astype(np.float32)).to(samples.device)
    changed: Tensor = torch.fft.irfft(torch.fft.rfft(samples) * gain, n=samples.shape[1])
    return changed


def _chosen(share: Share, part: float, rng: np.random.Generator, like: Tensor) -> Tensor:
    return torch.from_numpy(share.own(rng.random((share.rows.total, 1)) < part)).to(like.device)


def _decibels(rng: np.random.Generator, share: Share, low: float, high: float, like: Tensor) -> Tensor:
    gain = 10 ** (rng.uniform(low, high, (share.rows.total, 1)) / 20)
    return torch.from_numpy(share.own(gain).astype(np.float32)).to(like.device)
