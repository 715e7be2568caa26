"""The settings of a recipe of `avts train`: frozen and validated. They are stored in every checkpoint."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from avts.timebase import FRAME_RATE

VideoName = Literal["mc2", "mc3", "mc4", "mc5", "r3d18", "r2plus1d18", "i3d"]

TIME_STRIDES: dict[VideoName, int] = {"r3d18": 8, "r2plus1d18": 8, "i3d": 8}
"""Temporal stride in frames of the video towers that have one; the others give one feature per frame."""

Share = Annotated[float, Field(ge=0, le=1)]


class Settings(BaseModel):
    """Immutable settings with strict types; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class AnyRecipe(Settings):
    """The tables of a recipe file.

    Attributes:
        folders: folders of the bundled recipes that hold recipes of this kind; '' is the top folder.
    """

    folders: ClassVar[tuple[str, ...]]


class ModelSettings(Settings):
    """The networks."""

    video: VideoName = Field("mc3", description="video tower; `avts model NAME` prints its layers")
    video_width: int = Field(64, ge=4, multiple_of=4, description="channels of conv1; 64 is the published network")
    audio_width: int = Field(64, ge=8, multiple_of=8, description="channels of conv1; 64 is the published network")
    picture_input: Literal["rgb", "change", "still"] = Field(
        "rgb", description="colours, luminance and its change, or only the colours of the middle frame of a window"
    )
    frame_size: int = Field(224, ge=32, le=512, description="height and width of the network's input, pixels")
    head: Literal["global", "temporal"] = Field(
        "global", description="how feature maps become an embedding: mean over time, or layers that preserve time"
    )
    head_steps: int = Field(12, ge=1, le=24, description="time steps per window of the temporal head")
    hidden: int = Field(512, ge=8, description="hidden units of the temporal head")
    embedding: int = Field(512, ge=8, description="size of the embedding")
    filter_bands: int = Field(40, ge=16, le=128, description="bands of the audio filterbank")
    context_seconds: float = Field(1.0, ge=0.5, le=60, description="length over which inputs are normalised, seconds")
    unit_vectors: bool = Field(
        True, description="scale embeddings to unit length; false: leave embeddings and distances unscaled"
    )
    centre: bool = Field(
        False, description="subtract the mean of all embeddings of a step before they are scaled to unit length"
    )
    comparison: Literal["distance", "fused"] = Field(
        "distance", description="distance of two embeddings, or a classifier on both for loss 'bce'"
    )
    fused_hidden: int = Field(512, ge=8, description="hidden units of the fused classifier")


class PairSettings(Settings):
    """How windows are sampled and paired."""

    clip_seconds: float = Field(1.0, ge=0.5, le=10, description="window length, seconds")
    hard_gap_seconds: float = Field(0.5, ge=0, description="minimum gap of a hard pair, seconds")
    sampling: Literal["grid", "pairs", "spans"] = Field(
        "grid", description="all pairs of a batch, one pair per picture, or all pairs of windows in longer spans"
    )
    span_seconds: float = Field(3.0, ge=0.5, le=30, description="length of the spans of sampling 'spans', seconds")
    span_margin_seconds: float = Field(
        0.0, ge=0, le=5, description="extra length at each end of a span that is embedded but not paired, seconds"
    )
    batch_size: int = Field(32, ge=2, description="pictures, or spans, per step")
    parts: int = Field(
        0,
        ge=0,
        le=9,
        description="random parts of each picture, half its height and width, compared with the sound too: "
        "the distance of a pair is the soft minimum of whole and parts",
    )
    silence_dbfs: float = Field(
        -55.0, le=0, description="windows with quieter sound are excluded from the loss, dBFS RMS"
    )

    @property
    def cut_seconds(self) -> float:
        """Length that is cut out of a clip for a step: a window, or a span of windows with its margins."""
        return self.span_seconds + 2 * self.span_margin_seconds if self.sampling == "spans" else self.clip_seconds


class LossSettings(Settings):
    """The loss."""

    name: Literal["contrastive", "bce", "info_nce"] = Field(
        "contrastive",
        description="bce needs comparison 'fused'; info_nce needs sampling 'grid' or 'spans', and unit_vectors",
    )
    temperature: float = Field(0.1, gt=0, description="temperature of info_nce")
    weigh_by_shares: bool = Field(
        True,
        description="info_nce: weight kinds of negatives by the stage's shares; false: weight all negatives equally",
    )
    margin: float = Field(0.99, gt=0, le=2, description="distance beyond which a negative has no loss")


class AugmentSettings(Settings):
    """Augmentation of training windows; shares are shares of the windows."""

    least_crop: float = Field(0.7, gt=0, le=1, description="minimum share of each side that a random crop keeps")
    frame_rate: Share = Field(0.0, description="share resampled to another frame rate: frames are repeated or dropped")
    inset: Share = Field(0.0, description="share with another clip in one corner")
    picture_noise: float = Field(0.0, ge=0, le=1, description="maximum noise, standard deviation; 1 is white")
    sound_colour: Share = Field(0.0, description="share with a random smooth filter")
    sound_behind: Share = Field(
        0.0, description="share with another clip's sound in the background, 8 to 25 dB quieter"
    )
    sound_noise: Share = Field(0.0, description="share with coloured noise in the background, 10 to 35 dB quieter")


