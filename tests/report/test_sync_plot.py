"""Axes and titles of the plots of an offset."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import estimate
from avts.offset.measure import result_of
from avts.report import sync_plot
from avts.report.palette import drawing, new_figure
from avts.report.sync_plot import draw_map, plot_result

OFFSETS = np.arange(-48, 49) / 24


def drifting_scan(seconds: float, rate: float = 0.0025, first: float = -0.4) -> OffsetScan:
    times = np.arange(0, seconds, 0.5)
    dip = 0.6 - 0.3 * np.exp(-0.5 * ((OFFSETS - first - rate * times[:, None]) / 0.1) ** 2)
    return OffsetScan(times, OFFSETS, dip.astype(np.float32), 1.0)


def time_axis(seconds: float) -> tuple[str, list[str]]:
    """The label of a map's time axis, and those of its ticks inside the map."""
    figure = new_figure(5, 4)
    axes = figure.subplots()
    draw_map(axes, drifting_scan(seconds))
    figure.draw_without_rendering()
    low, high = sorted(axes.get_ylim())
    ticks = [tick.label1.get_text() for tick in axes.yaxis.get_major_ticks() if low <= tick.get_loc() <= high]
    return axes.get_ylabel(), ticks


def test_times_are_seconds_up_to_two_minutes() -> None:
    label, ticks = time_axis(119)
    assert label == "time in the file (s)"
    assert ticks == ["0", "20", "40", "60", "80", "100"]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (121, ["0:00", "0:30", "1:00", "1:30", "2:00"]),
        (630, ["0:00", "2:00", "4:00", "6:00", "8:00", "10:00"]),
        (5400, ["0:00", "15:00", "30:00", "45:00", "1:00:00", "1:15:00", "1:30:00"]),
    ],
)
def test_times_of_a_longer_film_are_those_of_a_clock(seconds: float, expected: list[str]) -> None:
    label, ticks = time_axis(seconds)
    assert label == "time in the file"
    assert ticks == expected


@pytest.mark.parametrize(
    "name",
    ["talk.mp4", "a long name of many words " * 8 + ".mp4", "W" * 200 + ".mp4", "caf\udce9\x1b[2J\n.mp4"],
)
def test_no_title_of_a_plot_is_clipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    figures: list[Figure] = []
    monkeypatch.setattr(sync_plot, "write_png", lambda figure, _: figures.append(figure))
    scan = drifting_scan(300)
    result = result_of(name, scan, estimate(scan))
    assert result.drift_ms_per_minute is not None
    plot_result(tmp_path / "plot.png", result, glimpse=None, title=name)
    (figure,) = figures
    with drawing(name):
        figure.draw_without_rendering()
        (upper,) = figure.subfigs
        curve = upper.axes[0]
        # matplotlib keeps the left title apart
        titles = [curve._left_title, figure._suptitle]  # type: ignore[attr-defined]
        boxes = [title.get_window_extent() for title in titles]
    width, height = figure.canvas.get_width_height()
    for box in boxes:
        assert box.x0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height
    assert boxes[0].y1 <= boxes[1].y0, "one title does not cover the other"
