"""avts: learn from unlabelled videos which sound goes with which picture, and when; then use it.

    model = avts.load()                      # the model in the box
    avts.sync("talk.mp4", model)             # how far is its sound off?
    avts.repair("talk.mp4", "fixed.mp4")     # write it with its sound in sync
    avts.embed("talk.mp4", model)            # a vector a window of each tower; avts.features: of a conv stage

The way of the data, one package a stage; imports only point back along it:
    media, world -> corpus -> pairs -> model -> training -> evaluation, offset -> report -> cli

Shape letters, the same everywhere:
    B batch, T frames, C channels, H W pixels, N samples, M filter bands, S spectrogram steps, D embedding

Importing avts does nothing: no logging set-up, no device choice, no heavy import.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from avts.api import FilmFeatures as FilmFeatures
    from avts.api import RepairResult as RepairResult
    from avts.api import SyncModel as SyncModel
    from avts.api import SyncResult as SyncResult
    from avts.api import Where as Where
    from avts.api import embed as embed
    from avts.api import features as features
    from avts.api import load as load
    from avts.api import repair as repair
    from avts.api import sync as sync
    from avts.api import where as where

__version__ = "0.1.0"

_PUBLIC = (
    "FilmFeatures",
    "RepairResult",
    "SyncModel",
    "SyncResult",
    "Where",
    "embed",
    "features",
    "load",
    "repair",
    "sync",
    "where",
)


def __getattr__(name: str) -> Any:
    """Import public names when they are first asked for."""
    import importlib

    if name == "features":  # the package, which can be called
        return importlib.import_module("avts.features")
    if name in _PUBLIC:
        return getattr(importlib.import_module("avts.api"), name)
    raise AttributeError(f"module 'avts' has no attribute '{name}'; public are {', '.join(sorted(_PUBLIC))}")


def _features(*arguments: Any, **named: Any) -> Any:
    """What a call of the package `avts.features` does: `avts.api.features`."""
    import importlib

    return importlib.import_module("avts.api").features(*arguments, **named)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
