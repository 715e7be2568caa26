"""The notebooks of the documentation: their code runs from top to bottom, and they are kept without outputs."""

import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).parents[1] / "docs" / "notebooks"


def code_cells(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


def run(path: Path) -> dict[str, Any]:
    """The names that a notebook leaves."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for cell in code_cells(path):
        exec(compile("".join(cell["source"]), f"{path.name}, cell {cell['id']}", "exec"), names)
    return names


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.name)
def test_a_notebook_is_kept_without_outputs(path: Path) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert set(content["metadata"]) <= {"kernelspec", "language_info"}
    assert code_cells(path)
    for cell in code_cells(path):
        assert (cell["outputs"], cell["execution_count"], cell["metadata"]) == ([], None, {})
    names = [cell["id"] for cell in content["cells"]]
    assert len(set(names)) == len(names)


def test_from_clips_to_retrieval_finds_sounds_and_learns_kinds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Measured: recall at 1 0.93, accuracy by picture 0.67, on 27 windows and three kinds."""
    monkeypatch.chdir(tmp_path)
    names = run(NOTEBOOKS / "from-clips-to-retrieval.ipynb")
    windows = len(names["pictures"])
    assert windows == 27
    assert names["clip_of"].tolist() == sorted(list(range(9)) * 3)
    assert names["recall"][1] > 0.5
    assert names["recall"][1] <= names["recall"][5] <= 1
    assert names["accuracy"]["picture"] > 0.5
    out = capsys.readouterr().out
    assert f"recall at 1: {names['recall'][1]:.2f} (chance {1 / windows:.2f})" in out
    assert "on fits best with the sound of" in out
    assert list(tmp_path.iterdir()) == [tmp_path / "clips"]
