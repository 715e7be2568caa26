"""Fixtures shared with other rooms, and a tiny recipe for classifiers."""

import tomllib
from typing import Any

import pytest

from avts.finetune.recipe import FinetuneRecipe
from avts.settings import settings_from
from fixtures_features import tiny_model, tiny_run, write_film, write_sound
from fixtures_training import one_thread, small_corpus

__all__ = ["one_thread", "small_corpus", "tiny_model", "tiny_run", "write_film", "write_sound"]

TINY = """
[model]
video_width = 4
audio_width = 8
picture_input = "change"
frame_size = 32
filter_bands = 16
[clips]
clip_frames = 6
[optimizer]
name = "adamw"
learning_rate = 1e-3
schedule = "constant"
[training]
batch_size = 4
epochs = 2
precision = "fp32"
workers = 0
log_every_steps = 1
[test]
windows = 3
"""


@pytest.fixture
def tiny() -> Any:
    """Makes the tiny recipe with some values changed: tables by name."""

    def make(**tables: dict[str, Any]) -> FinetuneRecipe:
        values = tomllib.loads(TINY)
        for name, table in tables.items():
            values[name] = {**values.get(name, {}), **table}
        return settings_from(values, FinetuneRecipe, name="tiny")

    return make
