"""A recipe of `avts finetune`: what decides how a classifier is trained and tested, apart from data and start."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from avts.settings import AnyRecipe, AugmentSettings, ModelSettings, Settings, Share, read_settings, shipped_recipes
from avts.timebase import FRAME_RATE

Senses = Literal["picture", "sound", "both"]
"""What a classifier is given: the video tower's input, the audio tower's, or both."""


class ClipSettings(Settings):
    """What is cut out of a video at a time."""

    clip_frames: int = Field(8, ge=1, le=480, description="frames of a clip; 8 as in the paper")
    frame_step: int = Field(1, ge=1, le=8, description="of the corpus's 24 frames a second every one, every second ...")

    @property
    def clip_seconds(self) -> float:
        """Length of a clip, seconds."""
        return self.clip_frames * self.frame_step / FRAME_RATE


class ClassifierSettings(Settings):
    """What stands behind the towers."""

    hidden: int = Field(512, ge=1, description="units of the layer on both towers; one tower alone has no such layer")
    dropout: float = Field(0.0, ge=0, lt=1, description="share of the features that is left out at each step")


class FinetuneOptimizer(Settings):
    """The optimiser and its schedule."""

    name: Literal["sgd", "adamw"] = Field("sgd", description="the optimiser")
    learning_rate: float = Field(0.01, gt=0, description="after the warm-up, before the schedule lowers it")
    classifier_rate: float = Field(1.0, gt=0, description="learning rate of the new layers, times that of the towers")
    momentum: float = Field(0.9, ge=0, lt=1, description="of sgd")
    weight_decay: float = Field(5e-3, ge=0, description="of the weights; not of biases and batch norm")
    schedule: Literal["drops", "cosine", "constant"] = Field(
        "drops", description="how the rate falls: at once at some places, along half a cosine to 0, or not at all"
    )
    drops: tuple[Share, ...] = Field((0.25, 0.5, 0.75), strict=False, description="when, as shares of the training")
    drop_factor: float = Field(0.1, gt=0, lt=1, description="what each drop leaves of the rate")
    warmup_steps: int = Field(0, ge=0, description="steps over which the rate rises to learning_rate")

    @field_validator("drops")
    @classmethod
    def _rise(cls, drops: tuple[float, ...]) -> tuple[float, ...]:
        if list(drops) != sorted(drops):
            raise ValueError(f"drops {list(drops)} do not rise; give them in the order in which they come")
        return drops


class FinetuneTraining(Settings):
    """The loop."""

    batch_size: int = Field(64, ge=2, description="clips in a step")
    epochs: float = Field(8, gt=0, description="times that each training video is seen, one clip each")
    least_steps: int = Field(0, ge=0, description="steps to make at least, however few the videos")
    seed: int = Field(0, ge=0, description="of the weights and of all that is drawn")
    precision: Literal["auto", "bf16", "fp32"] = Field("auto", description="auto: bf16 where the device is fast at it")
    workers: int = Field(1, ge=0, description="processes that decode clips; 0 decodes in the loop")
    log_every_steps: int = Field(5, ge=1, description="steps from one line of the log to the next")
    checkpoint_every_steps: int = Field(200, ge=1, description="steps from one checkpoint to the next")


class FinetuneTest(Settings):
    """The test."""

    windows: int = Field(10, ge=1, description="clips of a video, evenly spread; their scores are averaged")
    crop: float = Field(1.0, gt=0, le=1, description="share of each side that the box in the middle keeps")


class FinetuneRecipe(AnyRecipe):
    """Everything that decides what `avts finetune` does, apart from the data and the start.

    What [model] leaves out is taken from the run to start from, or from the run named by --like.
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
    """A recipe of `avts finetune` that the package brings."""
    return shipped_recipes() / "finetune" / f"{name}.toml"