class StageSettings(Settings):
    """One stage of the curriculum: its length, and the shares of its negatives."""

    name: str = Field(description="name of the stage in logs and figures")
    epochs: int | None = Field(None, ge=1, description="length in epochs")
    steps: int | None = Field(None, ge=1, description="length in steps, instead of epochs")
    shares: Literal["fixed", "adaptive"] = Field(
        "fixed", description="adaptive: hard and super_hard are maxima, approached as the errors fall"
    )
    easy: Share = Field(1.0, description="share of negatives with the sound of another clip")
    hard: Share = Field(0.0, description="share of negatives from another time in the same clip, without overlap")
    super_hard: Share = Field(0.0, description="share of negatives from the same clip with overlapping sound")

    @model_validator(mode="after")
    def _has_one_length(self) -> StageSettings:
        if (self.epochs is None) == (self.steps is None):
            given = (
                "neither epochs nor steps" if self.epochs is None else f"epochs {self.epochs} and steps {self.steps}"
            )
            raise ValueError(f"stage '{self.name}' has {given}; give exactly one of them")
        return self

    @model_validator(mode="after")
    def _shares_sum_to_one(self) -> StageSettings:
        total = self.easy + self.hard + self.super_hard
        if abs(total - 1) > 1e-6:
            raise ValueError(f"easy + hard + super_hard of stage '{self.name}' is {total:g}; they must sum to 1")
        if self.shares == "adaptive" and self.easy == 1:
            raise ValueError(f"stage '{self.name}' is adaptive, but easy is 1: give hard or super_hard a share above 0")
        return self

    def num_steps(self, steps_per_epoch: int) -> int:
        """Length in steps."""
        return self.steps or (self.epochs or 0) * steps_per_epoch

    @property
    def length(self) -> str:
        """Length in words."""
        return f"{self.steps} steps" if self.steps else f"{self.epochs} epochs"


class OptimizerSettings(Settings):
    """The optimiser and its schedule."""

    name: Literal["sgd", "adamw"] = Field("sgd", description="the optimiser")
    learning_rate: float = Field(
        0.01, gt=0, description="learning rate after the warm-up, before the schedule lowers it"
    )
    momentum: float = Field(0.9, ge=0, lt=1, description="momentum of sgd")
    weight_decay: float = Field(1e-4, ge=0, description="weight decay; not applied to biases and batch norm")
    schedule: Literal["plateau", "cosine", "constant", "trapezoid"] = Field(
        "plateau",
        description="learning rate schedule: drop on a plateau of the loss, half a cosine to 0, constant, or constant "
        "and at the end linearly to 0, so that the last stage of a curriculum is trained at the full rate",
    )
    fall_share: float = Field(0.15, gt=0, le=1, description="part of all steps over which 'trapezoid' falls to 0")
    warmup_steps: int = Field(0, ge=0, description="steps over which the rate rises linearly to learning_rate")
    plateau_epochs: int = Field(5, ge=1, description="epochs without a lower loss before the rate falls by 10")


class TrainingSettings(Settings):
    """The loop."""

    seed: int = Field(0, ge=0, description="of the weights and of all that is drawn")
    freeze_towers: bool = Field(False, description="train the linear layers only; needs `avts train --start`")
    start_share: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="part of the starting weights in the finished model, against forgetting; needs `--start`",
    )
    precision: Literal["auto", "bf16", "fp32"] = Field("auto", description="auto: bf16 where the device is fast at it")
    workers: int = Field(
        1, ge=-1, description="processes that decode windows; 0 decodes in the loop; -1: one for each core but one"
    )
    channels_last: bool = Field(False, description="weights of the convolutions with channels last: for a GPU")
    compile: bool = Field(False, description="compile the towers with torch.compile: slow to start, for long runs")
    recompute: bool = Field(
        False, description="keep few activations and compute the others again in the backward pass: saves memory"
    )
    log_every_steps: int = Field(5, ge=1, description="steps from one line of log.jsonl to the next")
    checkpoint_every_steps: int = Field(200, ge=1, description="steps from one checkpoint to the next")
    keep_checkpoints: int = Field(2, ge=1, description="the newest so many; the best model is kept beside them")
    accumulate_steps: int = Field(1, ge=1, description="batches whose gradients are added up to make one step")
    ema_decay: float = Field(0.0, ge=0, lt=1, description="of the weights' moving average, the finished model; 0: none")
    validate_every_epochs: int = Field(1, ge=0, description="epochs from one validation to the next; 0: never")

    @model_validator(mode="after")
    def _is_compiled_or_recomputed(self) -> TrainingSettings:
        if self.compile and self.recompute:
            raise ValueError("compile and recompute are both true, which has not been tested; set one of them to false")
        return self

    def num_workers(self, cores: int) -> int:
        """Processes that decode windows on a machine of so many cores."""
        return max(cores - 1, 1) if self.workers < 0 else self.workers


