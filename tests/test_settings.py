"""Recipes: what is taken, and the message of everything that is refused."""

from pathlib import Path
from typing import Any

import pytest

from avts.errors import SettingsError
from avts.settings import LossSettings, PairSettings, Recipe, read_recipe, recipe_from

RECIPES = Path(__file__).parents[1] / "recipes"
STAGE = {"name": "easy", "epochs": 1}


def refused(**values: Any) -> str:
    with pytest.raises(SettingsError) as error:
        recipe_from({"curriculum": [STAGE], **values}, name="r.toml")
    return str(error.value)


def test_a_loss_is_refused_where_the_rest_does_not_fit_it() -> None:
    info_nce, fused = {"name": "info_nce"}, {"comparison": "fused"}
    message = "loss 'info_nce' needs [pairs] sampling = 'grid' or 'spans'; it is 'pairs'"
    assert message in refused(loss=info_nce, pairs={"sampling": "pairs"})
    message = "loss 'info_nce' needs [model] unit_vectors = true; it is false"
    assert message in refused(loss=info_nce, model={"unit_vectors": False})
    parts = {"model": {"unit_vectors": False}, "pairs": {"parts": 1}}
    assert "[pairs] parts needs [model] comparison = 'distance' and unit_vectors = true" in refused(**parts)
    assert "loss 'bce' needs [model] comparison = 'fused'; it is 'distance'" in refused(loss={"name": "bce"})
    assert "loss 'contrastive' needs [model] comparison = 'distance'; it is 'fused'" in refused(model=fused)


def test_an_adaptive_stage_needs_a_share_to_rise_to_and_pairs_that_are_weighed() -> None:
    stage = {**STAGE, "shares": "adaptive", "easy": 0.5, "hard": 0.5}
    told = refused(curriculum=[{**stage, "easy": 1.0, "hard": 0.0}])
    assert "stage 'easy' is adaptive, but easy is 1: give hard or super_hard a share" in told
    told = refused(curriculum=[stage], pairs={"sampling": "pairs"})
    assert "stage 'easy' is adaptive, which needs [pairs] sampling = 'grid' or 'spans': pair by pair, " in told
    told = refused(curriculum=[stage], loss={"name": "info_nce", "weigh_by_shares": False})
    assert "stage 'easy' is adaptive, which needs [loss] weigh_by_shares = true" in told


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    return folder / f"{next(iter(files))}.toml"


STAGES = '[[curriculum]]\nname = "{}"\nepochs = {}\n'


def test_a_recipe_has_all_of_the_one_it_extends_but_what_it_gives_itself(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        top='extends = "middle.toml"\n[pairs]\nbatch_size = 8\n' + STAGES.format("a", 7),
        middle='extends = "ground.toml"\n[pairs]\nbatch_size = 16\nclip_seconds = 2.0\n',
        ground="[pairs]\nhard_gap_seconds = 0.7\nclip_seconds = 3.0\n" + STAGES.format("b", 1) + STAGES.format("c", 2),
    )
    recipe = read_recipe(path)
    pairs = recipe.pairs
    assert (pairs.batch_size, pairs.clip_seconds, pairs.hard_gap_seconds) == (8, 2.0, 0.7)
    assert [(stage.name, stage.epochs) for stage in recipe.curriculum] == [("a", 7)], "a list is taken as a whole"
    other = write(tmp_path, other="[pairs]\nbatch_size = 4\nhard_gap_seconds = 0.1\n")
    pairs = read_recipe(path, base=other).pairs
    assert (pairs.batch_size, pairs.clip_seconds, pairs.hard_gap_seconds) == (8, 1.0, 0.1)
    assert read_recipe(other, base=path).pairs.batch_size == 4


def test_a_fault_is_told_with_the_file_that_has_it(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        top='extends = "ground.toml"\n[pairs]\nbatch_sise = 8\n[model]\nvideo = "mc6"\n',
        ground='[pairs]\nclip_second = 2.0\n[model]\nvideo = "mc3"\nheadd = "global"\n[[curriculum]]\nname = "a"\n',
    )
    with pytest.raises(SettingsError) as error:
        read_recipe(path)
    told = sorted(str(error.value).splitlines())
    top, ground = f"{path}: ", f"{tmp_path / 'ground.toml'}: "
    assert told == sorted([
        f"{top}'video' in [model] is 'mc6': " + told_of("mc6"),
        f"{ground}unknown key 'headd' in [model]; did you mean 'head'?",
        f"{top}unknown key 'batch_sise' in [pairs]; did you mean 'batch_size'?",
        f"{ground}unknown key 'clip_second' in [pairs]; did you mean 'clip_seconds'?",
        f"{ground}stage 'a' has neither epochs nor steps; give exactly one of them",
    ])  # fmt: skip


