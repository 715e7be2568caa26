"""A full recipe as TOML: every key with its value, its allowed values, its default, and its meaning."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from avts.settings.recipe import AnyRecipe

RULES = (
    ("more than", "gt"),
    ("at least", "ge"),
    ("less than", "lt"),
    ("at most", "le"),
    ("a multiple of", "multiple_of"),
)


def explained_recipe(recipe: AnyRecipe) -> str:
    """A recipe as TOML that reads back to the same settings; a comment above each key explains it."""
    parts: list[str] = []
    for name, kind, is_list in tables_of(type(recipe)):
        value = getattr(recipe, name)
        for number, table in enumerate(value if is_list else (value,)):
            parts += [f"# {str(kind.__doc__).strip()}"] if number == 0 else []
            parts += [f"[[{name}]]" if is_list else f"[{name}]"]
            for key, field in kind.model_fields.items():
                parts += _explained(key, field, getattr(table, key))
            parts.append("")
    return "\n".join(parts).rstrip()


def tables_of(kind: type[AnyRecipe]) -> Iterator[tuple[str, type[BaseModel], bool]]:
    """The tables of a kind of recipe: name, settings, and whether it is a list of tables."""
    for name, field in kind.model_fields.items():
        several = get_origin(field.annotation) is tuple
        inner: Any = get_args(field.annotation)[0] if several else field.annotation
        yield name, inner, several


def values_of(field: FieldInfo) -> str:
    """The allowed values of a key: its choices as TOML, or its type and range in words."""
    return _kind(field.annotation, field.metadata)


def default_of(field: FieldInfo) -> str:
    """The default of a key as TOML, 'required', or 'not set'."""
    if field.is_required():
        return "required"
    return "not set" if field.default is None else toml_of(field.default)


def toml_of(value: object) -> str:
    """A plain value as TOML."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return f"[{', '.join(map(toml_of, value))}]" if isinstance(value, tuple | list) else repr(value)


def _explained(key: str, field: FieldInfo, value: object) -> list[str]:
    default = default_of(field)
    said = default if default in ("required", "not set") else f"default {default}"
    if said == f"default {toml_of(value)}":
        said = "the default"
    comment = f"# {field.description} ({values_of(field)}; {said})"
    return [comment, f"# {key} is not set" if value is None else f"{key} = {toml_of(value)}"]


def _kind(annotation: Any, metadata: list[Any]) -> str:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *rules = get_args(annotation)
        return _kind(inner, [each for rule in rules for each in getattr(rule, "metadata", [rule])])
    if origin is Literal:
        return ", ".join(map(toml_of, get_args(annotation)))
    if origin in (Union, types.UnionType):
        (inner,) = (each for each in get_args(annotation) if each is not type(None))
        return _kind(inner, metadata)
    if origin is tuple:
        return f"list, each {_kind(get_args(annotation)[0], [])}"
    words = [{int: "integer", float: "number", bool: "true or false", str: "text"}[annotation]]
    for said, attribute in RULES:
        words += [
            f"{said} {getattr(rule, attribute):g}" for rule in metadata if getattr(rule, attribute, None) is not None
        ]
    return ", ".join(words)
