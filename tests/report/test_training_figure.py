"""The course of training as a picture: stages by name, histograms where the log has them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from avts.report.palette import drawing
from avts.report.training_figure import _figure, stage_name, training_figure, write_training_figure


def history(counts: bool = True) -> list[dict[str, Any]]:
    rows = []
    for step in range(0, 100, 5):
        late = step >= 50
        row = {"step": step, "stage": int(late), "stage_name": "75/25" if late else "easy", "loss": 0.2}
        row |= {"positive_distance": 0.3, "easy_distance": 0.6, "hard_distance": 0.5 if late else None}
        if counts:
            peaks = {"positive": 6, "easy": 12} | ({"hard": 10} if late else {})
            row["distance_counts"] = {kind: [32 * (bin == at) for bin in range(20)] for kind, at in peaks.items()}
            row["distance_top"] = 1.0
        rows.append(row)
    return rows


def drawn(rows: list[dict[str, Any]]) -> Figure:
    with drawing("test"):
        return _figure(rows)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.get_axes() for text in axes.texts]


def test_stages_are_named_and_older_logs_give_their_numbers() -> None:
    assert texts(drawn(history())) == ["easy", "75/25"] * 2
    assert stage_name({"stage": 1}) == "1"


def test_a_stage_without_room_for_its_name_goes_without() -> None:
    rows = history()
    rows[-1] |= {"stage": 2, "stage_name": "a last step of its own"}
    assert texts(drawn(rows)) == ["easy", "75/25"] * 2


def test_each_kind_has_a_panel_whose_darkest_bin_is_its_commonest_distance() -> None:
    figure = drawn(history())
    panels = {axes.get_title(loc="left"): axes for axes in figure.get_axes() if axes.images}
    assert list(panels) == ["Distances: positive", "Distances: easy", "Distances: hard"]
    for title, at in (("positive", 6), ("easy", 12), ("hard", 10)):
        image = panels[f"Distances: {title}"].images[0]
        alpha = np.asarray(image.get_array())[..., 3]  # [bins, columns]
        filled = alpha.max(0) > 0
        assert filled.sum() == (10 if title == "hard" else 20)
        assert (alpha.argmax(0)[filled] == at).all()
        assert tuple(image.get_extent()) == (0, 95, 0, 1)


def test_a_log_without_histograms_is_drawn_without_them() -> None:
    figure = drawn(history(counts=False))
    assert not [axes for axes in figure.get_axes() if axes.images]
    assert len(figure.get_axes()) == 2


def test_a_log_of_more_lines_than_columns_loses_no_pair() -> None:
    rows = [row | {"step": number} for number, row in enumerate(history() * 20)]
    figure = drawn(rows)
    (image,) = (axes.images[0] for axes in figure.get_axes() if axes.get_title(loc="left") == "Distances: positive")
    assert np.asarray(image.get_array()).shape == (20, 160, 4)
    assert (np.asarray(image.get_array())[..., 3].max(0) == 1).all()


@pytest.mark.parametrize("steps", [1, 20])
def test_it_is_written_as_svg_and_png(tmp_path: Path, steps: int) -> None:
    rows = history()[:steps]
    assert training_figure(rows).startswith("<svg")
    write_training_figure(tmp_path / "a.png", rows)
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
