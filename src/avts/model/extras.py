"""Packages that only some commands need, and how to install them: the extras of pyproject.toml."""

from __future__ import annotations

import importlib.util

from avts.errors import UsageError, install_advice

PACKAGES = {
    "export": ("onnx", "onnxscript", "onnxruntime"),
    "faiss": ("faiss",),
    "hub": ("huggingface_hub",),
}
"""What each extra brings, by the names under which it is imported."""


def need_extra(extra: str, what: str) -> None:
    """Raise UsageError if a package of an extra is not installed.

    Args:
        extra: a key of PACKAGES.
        what: what needs it, for the message: 'avts export'.
    """
    missing = [package for package in PACKAGES[extra] if importlib.util.find_spec(package) is None]
    if missing:
        names = " and ".join(missing)
        raise UsageError(f"{what} needs {names}, not installed here. {install_advice(extra)}")
