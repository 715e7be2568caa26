"""The map's names, words and numbers."""

from typing import Any

import numpy as np
import pytest

from avts.report.map_figure import (
    LABEL_HEIGHT,
    LETTER_WIDTH,
    agreement_rows,
    agreement_words,
    apart,
    densest,
    map_section,
    map_svg,
    map_words,
)
from avts.report.palette import DARK, class_look


def made(num_classes: int = 20, *, joint: bool = True) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    points = [
        {
            "tower": tower,
            "clip": f"clip {row % 30}",
            "label": None if row == 0 else f"class_{row % num_classes}",
            "x": float(x),
            "y": float(y),
        }
        for tower in ("picture", "sound")
        for row, (x, y) in enumerate(rng.uniform(-1, 1, (60, 2)))
    ]
    row = {"share": 0.25, "chance": 0.05, "shuffled": 0.08, "most": 0.8, "num_windows": 59, "num_classes": 20}
    searches = [("picture", "picture"), ("sound", "sound"), ("picture", "sound")]
    return {
        "points": points,
        "agreement": [{"asking": asking, "searched": searched, **row} for asking, searched in searches],
        "nearest": 5,
        "perplexity": {"picture": 30.0, "sound": 30.0},
        "joint": joint,
        "seed": 3,
    }


def test_no_two_names_lie_over_each_other_and_all_are_in_the_panel() -> None:
    rng = np.random.default_rng(1)
    letters = rng.integers(5, 13, 32).tolist()
    places = apart(rng.normal(0, 0.3, (32, 2)).clip(-0.9, 0.9), letters, 0.9)
    width = LETTER_WIDTH * np.array(letters)
    for one in range(32):
        assert abs(places[one, 1]) < 0.9 - LABEL_HEIGHT / 2
        assert abs(places[one, 0]) < 1.09 - width[one] / 2
        for other in range(one):
            across, along = np.abs(places[one] - places[other])
            assert across > (width[one] + width[other]) / 2 or along > 0.97 * LABEL_HEIGHT


def test_names_on_one_spot_are_moved_apart_too() -> None:
    places = apart(np.zeros((3, 2)), [4, 4, 4], 1.0)
    heights = np.sort(places[:, 1])
    assert (np.diff(heights) > 0.97 * LABEL_HEIGHT).all()


def test_a_name_stands_where_its_windows_are_densest() -> None:
    heap = [[0.5, 0.5], [0.51, 0.5], [0.5, 0.52]]
    assert densest(np.array([*heap, [-1.0, -1.0]])).tolist() in heap


def test_no_two_of_63_classes_look_alike_and_all_follow_a_dark_page() -> None:
    looks = [class_look(index) for index in range(63)]
    assert len(set(looks)) == 63
    assert {colour for colour, _ in looks} <= set(DARK)


@pytest.mark.parametrize("num_classes", [1, 20, 32])
def test_every_class_is_named_in_both_panels(num_classes: int) -> None:
    svg = map_svg(made(num_classes))
    for index in range(num_classes):
        assert svg.count(f" class {index}<") == 2


def test_the_words_say_how_the_map_was_made_and_what_it_is_not() -> None:
    words = map_words(made())
    assert words.startswith("60 windows of pictures and 60 windows of sounds of 30 clips, laid out by t-SNE ")
    assert "(perplexity 30, seed 3), in one map" in words
    assert "The distances between groups, their sizes and the orientation have no meaning" in words
    assert "each tower in its own map" in map_words(made(joint=False))


def test_the_numbers_stand_beside_chance() -> None:
    found = made()
    assert agreement_rows(found)[0] == ("pictures among pictures", "25.0 %", "5.0 %", "8.0 %", "59")
    assert agreement_rows(found)[2][0] == "pictures, their nearest sounds"
    assert "the maximum is 80.0 %" in agreement_words(found)
    assert agreement_words(found).startswith("Share of the 5 nearest windows of other clips")


def test_without_classes_the_words_say_that_nothing_was_measured() -> None:
    found = made()
    unknown = {"share": None, "chance": None, "shuffled": None, "most": None, "num_windows": 0, "num_classes": 0}
    found["agreement"] = [{"asking": "picture", "searched": "picture", **unknown}]
    assert "there is nothing to measure" in agreement_words(found)
    for point in found["points"]:
        point["label"] = None
    assert "<svg" in "".join(map_section(found, "Map"))
