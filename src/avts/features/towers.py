"""Both towers over a whole film, once: the embedding of each window, and any conv stage pooled in it.

Input: a film's planes and sound in pieces. Output: vectors per window; nothing is kept that is not needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avts.errors import UsageError
from avts.features.loudness import Loudness
from avts.features.pooling import ONE_MEAN, Pooling
from avts.media.planes import Planes
from avts.model.audio import LOST_STEPS, AudioTower
from avts.model.cutting import Cutter, Rows
from avts.model.dense import (
    ENCODED_AT_ONCE,
    STEPS_PER_SECOND,
    WINDOWS_AT_ONCE,
    heard_sounds,
    shown_pictures,
    start_step,
)
from avts.model.receptive_field import fields_of
from avts.model.two_stream import TwoStream
from avts.timebase import FRAME_RATE, SAMPLE_RATE

PICTURE, SOUND = "picture", "sound"

ROUNDING = 1e-3
"""Frames by which a sound may be shorter than its picture: half a sample."""

Columns = dict[str, NDArray[np.float32]]
"""Vectors [W, F] by the name of their column: 'picture', 'sound_conv5'."""


@dataclass(frozen=True)
class Plan:
    """What is read out of the towers.

    Attributes:
        window_seconds: length of a window.
        hop_frames: frames of the standard form from the start of one window to that of the next.
        picture_stages: conv stages of the video tower.
        sound_stages: of the audio tower.
        pooling: of the stages.
    """

    window_seconds: float
    hop_frames: int
    picture_stages: tuple[str, ...] = ()
    sound_stages: tuple[str, ...] = ()
    pooling: Pooling = ONE_MEAN

    @property
    def hop_seconds(self) -> float:
        """Time from the start of one window to that of the next."""
        return self.hop_frames / FRAME_RATE

    def num_windows(self, duration_seconds: float) -> int:
        """Windows that fit into a duration."""
        frames = int((duration_seconds - self.window_seconds) * FRAME_RATE + 1 + ROUNDING)
        return -(-frames // self.hop_frames) if frames > 0 else 0

    def starts_seconds(self, count: int) -> NDArray[np.float64]:
        """When each of some windows starts."""
        return np.arange(count) * self.hop_frames / FRAME_RATE


def check_stages(model: TwoStream, stages: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Which of some stages the video tower has, and which the audio tower; 'sound:conv5' asks one tower only.

    Raises:
        UsageError: neither tower has such a stage, or not the one that was asked.
    """
    known = {PICTURE: list(model.video.named_stages()), SOUND: list(model.audio.named_stages())}
    found: dict[str, list[str]] = {PICTURE: [], SOUND: []}
    for stage in stages:
        tower, _, name = stage.rpartition(":")
        having = [each for each in known if tower in ("", each) and name in known[each]]
        if not having:
            there = "; ".join(f"{each}: {', '.join(names)}" for each, names in known.items())
            raise UsageError(f"unknown stage '{stage}'; the stages are {there}")
        for each in having:
            found[each] += [name] if name not in found[each] else []
    return tuple(found[PICTURE]), tuple(found[SOUND])


