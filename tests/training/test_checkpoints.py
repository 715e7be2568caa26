"""Training state on disk: whole or not there, in the order of steps, and a message for what is wrong with it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from avts.errors import CheckpointError
from avts.model.checkpoint import build_model
from avts.model.two_stream import TwoStream
from avts.training.checkpoints import checkpoints, load_state, save_state
from avts.training.optimizer import make_optimizer
from fixtures_training import tiny_recipe

RECIPES = {
    "adamw": tiny_recipe(optimizer={"name": "adamw"}),
    "sgd": tiny_recipe(optimizer={"name": "sgd", "momentum": 0.9}),
    "plain": tiny_recipe(optimizer={"name": "sgd", "momentum": 0.0}),
}


def trained(name: str = "adamw", steps: int = 2) -> tuple[TwoStream, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = build_model(RECIPES[name].model)
    model.low_precision = False
    optimizer = make_optimizer(model, RECIPES[name].optimizer)
    go_on(model, optimizer, range(steps))
    return model, optimizer


def go_on(model: TwoStream, optimizer: torch.optim.Optimizer, steps: range) -> None:
    for step in steps:
        sound = torch.randn(4, 16_000, generator=torch.Generator().manual_seed(step)) * 0.1
        optimizer.zero_grad()
        model.embed_sounds(sound)[:, 0].sum().backward()
        optimizer.step()


def save(run: Path, step: int, name: str = "adamw", keep: int = 2, pair: Any = None) -> None:
    model, optimizer = pair or trained(name, 1)
    save_state(run, model, optimizer, RECIPES[name], {"step": step, "note": [0.1, None]}, keep=keep)


@pytest.mark.parametrize("name", RECIPES)
def test_model_and_optimiser_go_on_bit_for_bit(name: str, tmp_path: Path, one_thread: None) -> None:
    model, optimizer = trained(name)
    save(tmp_path, 2, name, pair=(model, optimizer))
    go_on(model, optimizer, range(2, 4))
    other, its_optimizer = trained(name, 0)
    assert load_state(tmp_path, other, its_optimizer, RECIPES[name]) == {"step": 2, "note": [0.1, None]}
    go_on(other, its_optimizer, range(2, 4))
    before, after = model.state_dict(), other.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)


def test_only_the_newest_checkpoints_are_kept_in_the_order_of_their_steps(tmp_path: Path) -> None:
    pair = trained()
    for step in (999_998, 999_999, 1_000_000, 1_000_001):
        save(tmp_path, step, pair=pair)
    names = [path.name for path in checkpoints(tmp_path)]
    assert names == ["step-1000000", "step-1000001"]


def test_a_half_written_checkpoint_is_none_and_goes_with_the_next(tmp_path: Path) -> None:
    save(tmp_path, 1)
    (tmp_path / "checkpoints" / "step-000005.partial").mkdir()
    assert [path.name for path in checkpoints(tmp_path)] == ["step-000001"]
    save(tmp_path, 2)
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == ["step-000001", "step-000002"]


def test_a_save_that_fails_leaves_the_checkpoints_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, 1, keep=1)

    def full(*_: Any) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("avts.training.checkpoints.save_file", full)
        with pytest.raises(OSError, match="No space"):
            save(tmp_path, 2, keep=1)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-000001"]
    assert load_state(tmp_path, *trained(), RECIPES["adamw"])["step"] == 1


def refusal(run: Path, name: str = "adamw") -> str:
    with pytest.raises(CheckpointError) as error:
        load_state(run, *trained(name), RECIPES[name])
    return str(error.value)


def test_nothing_to_go_on_from_is_said(tmp_path: Path) -> None:
    assert refusal(tmp_path) == f"{tmp_path}: no checkpoint to resume from. Remove --resume to start"


def test_another_recipe_is_refused(tmp_path: Path) -> None:
    save(tmp_path, 1, "sgd")
    assert "step-000001: made with another recipe. Resume with the recipe that the run was started with" in refusal(
        tmp_path
    )


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.json", b"{"),
        ("model.json", b"[]"),
        ("model.json", b"{}"),
        ("optimizer.json", b""),
        ("optimizer.safetensors", b"\x10"),
        ("optimizer.safetensors", None),
        ("model.json", None),
    ],
)
def test_a_damaged_checkpoint_is_named(tmp_path: Path, file: str, content: bytes | None) -> None:
    save(tmp_path, 1)
    path = checkpoints(tmp_path)[0] / file
    path.unlink() if content is None else path.write_bytes(content)
    message = refusal(tmp_path)
    assert "step-000001: incomplete (" in message
    assert message.endswith("Remove it to resume from the previous one")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", "other", "model.json: not an avts model. Give the folder that 'avts train' made"),
        ("version", 0, "model.json: format version 0; this avts reads version 1. Train it again"),
        ("version", 99, "model.json: format version 99; this avts reads version 1. Train it again"),
    ],
)
def test_a_foreign_checkpoint_or_one_of_another_version_is_refused_with_the_reason(
    tmp_path: Path, key: str, value: object, message: str
) -> None:
    save(tmp_path, 1)
    path = checkpoints(tmp_path)[0] / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    assert refusal(tmp_path).endswith(message)


def test_a_setting_that_is_not_known_any_more_is_named(tmp_path: Path) -> None:
    save(tmp_path, 1)
    path = checkpoints(tmp_path)[0] / "model.json"
    header = json.loads(path.read_text())
    header["recipe"]["training"]["warp"] = 9
    path.write_text(json.dumps(header))
    assert "model.json: unknown key 'warp' in [training]" in refusal(tmp_path)


def test_the_moving_average_comes_back_and_is_missed_where_it_is_not(tmp_path: Path) -> None:
    model, optimizer = trained()
    average = build_model(RECIPES["adamw"].model)
    save_state(tmp_path, model, optimizer, RECIPES["adamw"], {"step": 1}, keep=2, average=average)
    other = build_model(RECIPES["adamw"].model)
    load_state(tmp_path, model, optimizer, RECIPES["adamw"], other)
    before, after = average.state_dict(), other.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    (checkpoints(tmp_path)[0] / "average.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"average\.safetensors: missing or unreadable"):
        load_state(tmp_path, model, optimizer, RECIPES["adamw"], other)


def test_damaged_weights_are_named(tmp_path: Path) -> None:
    save(tmp_path, 1)
    path = checkpoints(tmp_path)[0] / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-8])
    assert "model.safetensors: not whole (" in refusal(tmp_path)


def test_all_but_the_weights_is_plain_json(tmp_path: Path) -> None:
    save(tmp_path, 1)
    for name in ("model.json", "optimizer.json"):
        json.loads((checkpoints(tmp_path)[0] / name).read_text(), parse_constant=pytest.fail)
