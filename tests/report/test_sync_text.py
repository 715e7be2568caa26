"""The result of one file as a line and as a record."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from avts.offset.calibration import LEAST_CONFIDENCE
from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import SILENT, UNCERTAIN, OffsetEstimate
from avts.offset.measure import SyncResult, result_of
from avts.offset.timeline import Segment
from avts.report.sync_text import (
    CSV_COLUMNS,
    UNKNOWN,
    csv_row,
    failure_record,
    film_time,
    reading_record,
    result_record,
    segment_words,
    sync_line,
    verdict,
)

SCAN = OffsetScan(np.array([0.0]), np.array([-0.5, 0.0, 0.5]), np.array([[0.6, 0.2, 0.5]], np.float32), 1.0)
CURVE = np.array([np.nan, 0.2, 0.5])


def made_result(estimate: OffsetEstimate, *segments: Segment, drift: float | None = None) -> SyncResult:
    return SyncResult("talk.mp4", SCAN, estimate, segments, drift)


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (OffsetEstimate(0.12, 0.871, CURVE, 1), "talk.mp4: sound 120 ms early, confidence 0.87"),
        (OffsetEstimate(-0.08, 0.9999, CURVE, 1), "talk.mp4: sound 80 ms late, confidence 0.99"),
        (OffsetEstimate(0.0, 0.5, CURVE, 1), "talk.mp4: in sync, confidence 0.50"),
        (OffsetEstimate(0.0, 0.0, CURVE, 0, SILENT), "talk.mp4: cannot tell: silent: no window has sound"),
        (
            OffsetEstimate(0.475, 0.46, CURVE, 1, f"{UNCERTAIN}why"),
            "talk.mp4: sound about 475 ms early (uncertain), confidence 0.46: why",
        ),
        (
            OffsetEstimate(0.0, 0.6, CURVE, 1, f"{UNCERTAIN}why"),
            "talk.mp4: perhaps in sync (uncertain), confidence 0.60: why",
        ),
        (OffsetEstimate(0.475, 0.16, CURVE, 1, f"{UNCERTAIN}why"), "talk.mp4: cannot tell: why"),
    ],
)
def test_one_line_says_it_all(estimate: OffsetEstimate, words: str) -> None:
    assert sync_line(Path("talk.mp4"), made_result(estimate)) == words


def test_the_least_confidence_says_what_is_uncertain() -> None:
    answer = OffsetEstimate(0.12, 0.7, CURVE, 1)
    sure, doubtful = (result_of("a.mp4", SCAN, answer, least_confidence=least) for least in (0.7, 0.8))
    assert verdict(sure) == "sound 120 ms early, confidence 0.70"
    assert verdict(doubtful).startswith(
        "sound about 120 ms early (uncertain), confidence 0.70: a confidence of at least"
    )
    known, guessed = (result_record(Path("a.mp4"), result) for result in (sure, doubtful))
    assert (known["certain"], known["offset_seconds"], known["guess_seconds"], known["reason"]) == (
        True,
        0.12,
        0.12,
        None,
    )
    assert (guessed["certain"], guessed["offset_seconds"], guessed["guess_seconds"]) == (False, None, 0.12)
    assert guessed["reason"].startswith(UNCERTAIN)
    assert (known["least_confidence"], guessed["least_confidence"]) == (0.7, 0.8)


def test_a_segment_is_uncertain_below_the_least_confidence_that_was_required() -> None:
    answer = OffsetEstimate(0.12, 0.9, CURVE, 1, f"{UNCERTAIN}why")
    segments = Segment(0, 60, 0.12, 0.9), Segment(60, 90, 0.4, 0.78)
    result = dataclasses.replace(made_result(answer, *segments), least_confidence=0.8)
    assert [segment_words(each, result) for each in segments] == ["sound 120 ms early", "sound about 400 ms early"]


def test_times_of_a_film_longer_than_two_minutes_are_those_of_a_clock() -> None:
    assert [film_time(71.26, length) for length in (120.0, 120.1)] == ["71.3 s", "1:11"]


def test_an_uncertain_drift_is_told_as_about() -> None:
    answer = OffsetEstimate(0.02, 0.4, CURVE, 1, f"{UNCERTAIN}why")
    assert verdict(made_result(answer, Segment(0, 600, 0.02, 0.4), drift=-6.04)) == (
        "sound about 50 ms early at the start, sound about 10 ms late at the end (uncertain), confidence 0.40, "
        "drifts by -6.0 ms per minute: why"
    )


def test_a_film_is_as_certain_as_its_least_certain_stretch() -> None:
    answer = OffsetEstimate(0.1, 0.9, CURVE, 1, f"{UNCERTAIN}why")
    result = made_result(answer, Segment(0, 9, 0.1, 0.9), Segment(9, 12, 0.4, 0.2))
    assert sync_line(Path("a.mp4"), result).splitlines() == [
        "a.mp4: sound about 100 ms early (uncertain), confidence 0.20, jumps 1 time: why",
        "  0:00 to 0:09  sound 100 ms early, confidence 0.90",
        "  0:09 to 0:12  sound about 400 ms early, confidence 0.20",
    ]


def test_a_drift_is_said_in_ms_a_minute() -> None:
    answer = OffsetEstimate(0.02, 0.9, CURVE, 1)
    line = sync_line(Path("a.mp4"), made_result(answer, Segment(0, 600, 0.02, 0.9), drift=-6.04))
    assert line == (
        "a.mp4: sound 50 ms early at the start, sound 10 ms late at the end, confidence 0.90, "
        "drifts by -6.0 ms per minute"
    )


def test_jumps_are_a_table_below_the_line() -> None:
    segments = (Segment(0, 751.2, 0.12, 0.97), Segment(751.2, 3725.0, -0.04, 0.5), Segment(3725.0, 3730, 0.0, 1.0))
    line = sync_line(Path("a.mp4"), made_result(OffsetEstimate(-0.04, 0.5, CURVE, 1), *segments))
    assert line.splitlines() == [
        "a.mp4: sound 40 ms late, confidence 0.50, jumps 2 times",
        "  0:00 to 12:31  sound 120 ms early, confidence 0.97",
        "  12:31 to 1:02:05  sound 40 ms late, confidence 0.50",
        "  1:02:05 to 1:02:10  in sync, confidence 0.99",
    ]


def test_a_record_is_strict_json_with_null_for_what_is_unknown() -> None:
    record = result_record(Path("talk.mp4"), made_result(OffsetEstimate(0.0, 0.0, CURVE, 0, SILENT)))
    assert json.loads(json.dumps(record, allow_nan=False)) == {
        "file": "talk.mp4",
        "offset_seconds": None,
        "guess_seconds": None,
        "in_words": "cannot tell",
        "confidence": 0.0,
        "least_confidence": LEAST_CONFIDENCE,
        "certain": False,
        "reason": "silent: no window has sound",
        "drift_ms_per_minute": None,
        "num_windows": 0,
        "range_seconds": [-0.5, 0.5],
        "segments": [],
        "curve": {"offsets_seconds": [-0.5, 0.0, 0.5], "distances": [None, 0.2, 0.5]},
    }


def test_a_record_lists_the_segments() -> None:
    result = made_result(OffsetEstimate(0.12, 0.9, CURVE, 1), Segment(0, 9.5, 0.12, 0.9), drift=61.234)
    record = result_record(Path("talk.mp4"), result)
    assert record["drift_ms_per_minute"] == 61.23
    assert record["segments"] == [{"start_seconds": 0, "stop_seconds": 9.5, "offset_seconds": 0.12, "confidence": 0.9}]


def test_a_csv_row_has_the_extremes_of_the_offset() -> None:
    result = made_result(OffsetEstimate(0.1, 0.9, CURVE, 1), Segment(0, 60, 0.1, 0.9), drift=60.0)
    row = csv_row(result_record(Path("a.mp4"), result), result)
    assert tuple(row) == CSV_COLUMNS
    assert (row["min_offset_seconds"], row["max_offset_seconds"], row["num_segments"]) == (0.07, 0.13, 1)
    assert row["error"] is None


def test_a_csv_row_has_what_a_pipeline_needs() -> None:
    record = {
        "file": "a.mp4",
        "within_limits": False,
        "repaired": {"file": "out/a.mp4", "moved_seconds": 0.1},
        "repair_error": None,
        "model": "the model in the box",
        "reason": None,
    }
    row = csv_row(record, None)
    assert tuple(row) == CSV_COLUMNS
    assert (row["within_limits"], row["repaired"], row["moved_seconds"]) == (False, "out/a.mp4", 0.1)
    assert row["model"] == "the model in the box"
    refused = csv_row({"file": "a.mp4", "repaired": None, "repair_error": "a.mp4: not repaired"}, None)
    assert (refused["repaired"], refused["repair_error"]) == (None, "a.mp4: not repaired")


def test_a_failure_names_the_file() -> None:
    failed = failure_record(Path("a.mp4"), ValueError("a.mp4: no sound"))
    assert failed == {"file": "a.mp4", **UNKNOWN, "error": "a.mp4: no sound"}
    measured = reading_record(Path("a.mp4"), made_result(OffsetEstimate(0.0, 0.0, CURVE, 0, SILENT)))
    assert list(failed) == [*measured, "error"]


def test_a_result_prints_itself_in_two_lines_at_most() -> None:
    sure = made_result(OffsetEstimate(0.12, 0.9, CURVE, 1), Segment(0, 60, 0.12, 0.9), drift=60.0)
    assert repr(sure) == (
        "SyncResult('talk.mp4': sound 120 ms early, offset_seconds=0.1200, confidence=0.90, drift_ms_per_minute=60.0)"
    )
    doubtful = made_result(OffsetEstimate(0.12, 0.5, CURVE, 1, f"{UNCERTAIN}why"))
    assert repr(doubtful).splitlines() == [
        "SyncResult('talk.mp4': sound about 120 ms early, offset_seconds=None, confidence=0.50,",
        "  reason='uncertain: why')",
    ]
