"""The picture of a short film in parts: what is small in the whole, such as a mouth, fills a good share of its part.

Input: chunks of planes as they stream by, and a model. Output: embeddings of the windows of each part. A window fits a
sound as well as its best parts do: the soft minimum of their distances (log-sum-exp, as in learning from several
instances). On real clips best guesses within 0.2 s go from 40 to 45 % (experiments/LOG.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from avts.media.planes import Planes
from avts.timebase import FRAME_RATE

if TYPE_CHECKING:
    from torch import Tensor

    from avts.model.threads import ThreadChoice
    from avts.model.two_stream import TwoStream

LONGEST_SECONDS = 30.0
"""Longer films are looked at as a whole only: they have windows enough, and parts take ten times the computation."""

PLACES = tuple(product((0, 1, 2), repeat=2))
"""Row and column of each part: of half the height and width, and half of it shared with the next."""


class PictureInParts:
    """Keeps the picture of a short film while it streams by, and nothing of a longer one."""

    def __init__(self) -> None:
        self._chunks: list[Planes] = []
        self._num_frames = 0

    def watching(self, chunks: Iterable[Planes]) -> Iterator[Planes]:
        """Hand chunks on and keep them."""
        for chunk in chunks:
            self._num_frames += chunk.num_frames
            if self._num_frames <= LONGEST_SECONDS * FRAME_RATE:
                self._chunks.append(chunk)
            else:
                self._chunks.clear()
            yield chunk

    def embedded(
        self, model: TwoStream, *, window_seconds: float, threads: ThreadChoice | None = None
    ) -> list[Tensor] | None:
        """Embeddings of the windows of each part, [W, D] each; None for a longer film.

        Args:
            model: the networks, in evaluation mode.
            window_seconds: length of a window.
            threads: as for `picture_windows`.
        """
        from avts.model.dense import picture_windows

        if not self._chunks:
            return None
        return [
            picture_windows(model, self._part(*place), window_seconds=window_seconds, threads=threads)
            for place in PLACES
        ]

    def _part(self, row: int, column: int) -> Iterator[Planes]:
        for planes in self._chunks:
            height, width = planes.height // 4, planes.width // 4  # of a part, in pixels of the colour planes
            top, left = (planes.height // 2 - height) * row // 2, (planes.width // 2 - width) * column // 2
            colour = np.s_[:, top : top + height, left : left + width]
            yield Planes(
                np.ascontiguousarray(planes.y[:, 2 * top : 2 * (top + height), 2 * left : 2 * (left + width)]),
                np.ascontiguousarray(planes.u[colour]),
                np.ascontiguousarray(planes.v[colour]),
            )