def told_of(video: str) -> str:
    return refused(model={"video": video}).split(": ", 2)[2]


def test_a_recipe_that_cannot_be_extended_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.toml: no such recipe"):
        read_recipe(write(tmp_path, a='extends = "gone.toml"\n'))
    with pytest.raises(SettingsError, match=r"c\.toml: extends '.*b\.toml', which extends it"):
        read_recipe(write(tmp_path, b='extends = "c.toml"\n', c='extends = "b.toml"\n'))
    with pytest.raises(SettingsError, match=r"d\.toml: 'extends' is \['x'\]; give the name of one recipe"):
        read_recipe(write(tmp_path, d='extends = ["x"]\n'))


@pytest.mark.parametrize("values", [{"model": {"head": "temporal"}}, {"pairs": {"sampling": "spans"}}])
def test_a_still_has_no_time_for_a_temporal_head_or_spans(values: dict[str, Any]) -> None:
    told = refused(**{**values, "model": {"picture_input": "still", **values.get("model", {})}})
    assert told.endswith("picture_input 'still' needs [model] head = 'global' and [pairs] sampling 'grid' or 'pairs'")


def test_spans_shorter_than_a_window_are_refused() -> None:
    pairs = {"sampling": "spans", "span_seconds": 0.5, "clip_seconds": 1.0}
    assert "span_seconds 0.5 is shorter than a window" in refused(pairs=pairs)


def test_margins_are_cut_on_top_of_a_span() -> None:
    pairs = PairSettings(sampling="spans", span_seconds=2.5, span_margin_seconds=0.25)
    assert pairs.cut_seconds == 3.0
    assert pairs.model_copy(update={"sampling": "grid"}).cut_seconds == 1.0


@pytest.mark.parametrize("name", ["demo.toml", "paper.toml"])
def test_the_recipes_of_the_repository_are_valid(name: str) -> None:
    recipe = read_recipe(RECIPES / name)
    assert [stage.name for stage in recipe.curriculum] == ["easy", "75/25"]
    assert (recipe.curriculum[1].easy, recipe.curriculum[1].hard) == (0.75, 0.25)
    assert recipe.loss.margin == 0.99
    assert recipe.pairs.hard_gap_seconds == 0.5


def test_the_paper_recipe_is_the_papers() -> None:
    recipe = read_recipe(RECIPES / "paper.toml")
    assert recipe.num_epochs == 90
    assert [stage.epochs for stage in recipe.curriculum] == [50, 40]
    assert (recipe.model.video, recipe.model.video_width, recipe.model.picture_input) == ("mc3", 64, "rgb")
    assert (recipe.model.filter_bands, recipe.model.frame_size, recipe.pairs.batch_size) == (40, 224, 64)
    assert (recipe.optimizer.name, recipe.optimizer.schedule, recipe.optimizer.plateau_epochs) == ("sgd", "plateau", 5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pairs": {"clip_second": 1.0}}, "r.toml: unknown key 'clip_second' in [pairs]; did you mean 'clip_seconds'?"),
        ({"modell": {}}, "r.toml: unknown key 'modell' at the top; did you mean 'model'?"),
        (
            {"loss": {"xyz": 1}},
            f"r.toml: unknown key 'xyz' in [loss]; known keys: {', '.join(LossSettings.model_fields)}",
        ),
        (
            {"curriculum": [{**STAGE, "super_herd": 0.0}]},
            "r.toml: unknown key 'super_herd' in [curriculum]; did you mean 'super_hard'?",
        ),
        ({"curriculum": [{"epochs": 1}]}, "r.toml: key 'name' in [curriculum] is missing"),
    ],
)
def test_an_unknown_or_missing_key_is_named_with_its_table(values: dict[str, Any], message: str) -> None:
    assert refused(**values) == message


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pairs": {"batch_size": "32"}}, "'batch_size' in [pairs] is '32': Input should be a valid integer"),
        ({"pairs": {"batch_size": True}}, "'batch_size' in [pairs] is True: Input should be a valid integer"),
        ({"pairs": {"batch_size": 1}}, "'batch_size' in [pairs] is 1: Input should be greater than or equal to 2"),
        (
            {"model": {"video": "mc6"}},
            "'video' in [model] is 'mc6': Input should be 'mc2', 'mc3', 'mc4', 'mc5', 'r3d18',",
        ),
        ({"model": {"video_width": 6}}, "'video_width' in [model] is 6: Input should be a multiple of 4"),
        ({"optimizer": {"learning_rate": float("inf")}}, "'learning_rate' in [optimizer] is inf: Input should be a f"),
        ({"optimizer": {"learning_rate": float("nan")}}, "'learning_rate' in [optimizer] is nan: "),
        ({"training": 5}, "'training' at the top is 5: "),
        ({"curriculum": []}, "the curriculum has 0 stages; give at least one [[curriculum]]"),
    ],
)
def test_a_value_of_the_wrong_type_or_range_is_shown(values: dict[str, Any], message: str) -> None:
    assert refused(**values).startswith(f"r.toml: {message}")


