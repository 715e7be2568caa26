"""Whole films through the towers once; windows are then cut from the features, not encoded one by one.

A video tower that strides time sees much more than a window either way and has no feature for each frame: with such a
one the windows are cut from its input and each is encoded by itself.

A window cut so differs from one encoded by itself in two ways: its edges see the film beyond them where training saw
padding, and its normalisation statistics move with time. tests/model/test_dense.py holds how little that matters.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avts.errors import UsageError
from avts.media.planes import Planes
from avts.model.audio import AudioTower
from avts.model.frontend import STEP_SAMPLES, crop_and_resize, normalise_filterbank
from avts.model.two_stream import TwoStream
from avts.timebase import FRAME_RATE, SAMPLE_RATE

STEPS_PER_SECOND = SAMPLE_RATE // STEP_SAMPLES
CHUNK_FRAMES = 192
REACH_FRAMES = 17
"""Frames that the tower is shown beyond each end of a chunk: MC5 sees so many either way, MC3 5."""

CHUNK_STEPS = 1600
REACH_STEPS = 20
"""Steps of filterbank that the tower is shown beyond each end of a chunk; it sees 15 either way."""

LOST_STEPS = 6
"""Steps at the end of a filterbank that have no dense feature of their own."""

SOUND_STRIDE = 4
"""Filterbank steps from one feature of the audio tower to the next."""

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
    held = torch.empty(0)
    embedded = _Rows()
    with torch.inference_mode():
        normal = max(frames, round(model.context_seconds * FRAME_RATE))  # statistics are taken over as many frames
        context = REACH_FRAMES + normal // 2 + 1  # the tower's reach, and there half of what the statistics are over
        for planes, first, stop in with_context(scaled(model, chunks), CHUNK_FRAMES, context):
            begin = max(first - REACH_FRAMES, 0)
            shown = model.picture_input_of(*planes, window=normal)[:, :, begin : stop + REACH_FRAMES]
            if model.video.time_stride == 1:
                sequence = model.picture_sequence(shown)[0, first - begin : stop - begin].float()  # [t, C]
            else:
                sequence = shown[0, :, first - begin : stop - begin].transpose(0, 1)  # [t, 3, H, W]
            held = torch.cat([held, sequence]) if len(held) else sequence
            if len(held) < frames:
                continue
            windows = held.unfold(0, frames, 1)
            embedded.add(_embed_pictures(model, windows))
            held = held[len(windows) :]
    return embedded.joined()


class _Rows:
    """Embeddings so far, in one block that doubles: small ones kept among large short-lived ones fragment the heap."""

    def __init__(self) -> None:
        self._block = torch.empty(0, 0)
        self._count = 0

    def add(self, parts: Sequence[Tensor]) -> None:
        """Take in rows [n, D]."""
        for part in parts:
            stop = self._count + len(part)
            if stop > len(self._block):
                larger = part.new_empty(max(stop, 2 * len(self._block)), part.shape[1])
                if self._count:
                    larger[: self._count] = self._block[: self._count]
                self._block = larger
            self._block[self._count : stop] = part
            self._count = stop

    def joined(self) -> Tensor:
        """All rows, [W, D]."""
        return self._block[: self._count]


def _embed_pictures(model: TwoStream, windows: Tensor) -> list[Tensor]:
    """Embeddings of windows of features [w, C, frames], or of the tower's input [w, 3, H, W, frames], in batches."""
    if model.video.time_stride == 1:
        return [model.video_head(part.transpose(1, 2)).cpu() for part in torch.split(windows, WINDOWS_AT_ONCE)]
    parts = torch.split(windows.movedim(-1, 2), ENCODED_AT_ONCE)
    return [model.video_head(model.picture_sequence(part).float()).cpu() for part in parts]


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
    device = next(model.parameters()).device
    steps = round(window_seconds * STEPS_PER_SECOND)
    features = AudioTower.out_steps(steps)
    reach = SOUND_STRIDE * torch.arange(features, device=device)
    count = _Count(iter([samples]) if isinstance(samples, np.ndarray) else iter(samples))
    embedded = _Rows()
    held, origin, done = torch.empty(0), 0, 0  # features from step `origin` on; windows embedded so far
    with torch.inference_mode():
        for sequence in _sound_sequences(model, filterbank_pieces(model, count, device), steps):
            held = torch.cat([held, sequence]) if len(held) else sequence
            # the feature of a step is the first of a window that starts there
            ready = _num_starts_before(origin + len(held) - int(reach[-1]))
            if ready <= done:
                continue
            embedded.add(_embed_sounds(model, held, _start_steps(done, ready) - origin, reach))
            done, keep = ready, int(_start_steps(ready, ready + 1)[0])
            held, origin = held[max(keep - origin, 0) :], max(keep, origin)
        total = num_windows(count.num_samples, window_seconds)
        if total > done and len(held):
            embedded.add(_embed_sounds(model, held, _start_steps(done, total) - origin, reach))
    return embedded.joined()[:total]


def num_windows(num_samples: int, window_seconds: float) -> int:
    """Number of windows of `sound_windows`."""
    return max(0, int((num_samples / SAMPLE_RATE - window_seconds) * FRAME_RATE + 1 + 1e-6))


def window_starts(num_samples: int, window_seconds: float) -> NDArray[np.int64]:
    """Filterbank step at which each window of `sound_windows` starts, [W]."""
    return _start_steps(0, num_windows(num_samples, window_seconds))


def _start_steps(first: int, stop: int) -> NDArray[np.int64]:
    """Filterbank step nearest to each frame from first up to but not including stop."""
    return np.round(np.arange(first, stop) * STEPS_PER_SECOND / FRAME_RATE).astype(np.int64)


def _num_starts_before(step: int) -> int:
    """Number of windows that start before a filterbank step."""
    guess = max(0, step * FRAME_RATE // STEPS_PER_SECOND + 2)
    return int(np.searchsorted(_start_steps(max(guess - 8, 0), guess), step)) + max(guess - 8, 0)


def _embed_sounds(model: TwoStream, sequence: Tensor, starts: NDArray[np.int64], reach: Tensor) -> list[Tensor]:
    """Embeddings of the windows that start at some features of a sequence, in batches."""
    index = torch.from_numpy(starts).to(reach.device)[:, None] + reach
    index = index.clamp_max(len(sequence) - 1)
    return [model.audio_head(sequence[part]).cpu() for part in torch.split(index, WINDOWS_AT_ONCE)]


class _Count:
    """Hands chunks of samples on and counts them."""

    def __init__(self, chunks: Iterator[NDArray[np.float32]]) -> None:
        self.num_samples = 0
        self._chunks = chunks

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        for chunk in self._chunks:
            self.num_samples += len(chunk)
            yield chunk


def _sound_sequences(model: TwoStream, energies: Iterator[Tensor], steps: int) -> Iterator[Tensor]:
    """Features of each filterbank step, [s, C], from pieces of log energies [1, s, M]; the last 6 steps have none."""
    pieces = ((piece,) for piece in energies)
    window = max(steps, round(model.context_seconds * STEPS_PER_SECOND))
    for (piece,), first, stop in with_context(pieces, CHUNK_STEPS, REACH_STEPS + window // 2 + 1):
        begin = max(first - REACH_STEPS, 0)
        heard = normalise_filterbank(piece.transpose(1, 2), window=window)[..., begin : stop + REACH_STEPS]
        if heard.shape[-1] > LOST_STEPS:
            yield model.sound_sequence_dense(heard)[0, first - begin : stop - begin].float()


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
