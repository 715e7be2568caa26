"""The built package as `scripts/check_package.py` judges it, the version's one place, and what CI runs."""

import re
import tarfile
import tomllib
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

import avts
from fixtures_scripts import script_module

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return script_module("check_package")


def write_both(folder: Path, script: ModuleType, *, without: str = "", more: str = "") -> Path:
    """A wheel and an sdist of empty files, with all that is asked for but one, and something more."""
    entry = f"avts-{avts.__version__}.dist-info/entry_points.txt"
    names = [*script.OF_THE_WHEEL, *(f"avts/recipes/{name}" for name in script.recipes()), *([more] if more else [])]
    with zipfile.ZipFile(folder / "avts.whl", "w") as wheel:
        for name in names:
            if name != without:
                wheel.writestr(name, "")
        wheel.writestr(entry, "" if without == "entry" else "[console_scripts]\navts = avts.cli:main\n")
    (folder / "empty").touch()
    with tarfile.open(folder / "avts.tar.gz", "w:gz") as archive:
        for name in [*script.OF_THE_SDIST, *(f"recipes/{name}" for name in script.recipes())]:
            if name != without:
                archive.add(folder / "empty", f"avts-{avts.__version__}/{name}")
    return folder


def test_a_whole_package_has_no_faults(script: ModuleType, tmp_path: Path) -> None:
    assert script.main(write_both(tmp_path, script)) == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"without": "avts/recipes/demo.toml"}, "avts.whl: no avts/recipes/demo.toml in it"),
        ({"without": "avts/weights/model.safetensors"}, "avts.whl: no avts/weights/model.safetensors in it"),
        ({"without": "entry"}, f"avts.whl: no command 'avts' of version {avts.__version__} in it"),
        ({"without": "recipes/table1/easy.toml"}, f"avts.tar.gz: no avts-{avts.__version__}/recipes/table1/easy.toml"),
        ({"more": "tests/test_api.py"}, "avts.whl: tests/test_api.py is no part of the package"),
    ],
)
def test_what_is_missing_or_too_much_is_named(
    script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, str], said: str
) -> None:
    assert script.main(write_both(tmp_path, script, **change)) == 1
    assert said in capsys.readouterr().err


def test_a_folder_without_both_is_named(script: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert script.main(tmp_path) == 1
    assert "0 files *.whl; there must be one" in capsys.readouterr().err


def test_the_version_has_one_place(script: ModuleType) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    assert project["tool"]["hatch"]["version"]["path"] == "src/avts/__init__.py"
    assert script.version() == avts.__version__


def test_the_workflow_runs_what_ci_runs_and_names_no_host() -> None:
    import yaml

    text = (ROOT / ".github" / "workflows" / "check.yml").read_text()
    jobs = yaml.safe_load(text)["jobs"]
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    assert ".ci/run" in runs
    assert "python scripts/check_package.py dist" in runs
    assert not re.search(r"https?://|index-url", text)
    lowest = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"].removeprefix(">=")
    versions = {step["with"]["python-version"] for job in jobs.values() for step in job["steps"] if "with" in step}
    assert versions == {lowest}