def picture_columns(model: TwoStream, chunks: Iterable[Planes], plan: Plan) -> Columns:
    """Embeddings and stages of the windows of a film's picture.

    Args:
        model: the networks, in evaluation mode.
        chunks: the film at 24 frames a second, in order.
        plan: what to read out.

    Returns:
        [W, F] by column; W = 0 if the film is shorter than a window.
    """
    frames = round(plan.window_seconds * FRAME_RATE)
    names = (PICTURE, *plan.picture_stages)
    still = model.picture_input == "still"
    alone = still or model.video.time_stride > 1  # windows are cut from the input, and each is encoded by itself
    reach = torch.tensor([frames // 2, frames - 1]) if still else torch.arange(frames)
    cutters = {
        name: Cutter(reach, lambda w: w * plan.hop_frames, at_once=ENCODED_AT_ONCE if alone else WINDOWS_AT_ONCE)
        for name in ((PICTURE,) if alone else names)
    }
    found = {name: Rows() for name in names}
    with torch.inference_mode():
        for shown, first, stop in shown_pictures(model, chunks, frames):
            if alone:
                for windows in cutters[PICTURE].add(shown[0, :, first:stop].transpose(0, 1)):
                    seen = windows[:, :1] if still else windows  # the middle frame; the last one says that it is whole
                    _add(found, _picture_features(model, seen.transpose(1, 2), plan), model, plan)
                continue
            for name, sequence in _picture_features(model, shown, plan).items():
                for windows in cutters[name].add(sequence[0, first:stop]):
                    _add(found, {name: windows}, model, plan)
    return _columns(found, PICTURE)


def _picture_features(model: TwoStream, frames: Tensor, plan: Plan) -> dict[str, Tensor]:
    """Features over time [B, T, F] of the tower's input [B, 3, T, H, W]: of the head's input, and of each stage."""
    last = model.video.last_stage
    maps = model.picture_stage_maps(frames, {last, *plan.picture_stages})
    return {PICTURE: maps[last].mean((3, 4)).transpose(1, 2)} | {
        stage: plan.pooling.over_space(maps[stage]) for stage in plan.picture_stages
    }


def sound_columns(
    model: TwoStream, chunks: Iterable[NDArray[np.float32]], plan: Plan, *, meter: Loudness | None = None
) -> Columns:
    """Embeddings and stages of the windows of a sound.

    Args:
        model: the networks, in evaluation mode.
        chunks: samples [N] at 16 kHz, in order.
        plan: what to read out.
        meter: sees the sound go by.

    Returns:
        [W, F] by column; W = 0 if the sound is shorter than a window.
    """
    steps = round(plan.window_seconds * STEPS_PER_SECOND)
    strides = {stage: fields_of(model.audio, stage)[1].stride for stage in plan.sound_stages}
    reaches = {SOUND: (1, AudioTower.time_stride * torch.arange(AudioTower.out_steps(steps)))}
    reaches |= {stage: (stride, torch.arange(_num_features(steps, stride))) for stage, stride in strides.items()}
    cutters = {
        name: Cutter(reach, partial(start_step, hop_frames=plan.hop_frames, stride=stride), at_once=WINDOWS_AT_ONCE)
        for name, (stride, reach) in reaches.items()
    }
    found = {name: Rows() for name in cutters}
    meter = Loudness() if meter is None else meter
    with torch.inference_mode():
        for heard, first, stop in heard_sounds(model, meter.watching(chunks), steps):
            for name, sequence in _sound_features(model, heard, first, stop, plan, strides).items():
                for windows in cutters[name].add(sequence):
                    _add(found, {name: windows}, model, plan)
        total = plan.num_windows(meter.num_samples / SAMPLE_RATE)
        for name, cutter in cutters.items():
            for windows in cutter.finish(total):
                _add(found, {name: windows}, model, plan)
    return {name: column[:total] for name, column in _columns(found, SOUND).items()}


def _num_features(steps: int, stride: int) -> int:
    """Features of a stage that a window of its own would have."""
    return {1: steps, 2: (steps - 3) // 2 + 1, AudioTower.time_stride: AudioTower.out_steps(steps)}[stride]


def _sound_features(
    model: TwoStream, heard: Tensor, first: int, stop: int, plan: Plan, strides: dict[str, int]
) -> dict[str, Tensor]:
    """Features of the steps [first, stop), [t, F], as far as there are any: of the head's input, and of each stage."""
    if heard.shape[-1] <= LOST_STEPS:
        return {}
    found = {SOUND: model.sound_sequence_dense(heard)[0, first:stop].float()}
    if plan.sound_stages:
        for stage, maps in model.sound_stage_maps(heard, plan.sound_stages).items():
            stride = strides[stage]  # chunks begin at multiples of every stride
            found[stage] = plan.pooling.over_space(maps)[0, first // stride : -(-stop // stride)]
    return found


def _add(found: dict[str, Rows], windows: dict[str, Tensor], model: TwoStream, plan: Plan) -> None:
    """Turn windows of features [w, n, F] into vectors: by the head for the embedding, by pooling for a stage."""
    heads = {PICTURE: model.video_head, SOUND: model.audio_head}
    for name, features in windows.items():
        vectors = heads[name](features.float()) if name in heads else plan.pooling.over_time(features.float())
        found[name].add(vectors.cpu())


def _columns(found: dict[str, Rows], tower: str) -> Columns:
    return {name if name == tower else f"{tower}_{name}": rows.joined().numpy() for name, rows in found.items()}
