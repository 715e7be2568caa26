"""Check a wheel and an sdist that were built: python scripts/check_package.py FOLDER.

Both must have one version, that of src/avts/__init__.py, and all that an installed package needs: code, the model in
the box, recipes, licence. The standard library is enough. Prints the size of each; ends with 1 and a line
for each fault.
"""

from __future__ import annotations

import re
import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
OF_THE_WHEEL = ("avts/py.typed", "avts/cli/train.py", "avts/weights/model.safetensors", "avts/weights/model.json")
OF_THE_SDIST = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "src/avts/weights/model.safetensors")
LARGEST_BYTES = 20_000_000
"""The model in the box is 7.5 MB; what is larger than this holds something that it should not."""


def version() -> str:
    """The version, from its one place."""
    found = re.search(r'^__version__ = "(.+)"$', (ROOT / "src/avts/__init__.py").read_text("utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


def recipes() -> list[str]:
    """Paths of the recipes inside their folder."""
    return [path.relative_to(ROOT / "recipes").as_posix() for path in sorted((ROOT / "recipes").rglob("*.toml"))]


def faults_of_wheel(path: Path) -> list[str]:
    """What is wrong with a wheel."""
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        wanted = [*OF_THE_WHEEL, *(f"avts/recipes/{name}" for name in recipes())]
        faults = [f"{path.name}: no {name} in it" for name in wanted if name not in names]
        faults += [f"{path.name}: {name} is no part of the package" for name in names if not name.startswith("avts")]
        entry = f"avts-{version()}.dist-info/entry_points.txt"
        if entry not in names or "avts = avts.cli:main" not in wheel.read(entry).decode():
            faults.append(f"{path.name}: no command 'avts' of version {version()} in it")
    return faults + _size_faults(path)


def faults_of_sdist(path: Path) -> list[str]:
    """What is wrong with an sdist."""
    top = f"avts-{version()}"
    with tarfile.open(path) as archive:
        names = set(archive.getnames())
    wanted = [*OF_THE_SDIST, *(f"recipes/{name}" for name in recipes())]
    return [f"{path.name}: no {top}/{name} in it" for name in wanted if f"{top}/{name}" not in names] + _size_faults(
        path
    )


def _size_faults(path: Path) -> list[str]:
    size = path.stat().st_size
    print(f"{path.name}: {size / 1e6:.1f} MB")
    return [f"{path.name}: {size} bytes, more than {LARGEST_BYTES}"] if size > LARGEST_BYTES else []


def main(folder: Path) -> int:
    """Check what is in a folder; gives the exit status."""
    faults = []
    for pattern, check in (("*.whl", faults_of_wheel), ("*.tar.gz", faults_of_sdist)):
        found = sorted(folder.glob(pattern))
        faults += check(found[0]) if len(found) == 1 else [f"{folder}: {len(found)} files {pattern}; there must be one"]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
