"""Run the towers once over whole films; windows are then cut from the features instead of being encoded one by one.

A video tower with a temporal stride has a receptive field much longer than a window and no feature for each frame: for
such a tower the windows are cut from its input and each is encoded separately.

A window cut from the features differs from a separately encoded one in two ways: its edges see the film beyond them
instead of padding, and its normalisation statistics change over time. tests/model/test_dense.py bounds the effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avts.errors import UsageError
from avts.media.planes import Planes
from avts.model.audio import LOST_STEPS, AudioTower
from avts.model.cutting import Cutter, Rows
from avts.model.frontend import STEP_SAMPLES, normalise_filterbank, rgb_channels
from avts.model.receptive_field import fields_of
from avts.model.scaling import crop_and_resize
from avts.model.threads import ThreadChoice
from avts.model.tower import Tower
from avts.model.two_stream import TwoStream
from avts.timebase import FRAME_RATE, SAMPLE_RATE

STEPS_PER_SECOND = SAMPLE_RATE // STEP_SAMPLES
CHUNK_FRAMES = 192
CHUNK_STEPS = 1600
REACH_STEPS = 20
"""Filterbank steps of context at each end of a chunk for the audio tower: more than the 14 of its receptive field, and
a multiple of its strides, so that the features of all chunks lie on one grid (tests/model/test_dense.py)."""

WINDOWS_AT_ONCE = 512

ENCODED_AT_ONCE = 16
"""Batch size for windows of a video tower with a temporal stride."""


def picture_windows(
    model: TwoStream, chunks: Iterable[Planes], *, window_seconds: float, threads: ThreadChoice | None = None
) -> Tensor:
    """Embed the windows of a film that start at each frame.

    Args:
        model: the networks, in evaluation mode.
        chunks: the film at 24 frames per second, in order.
        window_seconds: length of a window.
        threads: times each chunk, and tells with how many threads it is computed; None leaves torch's number.

    Returns:
        [W, D], of unit length; window w starts at w / 24 s. W = 0 if the film is shorter than a window.

    Raises:
        UsageError: the model uses only one frame of a window.
    """
    if model.picture_input == "still":
        raise UsageError(
            "this model cannot scan a film: it uses only one frame of a window (picture_input 'still'), which has no "
            "timing. Use a model trained with 'rgb' or 'change'"
        )
    frames = round(window_seconds * FRAME_RATE)
    alone = model.video.time_stride > 1
    cutter = Cutter(torch.arange(frames), lambda w: w, at_once=ENCODED_AT_ONCE if alone else WINDOWS_AT_ONCE)
    embedded = Rows()
    timed = threads.timed if threads is not None else nullcontext
    with torch.inference_mode():
        for shown, first, stop in shown_pictures(model, chunks, frames):
            with timed(shown.shape[2] / FRAME_RATE):
                if alone:
                    sequence = shown[0, :, first:stop].transpose(0, 1)  # [t, 3, H, W]
                else:
                    sequence = model.picture_sequence(shown)[0, first:stop].float()  # [t, C]
                for windows in cutter.add(sequence):
                    seen = model.picture_sequence(windows.transpose(1, 2)).float() if alone else windows
                    embedded.add(model.video_head(seen).cpu())
    return embedded.joined()


def shown_pictures(model: TwoStream, chunks: Iterable[Planes], frames: int) -> Iterator[tuple[Tensor, int, int]]:
    """The video tower's input [1, 3, t, H, W] in chunks that overlap, and its own frames [first, stop) in each.

    Args:
        model: the networks.
        chunks: the film at 24 frames per second, in order.
        frames: length of a window.
    """
    reach = reach_frames(model.video)
    normal = max(frames, round(model.context_seconds * FRAME_RATE))  # length of the normalisation statistics
    # Chunks must not change the result. A feature depends on frames up to `reach` away, and the normalisation of these
    # on frames up to half of `normal` further away, so a chunk needs the sum of both as context. After normalisation
    # only `reach` is kept: the outer frames have incomplete statistics.
    context = reach + normal // 2 + 1
    for planes, first, stop in with_context(scaled(model, chunks), CHUNK_FRAMES, context):
        begin = max(first - reach, 0)
        still = model.picture_input == "still"
        every = rgb_channels(*planes) if still else model.picture_input_of(*planes, window=normal)
        yield every[:, :, begin : stop + reach], first - begin, stop - begin


def reach_frames(tower: Tower) -> int:
    """Receptive field on either side in frames; 0 for a tower with a temporal stride, whose input is cut instead."""
    if tower.time_stride > 1:
        return 0
    time = fields_of(tower, tower.last_stage)[0]
    return max(-time.first, time.last)


def sound_windows(
    model: TwoStream, samples: NDArray[np.float32] | Iterable[NDArray[np.float32]], *, window_seconds: float
) -> Tensor:
    """Embed the windows of a sound that start at each frame of the picture.

    Args:
        model: the networks, in evaluation mode.
        samples: [N] at 16 kHz, or chunks of them in order.
        window_seconds: length of a window.

    Returns:
        [W, D], of unit length; window w starts at w / 24 s, to the nearest 0.01 s.
    """
    steps = round(window_seconds * STEPS_PER_SECOND)
    # the feature of a step is the first of a window that starts there
    reach = AudioTower.time_stride * torch.arange(AudioTower.out_steps(steps))
    cutter = Cutter(reach, start_step, at_once=WINDOWS_AT_ONCE)
    count = _Count(iter([samples]) if isinstance(samples, np.ndarray) else iter(samples))
    embedded = Rows()
    with torch.inference_mode():
        for heard, first, stop in heard_sounds(model, count, steps):
            if heard.shape[-1] > LOST_STEPS:
                sequence = model.sound_sequence_dense(heard)[0, first:stop].float()
                for windows in cutter.add(sequence):
                    embedded.add(model.audio_head(windows).cpu())
        total = num_windows(count.num_samples, window_seconds)
        for windows in cutter.finish(total):
            embedded.add(model.audio_head(windows).cpu())
    return embedded.joined()[:total]


def num_windows(num_samples: int, window_seconds: float) -> int:
    """Number of windows of `sound_windows`."""
    return max(0, int((num_samples / SAMPLE_RATE - window_seconds) * FRAME_RATE + 1 + 1e-6))


def start_step(window: int, *, hop_frames: int = 1, stride: int = 1) -> int:
    """The nearest feature to the start of a window, with one feature per `stride` filterbank steps."""
    return round(window * hop_frames * STEPS_PER_SECOND / FRAME_RATE / stride)


class _Count:
    """Passes chunks of samples through and counts the samples."""

    def __init__(self, chunks: Iterator[NDArray[np.float32]]) -> None:
        self.num_samples = 0
        self._chunks = chunks

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        for chunk in self._chunks:
            self.num_samples += len(chunk)
            yield chunk


def heard_sounds(
    model: TwoStream, chunks: Iterable[NDArray[np.float32]], steps: int
) -> Iterator[tuple[Tensor, int, int]]:
    """The audio tower's input [1, M, s] in chunks that overlap, and its own steps [first, stop) in each.

    Args:
        model: the networks.
        chunks: samples [N] at 16 kHz, in order.
        steps: length of a window.
    """
    device = next(model.parameters()).device
    window = max(steps, round(model.context_seconds * STEPS_PER_SECOND))
    pieces = ((piece,) for piece in filterbank_pieces(model, chunks, device))
    # as in shown_pictures: receptive field plus half of the normalisation window, of which the latter is cut off again
    for (piece,), first, stop in with_context(pieces, CHUNK_STEPS, REACH_STEPS + window // 2 + 1):
        begin = max(first - REACH_STEPS, 0)
        heard = normalise_filterbank(piece.transpose(1, 2), window=window)[..., begin : stop + REACH_STEPS]
        yield heard, first - begin, stop - begin


def filterbank_pieces(
    model: TwoStream, chunks: Iterable[NDArray[np.float32]], device: torch.device
) -> Iterator[Tensor]:
    """Log energies of a sound of any length in pieces [1, s, M], because its unfolded samples would be large."""
    size = CHUNK_STEPS * STEP_SAMPLES
    held, before = np.empty(0, np.float32), 0

    def energies(steps: int) -> Tensor:
        # an energy window extends half a step beyond its step: one step of context makes the pieces seamless
        piece = torch.from_numpy(held[: before + (steps + 1) * STEP_SAMPLES])[None].to(device)
        skip = before // STEP_SAMPLES
        return cast(Tensor, model.filterbank(piece))[..., skip : skip + steps].transpose(1, 2)

    for chunk in chunks:
        held = np.concatenate([held, chunk])
        while len(held) >= before + size + STEP_SAMPLES:
            yield energies(CHUNK_STEPS)
            held, before = held[before + size - STEP_SAMPLES :], STEP_SAMPLES
    if len(held) >= before + STEP_SAMPLES:
        yield energies((len(held) - before) // STEP_SAMPLES)


def scaled(model: TwoStream, chunks: Iterable[Planes]) -> Iterator[tuple[Tensor, ...]]:
    """Planes [1, t, size, size] at the network's size, in [0, 1]: luminance, and colour if it is used."""
    device = next(model.parameters()).device
    for chunk in chunks:
        planes = (chunk.y, chunk.u, chunk.v) if model.needs_colour else (chunk.y,)
        scaled = (crop_and_resize(torch.from_numpy(p)[None].to(device), None, model.frame_size) for p in planes)
        yield tuple(scaled)


def with_context(
    chunks: Iterator[tuple[Tensor, ...]], length: int, context: int
) -> Iterator[tuple[tuple[Tensor, ...], int, int]]:
    """Cut a stream of planes into chunks of `length` with `context` at each end, except at the ends of the film.

    Yields:
        (planes, first, stop): the chunk proper is planes[:, first:stop]; all chunks joined are the film.
    """
    held: tuple[Tensor, ...] = ()
    before = 0
    for chunk in chunks:
        held = tuple(torch.cat(pair, dim=1) for pair in zip(held, chunk, strict=True)) if held else chunk
        while held[0].shape[1] >= before + length + context:
            yield tuple(plane[:, : before + length + context] for plane in held), before, before + length
            drop = max(before + length - context, 0)
            held = tuple(plane[:, drop:] for plane in held)
            before = before + length - drop
    if held and held[0].shape[1] > before:
        yield held, before, held[0].shape[1]