class Recipe(AnyRecipe):
    """Everything that determines what `avts train` does, apart from the data."""

    folders = ("", "table1")

    model: ModelSettings = ModelSettings()
    pairs: PairSettings = PairSettings()
    loss: LossSettings = LossSettings()
    augment: AugmentSettings = AugmentSettings()
    curriculum: tuple[StageSettings, ...] = Field(strict=False)  # TOML has lists, not tuples
    optimizer: OptimizerSettings = OptimizerSettings()
    training: TrainingSettings = TrainingSettings()

    @field_validator("curriculum")
    @classmethod
    def _has_a_stage(cls, stages: tuple[StageSettings, ...]) -> tuple[StageSettings, ...]:
        if not stages:
            raise ValueError("the curriculum has 0 stages; give at least one [[curriculum]]")
        return stages

    @model_validator(mode="after")
    def _loss_fits_the_rest(self) -> Recipe:
        loss, comparison = self.loss.name, self.model.comparison
        if (loss == "bce") != (comparison == "fused"):
            needed = "fused" if loss == "bce" else "distance"
            raise ValueError(f"loss '{loss}' needs [model] comparison = '{needed}'; it is '{comparison}'")
        if loss == "info_nce" and self.pairs.sampling == "pairs":
            raise ValueError("loss 'info_nce' needs [pairs] sampling = 'grid' or 'spans'; it is 'pairs'")
        if loss == "info_nce" and not self.model.unit_vectors:
            raise ValueError("loss 'info_nce' needs [model] unit_vectors = true; it is false")
        if self.pairs.parts and (comparison == "fused" or not self.model.unit_vectors):
            raise ValueError("[pairs] parts needs [model] comparison = 'distance' and unit_vectors = true")
        return self

    @model_validator(mode="after")
    def _sampling_fits_the_rest(self) -> Recipe:
        pairs = self.pairs
        if pairs.sampling == "spans" and pairs.span_seconds < pairs.clip_seconds:
            raise ValueError(f"span_seconds {pairs.span_seconds:g} is shorter than a window")
        if self.model.picture_input == "still" and (self.model.head == "temporal" or pairs.sampling == "spans"):
            needed = "[model] head = 'global' and [pairs] sampling 'grid' or 'pairs'"
            raise ValueError(f"picture_input 'still' needs {needed}")
        return self

    @model_validator(mode="after")
    def _adaptive_shares_are_weights(self) -> Recipe:
        adaptive = [stage.name for stage in self.curriculum if stage.shares == "adaptive"]
        if adaptive and self.pairs.sampling == "pairs":
            raise ValueError(
                f"stage '{adaptive[0]}' is adaptive, which needs [pairs] sampling = 'grid' or 'spans': pair by pair, "
                "the kinds are drawn before the errors are known"
            )
        if adaptive and self.loss.name == "info_nce" and not self.loss.weigh_by_shares:
            raise ValueError(f"stage '{adaptive[0]}' is adaptive, which needs [loss] weigh_by_shares = true")
        return self

    @model_validator(mode="after")
    def _towers_fit_the_rest(self) -> Recipe:
        stride = TIME_STRIDES.get(self.model.video)
        if stride is None:
            return self
        if self.pairs.sampling == "spans":
            raise ValueError(
                f"sampling 'spans' needs one feature per frame, as mc2 to mc5 have; video '{self.model.video}' gives "
                f"one every {stride} frames. Set [pairs] sampling to 'grid' or 'pairs'"
            )
        features = math.ceil(round(self.pairs.clip_seconds * FRAME_RATE) / stride)
        if self.model.head == "temporal" and self.model.head_steps > features:
            raise ValueError(
                f"head_steps {self.model.head_steps} is more than the features of a window: '{self.model.video}' gives "
                f"{features} in {self.pairs.clip_seconds:g} s. Set [model] head_steps to {features} or less"
            )
        return self

    @property
    def num_epochs(self) -> int:
        """Total epochs of all stages, except those whose length is given in steps."""
        return sum(stage.epochs or 0 for stage in self.curriculum)

    def steps_per_epoch(self, num_clips: int) -> int:
        """Full steps per epoch for a number of training clips (at least one)."""
        return max(num_clips // (self.pairs.batch_size * self.training.accumulate_steps), 1)

    def stage_steps(self, num_clips: int) -> list[int]:
        """Steps of each stage for a number of training clips."""
        return [stage.num_steps(self.steps_per_epoch(num_clips)) for stage in self.curriculum]

    def with_seed(self, seed: int) -> Recipe:
        """The same recipe with another seed."""
        return self.model_copy(update={"training": self.training.model_copy(update={"seed": seed})})
