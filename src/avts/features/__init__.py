"""Embeddings and conv stages of both towers as tables, one row a window; retrieval of sounds by pictures and back.

`avts.features` is this package and the function of `avts.api` alike: Python sets a package's name in `avts` as soon as
anything imports it, so the package itself can be called.
"""

import sys
from types import ModuleType
from typing import Any

import avts


class _CallablePackage(ModuleType):
    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """As `avts.api.features`."""
        return avts._features(*arguments, **named)


sys.modules[__name__].__class__ = _CallablePackage
