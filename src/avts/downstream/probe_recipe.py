"""A recipe of `avts probe sounds`: what decides what is measured, apart from the recordings and the networks."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field

from avts.downstream.classifiers import ClassifierName
from avts.settings import Settings, read_settings, shipped_recipes


class ProbeFeatures(Settings):
    """What a recording becomes."""

    kind: Literal["tower", "mfcc"] = "tower"
    windows: int = Field(10, ge=1, description="of each recording, evenly spread; their scores are averaged")
    stage: str = Field("conv5", description="of the audio tower")
    poolings: tuple[str, ...] = Field(
        ("4xsd",), strict=False, min_length=1, description="of its maps; of several, the best inside the training folds"
    )


class ProbeClassifier(Settings):
    """What is fitted to the features."""

    name: ClassifierName = "svm"
    strengths: tuple[float, ...] = Field(
        (),
        strict=False,
        description="C, or neighbours of knn, to choose from; the usual ones of the classifier if empty",
    )
    inner_folds: int = Field(4, ge=2, description="of the training recordings, to choose pooling and strength by")


class ProbeFolds(Settings):
    """Which recordings train and which test, where the collection does not say."""

    drawn: int = Field(5, ge=2)


class ProbeScratch(Settings):
    """The net that --from-scratch trains on the labels."""

    epochs: int = Field(24, ge=1, description="of the training on all training recordings")
    windows: int = Field(2, ge=1, description="of a recording in an epoch")
    batch_size: int = Field(16, ge=2, description="windows in a step")
    least_steps: int = Field(300, ge=1, description="to make at least, however few the recordings")
    learning_rates: tuple[float, ...] = Field((1e-3, 4e-3), strict=False, min_length=1, description="to choose from")
    trial_share: float = Field(0.25, gt=0, le=1, description="length of a trial of a rate, as a share of the training")
    weight_decay: float = Field(0.05, ge=0)


class ProbeRecipe(Settings):
    """Everything that decides what `avts probe sounds` measures, apart from the recordings and the networks."""

    features: ProbeFeatures = ProbeFeatures()
    classifier: ProbeClassifier = ProbeClassifier()
    folds: ProbeFolds = ProbeFolds()
    scratch: ProbeScratch = ProbeScratch()


def read_probe_recipe(path: Path) -> ProbeRecipe:
    """Read a recipe of `avts probe sounds`.

    Raises:
        SettingsError: no such file, not TOML, an unknown key (names the nearest known one), or a value out of range.
    """
    return read_settings(path, ProbeRecipe, like="recipes/probe/sounds.toml")


def default_probe_recipe(layout: str | None) -> Path:
    """The recipe that the package brings for a layout; sounds.toml where it has none. ESC-10 is a part of ESC-50."""
    folder = shipped_recipes() / "probe"
    own = folder / f"{'esc50' if layout == 'esc10' else layout}.toml"
    return own if layout and own.is_file() else folder / "sounds.toml"
