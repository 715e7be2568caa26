"""Several channels into one: the mean, or one channel where the mean would cancel what can be heard.

Input: decoded blocks of any sample format and number of channels. Output: float32 [N], full scale 1.
"""

from __future__ import annotations

import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph
from numpy.typing import NDArray

from avts.errors import MediaError

FULL_SCALE = {"u8": 128.0, "s16": 32768.0, "s32": 2147483648.0}
"""Value of full scale in each integer sample format; floating-point formats have 1."""

READABLE = frozenset({"u8", "s16", "s32", "flt", "dbl"})
"""Sample formats that PyAV hands over as arrays, planar or packed."""

MOST_PLANES = 8
"""Planar frames with more channels are converted before they are read. PyAV counts planes up to a null pointer, which
only the table in the frame itself has behind it: beyond 8 it reads past the end, and the process dies of it."""

MOST_CHANNELS = 64
"""Channels that FFmpeg's resampler takes."""

CANCELLED_SHARE = 0.1
"""The mean cancels if its power is below this share of what unrelated channels of the same powers would leave."""

RESTORED_SHARE = 0.3
"""The mean is taken again above this share: the gap to CANCELLED_SHARE keeps the choice from flickering."""

MEMORY_SECONDS = 1.0
"""Time constant of the powers by which the choice is made."""

BLOCK_SAMPLES = 1024
"""Samples of a block of a sound that is mixed from memory."""


class Downmix:
    """Blocks of several channels into one; keeps the choice of channel from block to block, so it does not click."""

    def __init__(self) -> None:
        self._weights: NDArray[np.float32] = np.empty(0, np.float32)
        self._channel_power: NDArray[np.float64] = np.empty(0)
        self._mean_power = 0.0
        self._is_mean = True

    def add(self, channels: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
        """Mix one block [C, N] to [N]."""
        count, num_samples = channels.shape
        if count == 1 or num_samples == 0:
            return np.asarray(channels.mean(axis=0, dtype=np.float32))
        if len(self._channel_power) != count:  # the first block, or the channels changed: nothing to fade from
            self._weights, self._channel_power = np.empty(0, np.float32), np.zeros(count)
            self._mean_power, self._is_mean = 0.0, True
        mean: NDArray[np.float32] = channels.mean(axis=0, dtype=np.float32)
        self._measure(channels, mean, num_samples / sample_rate)
        weights = self._chosen(count)
        before = weights if not len(self._weights) else self._weights
        self._weights = weights
        if np.array_equal(before, weights):
            return mean if self._is_mean else np.ascontiguousarray(channels[int(weights.argmax())])
        ramp = np.linspace(0, 1, num_samples, dtype=np.float32)
        mixed: NDArray[np.float32] = (before @ channels) * (1 - ramp) + (weights @ channels) * ramp
        return mixed

    def _measure(self, channels: NDArray[np.float32], mean: NDArray[np.float32], seconds: float) -> None:
        kept = float(np.exp(-seconds / MEMORY_SECONDS))
        self._channel_power = kept * self._channel_power + np.einsum("cn,cn->c", channels, channels)
        self._mean_power = kept * self._mean_power + float(mean @ mean)

    def _chosen(self, count: int) -> NDArray[np.float32]:
        """Weights of the channels: all alike, or one channel alone."""
        unrelated = float(self._channel_power.sum()) / count**2
        share = CANCELLED_SHARE if self._is_mean else RESTORED_SHARE
        was_mean, self._is_mean = self._is_mean, self._mean_power >= share * unrelated
        if self._is_mean:
            return np.full(count, 1 / count, np.float32)
        if not was_mean:
            return self._weights
        loudest: NDArray[np.float32] = np.zeros(count, np.float32)
        loudest[int(self._channel_power.argmax())] = 1
        return loudest


def mixed(channels: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Mix a whole sound [C, N] to [N]."""
    downmix, size = Downmix(), BLOCK_SAMPLES
    blocks = [channels[:, first : first + size] for first in range(0, channels.shape[1], size)]
    return np.concatenate([np.empty(0, np.float32), *(downmix.add(block, sample_rate) for block in blocks)])


class ChannelReader:
    """Decoded blocks as arrays of channels, whatever their sample format and number of channels."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._graph: Graph | None = None
        self._made_for: tuple[str, str, int] | None = None

    def read(self, frame: AudioFrame) -> NDArray[np.float32]:
        """Samples of a block, float32 [C, N], full scale 1; what is not a number becomes 0.

        Raises:
            MediaError: more channels than can be read.
        """
        channels = frame.layout.nb_channels
        if channels > MOST_CHANNELS:
            raise MediaError(
                f"{self._name}: its sound has {channels} channels, more than the {MOST_CHANNELS} that can be read. "
                "Mix it down first."
            )
        sample_format = frame.format.name.removesuffix("p")
        if sample_format not in READABLE or (frame.format.is_planar and channels > MOST_PLANES):
            frame = self._packed(frame)
            sample_format = frame.format.name
        values = frame.to_ndarray()
        if not frame.format.is_planar:
            values = values.reshape(-1, channels).T
        scaled: NDArray[np.float32] = values.astype(np.float32)
        if sample_format == "u8":
            scaled -= FULL_SCALE[sample_format]
        scaled /= np.float32(FULL_SCALE.get(sample_format, 1.0))
        return np.nan_to_num(scaled, copy=False)

    def _packed(self, frame: AudioFrame) -> AudioFrame:
        """The same samples as packed floats; a conversion of format alone gives a block for each block."""
        made_for = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._graph is None or self._made_for != made_for:
            self._graph, self._made_for = _packing_graph(*made_for), made_for
        frame.pts = None  # the caller has the time; stamps that jump are none of the graph's business
        self._graph.push(frame)
        packed = self._graph.pull()
        assert isinstance(packed, AudioFrame)
        return packed


def _packing_graph(sample_format: str, layout: str, rate: int) -> Graph:
    graph = Graph()
    source = graph.add(
        "abuffer", sample_rate=str(rate), sample_fmt=sample_format, channel_layout=layout, time_base=f"1/{rate}"
    )
    graph.link_nodes(source, graph.add("aformat", sample_fmts="flt"), graph.add("abuffersink")).configure()
    return graph


def num_bytes(frame: AudioFrame) -> int:
    """Bytes of the samples of a decoded block; its planes are left alone, see MOST_PLANES."""
    return frame.samples * frame.layout.nb_channels * frame.format.bytes
