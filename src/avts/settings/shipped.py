"""The bundled recipes, by name: 'demo', 'table1/easy'."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from importlib import resources
from pathlib import Path, PurePath

from avts.errors import SettingsError

SENTENCE_END = re.compile(r"(?<=[^l]\.) (?=[A-Z])")  # not after 'et al.'


def shipped_recipes() -> Path:
    """The folder of bundled recipes: in the package when installed, else in the repository."""
    packaged = Path(str(resources.files("avts"))) / "recipes"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "recipes"


def recipe_names(folders: Sequence[str]) -> list[str]:
    """Names of the recipes in some of the package's folders; '' is the top folder."""
    root = shipped_recipes()
    found = (path for folder in folders for path in sorted((root / folder).glob("*.toml")))
    return [path.relative_to(root).with_suffix("").as_posix() for path in found]


def find_recipe(name: Path, folders: Sequence[str]) -> Path:
    """The file of a recipe given by path or name.

    Args:
        name: a file; or, if no file has that path, the name of a bundled recipe, with or without the suffix '.toml'
            and the folder 'recipes/' of the repository.
        folders: folders of the package that are searched for a name before the top folder.

    Raises:
        SettingsError: neither a file nor a known name. The error names the nearest one.
    """
    if name.exists() and (name.suffix or name.is_file()):  # a folder 'demo' does not hide the recipe 'demo'
        return name
    if not name.is_absolute() and ".." not in name.parts:
        inside = PurePath(*name.parts[1:]) if name.parts[:1] == ("recipes",) else name
        for folder in dict.fromkeys((*folders, "")):
            found = shipped_recipes() / folder / (inside if inside.suffix == ".toml" else f"{inside}.toml")
            if found.is_file():
                return found
    if name.exists():
        return name
    raise SettingsError(f"{name}: no such recipe{_advice(name, folders)}")


def summary_of(path: Path) -> str:
    """The first sentence of the leading comment of a recipe; '' if it has none."""
    comment: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("# ").rstrip())
    return SENTENCE_END.split(" ".join(comment), maxsplit=1)[0]


def _advice(name: Path, folders: Sequence[str]) -> str:
    wanted = name.with_suffix("").as_posix().removeprefix("recipes/")
    near = difflib.get_close_matches(wanted, recipe_names(folders), n=1, cutoff=0.6)
    guess = f"; did you mean '{near[0]}'?" if near else "."
    known = ", ".join(recipe_names(folders[:1]))
    return f"{guess} Give a TOML file, or a name: {known} (`avts recipe list` shows all)"
