"""A model on disk: bit for bit there and back, and a message for each thing that can be wrong with it."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from avts.errors import CheckpointError, UsageError
from avts.model.checkpoint import build_model, load_model, read_header, save_model, start_from
from avts.model.two_stream import TwoStream
from avts.settings import Recipe, recipe_from

NETS = {"video_width": 4, "audio_width": 8, "frame_size": 32, "hidden": 16, "embedding": 8, "filter_bands": 16}


def recipe(**nets: Any) -> Recipe:
    values = {"model": {**NETS, **nets}, "curriculum": [{"name": "e", "epochs": 1}], "training": {"precision": "fp32"}}
    return recipe_from(values, name="r")


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, TwoStream]:
    torch.manual_seed(1)
    model = build_model(recipe().model)
    for tensor in model.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(torch.randn_like(tensor))
    save_model(tmp_path / "run", model, recipe(), {"step": 7})
    return tmp_path / "run", model


def edit_header(run: Path, **values: Any) -> None:
    header = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps({**header, **values}))


def test_a_model_comes_back_bit_for_bit_with_its_recipe(saved: tuple[Path, TwoStream]) -> None:
    run, model = saved
    loaded = load_model(run)
    before, after = model.state_dict(), loaded.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert not loaded.training
    assert loaded.low_precision is False, "the recipe asks for fp32"
    assert read_header(run) == (recipe(), {"step": 7})
    assert sorted(path.name for path in run.iterdir()) == ["model.json", "model.safetensors"]


def test_an_older_model_stays_whole_when_the_new_one_cannot_be_written(
    saved: tuple[Path, TwoStream], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, model = saved
    before = (run / "model.safetensors").read_bytes()

    def full(_: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr("avts.model.checkpoint.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        save_model(run, model, recipe(), {"step": 8})
    assert (run / "model.safetensors").read_bytes() == before
    assert read_header(run)[1] == {"step": 7}
    assert sorted(path.name for path in run.iterdir()) == ["model.json", "model.safetensors"]


def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone: no such model folder"):
        load_model(tmp_path / "gone")


def test_an_empty_run_says_that_there_is_no_model_yet(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no model\.json in it\. Is training still before"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    "content", [b"{", b"\xff\xfe", b"[1, 2]", b"5", b'{"version": 1}', b'{"format": "other", "version": 1}']
)
def test_a_model_json_of_something_else_is_refused(saved: tuple[Path, TwoStream], content: bytes) -> None:
    (saved[0] / "model.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"model\.json: not an avts model"):
        load_model(saved[0])


def test_another_programs_format_is_refused_even_if_the_rest_fits(saved: tuple[Path, TwoStream]) -> None:
    edit_header(saved[0], format="someone-elses")
    with pytest.raises(CheckpointError, match=r"model\.json: not an avts model"):
        load_model(saved[0])


def test_another_format_version_is_named(saved: tuple[Path, TwoStream]) -> None:
    edit_header(saved[0], version=99)
    with pytest.raises(CheckpointError, match=r"format version 99; this avts reads version 1\. Train it again"):
        load_model(saved[0])


def test_a_recipe_inside_that_is_not_valid_is_a_checkpoint_error(saved: tuple[Path, TwoStream]) -> None:
    edit_header(saved[0], recipe={**recipe().model_dump(), "modle": {}})
    with pytest.raises(CheckpointError, match=r"model\.json: unknown key 'modle' at the top"):
        load_model(saved[0])


def test_weights_of_another_shape_name_the_layer_and_both_shapes(saved: tuple[Path, TwoStream]) -> None:
    edit_header(saved[0], recipe=recipe(embedding=9).model_dump())
    message = r"'video_head\.project\.weight' has shape \[8, 32\]; the recipe makes it \[9, 32\]"
    with pytest.raises(CheckpointError, match=message):
        load_model(saved[0])


def test_weights_of_other_layers_name_the_first_odd_one(saved: tuple[Path, TwoStream]) -> None:
    edit_header(saved[0], recipe=recipe(head="temporal").model_dump())
    with pytest.raises(CheckpointError, match=r"has not the layers of this recipe, first 'audio_head\.mix\.0\.bias'"):
        load_model(saved[0])


def test_a_cut_off_weights_file_is_not_whole(saved: tuple[Path, TwoStream]) -> None:
    weights = saved[0] / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"model\.safetensors: not whole \(.+\)"):
        load_model(saved[0])


def test_missing_weights_are_named(saved: tuple[Path, TwoStream]) -> None:
    (saved[0] / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model\.safetensors: missing or unreadable"):
        load_model(saved[0])


def test_nothing_is_unpickled(saved: tuple[Path, TwoStream], tmp_path: Path) -> None:
    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            return (tmp_path.joinpath("unpickled").mkdir, ())

    (saved[0] / "model.safetensors").write_bytes(pickle.dumps(Payload()))
    with pytest.raises(CheckpointError, match="not whole"):
        load_model(saved[0])
    torch.save({"a": torch.zeros(1)}, saved[0] / "model.safetensors")
    with pytest.raises(CheckpointError, match="not whole"):
        load_model(saved[0])
    assert not (tmp_path / "unpickled").exists()


def test_weights_can_be_read_by_any_safetensors_reader(saved: tuple[Path, TwoStream]) -> None:
    weights = load_file(saved[0] / "model.safetensors")
    assert weights["video.stem.0.weight"].shape == (4, 3, 3, 7, 7)
    save_file(weights, saved[0] / "model.safetensors")
    load_model(saved[0])


def test_a_start_takes_all_weights_but_a_classifier_that_is_not_there(saved: tuple[Path, TwoStream]) -> None:
    run, model = saved
    plain = build_model(recipe().model)
    assert start_from(plain, run) == ()
    fused = build_model(recipe_of_fused().model)
    fresh = {name: tensor.clone() for name, tensor in fused.state_dict().items() if name.startswith("fusion.")}
    assert start_from(fused, run) == ("fused classifier",)
    for started in (plain, fused):
        own = started.state_dict()
        assert all(torch.equal(own[name], tensor) for name, tensor in model.state_dict().items())
    assert fresh
    assert all(torch.equal(fused.state_dict()[name], tensor) for name, tensor in fresh.items())


def recipe_of_fused() -> Recipe:
    values = {"model": {**NETS, "comparison": "fused", "fused_hidden": 8}, "loss": {"name": "bce"}}
    return recipe_from({**values, "curriculum": [{"name": "e", "epochs": 1}]}, name="r")


def test_a_start_from_a_fused_run_takes_its_classifier_too_or_leaves_it(tmp_path: Path) -> None:
    torch.manual_seed(4)
    model = build_model(recipe_of_fused().model)
    save_model(tmp_path / "run", model, recipe_of_fused(), {"step": 7})
    fused, plain = build_model(recipe_of_fused().model), build_model(recipe().model)
    assert start_from(fused, tmp_path / "run") == ()
    assert start_from(plain, tmp_path / "run") == ()
    before = model.state_dict()
    assert all(torch.equal(fused.state_dict()[name], before[name]) for name in before)
    assert all(torch.equal(tensor, before[name]) for name, tensor in plain.state_dict().items())


def test_a_centred_model_starts_from_one_that_is_not_but_not_the_other_way_round(
    saved: tuple[Path, TwoStream], tmp_path: Path
) -> None:
    run, model = saved
    centred = build_model(recipe(centre=True).model)
    assert start_from(centred, run) == ("centring of embeddings",)
    own = centred.state_dict()
    assert all(torch.equal(own[name], tensor) for name, tensor in model.state_dict().items())
    assert own["video_head.centre.running_mean"].eq(0).all()
    save_model(tmp_path / "centred", centred, recipe(centre=True), {"step": 7})
    assert start_from(build_model(recipe(centre=True).model), tmp_path / "centred") == ()
    with pytest.raises(CheckpointError, match=r"has not the layers of this recipe, first 'audio_head\.centre\."):
        start_from(build_model(recipe().model), tmp_path / "centred")


def test_a_model_from_before_centring_and_margins_loads_without_them(saved: tuple[Path, TwoStream]) -> None:
    run, model = saved
    header = json.loads((run / "model.json").read_text())
    del header["recipe"]["model"]["centre"], header["recipe"]["pairs"]["span_margin_seconds"]
    (run / "model.json").write_text(json.dumps(header))
    found = load_model(run)
    assert found.state_dict().keys() == model.state_dict().keys()
    assert found.header is not None
    assert found.header[0].pairs.span_margin_seconds == 0


def test_a_start_from_other_networks_is_refused(saved: tuple[Path, TwoStream], tmp_path: Path) -> None:
    run, _ = saved
    with pytest.raises(CheckpointError, match=r"'video\.[\w.]*' has shape \[.*\]; the recipe makes it \["):
        start_from(build_model(recipe(video_width=8).model), run)
    with pytest.raises(CheckpointError, match=r"has not the layers of this recipe, first 'audio_head\."):
        start_from(build_model(recipe(head="temporal").model), run)
    with pytest.raises(
        CheckpointError, match=r"given as 'rgb', this recipe asks for 'change'\. Set .* picture_input = 'rgb'"
    ):
        start_from(build_model(recipe(picture_input="change").model), run)
    with pytest.raises(UsageError, match=r"gone: no such model folder"):
        start_from(build_model(recipe().model), tmp_path / "gone")
