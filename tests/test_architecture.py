"""The layout's own rules: import direction, file length, no file named for nothing."""

import ast
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
    "world",
    "jobs",
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
