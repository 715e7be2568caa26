"""Half-open spans, the grid of frames and samples, and the sign of an offset in words."""

import pytest

from avts.timebase import FRAME_RATE, SAMPLE_RATE, Span, frame_at, frames_lasting, offset_in_words, sample_at


@pytest.mark.parametrize(
    ("other", "gap"),
    [
        (Span(1.5, 2.5), 0.5),  # after, half a second between
        (Span(-1.25, -0.25), 0.25),  # before
        (Span(1.0, 2.0), 0.0),  # touching
        (Span(0.75, 1.75), -0.25),  # a quarter shared
        (Span(0.0, 1.0), -1.0),  # the same
        (Span(0.25, 0.5), -0.5),  # inside, half a second from the far edge
    ],
)
def test_gap_is_the_time_between_the_nearer_edges(other: Span, gap: float) -> None:
    assert Span(0.0, 1.0).gap_seconds(other) == gap
    assert other.gap_seconds(Span(0.0, 1.0)) == gap


@pytest.mark.parametrize(("seconds", "frames"), [(0.0, 0), (0.01, 1), (1 / 24, 1), (1.0, 24), (1.001, 25)])
def test_so_many_frames_last_at_least_so_long(seconds: float, frames: int) -> None:
    assert frames_lasting(seconds) == frames


def test_a_span_lasts_from_start_to_stop() -> None:
    assert Span(1.25, 3.0).duration_seconds == 1.75


def test_the_standard_form_is_24_frames_and_16000_samples_a_second() -> None:
    assert (FRAME_RATE, SAMPLE_RATE) == (24, 16_000)
    assert [frame_at(seconds) for seconds in (0.0, 0.02, 0.022, 1.0, 2.5)] == [0, 0, 1, 24, 60]
    assert [sample_at(seconds) for seconds in (0.0, 1 / 24, 0.5)] == [0, 667, 8000]


def test_every_frame_is_found_again_from_its_seconds() -> None:
    assert [frame_at(index / FRAME_RATE) for index in range(10_000)] == list(range(10_000))


@pytest.mark.parametrize(
    ("offset_seconds", "words"),
    [
        (0.12, "sound 120 ms early"),
        (-0.08, "sound 80 ms late"),
        (0.0, "in sync"),
        (-0.0004, "in sync"),
        (1.5, "sound 1500 ms early"),
    ],
)
def test_a_positive_offset_is_said_as_early(offset_seconds: float, words: str) -> None:
    assert offset_in_words(offset_seconds) == words
