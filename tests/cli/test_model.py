"""`avts model`: the table, its JSON, and which options go with what."""

import json
from pathlib import Path

import pytest
import torch

from avts.cli import main
from avts.model.checkpoint import build_model, save_model
from avts.settings import recipe_from

RECIPES = Path(__file__).parents[2] / "recipes"


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["model", *map(str, arguments)])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_the_table_of_mc3_ends_with_the_published_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("mc3") == 0
    first, header, _, stem, *_, last = capsys.readouterr().out.splitlines()
    assert first == "mc3 of width 64, input 3x8x112x112"
    assert header.split() == ["layer", "kernel", "stride", "output", "parameters", "GMAC"]
    assert stem.split() == ["conv1.0", "convolution", "3x7x7", "1x2x2", "64x8x56x56", "28,352", "0.708"]
    assert last.split() == ["together", "11,490,240", "21.671"]


def test_frames_can_be_given_as_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("r3d18", "--seconds", 1, "--size", 64, "--width", 8, "--json") == 0
    (line,) = capsys.readouterr().out.splitlines()
    found = json.loads(line)
    assert (found["name"], found["input"]) == ("r3d18 of width 8", [3, 24, 64, 64])
    assert found["layers"][-1]["output"] == [64, 3, 4, 4]
    assert found["multiply_adds"] == sum(layer["multiply_adds"] for layer in found["layers"])
    assert found["parameters"] == sum(layer["parameters"] for layer in found["layers"])


def test_the_audio_tower_takes_one_second_of_40_filters(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("audio") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "audio of width 64, input 1x40x100"
    assert lines[-2].split()[:6] == ["pool5", "max", "pooling", "3x3", "2x2", "256x18x24"]


def test_a_recipe_gives_both_towers_and_what_stands_behind_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(RECIPES / "paper.toml", "--json") == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [network["name"] for network in found] == ["video tower", "video head", "audio tower", "fc6", "audio head"]
    assert found[0]["input"] == [3, 24, 224, 224]
    assert found[0]["parameters"] == 11_490_240


def test_a_run_gives_the_networks_of_its_recipe(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nets = {"video_width": 4, "audio_width": 8, "frame_size": 32, "hidden": 16, "embedding": 8, "video": "i3d"}
    recipe = recipe_from({"model": nets, "curriculum": [{"name": "e", "epochs": 1}]}, name="r")
    model = build_model(recipe.model)
    save_model(tmp_path / "run", model, recipe, {})
    (tmp_path / "run" / "model.safetensors").unlink()  # no weights are needed
    assert run(tmp_path / "run") == 0
    last = capsys.readouterr().out.splitlines()[-1]
    millions = sum(p.numel() for p in model.parameters()) / 1e6
    assert last.startswith(f"together: {millions:.2f} M parameters, ")


NOT_WITH = "does not apply here; "


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mc6"], "mc6: no such network, recipe or run. Networks: mc2, mc3, mc4, mc5, r3d18, r2plus1d18, i3d, audio"),
        (["audio", "--size", 64], f"audio: option --size {NOT_WITH}it accepts --seconds, --width"),
        (
            ["mc3", "--frames", 8, "--seconds", 1],
            f"mc3: option --seconds {NOT_WITH}it accepts --size, --frames, --width",
        ),
        ([RECIPES / "demo.toml", "--width", 8], f"demo.toml: option --width {NOT_WITH}its sizes are set by its recipe"),
    ],
)
def test_what_does_not_go_together_is_told(
    words: list[object], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*words) == 2
    assert message in capsys.readouterr().err


def test_a_large_table_computes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    devices = set()
    plain = torch.nn.functional.conv3d

    def seen(x: torch.Tensor, *rest: object, **named: object) -> torch.Tensor:
        devices.add(x.device.type)
        return plain(x, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(torch.nn.functional, "conv3d", seen)
    assert run("i3d", "--size", 224, "--frames", 64) == 0
    assert devices == {"meta"}
