"""Recipes: TOML files read into frozen, validated settings.

recipe      the settings of `avts train`
shipped     the bundled recipes, by name
reading     read a file, and what it extends; an unknown key is an error that names the nearest known one
explained   a full recipe as TOML, every key with its values, default and meaning
"""

from avts.settings.reading import kind_of, read_recipe, read_settings, recipe_from, settings_from
from avts.settings.recipe import (
    TIME_STRIDES,
    AnyRecipe,
    AugmentSettings,
    LossSettings,
    ModelSettings,
    OptimizerSettings,
    PairSettings,
    Recipe,
    Settings,
    Share,
    StageSettings,
    TrainingSettings,
    VideoName,
)
from avts.settings.shipped import find_recipe, shipped_recipes

__all__ = [
    "TIME_STRIDES",
    "AnyRecipe",
    "AugmentSettings",
    "LossSettings",
    "ModelSettings",
    "OptimizerSettings",
    "PairSettings",
    "Recipe",
    "Settings",
    "Share",
    "StageSettings",
    "TrainingSettings",
    "VideoName",
    "find_recipe",
    "kind_of",
    "read_recipe",
    "read_settings",
    "recipe_from",
    "settings_from",
    "shipped_recipes",
]
