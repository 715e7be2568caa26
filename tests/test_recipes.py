"""The recipes of the Table 1 experiment: each row is what the paper's table says, and all have one budget."""

from pathlib import Path

import pytest

from avts.errors import SettingsError
from avts.model.checkpoint import read_header
from avts.offset.model import SHIPPED
from avts.settings import Recipe, read_recipe

TABLE1 = Path(__file__).parents[1] / "recipes" / "table1"
EASY, MIXED, HARD, SUPER_HARD = (1.0, 0.0, 0.0), (0.75, 0.25, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)

ONE_STAGE = {"easy": EASY, "mixed": MIXED, "hard": HARD, "super-hard": SUPER_HARD, "l3net": EASY}
SECOND_STAGE = {
    "easy-then-easy": EASY,
    "easy-then-mixed": MIXED,
    "easy-then-hard": HARD,
    "easy-then-super-hard": SUPER_HARD,
    "bce": MIXED,
}
AFTER = ["bce-after", "bce-after-frozen"]
BASES = ["base-ours", "base-paper"]
BETWEEN: dict[str, set[str]] = {
    "base-pairs": set(),
    "base-rgb": {"picture_input"},
    "base-global": {"head"},
    "base-rgb-global": {"picture_input", "head"},
}
"""Forms between the two, and what of the model is the paper's."""

BEYOND, AUGMENTED = "base-info-nce", "base-info-nce-augmented"
"""Neither ours nor the paper's: the global head with another loss, and that with sounds disturbed."""


INDIVIDUAL = "base-individual"
"""Our form with colours, centred heads, and a rate that holds until a last short fall."""


def recipe(name: str, base: str) -> Recipe:
    return read_recipe(TABLE1 / f"{name}.toml", base=TABLE1 / f"{base}.toml")


def shares(found: Recipe) -> list[tuple[float, float, float]]:
    return [(stage.easy, stage.hard, stage.super_hard) for stage in found.curriculum]


def test_every_recipe_of_the_folder_is_a_row_or_a_base() -> None:
    found = {path.stem for path in TABLE1.glob("*.toml")}
    assert found == {*ONE_STAGE, *SECOND_STAGE, *AFTER, *BASES, *BETWEEN, INDIVIDUAL, BEYOND, AUGMENTED, "adaptive"}


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("name", [*ONE_STAGE, *SECOND_STAGE])
def test_a_row_has_its_negatives_and_the_budget_of_all(name: str, base: str) -> None:
    found = recipe(name, base)
    expected = [ONE_STAGE[name]] if name in ONE_STAGE else [EASY, SECOND_STAGE[name]]
    assert shares(found) == expected
    assert found.num_epochs == 9
    if len(expected) == 2:
        assert found.curriculum[0].epochs == 5, "of 9: the paper's 50 of 90"
    assert found.loss.name == ("bce" if name in ("bce", "l3net") else "contrastive")
    assert found.loss.margin == 0.99
    assert not found.training.freeze_towers


@pytest.mark.parametrize("base", BASES)
def test_cross_entropy_after_fine_tunes_the_same_networks(base: str) -> None:
    before = recipe("easy-then-mixed", base).model
    for name in AFTER:
        after = recipe(name, base)
        assert after.loss.name == "bce"
        assert after.model.model_copy(update={"comparison": "distance"}) == before
        assert after.training.freeze_towers is (name == "bce-after-frozen")


def test_the_papers_form_is_the_papers_but_for_its_size_centred_heads_and_rate() -> None:
    small, whole = recipe("easy-then-mixed", "base-paper"), read_recipe(TABLE1.parent / "paper.toml")
    for table, keys in {
        "model": ("video", "picture_input", "head", "filter_bands", "unit_vectors", "comparison"),
        "pairs": ("sampling", "clip_seconds", "hard_gap_seconds"),
        "optimizer": ("name", "momentum", "weight_decay"),
    }.items():
        for key in keys:
            assert getattr(getattr(small, table), key) == getattr(getattr(whole, table), key), key
    assert small.model.centre
    assert small.optimizer.schedule == "trapezoid"


