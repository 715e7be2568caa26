"""How far is the sound of a film off: read it, map it, estimate the offset, repair the file.

The room can be called: `avts.sync("talk.mp4")` is `avts.api.sync`. A package and a function share the name, so the
package's module is given a __call__; whichever of its modules was imported first, both uses work
(tests/test_api.py). Importing it is light: the function's code is imported when it is called.
"""

import sys
from types import ModuleType
from typing import Any


class _CallableRoom(ModuleType):
    """This package's module, which passes a call on."""

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """See `avts.api.sync`."""
        import importlib

        # by name, for this room comes before the interface on the way of the data
        return importlib.import_module("avts.api").sync(*arguments, **options)


sys.modules[__name__].__class__ = _CallableRoom
