"""Every error avts raises on purpose, and the exit status of each.

    AvtsError
    +-- UsageError             2  the call itself is wrong (an option, a path that does not exist)
    |   +-- SettingsError      2  a recipe is wrong (unknown key, value out of range)
    +-- InputError             3  some input is unusable
    |   +-- MediaError         3  a media file cannot give what was asked of it
    |   +-- CorpusError        3  a corpus is missing, damaged or too small
    |   +-- CheckpointError    3  a run or checkpoint is missing, foreign, or of another shape
    |   +-- TrainingError      3  training cannot go on (non-finite loss)
    +-- LimitError             4  a limit that the user set was exceeded

Each message has three parts: what was asked, what was got, what to do.
"""

from __future__ import annotations

from pathlib import Path


class AvtsError(Exception):
    """Base of all errors raised on purpose; the command line prints it without a traceback."""

    exit_status = 3


class UsageError(AvtsError):
    """The call itself is wrong: an option, or a path that does not exist."""

    exit_status = 2


class SettingsError(UsageError):
    """A recipe or setting is wrong: unknown key, wrong type, value out of range."""


class InputError(AvtsError):
    """Some input is unusable."""


class MediaError(InputError):
    """A media file cannot give what was asked of it."""


class CorpusError(InputError):
    """A corpus is missing, damaged or too small for what was asked."""


class CheckpointError(InputError):
    """A run or checkpoint is missing, not ours, of another format version, or of another shape."""


class TrainingError(InputError):
    """Training cannot go on, for example because the loss is not finite."""


class LimitError(AvtsError):
    """A limit that the user set was exceeded."""

    exit_status = 4


def install_advice(extra: str) -> str:
    """How to install an extra of this package, for a message. No index has this package yet.

    Args:
        extra: a key of [project.optional-dependencies] in pyproject.toml.
    """
    clone = Path(__file__).parents[2]
    where = clone if (clone / "pyproject.toml").is_file() else "a clone of avts"
    return f"Install it, in {where}: pip install -e '.[{extra}]'"
