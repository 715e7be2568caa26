"""The type of every parameter that names a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    _Type = click.ParamType[Path | str]
else:
    _Type = click.ParamType  # takes no argument in older versions


class CorpusType(_Type):
    """A folder, as a Path, or a URL, as text; whether a corpus is there is seen when it is opened."""

    name = "corpus"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str | None:  # noqa: ARG002
        """How the value is named in the help."""
        return "FOLDER|URL" if isinstance(param, click.Option) else None

    def convert(
        self,
        value: Path | str,
        param: click.Parameter | None,  # noqa: ARG002
        ctx: click.Context | None,  # noqa: ARG002
    ) -> Path | str:
        """A path or a URL.

        Raises:
            UsageError: it is neither.
        """
        from avts.corpus.place import place_of

        return place_of(value)


CORPUS = CorpusType()
