"""The exit status of each error, and that the tree drawn in the docstring is the tree."""

import tomllib
from pathlib import Path

import pytest

from avts import errors
from avts.model.extras import PACKAGES

TREE = {
    "UsageError": ("AvtsError", 2),
    "SettingsError": ("UsageError", 2),
    "InputError": ("AvtsError", 3),
    "MediaError": ("InputError", 3),
    "CorpusError": ("InputError", 3),
    "CheckpointError": ("InputError", 3),
    "TrainingError": ("InputError", 3),
    "LimitError": ("AvtsError", 4),
}


@pytest.mark.parametrize(("name", "parent", "status"), [(name, *rest) for name, rest in TREE.items()])
def test_each_error_has_its_place_and_its_exit_status(name: str, parent: str, status: int) -> None:
    error = getattr(errors, name)
    assert error.__base__ is getattr(errors, parent)
    assert error("x").exit_status == status
    assert f"{name} " in (errors.__doc__ or "")


def test_advice_on_extras_needs_no_release(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clone = Path(__file__).parents[1]
    assert errors.install_advice("export") == f"Install it, in {clone}: pip install -e '.[export]'"
    monkeypatch.setattr(errors, "__file__", str(tmp_path / "site-packages" / "avts" / "errors.py"))
    assert errors.install_advice("hub") == "Install it, in a clone of avts: pip install -e '.[hub]'"


def test_every_extra_that_is_advised_exists() -> None:
    extras = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert {*PACKAGES, "ray", "remote", "track"} == extras.keys() - {"dev"}


def test_no_error_is_left_out_of_the_tree() -> None:
    found = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, Exception)}
    assert found == {*TREE, "AvtsError"}
