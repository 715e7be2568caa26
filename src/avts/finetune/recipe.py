"""A recipe of `avts finetune`: everything that determines how a classifier is trained and tested, except the data."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from avts.settings import AnyRecipe, AugmentSettings, ModelSettings, Settings, Share, read_settings, shipped_recipes
from avts.timebase import FRAME_RATE

Senses = Literal["picture", "sound", "both"]
"""What a classifier is given: the video tower's input, the audio tower's, or both."""


class ClipSettings(Settings):
    """The clips that are cut out of a video."""

    clip_frames: int = Field(8, ge=1, le=480, description="frames per clip; 8 as in the paper")
    frame_step: int = Field(
        1,
        ge=1,
        le=8,
        description="temporal stride: 1 uses all of the corpus's 24 frames per second, 2 every second one ...",
    )

    @property
    def clip_seconds(self) -> float:
        """Length of a clip, seconds."""
        return self.clip_frames * self.frame_step / FRAME_RATE


class ClassifierSettings(Settings):
    """The layers on top of the towers."""

    hidden: int = Field(512, ge=1, description="units of the layer on both towers; a single tower has no such layer")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the features that is dropped at each step")


class FinetuneOptimizer(Settings):
    """The optimiser and its schedule."""

    name: Literal["sgd", "adamw"] = Field("sgd", description="the optimiser")
    learning_rate: float = Field(
        0.01, gt=0, description="learning rate after the warm-up, before the schedule lowers it"
    )
    classifier_rate: float = Field(
        1.0, gt=0, description="learning rate of the new layers, as a multiple of that of the towers"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of sgd")
    weight_decay: float = Field(5e-3, ge=0, description="weight decay; not applied to biases and batch norm")
    schedule: Literal["drops", "cosine", "constant"] = Field(
        "drops", description="learning rate schedule: stepwise drops, half a cosine to 0, or constant"
    )
    drops: tuple[Share, ...] = Field(
        (0.25, 0.5, 0.75), strict=False, description="times of the drops, as shares of the training"
    )
    drop_factor: float = Field(0.1, gt=0, lt=1, description="factor of each drop")
    warmup_steps: int = Field(0, ge=0, description="steps over which the rate rises linearly to learning_rate")

    @field_validator("drops")
    @classmethod
    def _rise(cls, drops: tuple[float, ...]) -> tuple[float, ...]:
        if list(drops) != sorted(drops):
            raise ValueError(f"drops {list(drops)} are not in ascending order; sort them")
        return drops


class FinetuneTraining(Settings):
    """The loop."""

    batch_size: int = Field(64, ge=2, description="clips per step")
    epochs: float = Field(8, gt=0, description="epochs, with one clip of each training video")
    least_steps: int = Field(0, ge=0, description="minimum number of steps")
    seed: int = Field(0, ge=0, description="seed of the initial weights and of all sampling")
    precision: Literal["auto", "bf16", "fp32"] = Field("auto", description="auto: bf16 where the device is fast at it")
    workers: int = Field(1, ge=0, description="processes that decode clips; 0 decodes in the main process")
    log_every_steps: int = Field(5, ge=1, description="steps between lines of the log")
    checkpoint_every_steps: int = Field(200, ge=1, description="steps between checkpoints")


class FinetuneTest(Settings):
    """The test."""

    windows: int = Field(10, ge=1, description="clips per video, evenly spaced; their scores are averaged")
    crop: float = Field(1.0, gt=0, le=1, description="share of each side that the centre crop keeps")


class FinetuneRecipe(AnyRecipe):
    """Everything that determines what `avts finetune` does, apart from the data and the start.

    Keys missing in [model] are taken from the run to start from, or from the run given by --like.
    """

    folders = ("finetune", "downstream")

    model: ModelSettings = ModelSettings()
    clips: ClipSettings = ClipSettings()
    classifier: ClassifierSettings = ClassifierSettings()
    augment: AugmentSettings = AugmentSettings()
    optimizer: FinetuneOptimizer = FinetuneOptimizer()
    training: FinetuneTraining = FinetuneTraining()
    test: FinetuneTest = FinetuneTest()


def read_finetune_recipe(path: Path) -> FinetuneRecipe:
    """Read a recipe of `avts finetune`.

    Raises:
        SettingsError: no such file, not TOML, an unknown key (names the nearest known one), or a value out of range.
    """
    return read_settings(path, FinetuneRecipe)


def default_recipe(name: str) -> Path:
    """A bundled recipe of `avts finetune`."""
    return shipped_recipes() / "finetune" / f"{name}.toml"
