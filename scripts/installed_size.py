"""Print the size of what each extra installs, as a Markdown table: python scripts/installed_size.py.

Every extra must be installed. Sizes are those of the files that each distribution lists as its own, compiled bytecode
included; an extra counts only distributions that the package itself does not need.
"""

from __future__ import annotations

import importlib.metadata
import os
from collections.abc import Iterable

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = ("export", "faiss", "hub", "ray", "remote", "track")
NAMED = 5
"""Largest distributions that a row names."""

LEAST_NAMED_BYTES = 15_000_000


def installed() -> dict[str, importlib.metadata.Distribution]:
    """Every distribution of this environment by its canonical name."""
    return {canonicalize_name(each.metadata["Name"]): each for each in importlib.metadata.distributions()}


def needed_by(requirements: Iterable[Requirement], known: dict[str, importlib.metadata.Distribution]) -> set[str]:
    """Names of the distributions that requirements bring, and what those need, as far as they are installed."""
    found: set[tuple[str, frozenset[str]]] = set()
    waiting = list(requirements)
    while waiting:
        wanted = waiting.pop()
        name, extras = canonicalize_name(wanted.name), frozenset(wanted.extras)
        if (name, extras) in found or name not in known:
            continue
        found.add((name, extras))
        waiting += [each for each in map(Requirement, known[name].requires or []) if _applies(each, extras)]
    return {name for name, _ in found}


def _applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras))


def size_of(distribution: importlib.metadata.Distribution) -> int:
    """Bytes of the files that it lists and that are there."""
    paths = [distribution.locate_file(file) for file in distribution.files or []]
    return sum(os.stat(str(path)).st_size for path in paths if os.path.exists(str(path)))


def main() -> None:
    known = installed()
    requirements = [Requirement(each) for each in known["avts"].requires or []]
    base = needed_by([each for each in requirements if _applies(each, ())], known) | {"avts"}
    print("| part | packages | MB | largest |\n|---|---|---|---|")
    print(_row("the package and what it needs", base, known))
    for extra in EXTRAS:
        own = [each for each in requirements if not _applies(each, ()) and _applies(each, (extra,))]
        print(_row(f"`{extra}`", needed_by(own, known) - base, known))


def _row(title: str, names: set[str], known: dict[str, importlib.metadata.Distribution]) -> str:
    sizes = sorted(((size_of(known[name]), name) for name in names), reverse=True)
    named = ", ".join(f"{name} {size / 1e6:.0f}" for size, name in sizes[:NAMED] if size >= LEAST_NAMED_BYTES)
    return f"| {title} | {len(sizes)} | {sum(size for size, _ in sizes) / 1e6:,.0f} | {named} |"


if __name__ == "__main__":
    main()