def test_a_whole_number_is_good_for_a_share_or_seconds() -> None:
    recipe = recipe_from({"curriculum": [{**STAGE, "easy": 1}], "pairs": {"clip_seconds": 2}}, name="r")
    assert recipe.pairs.clip_seconds == 2.0


def test_a_stage_has_epochs_or_steps_and_not_both() -> None:
    said = refused(curriculum=[{"name": "x"}])
    assert said == "r.toml: stage 'x' has neither epochs nor steps; give exactly one of them"
    said = refused(curriculum=[{"name": "x", "epochs": 2, "steps": 7}])
    assert said == "r.toml: stage 'x' has epochs 2 and steps 7; give exactly one of them"
    assert refused(curriculum=[{"name": "x", "steps": 0}]).startswith("r.toml: 'steps' in [curriculum] is 0: ")
    stages = [{"name": "x", "epochs": 2}, {"name": "y", "steps": 7}]
    recipe = recipe_from({"curriculum": stages, "pairs": {"batch_size": 4}}, name="r")
    assert recipe.stage_steps(13) == [6, 7]
    assert [stage.length for stage in recipe.curriculum] == ["2 epochs", "7 steps"]
    assert recipe_from(recipe.model_dump(), name="r") == recipe


@pytest.mark.parametrize(("hard", "total"), [(0.25, "1.25"), (0.0, None)])
def test_shares_of_a_stage_sum_to_one(hard: float, total: str | None) -> None:
    stage = {**STAGE, "hard": hard}
    if total is None:
        recipe_from({"curriculum": [stage]}, name="r")
    else:
        message = f"r.toml: easy + hard + super_hard of stage 'easy' is {total}; they must sum to 1"
        assert refused(curriculum=[stage]) == message


def test_a_recipe_without_a_curriculum_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"^r: key 'curriculum' at the top is missing$"):
        recipe_from({}, name="r")


@pytest.mark.parametrize("video", ["r3d18", "r2plus1d18", "i3d"])
def test_a_tower_that_strides_time_is_not_trained_on_spans(video: str) -> None:
    told = refused(model={"video": video}, pairs={"sampling": "spans"})
    assert told == (
        f"r.toml: sampling 'spans' needs one feature per frame, as mc2 to mc5 have; video '{video}' gives one every 8 "
        "frames. Set [pairs] sampling to 'grid' or 'pairs'"
    )


def test_the_temporal_head_keeps_no_more_steps_than_a_tower_gives() -> None:
    values = {"model": {"video": "r3d18", "head": "temporal"}, "pairs": {"clip_seconds": 1.1}, "curriculum": [STAGE]}
    told = refused(**values)
    assert told == (
        "r.toml: head_steps 12 is more than the features of a window: 'r3d18' gives 4 in 1.1 s. "
        "Set [model] head_steps to 4 or less"
    )
    values["model"] = {**values["model"], "head_steps": 4}  # type: ignore[dict-item]
    assert recipe_from(values, name="r").model.head_steps == 4
    assert recipe_from({**values, "model": {"video": "r3d18"}}, name="r").model.head == "global"


def test_every_fault_is_told_one_a_line() -> None:
    lines = refused(pairs={"clip_second": 1.0, "batch_size": 1}, looss={}).splitlines()
    assert len(lines) == 3
    assert all(line.startswith("r.toml: ") for line in lines)


def test_a_file_that_is_no_recipe_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"gone\.toml: no such recipe\. Give a TOML file, or a name: adapt, box, demo"
    ):
        read_recipe(tmp_path / "gone.toml")
    (tmp_path / "note.txt").write_text("Dear diary,\n")
    with pytest.raises(SettingsError, match=r"note\.txt: not a valid TOML recipe \(Expected '='.*line 1"):
        read_recipe(tmp_path / "note.txt")
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match=r"bytes\.toml: not a valid TOML recipe \('utf-8' codec"):
        read_recipe(tmp_path / "bytes.toml")
    with pytest.raises(SettingsError, match=r"not a valid TOML recipe \(.*Is a directory"):
        read_recipe(tmp_path)


def test_settings_are_frozen_and_travel_as_plain_values() -> None:
    recipe = read_recipe(RECIPES / "demo.toml")
    with pytest.raises(ValueError, match="frozen"):
        recipe.pairs.batch_size = 3  # type: ignore[misc]
    assert Recipe.model_validate(recipe.model_dump()) == recipe
