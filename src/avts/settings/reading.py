"""Read a recipe file, and those that it extends, into settings; every error names the file that contains it."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import ValidationError

from avts.errors import SettingsError
from avts.settings.recipe import AnyRecipe, Recipe, Settings
from avts.settings.shipped import find_recipe

S = TypeVar("S", bound=Settings)
R = TypeVar("R", bound=AnyRecipe)


def read_recipe(path: Path, *, base: Path | None = None) -> Recipe:
    """Read a recipe of `avts train`; see `read_settings`."""
    return read_settings(path, Recipe, base=base)


def recipe_from(values: dict[str, Any], *, name: str) -> Recipe:
    """Validate the values of a recipe of `avts train`; see `settings_from`."""
    return settings_from(values, Recipe, name=name)


def read_settings(path: Path, kind: type[R], *, base: Path | None = None) -> R:
    """Read a recipe.

    A recipe may begin with `extends = "other.toml"`, a file next to it or a bundled recipe: it then inherits all
    settings that it does not set itself. A list ([[curriculum]]) is replaced as a whole.

    Args:
        path: a TOML file, or the name of a bundled recipe.
        kind: the kind of recipe to read.
        base: what it extends, instead of the file that it names; also a file or a name.

    Raises:
        SettingsError: no such file, not TOML, an unknown key (names the nearest known one), or a value out of range;
            each error names the file that contains it.
    """
    layers = _layers(path, kind, base)
    return _validated(_whole(layers), kind, lambda place: _origin(layers, place))


def kind_of(path: Path, kinds: Sequence[type[AnyRecipe]]) -> type[AnyRecipe]:
    """The kind of recipe that has the tables of a file; the first kind if several or none match.

    Args:
        path: a TOML file, or a name.
        kinds: the possible kinds; a name is searched for in the folders of each.

    Raises:
        SettingsError: as for `read_settings`, except for errors within the tables.
    """
    folders = [folder for kind in kinds for folder in kind.folders]
    values = _whole(_layers(find_recipe(path, folders), kinds[0], None))
    return next((kind for kind in kinds if values.keys() <= kind.model_fields.keys()), kinds[0])


def settings_from(values: dict[str, Any], kind: type[S], *, name: str) -> S:
    """Validate the values of a recipe.

    Args:
        values: the recipe as nested dictionaries.
        kind: the settings to validate it as.
        name: of the recipe, for errors.

    Raises:
        SettingsError: all errors found, one per line.
    """
    return _validated(values, kind, lambda _: name)


Place = tuple[str | int, ...]
"""Path to a value in a recipe: keys, and indices of list entries."""


def _validated(values: dict[str, Any], kind: type[S], file_of: Callable[[Place], str]) -> S:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults = error.errors()
        raise SettingsError("\n".join(f"{file_of(fault['loc'])}: {_fault(fault, kind)}" for fault in faults)) from None


def _layers(path: Path, kind: type[AnyRecipe], base: Path | None) -> list[tuple[str, dict[str, Any]]]:
    """A recipe and all recipes that it extends, starting with itself: the name of each file and its values."""
    layers: list[tuple[str, dict[str, Any]]] = []
    seen: list[Path] = []
    following: Path | None = find_recipe(path, kind.folders)
    base = base and find_recipe(base, kind.folders)
    while following is not None:
        if following.resolve() in seen:
            raise SettingsError(f"{layers[-1][0]}: extends '{following}', which extends it. Remove one 'extends'")
        seen.append(following.resolve())
        values = _toml(following)
        named = values.pop("extends", None)
        if not isinstance(named, str | None):
            raise SettingsError(f"{following}: 'extends' is {named!r}; give the name of one recipe")
        layers.append((str(following), values))
        following, base = base or (named and _extended(following.parent / named, kind)) or None, None
    return layers


def _extended(beside: Path, kind: type[AnyRecipe]) -> Path:
    """The recipe that another one extends: the file next to it, else a bundled one."""
    return beside if beside.exists() else find_recipe(Path(beside.name), kind.folders)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(
            f"{path}: not a valid TOML recipe ({error}). See `avts recipe show demo` for an example"
        ) from None


def _whole(layers: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """The values of a recipe merged with those of all recipes that it extends."""
    values: dict[str, Any] = {}
    for _, own in reversed(layers):
        values = _merged(values, own)
    return values


def _merged(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """The values of both; the second overrides the first, key by key in tables."""
    both = {key: _merged(under[key], over[key]) for key in under.keys() & over.keys() if _are_tables(under, over, key)}
    return {**under, **over, **both}


def _are_tables(under: dict[str, Any], over: dict[str, Any], key: str) -> bool:
    return isinstance(under[key], dict) and isinstance(over[key], dict)


def _origin(layers: list[tuple[str, dict[str, Any]]], place: Place) -> str:
    """The file that sets a value; for a missing value, the file that sets its parent."""
    for length in range(len(place), 0, -1):
        for name, values in layers:
            if _has(values, place[:length]):
                return name
    return layers[0][0]


def _has(values: Any, place: Place) -> bool:
    for key in place:
        try:
            values = values[key]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _fault(fault: Any, kind: type[Settings]) -> str:
    *parents, key = fault["loc"] or ("recipe",)
    where = f"in [{'.'.join(str(part) for part in parents if not isinstance(part, int))}]" if parents else "at the top"
    if fault["type"] == "extra_forbidden":
        known = _keys_at(parents, kind)
        near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.4)
        hint = f"; did you mean '{near[0]}'?" if near else f"; known keys: {', '.join(known)}"
        return f"unknown key '{key}' {where}{hint}"
    if fault["type"] == "missing":
        return f"key '{key}' {where} is missing"
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    return f"'{key}' {where} is {fault['input']!r}: {fault['msg']}"


def _keys_at(parents: list[Any], kind: type[Settings]) -> list[str]:
    """Names of the settings in a table."""
    for part in parents:
        if not isinstance(part, int):
            annotation: Any = kind.model_fields[part].annotation
            kind = next(iter(get_args(annotation)), annotation)  # a list of tables: its rows
    return list(kind.model_fields)
