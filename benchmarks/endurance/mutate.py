"""Damaged media files. Input: whole files and a seed. Output: bytes; the same seed always gives the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

KINDS = ("header", "middle", "truncated", "spliced")

HEADER_BYTES = 4096
"""Where containers keep what the rest depends on; of MP4, whose moov box comes last, the last bytes too."""

EXTREMES = (0x00, 0xFF, 0x7F, 0x80)


@dataclass(frozen=True)
class Mutant:
    """A damaged file: number is its seed; source: the whole file that it was made of; kind: how it was damaged."""

    number: int
    source: str
    kind: str
    data: bytes

    @property
    def name(self) -> str:
        """A file name that says how to make it again."""
        return f"{self.number:06d}-{self.kind}{Path(self.source).suffix}"


def mutant(number: int, sources: Sequence[Path]) -> Mutant:
    """The damaged file of a number."""
    rng = np.random.default_rng(number)
    source = sources[number % len(sources)]
    kind = KINDS[number // len(sources) % len(KINDS)]
    data = bytearray(source.read_bytes())
    if kind == "header":
        _scatter(data, rng, _edges(data, rng))
    elif kind == "middle":
        _blocks(data, rng)
    elif kind == "truncated":
        del data[int(rng.integers(1, len(data))) :]
    else:
        data = _spliced(data, sources[int(rng.integers(len(sources)))].read_bytes(), rng)
    return Mutant(number, source.name, kind, bytes(data))


def _edges(data: bytearray, rng: np.random.Generator) -> tuple[int, int]:
    """The span of the first bytes, or now and then of the last ones."""
    size = min(HEADER_BYTES, len(data))
    return (len(data) - size, len(data)) if rng.random() < 0.4 else (0, size)


def _scatter(data: bytearray, rng: np.random.Generator, span: tuple[int, int]) -> None:
    """Change 1 to 32 single bytes; sizes and counts are often set to an extreme."""
    for place in rng.integers(*span, size=int(2 ** rng.uniform(0, 5))):
        data[place] = int(rng.choice(EXTREMES)) if rng.random() < 0.4 else int(rng.integers(256))


def _blocks(data: bytearray, rng: np.random.Generator) -> None:
    """Overwrite, zero, remove or repeat 1 to 8 stretches of up to 2 KiB anywhere."""
    for _ in range(int(rng.integers(1, 9))):
        start = int(rng.integers(len(data)))
        stop = min(len(data), start + int(2 ** rng.uniform(0, 11)))
        action = rng.integers(4)
        if action == 0:
            data[start:stop] = rng.integers(256, size=stop - start, dtype=np.uint8).tobytes()
        elif action == 1:
            data[start:stop] = bytes(stop - start)
        elif action == 2 and len(data) > 2 * (stop - start):
            del data[start:stop]
        else:
            data[start:start] = data[start:stop]


def _spliced(data: bytearray, other: bytes, rng: np.random.Generator) -> bytearray:
    """The beginning of one file and the end of another, or of the same."""
    cut, begin = int(rng.integers(1, len(data))), int(rng.integers(len(other)))
    return data[:cut] + other[begin:]
