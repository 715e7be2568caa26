"""Whole films through the towers once; windows are then cut from the features, not encoded one by one.

A video tower that strides time sees much more than a window either way and has no feature for each frame: with such a
one the windows are cut from its input and each is encoded by itself.

A window cut so differs from one encoded by itself in two ways: its edges see the film beyond them where training saw
padding, and its normalisation statistics move with time. tests/model/test_dense.py holds how little that matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avts.errors import UsageError
from avts.media.planes import Planes
from avts.model.audio import LOST_STEPS, AudioTower
from avts.model.cutting import Cutter, Rows
from avts.model.frontend import STEP_SAMPLES, crop_and_resize, normalise_filterbank, rgb_channels
from avts.model.receptive_field import fields_of
from avts.model.tower import Tower
from avts.model.two_stream import TwoStream
from avts.timebase import FRAME_RATE, SAMPLE_RATE

STEPS_PER_SECOND = SAMPLE_RATE // STEP_SAMPLES
CHUNK_FRAMES = 192
CHUNK_STEPS = 1600
REACH_STEPS = 20
"""Steps of filterbank that the audio tower is shown beyond each end of a chunk: a multiple of each of its strides, and
more than the 14 that it sees (tests/model/test_dense.py)."""

WINDOWS_AT_ONCE = 512

ENCODED_AT_ONCE = 16
"""Windows that a video tower which strides time encodes together."""


def picture_windows(model: TwoStream, chunks: Iterable[Planes], *, window_seconds: float) -> Tensor:
    """Embed the windows of a film that start at each frame.

    Args:
        model: the networks, in evaluation mode.
        chunks: the film at 24 frames a second, in order.
        window_seconds: length of a window.

    Returns:
        [W, D], of unit length; window w starts at w / 24 s. W = 0 if the film is shorter than a window.

    Raises:
        UsageError: the model looks at one frame of a window.
    """
    if model.picture_input == "still":
        raise UsageError(
            "a film was to be scanned, but this model sees one frame of a window (picture_input 'still'), which tells "
            "what sounds, not when. Use a model trained on 'rgb' or 'change'"
        )
    frames = round(window_seconds * FRAME_RATE)
    alone = model.video.time_stride > 1
    cutter = Cutter(torch.arange(frames), lambda w: w, at_once=ENCODED_AT_ONCE if alone else WINDOWS_AT_ONCE)
    embedded = Rows()
    with torch.inference_mode():
        for shown, first, stop in shown_pictures(model, chunks, frames):
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
        chunks: the film at 24 frames a second, in order.
        frames: length of a window.
    """
    reach = reach_frames(model.video)
    normal = max(frames, round(model.context_seconds * FRAME_RATE))  # statistics are taken over as many frames
    context = reach + normal // 2 + 1  # the tower's reach, and there half of what the statistics are over
    for planes, first, stop in with_context(scaled(model, chunks), CHUNK_FRAMES, context):
        begin = max(first - reach, 0)
        still = model.picture_input == "still"
        every = rgb_channels(*planes) if still else model.picture_input_of(*planes, window=normal)
        yield every[:, :, begin : stop + reach], first - begin, stop - begin


def reach_frames(tower: Tower) -> int:
    """Frames that a feature sees to either side; 0 if the tower strides time: windows are then cut from its input."""
    if tower.time_stride > 1:
        return 0
    time = fields_of(tower, list(tower.named_stages())[-1])[0]
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
    """The feature at which a window starts, to the nearest; a feature every `stride` filterbank steps."""
    return round(window * hop_frames * STEPS_PER_SECOND / FRAME_RATE / stride)


class _Count:
    """Hands chunks of samples on and counts them."""

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
    for (piece,), first, stop in with_context(pieces, CHUNK_STEPS, REACH_STEPS + window // 2 + 1):
        begin = max(first - REACH_STEPS, 0)
        heard = normalise_filterbank(piece.transpose(1, 2), window=window)[..., begin : stop + REACH_STEPS]
        yield heard, first - begin, stop - begin


def filterbank_pieces(
    model: TwoStream, chunks: Iterable[NDArray[np.float32]], device: torch.device
) -> Iterator[Tensor]:
    """Log energies of a sound of any length as pieces [1, s, M], since its samples unfolded are large."""
    size = CHUNK_STEPS * STEP_SAMPLES
    held, before = np.empty(0, np.float32), 0

    def energies(steps: int) -> Tensor:
        # one step of context either side hides the seams
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
    """Planes [1, t, size, size] at the network's size, in [0, 1]: luminance, and colour where it is used."""
    device = next(model.parameters()).device
    for chunk in chunks:
        planes = (chunk.y, chunk.u, chunk.v) if model.needs_colour else (chunk.y,)
        scaled = (crop_and_resize(torch.from_numpy(p)[None].to(device), None, model.frame_size) for p in planes)
        yield tuple(scaled)


def with_context(
    chunks: Iterator[tuple[Tensor, ...]], length: int, context: int
) -> Iterator[tuple[tuple[Tensor, ...], int, int]]:
    """Cut a stream of planes into chunks of `length` with `context` more at each end, where the film has it.

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
