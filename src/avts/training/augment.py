"""Augmentation of training windows. All randomness comes from one generator, a function of seed and batch number.

The few numbers of each window are drawn on the CPU and sent; noise is drawn on the device. Nothing waits for it.

If several processes share a step, each one draws the random values for the whole step and takes its own rows: which
process holds a window does not change its augmentation.

Pictures: a random crop (always), another source frame rate, noise, another clip in a corner of the frame; parts.
Sounds: another frequency response (a room, a microphone), noise, background sounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from avts.model.device import sent, widest
from avts.settings import AugmentSettings
from avts.timebase import FRAME_RATE
from avts.training.distributed import Share

SOURCE_FRAME_RATES = (12.5, 15.0, 20.0, 25.0, 30.0)
"""Common frame rates of files; their conversion to 24 frames per second repeats or drops frames."""

COLOUR_POINTS = 8  # a random frequency response is a smooth curve through this many points
COLOUR_DECIBELS = 9.0


def rng_of(seed: int, batch: int) -> np.random.Generator:
    """The generator of all that is drawn for the windows of a batch, given the run's seed and the batch's number.

    The boxes come out of it first, see `BoxesOfBatch`; then all else, in the order of the functions below.
    """
    return np.random.default_rng([seed, 2, batch])


@dataclass(frozen=True)
class BoxesOfBatch:
    """Gives the boxes of a batch, for the loader, which cuts them out.

    Attributes:
        seed: of the run.
        least_share: see `random_boxes`.
    """

    seed: int
    least_share: float

    def __call__(self, batch: int, num_clips: int) -> NDArray[np.float64]:
        """The boxes, [B, 5], given the number of the batch."""
        return random_boxes(num_clips, self.least_share, rng_of(self.seed, batch))


def random_boxes(num_clips: int, least_share: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Random crops, [B, 5]: top, left, bottom, right as shares of the sides, and 1 to mirror.

    Args:
        num_clips: number of boxes.
        least_share: minimum share of each side that is kept.
        rng: source of all chance.
    """
    sides = rng.uniform(least_share, 1, (num_clips, 2))
    corners = rng.uniform(0, 1, (num_clips, 2)) * (1 - sides)
    mirror = rng.integers(0, 2, (num_clips, 1))
    return np.concatenate([corners, corners + sides, mirror], axis=1)


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
    height, width = planes[0].shape[2:]
    planes = _at_other_rates(planes, settings, rng, share)
    for clip in np.flatnonzero(rng.random(count) < settings.inset).tolist():
        other = (clip + int(rng.integers(1, count))) % count
        where = (slice(None), _corner(height, rng), _corner(width, rng))
        for plane in planes:
            corner = share.part_of_row(plane, other, *where)
            if clip in share.rows:
                plane[clip - first][where] = corner
    noise = rng.uniform(0, settings.picture_noise, count).astype(np.float32)
    if settings.picture_noise:
        grain = share.own(_noise((count, *planes[0].shape[1:]), rng, planes[0].device))
        strength = sent(share.own(noise), planes[0].device)[:, None, None, None]
        return [(planes[0] + strength * grain).clamp(0, 1), *planes[1:]]
    return list(planes)


def with_parts(
    planes: Sequence[Tensor], parts: int, rng: np.random.Generator, share: Share | None = None
) -> list[Tensor]:
    """Pictures at the network's size, and beside them random parts of half their height and width at that size too.

    Args:
        planes: as for `augment_pictures`, but at twice the network's size, [B, T, 2 S, 2 S].
        parts: of each picture.
        rng: source of all chance.
        share: which pictures of the step these are; None if all.

    Returns:
        Planes [(1 + parts) * B, T, S, S]: all wholes, then the first part of each picture, and so on.
    """
    share = share or Share.all_of(len(planes[0]))
    size = planes[0].shape[-1] // 2
    corners = share.own(rng.integers(0, size + 1, (share.rows.total, parts, 2))).tolist()
    found = []
    for plane in planes:
        views = [F.avg_pool2d(plane, 2)]
        for part in range(parts):
            at = [of_picture[part] for of_picture in corners]
            cut = [each[:, y : y + size, x : x + size] for each, (y, x) in zip(plane, at, strict=True)]
            views.append(torch.stack(cut))
        found.append(torch.cat(views))
    return found


def _at_other_rates(
    planes: Sequence[Tensor], settings: AugmentSettings, rng: np.random.Generator, share: Share
) -> Sequence[Tensor]:
    """Some clips as if their files had another frame rate."""
    frames, chosen = planes[0].shape[1], np.flatnonzero(rng.random(share.rows.total) < settings.frame_rate)
    if not len(chosen):
        return planes
    shown = np.tile(np.arange(frames), (share.rows.total, 1))
    for clip in chosen:
        shown[clip] = frames_at_rate(frames, float(rng.choice(SOURCE_FRAME_RATES)))
    index = sent(share.own(shown), planes[0].device)
    clips = torch.arange(len(index), device=index.device)[:, None]
    return [plane[clips, index] for plane in planes]


def _noise(shape: tuple[int, ...], rng: np.random.Generator, device: torch.device) -> Tensor:
    """White noise of deviation 1, drawn where it is used: by the host it took 0.3 s a batch of 64 spans."""
    seed = int(rng.integers(2**31))
    return torch.randn(shape, generator=torch.Generator(device).manual_seed(seed), device=device)


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
        noise = share.own(_noise((count, samples.shape[1]), rng, samples.device))
        hiss = _coloured(noise, rng, share)
        gain = _decibels(rng, share, -35, -10, samples) * level
        heard = heard + torch.where(_chosen(share, settings.sound_noise, rng, samples), gain, 0) * hiss
    return heard


def _coloured(samples: Tensor, rng: np.random.Generator, share: Share) -> Tensor:
    """Apply a smooth random gain over frequency to each sound."""
    bins = samples.shape[1] // 2 + 1
    points = rng.uniform(-COLOUR_DECIBELS, COLOUR_DECIBELS, (share.rows.total, COLOUR_POINTS))
    device, wide = samples.device, widest(samples.device)
    where = torch.linspace(0, (COLOUR_POINTS - 1) ** 2, bins, dtype=wide, device=device).sqrt()  # finer at low ones
    place = torch.arange(COLOUR_POINTS, device=device)[:, None]
    weights = (1 - (where - place).abs()).clamp_min(0)  # of each point at each frequency, [points, bins]
    decibels = sent(share.own(points), device).to(wide) @ weights
    gain = (10 ** (decibels / 20)).float()
    changed: Tensor = torch.fft.irfft(torch.fft.rfft(samples) * gain, n=samples.shape[1])
    return changed


def _chosen(share: Share, part: float, rng: np.random.Generator, like: Tensor) -> Tensor:
    return sent(share.own(rng.random((share.rows.total, 1)) < part), like.device)


def _decibels(rng: np.random.Generator, share: Share, low: float, high: float, like: Tensor) -> Tensor:
    gain = 10 ** (rng.uniform(low, high, (share.rows.total, 1)) / 20)
    return sent(share.own(gain).astype(np.float32), like.device)
