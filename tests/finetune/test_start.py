import json
import shutil
from pathlib import Path

import pytest
import torch

from avts.errors import CheckpointError, UsageError
from avts.finetune.checkpoint import build_classifier, save_classifier
from avts.finetune.recipe import FinetuneRecipe
from avts.finetune.start import networks_for, start_path, start_towers
from avts.model.checkpoint import build_model, save_model
from fixtures_training import tiny_recipe

AVTS = tiny_recipe()


@pytest.fixture
def avts_run(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    save_model(tmp_path / "avts", build_model(AVTS.model), AVTS, {"step": 1})
    return tmp_path / "avts"


def fresh(senses, classes: int = 3):
    torch.manual_seed(2)
    return build_classifier(AVTS.model, classes, senses=senses, settings=FinetuneRecipe().classifier)


def saved(folder: Path, senses) -> Path:
    """A classifier of other classes, as supervised pre-training leaves it."""
    torch.manual_seed(3)
    made = build_classifier(AVTS.model, 7, senses=senses, settings=FinetuneRecipe().classifier)
    save_classifier(
        folder, made, model=AVTS.model, classes=list("abcdefg"), recipe=FinetuneRecipe(), progress={"step": 1}
    )
    return folder


@pytest.mark.parametrize("senses", ["picture", "sound", "both"])
def test_towers_start_from_an_avts_run_and_the_classifier_is_new(avts_run, senses) -> None:
    torch.manual_seed(1)
    source = build_model(AVTS.model).state_dict()
    made = fresh(senses)
    before = made.layers[-1].weight.clone()
    start_towers(made, avts_run)
    for name, tensor in made.streams.state_dict().items():
        assert torch.equal(tensor, source[name]), name
    assert torch.equal(made.layers[-1].weight, before)


def test_towers_start_from_a_classifier_of_other_classes(tmp_path) -> None:
    run = saved(tmp_path / "a", "picture")
    made = fresh("picture")
    start_towers(made, run)
    torch.manual_seed(3)
    source = build_classifier(AVTS.model, 7, senses="picture", settings=FinetuneRecipe().classifier)
    for name, tensor in source.streams.state_dict().items():
        assert torch.equal(made.streams.state_dict()[name], tensor), name


def test_a_tower_that_the_start_lacks_is_told(tmp_path) -> None:
    run = saved(tmp_path / "a", "picture")
    with pytest.raises(CheckpointError, match=r"a: has no 'audio\.conv1.*', so there is no sound tower to start from"):
        start_towers(fresh("both"), run)


def test_networks_are_those_of_the_start_unless_the_recipe_asks_for_others(avts_run, tiny) -> None:
    recipe = FinetuneRecipe()
    assert networks_for(recipe, "picture", avts_run) == AVTS.model
    assert networks_for(recipe, "picture", None) == recipe.model
    larger = FinetuneRecipe.model_validate({"model": {"frame_size": 48}})
    assert networks_for(larger, "picture", avts_run) == AVTS.model.model_copy(update={"frame_size": 48})
    other = FinetuneRecipe.model_validate({"model": {"picture_input": "rgb", "audio_width": 64}})
    with pytest.raises(CheckpointError, match=r"avts: its picture_input is 'change', but \[model\].*sets 'rgb'"):
        networks_for(other, "picture", avts_run)
    with pytest.raises(CheckpointError, match=r"avts: its audio_width is 8, but \[model\] of the recipe sets 64"):
        networks_for(other, "sound", avts_run)


def test_weights_of_another_shape_are_refused(avts_run) -> None:
    other = tiny_recipe(model={"video_width": 8})
    header = json.loads((avts_run / "model.json").read_text())
    header["recipe"] = other.model_dump(mode="json")
    (avts_run / "model.json").write_text(json.dumps(header))
    made = build_classifier(other.model, 3, senses="picture", settings=FinetuneRecipe().classifier)
    with pytest.raises(CheckpointError, match=r"'video\..*' has shape \[.*\], the classifier needs \[.*\]"):
        start_towers(made, avts_run)


def test_what_is_no_finished_run_is_refused_with_the_reason(tmp_path, avts_run) -> None:
    with pytest.raises(UsageError, match=r"gone: no such run to start from\. Give scratch, box, or the folder"):
        start_path(str(tmp_path / "gone"), avts_run)
    assert start_path("scratch", avts_run) is None
    assert start_path("box", avts_run) == avts_run
    (tmp_path / "empty").mkdir()
    with pytest.raises(CheckpointError, match=r"empty: no model\.json in it"):
        start_towers(fresh("picture"), tmp_path / "empty")
    saved(tmp_path / "study" / "split-1" / "labels-all", "picture")
    with pytest.raises(
        CheckpointError, match=r"study: has several classifiers\. Give one of them, such as .*labels-all"
    ):
        start_towers(fresh("picture"), tmp_path / "study")
    shutil.copy(avts_run / "model.json", tmp_path / "empty")
    with pytest.raises(CheckpointError, match=r"empty/model\.safetensors: missing or unreadable"):
        start_towers(fresh("picture"), tmp_path / "empty")
    (tmp_path / "empty" / "model.safetensors").write_bytes(b"half")
    with pytest.raises(CheckpointError, match=r"empty/model\.safetensors: incomplete"):
        start_towers(fresh("picture"), tmp_path / "empty")


def test_a_classifier_of_another_format_version_is_refused(tmp_path) -> None:
    run = saved(tmp_path / "a", "picture")
    header = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps({**header, "version": 9}))
    with pytest.raises(CheckpointError, match=r"a/model\.json: format version 9; this avts reads version 1"):
        start_towers(fresh("picture"), run)
    (run / "model.json").write_text(json.dumps({**header, "model": {"vidio": "mc3"}}))
    with pytest.raises(CheckpointError, match=r"unknown key 'vidio' at the top; did you mean 'video'"):
        start_towers(fresh("picture"), run)
