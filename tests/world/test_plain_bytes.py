"""The plain world: the same takes for the same seed, whatever the rich world learns.

The last bits of a sine depend on the vector instructions of a CPU: bytes are compared where these are the ones that the
bytes were made with, coarse figures of picture, sound and truth everywhere.
"""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from numpy._core._multiarray_umath import __cpu_features__

from avts.world import Take, compose

HASHES = {
    "ball": "6685bd6004614d3f",
    "hammer": "f3f7d4a04aa299e7",
    "clap": "1fc5d61851ba98d0",
    "drumstick": "de28a7d8d2ee0715",
    "footsteps": "342a43a3f0cdfc7c",
    "xylophone": "ec2e70e29c7115c8",
    "bell": "6361ce46371d13c7",
    "string": "941a7d0339378cbe",
    "pendulum": "ea2aa9abc946db1d",
    "rotor": "d16025b9bfa79a1e",
    "saw": "db7e84e8ed1e693c",
    "piston": "818a3ab906eda87b",
    "engine": "5dacfcc77f5e1992",
    "mouth": "b9b506b064aa3bf1",
    "dog": "ab3e5e3c86410478",
    "bird": "b4485ffc134b1415",
    "rain": "b0491bcb2ed87fe1",
    "fire": "a0bf600e32fea542",
    "waves": "2e8c4471caa2c637",
    "pouring": "ae3b31363b4c4b74",
}
"""Of takes made before there were rich scenes (seed 21, the kind's own number, 32 pixels, 0.75 s, shifted)."""


FIGURES: dict[str, dict[str, list[float]]] = json.loads(
    (Path(__file__).parent / "plain_figures.json").read_text(encoding="utf-8")
)
"""Coarse figures of the same takes, by the same code (see `figures`)."""


def take_of(index: int, kind: str, seed: int = 21) -> Take:
    return compose(seed, index, kind=kind, size=32, seconds=0.75, max_shift_seconds=0.3)


def figures(take: Take) -> dict[str, list[float]]:
    """Mean colour of the quarters of six frames, level of the sound in ten parts, and the truth's times."""
    height, width = take.frames.shape[1:3]
    six = take.frames[::3, : height // 2 * 2, : width // 2 * 2].astype(float)
    quarters = six.reshape(len(six), 2, height // 2, 2, width // 2, 3).mean(axis=(2, 4))
    levels = [float(np.sqrt(np.square(part).mean())) for part in np.array_split(take.samples.astype(float), 10)]
    times = [take.truth.offset_seconds, *take.truth.event_seconds]
    return {"quarters": quarters.ravel().tolist(), "levels": levels, "times": times}


def same(one: dict[str, list[float]], other: dict[str, list[float]]) -> bool:
    limits = {"quarters": {"abs": 1.5}, "levels": {"rel": 1e-2, "abs": 1e-4}, "times": {"abs": 2e-6}}
    return all(one[name] == pytest.approx(other[name], **limit) for name, limit in limits.items())


@pytest.mark.skipif(not __cpu_features__["AVX512_SKX"], reason="the bytes were made with AVX-512")
@pytest.mark.parametrize(("index", "kind"), list(enumerate(HASHES)))
def test_plain_takes_are_the_same_bytes_as_ever(index: int, kind: str) -> None:
    one = take_of(index, kind)
    truth = json.dumps(asdict(one.truth), sort_keys=True).encode()
    assert hashlib.sha256(one.frames.tobytes() + one.samples.tobytes() + truth).hexdigest()[:16] == HASHES[kind]


@pytest.mark.parametrize(("index", "kind"), list(enumerate(HASHES)))
def test_plain_takes_look_and_sound_as_ever(index: int, kind: str) -> None:
    assert same(figures(take_of(index, kind)), FIGURES[kind])
    assert not same(figures(take_of(index, kind, seed=22)), FIGURES[kind]), "another take is told apart"
