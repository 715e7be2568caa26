"""The layout's own rules: import direction, no import circle, file length, no crumb, no file named for nothing."""

import ast
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((ROOT / "src" / "avts").rglob("*.py"))
WAY = [
    "errors",
    "timebase",
    "files",
    "settings",
    "media",
    "jobs",
    "world",
    "corpus",
    "pairs",
    "model",
    "training",
    "evaluation",
    "features",
    "probe",
    "finetune",
    "inspection",
    "offset",
    "api",
    "doctor",
    "report",
    "demo",
    "app",
    "cli",
]


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "src" / "avts").parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
    rooms = {name.split(".")[1] for name in names if name.startswith("avts.")}
    return rooms & set(WAY)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_point_back_along_the_way_of_the_data(path: Path) -> None:
    room = room_of(path)
    if room in ("__init__", "__main__"):
        return
    assert room in WAY, f"{room} has no place on the way of the data"
    ahead = [other for other in imported_rooms(path) if WAY.index(other) > WAY.index(room)]
    assert not ahead, f"{path.name} in {room} imports {ahead}, which come later"


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[1:] if parts[0] == "src" else parts).removesuffix(".__init__")


MODULES = {module_of(path): path for path in SOURCES}


@cache
def imported_modules(path: Path) -> frozenset[str]:
    """The modules of the package that a file imports at any time, inside functions too; not for type checkers alone."""
    found: set[str] = set()

    def look(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.orelse:
                look(child)
            return
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            found.update(name if name in MODULES else str(node.module) for name in names)
        elif isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        for child in ast.iter_child_nodes(node):
            look(child)

    look(ast.parse(path.read_text(encoding="utf-8")))
    return frozenset(found & set(MODULES))


def circle_in(graph: dict[str, frozenset[str]]) -> list[str] | None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return None


def test_no_import_circle_lazy_imports_included() -> None:
    graph = {module: imported_modules(path) for module, path in MODULES.items()}
    assert sum(map(len, graph.values())) > 500
    assert circle_in(graph) is None
    assert circle_in({**graph, "avts.errors": frozenset({"avts.demo"})}), "a lazy import the wrong way would be seen"


CRUMB_LINES = 60
LONE = {
    "pairs/substitution.py": "the rule for clips that cannot be read, pure, beside a loader of 340 lines",
}
"""Short files with one importer that are a concept of their own, and which."""


def is_short_by_nature(path: Path) -> bool:
    """A data set's layout, a command, or a package's own file."""
    inside = path.relative_to(ROOT / "src" / "avts")
    return path.name in ("__init__.py", "__main__.py") or inside.parts[0] == "cli" or "sources" in inside.parts


def crumbs() -> dict[str, list[str]]:
    """Short files with fewer than two importers, with those; the wording of one command counts as a part of it."""
    folders = ("src", "experiments", "benchmarks", "scripts")
    files = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    found = {}
    for module, path in MODULES.items():
        if is_short_by_nature(path) or len(path.read_text(encoding="utf-8").splitlines()) >= CRUMB_LINES:
            continue
        by = [module_of(other) for other in files if module in imported_modules(other)]
        of_a_command = room_of(path) == "report" and [name for name in by if name.startswith("avts.cli.")]
        if len(by) < 2 and not of_a_command:
            found[path.relative_to(ROOT / "src" / "avts").as_posix()] = by
    return found


def test_a_short_file_has_two_importers() -> None:
    assert crumbs().keys() == LONE.keys()


def test_sync_needs_no_training_code() -> None:
    for path in SOURCES:
        if room_of(path) == "offset":
            assert not imported_rooms(path) & {"training", "evaluation", "corpus", "pairs"}, path


@pytest.mark.parametrize("folder", ["src", "tests", "scripts", "experiments", "benchmarks"])
def test_no_file_is_longer_than_400_lines(folder: str) -> None:
    long = {str(path): n for path in (ROOT / folder).rglob("*.py") if (n := len(path.read_text().splitlines())) > 400}
    assert not long


def test_no_module_is_named_for_nothing() -> None:
    assert not [path for path in SOURCES if path.stem in {"utils", "helpers", "common", "misc"}]