def test_the_forms_differ_in_nothing_but_input_head_its_centring_pairs_and_optimiser() -> None:
    ours, paper = (recipe("easy-then-mixed", base) for base in BASES)
    differ = {key for key, value in ours.model.model_dump().items() if value != getattr(paper.model, key)}
    assert differ - {"hidden"} == {"picture_input", "head", "centre"}, "hidden is of the temporal head only"
    assert ours.pairs.model_copy(update={"sampling": "pairs"}) == paper.pairs
    assert (ours.curriculum, ours.loss, ours.augment) == (paper.curriculum, paper.loss, paper.augment)


@pytest.mark.parametrize("base", BETWEEN)
def test_a_form_between_the_two_has_only_its_own_change(base: str) -> None:
    ours, between, paper = (recipe("easy-then-mixed", name) for name in ("base-ours", base, "base-paper"))
    assert between == ours.model_copy(update={"model": between.model, "pairs": between.pairs})
    assert between.pairs == (paper.pairs if base == "base-pairs" else ours.pairs)
    differ = {key for key, value in ours.model.model_dump().items() if value != getattr(between.model, key)}
    assert differ == BETWEEN[base]
    assert all(getattr(between.model, key) == getattr(paper.model, key) for key in differ)


def test_the_form_for_individuals_changes_heads_and_rate_of_the_one_with_colours_alone() -> None:
    before, after = (recipe("easy-then-mixed", name) for name in ("base-rgb", INDIVIDUAL))
    assert after.model == before.model.model_copy(update={"centre": True})
    assert after.optimizer.schedule == "trapezoid"
    assert after == before.model_copy(update={"model": after.model, "optimizer": after.optimizer})


def test_info_nce_differs_from_the_global_head_in_its_loss_alone() -> None:
    contrastive, found = (recipe("easy-then-mixed", name) for name in ("base-global", BEYOND))
    assert (contrastive.loss.name, found.loss.name) == ("contrastive", "info_nce")
    assert found == contrastive.model_copy(update={"loss": found.loss})


def test_augmented_sounds_are_disturbed_as_the_boxs_and_nothing_else_is() -> None:
    plain, found = (recipe("easy-then-mixed", name) for name in (BEYOND, AUGMENTED))
    assert found == plain.model_copy(update={"augment": found.augment})
    box = read_recipe(TABLE1.parent / "box.toml").augment
    disturbed = {key: getattr(box, key) for key in ("sound_colour", "sound_behind", "sound_noise")}
    assert all(disturbed.values())
    assert found.augment == plain.augment.model_copy(update=disturbed)


def test_adaptive_shares_are_of_our_form_only() -> None:
    found = recipe("adaptive", "base-ours")
    assert [(stage.shares, stage.epochs) for stage in found.curriculum] == [("adaptive", 9)]
    with pytest.raises(SettingsError, match=r"stage 'adaptive' is adaptive, which needs .* pair by pair"):
        recipe("adaptive", "base-paper")


@pytest.mark.parametrize("base", BASES)
def test_l3_net_sees_correspondence_only(base: str) -> None:
    model = recipe("l3net", base).model
    assert (model.head, model.comparison, model.fused_hidden, model.unit_vectors) == ("global", "fused", 128, False)


def test_l3_net_with_one_frame_differs_in_that_alone() -> None:
    moving, still = read_recipe(TABLE1 / "l3net.toml"), read_recipe(TABLE1.parent / "l3net-still.toml")
    assert still.model.picture_input == "still"
    assert still == moving.model_copy(update={"model": still.model})
    assert still.model == moving.model.model_copy(update={"picture_input": "still"})


def test_the_recipe_to_adapt_with_fits_the_model_in_the_box() -> None:
    found, box = (read_recipe(TABLE1.parent / name) for name in ("adapt.toml", "box.toml"))
    assert found.model == box.model == read_header(SHIPPED)[0].model
    assert found.augment == box.augment.model_copy(update={"least_crop": 0.75}), "parts are crops already"
    assert found.pairs.cut_seconds <= 2.9, "clips of GRID last 2.96 s or more at 24 frames a second"
    assert read_header(SHIPPED)[0].pairs == found.pairs, "the model in the box was adapted by this recipe"
