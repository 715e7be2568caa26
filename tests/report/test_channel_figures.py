"""Figures of channels, from made exhibits."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from avts.corpus.clip import Clip
from avts.inspection.exhibits import Exhibit, HeardExhibit, SeenExhibit
from avts.media.planes import Planes
from avts.report.channel_figures import ShownChannel, channel_figure, channel_svg, classes_figure, lit, write_channels
from avts.report.palette import drawing
from avts.timebase import Span

CLIP = Clip(
    key="k", source="k.mp4", split="test", label="xylophone", duration_seconds=4.0, num_frames=96, height=32, width=32,
    shard="s", video_offset=0, video_size=1, sound_offset=0, sound_size=1, source_frames_per_second=24.0,
    source_sample_rate=16_000, loudness_db=-20.0, motion=1.0, flags=(), content_hash="0",
)  # fmt: skip


def heard() -> HeardExhibit:
    energies = np.random.default_rng(0).normal(size=(40, 101))
    energies[:, :20] = np.nan
    course = np.zeros(101)
    return HeardExhibit(CLIP, 2.0, 1.5, (20.0,), Span(-0.095, 0.095), Span(-0.505, 0.505), course, energies, (14, 27))


def seen() -> SeenExhibit:
    frame = Planes(*(np.full((1, size, size), 128, np.uint8) for size in (32, 16, 16)))
    heat = np.zeros((32, 32))
    heat[8, 24] = 2.0
    clip = replace(CLIP, label=None, key="a_clip_with_a_very_long_name_indeed")
    course = np.full(25, np.nan)
    course[5:] = 1.0
    place = (8.5 / 32, 24.5 / 32)
    return SeenExhibit(clip, 2.0, 1.5, place, Span(-0.2, 0.2), Span(-0.5, 0.5), course, frame, heat)


def shown(exhibit: Exhibit, count: int = 2) -> ShownChannel:
    return ShownChannel(7, "class explains 61.0 %", [("bell_ring", 2.0), ("dog", 1.0)], [exhibit] * count)


def test_the_cross_and_the_frame_are_where_the_peak_is() -> None:
    with drawing("test"):
        figure = channel_figure("sound", [shown(heard(), 1)])
    axes = figure.axes[1]
    (cross,) = axes.lines
    assert cross.get_xydata().tolist() == [[0.0, 20.0]]  # type: ignore[union-attr]
    (box,) = axes.patches
    assert box.get_bbox().extents.tolist() == pytest.approx([-0.095, 13.5, 0.095, 26.5])  # type: ignore[attr-defined]
    left, right, low, high = axes.images[0].get_extent()
    assert (left, right, low, high) == (-0.505, 0.505, -0.5, 39.5)


def test_the_cross_of_a_frame_is_at_its_share_of_the_picture() -> None:
    with drawing("test"):
        figure = channel_figure("picture", [shown(seen(), 1)])
    cross = figure.axes[1].lines[0]
    assert cross.get_xydata().tolist() == [[24.5, 8.5]]  # type: ignore[union-attr]


def test_a_figure_names_channels_classes_and_times(tmp_path: Path) -> None:
    svg = channel_svg("sound", [shown(heard())])
    for words in ("channel 7", "class explains 61.0 %", "bell ring", "mean of 2", "xylophone, 1.50 s"):
        assert words in svg
    assert "a clip with a very lo…, 1.50 s" in channel_svg("picture", [shown(seen())])
    write_channels(tmp_path / "c.png", "picture", [shown(seen(), 0)])
    assert (tmp_path / "c.png").read_bytes().startswith(b"\x89PNG")


def test_a_frame_keeps_its_colours_where_the_channel_answers() -> None:
    frame = np.zeros((1, 2, 3))
    frame[..., 0] = 0.9
    found = lit(frame, np.array([[1.0, 0.0]]))
    assert found[0, 0].tolist() == [0.9, 0, 0]
    assert len(set(found[0, 1].tolist())) == 1


def test_all_channels_stand_by_the_class_they_answer_to_most() -> None:
    means = np.array([[1.0, 0.0, 4.0], [0.5, 2.0, 1.0]])
    with drawing("test"):
        figure = classes_figure(means, ["a", "b"], np.array([0.1, 0.9, 0.5]))
    shares = np.asarray(figure.axes[0].images[0].get_array())
    assert shares.tolist() == [[1, 1, 0], [0.25, 0.5, 1]]
