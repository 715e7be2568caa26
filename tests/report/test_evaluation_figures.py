"""AUC by kind of action: bars that begin at chance, and nothing that is hidden."""

import numpy as np
import pytest
from matplotlib.axes import Axes

from avts.report.evaluation_figures import draw_labels, label_figure, ranked_labels
from avts.report.palette import new_figure

Labels = dict[str, dict[str, float | None]]
GOOD: Labels = {"ball": {"auc_easy": 0.95, "auc_hard": 0.9}, "piano_key": {"auc_easy": 0.99, "auc_hard": 0.6}}
WORSE: Labels = {**GOOD, "wind": {"auc_easy": 0.32, "auc_hard": 0.41}, "rain": {"auc_easy": 0.8, "auc_hard": None}}


def drawn(by_label: Labels) -> Axes:
    axes = new_figure(8, 3).subplots()
    draw_labels(axes, by_label)
    return axes


def bars(axes: Axes) -> dict[str, tuple[float, float]]:
    """Left and right end of each bar, by its name."""
    names = [label.get_text() for label in axes.get_yticklabels()]
    return {
        name: (bar.get_x(), bar.get_x() + bar.get_width())  # type: ignore[attr-defined]
        for name, bar in zip(names, axes.patches, strict=True)
    }


def test_bars_begin_at_chance_and_point_to_the_left_below_it() -> None:
    found = bars(drawn(WORSE))
    assert list(found)[1:] == ["wind", "piano key", "ball"]
    assert found["ball"] == pytest.approx((0.5, 0.9))
    assert found["piano key"] == pytest.approx((0.5, 0.6))
    assert found["wind"] == pytest.approx((0.5, 0.41))


def test_the_axis_begins_at_chance_unless_a_value_is_below() -> None:
    assert drawn(GOOD).get_xlim() == (0.5, 1.01)
    low, high = drawn(WORSE).get_xlim()
    assert 0.2 < low < 0.32
    assert high == 1.01


def test_a_kind_without_hard_negatives_says_so_and_is_not_ranked() -> None:
    axes = drawn(WORSE)
    assert [(text.xy[1], text.get_text()) for text in axes.texts] == [(0, "no hard negatives")]  # type: ignore[attr-defined]
    assert axes.get_yticklabels()[0].get_text() == "rain"
    assert np.allclose(axes.lines[0].get_xdata(), [0.8, 0.32, 0.99, 0.95])
    assert ranked_labels({**WORSE, "fire": {"auc_hard": float("nan")}}) == ["wind", "piano_key", "ball"]


@pytest.mark.parametrize("by_label", [{}, {"rain": {"auc_easy": None, "auc_hard": None}}])
def test_a_figure_without_a_value_is_drawn(by_label: Labels) -> None:
    assert label_figure(by_label).startswith("<svg ")
