"""Whole films through the towers once; windows are then cut from the features, not encoded one by one.

A window cut so differs from one encoded by itself in two ways: its edges see the film beyond them where training saw
padding, and its normalisation statistics move with time. tests/model/test_dense.py holds how little that matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avts.media.planes import Planes
from avts.model.frontend import STEP_SAMPLES, crop_and_resize, normalise_filterbank
from avts.model.two_stream import TwoStream
from avts.timebase import FRAME_RATE, SAMPLE_RATE

STEPS_PER_SECOND = SAMPLE_RATE // STEP_SAMPLES
CHUNK_FRAMES = 96
CONTEXT_FRAMES = 24
"""Frames seen beyond each end of a chunk, or a window's length if that is more: the tower sees 5 frames either way,
the moving statistics half a window."""

CHUNK_STEPS = 1600
CONTEXT_STEPS = 100
"""Steps seen beyond each end of a chunk of filterbank, or a window's length if that is more: the tower sees 15 either
way, the moving statistics half a window."""

SOUND_STRIDE = 4
"""Filterbank steps from one feature of the audio tower to the next."""

WINDOWS_AT_ONCE = 512


def picture_windows(model: TwoStream, chunks: Iterable[Planes], *, window_seconds: float) -> Tensor:
    """Embed the windows of a film that start at each frame.

    Args:
        model: the networks, in evaluation mode.
        chunks: the film at 24 frames a second, in order.
        window_seconds: length of a window.

    Returns:
        [W, D], of unit length; window w starts at w / 24 s. W = 0 if the film is shorter than a window.
    """
    frames = round(window_seconds * FRAME_RATE)
    with torch.inference_mode():
        sequences = [
            model.picture_sequence(model.picture_input_of(*planes, window=frames))[0, first:stop].float()
            for planes, first, stop in _with_context(_scaled(model, chunks), CHUNK_FRAMES, max(CONTEXT_FRAMES, frames))
        ]
        if not sequences or (sequence := torch.cat(sequences)).shape[0] < frames:
            return torch.empty(0, 0)
        windows = sequence.unfold(0, frames, 1).transpose(1, 2)  # [W, frames, C]
        return torch.cat([model.video_head(part).cpu() for part in torch.split(windows, WINDOWS_AT_ONCE)])


def sound_windows(model: TwoStream, samples: NDArray[np.float32], *, window_seconds: float) -> Tensor:
    """Embed the windows of a sound that start at each frame of the picture.

    Args:
        model: the networks, in evaluation mode.
        samples: [N] at 16 kHz.
        window_seconds: length of a window.

    Returns:
        [W, D], of unit length; window w starts at w / 24 s, to the nearest 0.01 s.
    """
    device = next(model.parameters()).device
    steps = round(window_seconds * STEPS_PER_SECOND)
    features = ((steps - 3) // 2 + 1 - 3) // 2 + 1  # of a window, after both poolings
    if len(samples) < round(window_seconds * SAMPLE_RATE):
        return torch.empty(0, 0)
    with torch.inference_mode():
        energies = _filterbank(model, samples, device)
        pieces = []
        for start in range(0, energies.shape[-1], CHUNK_STEPS):
            context = max(CONTEXT_STEPS, steps)
            first, stop = max(start - context, 0), start + CHUNK_STEPS + context
            sequence = model.sound_sequence_dense(normalise_filterbank(energies[..., first:stop], window=steps))[0]
            pieces.append(sequence[start - first : start - first + CHUNK_STEPS].float())
        sequence = torch.cat(pieces)  # [S - 6, C]: the feature of step s is the first of a window that starts there
        starts = window_starts(len(samples), window_seconds)
        index = torch.from_numpy(starts)[:, None] + SOUND_STRIDE * torch.arange(features)
        index = index.clamp_max(len(sequence) - 1).to(device)
        return torch.cat([model.audio_head(sequence[part]).cpu() for part in torch.split(index, WINDOWS_AT_ONCE)])


def window_starts(num_samples: int, window_seconds: float) -> NDArray[np.int64]:
    """Filterbank step at which each window of `sound_windows` starts, [W]."""
    frames = int((num_samples / SAMPLE_RATE - window_seconds) * FRAME_RATE + 1e-6) + 1
    return np.round(np.arange(frames) * STEPS_PER_SECOND / FRAME_RATE).astype(np.int64)


def _filterbank(model: TwoStream, samples: NDArray[np.float32], device: torch.device) -> Tensor:
    """Log energies of a sound of any length, [1, M, S]; computed piecewise, since pieces of samples are large."""
    size = CHUNK_STEPS * STEP_SAMPLES
    pieces = []
    for start in range(0, len(samples), size):
        first = max(start - STEP_SAMPLES, 0)  # one step of context either side hides the seams
        piece = torch.from_numpy(samples[first : start + size + STEP_SAMPLES])
        energies = model.filterbank(piece[None].to(device))
        skip = (start - first) // STEP_SAMPLES
        pieces.append(energies[..., skip : skip + min(CHUNK_STEPS, (len(samples) - start) // STEP_SAMPLES)])
    return torch.cat(pieces, dim=-1)


def _scaled(model: TwoStream, chunks: Iterable[Planes]) -> Iterator[tuple[Tensor, ...]]:
    """Planes [1, t, size, size] at the network's size, in [0, 1]: luminance, and colour where it is used."""
    device = next(model.parameters()).device
    for chunk in chunks:
        planes = (chunk.y, chunk.u, chunk.v) if model.needs_colour else (chunk.y,)
        scaled = (crop_and_resize(torch.from_numpy(p)[None].to(device), None, model.frame_size) for p in planes)
        yield tuple(scaled)


def _with_context(
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
