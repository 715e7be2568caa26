"""A small corpus of generated videos and a recipe for it, for the tests of several rooms; their conftest imports it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pytest
import torch

from avts.corpus.corpus import Corpus
from avts.corpus.ingest import ingest
from avts.settings import Recipe, recipe_from
from avts.world import write_world

VIDEOS = {"train": 8, "validation": 3, "test": 4}

TINY_TOML = """
[model]
video_width = 4
audio_width = 8
picture_input = "change"
frame_size = 32
head = "temporal"
head_steps = 6
hidden = 16
embedding = 8
filter_bands = 16

[pairs]
batch_size = 4

[[curriculum]]
name = "easy"
epochs = 2
easy = 1.0

[[curriculum]]
name = "75/25"
epochs = 2
easy = 0.75
hard = 0.25

[optimizer]
name = "adamw"
learning_rate = 1e-3
schedule = "plateau"
plateau_epochs = 1

[training]
precision = "fp32"
workers = 0
log_every_steps = 1
"""


def tiny_recipe(**tables: dict[str, Any] | list[dict[str, Any]]) -> Recipe:
    """The tiny recipe with some values changed: tables by name."""
    import tomllib

    values = tomllib.loads(TINY_TOML)
    for name, table in tables.items():
        values[name] = {**values.get(name, {}), **table} if isinstance(table, dict) else table
    return recipe_from(values, name="tiny")


@functools.cache
def build_corpus(root: Path) -> Path:
    """Make the small corpus in a folder."""
    kinds = ["ball", "clap", "hammer", "drumstick"]
    for index, (split, videos) in enumerate(VIDEOS.items()):
        write_world(root / "w" / split, videos=videos, seed=5 + index, size=64, seconds=3.0, kinds=kinds, workers=1)
    ingest(root / "w", root / "c", short_side=64, workers=1)
    return root / "c"


@pytest.fixture(scope="session")
def small_corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Eight training, three validation and four test videos of 3 s and 64 pixels; only to be read."""
    # several conftest.py files import this fixture, and each makes a fixture of its own: the corpus is made once
    return Corpus.open(build_corpus(tmp_path_factory.getbasetemp() / "small-corpus"))


@pytest.fixture
def one_thread() -> Any:
    """One thread and deterministic sums, so that two runs can be equal bit for bit."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
