"""What each channel of conv5 responds to: its largest response in each clip, with its time and place.

Input: a model and excerpts of clips. Output: responses, with the time in the clip and the place in the picture or among
the bands of the sound. The place is the middle of what the feature sees (receptive); how strongly what lies around it
counts is not known. Features that see beyond the ends of an excerpt are left out where there are others, since the
padding there is no part of the clip.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avts.corpus.clip import Clip
from avts.features.towers import PICTURE, SOUND
from avts.inspection.excerpts import Excerpt
from avts.media.planes import Planes
from avts.model.dense import STEPS_PER_SECOND
from avts.model.frontend import normalise_filterbank
from avts.model.receptive_field import Field, fields_of
from avts.model.two_stream import TwoStream
from avts.timebase import FRAME_RATE

STAGE = "conv5"

STILL_EVERY = FRAME_RATE // 4
"""A model that sees single frames is shown every so many of them."""


@dataclass(frozen=True)
class Answers:
    """Feature maps of an excerpt.

    Attributes:
        maps: [C, T', H', W'] of a picture, [C, S', M'] of a sound: time comes first.
        fields: what a feature sees of the input, along each axis of a map.
        sizes: of the input along each axis: frames, height and width; steps and bands.
        energies: the normalised filterbank that the tower was shown, [M, S]; None for a picture.
    """

    maps: NDArray[np.float32]
    fields: tuple[Field, ...]
    sizes: tuple[int, ...]
    energies: NDArray[np.float32] | None = None

    @property
    def whole(self) -> slice:
        """The features along time that see nothing beyond the ends; all if there are none."""
        field, count = self.fields[0], self.maps.shape[1]
        first = -(field.first // field.stride)
        stop = (self.sizes[0] - 1 - field.last) // field.stride + 1
        return slice(first, min(stop, count)) if first < min(stop, count) else slice(0, count)

    def peaks(self) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """The largest answer of each channel, [C], and the middle of what it sees, in input steps, [C, axes]."""
        inside = self.maps[:, self.whole]
        flat = inside.reshape(len(inside), -1)
        best = flat.argmax(1)
        index = np.stack(np.unravel_index(best, inside.shape[1:]), axis=1).astype(np.float64)
        index[:, 0] += self.whole.start
        strides, middles = (np.array([getattr(field, name) for field in self.fields]) for name in ("stride", "middle"))
        places = index * strides + middles
        return flat[np.arange(len(flat)), best], places.clip(0, np.array(self.sizes) - 1.0)


@dataclass
class Survey:
    """The largest answer of each channel of a tower in each clip.

    Attributes:
        clips: R of them.
        responses: [R, C].
        seconds: when, from the start of the clip, [R, C]: of a picture, the time of the frame.
        places: where, [R, C, n]: shares of the height and of the width; or the band.
    """

    clips: list[Clip]
    responses: NDArray[np.float64]
    seconds: NDArray[np.float64]
    places: NDArray[np.float64]

    def strongest(self, channel: int, count: int) -> list[int]:
        """The clips that a channel answers to most, the strongest first; none that it does not answer to."""
        order = np.argsort(-self.responses[:, channel], kind="stable")[:count]
        return [int(row) for row in order if self.responses[row, channel] > 0]


def survey(model: TwoStream, excerpts: Iterable[Excerpt]) -> dict[str, Survey]:
    """Survey the channels of both towers; a tower that no clip has anything for is left out."""
    rows: dict[str, list[tuple[Clip, NDArray[np.float32], NDArray[np.float64], NDArray[np.float64]]]] = {}
    for excerpt in excerpts:
        for tower, answers in answers_to(model, excerpt).items():
            responses, places = answers.peaks()
            seconds = excerpt.span.start_seconds + seconds_at(tower, places[:, 0])
            where = (places[:, 1:] + 0.5) / answers.sizes[1:] if tower == PICTURE else places[:, 1:]
            rows.setdefault(tower, []).append((excerpt.clip, responses, seconds, where))
    return {
        tower: Survey(
            [row[0] for row in found],
            np.array([row[1] for row in found], np.float64),
            np.array([row[2] for row in found]),
            np.array([row[3] for row in found]),
        )
        for tower, found in rows.items()
    }


def seconds_at(tower: str, step: NDArray[np.float64]) -> NDArray[np.float64]:
    """When a step of a tower's input is: the time of a frame, or the middle of a filterbank step."""
    return step / FRAME_RATE if tower == PICTURE else (step + 0.5) / STEPS_PER_SECOND


def answers_to(model: TwoStream, excerpt: Excerpt) -> dict[str, Answers]:
    """What the towers answer to an excerpt; one that is too short for a feature gives none."""
    found = {}
    if excerpt.planes is not None:
        found[PICTURE] = picture_answers(model, excerpt.planes)
    if excerpt.samples is not None:
        found[SOUND] = sound_answers(model, excerpt.samples)
    return {tower: answers for tower, answers in found.items() if answers.maps.size}


def picture_answers(model: TwoStream, planes: Planes) -> Answers:
    """Maps of the video tower; inputs are normalised over the stretches that the model knows."""
    fields = fields_of(model.video, STAGE)
    with torch.inference_mode():
        if model.picture_input == "still":
            shown = planes.part(STILL_EVERY // 2, planes.num_frames)
            every = Planes(*(plane[::STILL_EVERY] for plane in (shown.y, shown.u, shown.v)))
            frames = _input(model, every, alone=True)
            maps = model.picture_stage_maps(frames, (STAGE,))[STAGE][:, :, 0].transpose(0, 1)
            fields = (Field(STILL_EVERY, STILL_EVERY // 2, STILL_EVERY // 2), *fields[1:])
        else:
            frames = _input(model, planes, alone=False)
            maps = model.picture_stage_maps(frames, (STAGE,))[STAGE][0]
    return Answers(maps.cpu().numpy(), fields, (planes.num_frames, *frames.shape[-2:]))


def _input(model: TwoStream, planes: Planes, *, alone: bool) -> Tensor:
    """The video tower's input: a film [1, 3, T, H, W], or each frame alone, [T, 3, 1, H, W]."""
    device = next(model.parameters()).device
    parts = [torch.from_numpy(plane[:, None] if alone else plane[None]) for plane in (planes.y, planes.u, planes.v)]
    colours = [part.to(device) for part in parts] if model.needs_colour else [parts[0].to(device)]
    return model.picture_input_of(*colours, window=round(model.context_seconds * FRAME_RATE))


def sound_answers(model: TwoStream, samples: NDArray[np.float32]) -> Answers:
    """Maps of the audio tower; inputs are normalised over the stretches that the model knows."""
    device = next(model.parameters()).device
    bands, steps = fields_of(model.audio, STAGE)
    with torch.inference_mode():
        energies = model.filterbank(torch.from_numpy(samples)[None].to(device))
        shown = normalise_filterbank(energies, window=round(model.context_seconds * STEPS_PER_SECOND))
        maps = model.sound_stage_maps(shown, (STAGE,))[STAGE][0].transpose(1, 2)
    sizes = (shown.shape[-1], shown.shape[-2])
    return Answers(maps.cpu().numpy(), (steps, bands), sizes, energies=shown[0].cpu().numpy())
