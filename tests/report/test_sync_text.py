"""The result of one file as a line and as a record."""

import json
from pathlib import Path

import numpy as np
import pytest

from avts.report.sync_text import failure_record, sync_line, sync_record
from avts.sync.estimate import SILENT, OffsetEstimate
from avts.sync.scan import OffsetScan

SCAN = OffsetScan(np.array([0.0]), np.array([-0.5, 0.0, 0.5]), np.array([[0.6, 0.2, 0.5]], np.float32), 1.0)
CURVE = np.array([np.nan, 0.2, 0.5])


@pytest.mark.parametrize(
    ("estimate", "words"),
    [
        (OffsetEstimate(0.12, 0.871, CURVE, 1), "talk.mp4: sound 120 ms early, confidence 0.87"),
        (OffsetEstimate(-0.08, 0.9999, CURVE, 1), "talk.mp4: sound 80 ms late, confidence 0.99"),
        (OffsetEstimate(0.0, 0.5, CURVE, 1), "talk.mp4: in sync, confidence 0.50"),
        (OffsetEstimate(0.0, 0.0, CURVE, 0, SILENT), "talk.mp4: cannot tell (silent: no window has sound)"),
    ],
)
def test_one_line_says_it_all(estimate: OffsetEstimate, words: str) -> None:
    assert sync_line(Path("talk.mp4"), estimate) == words


def test_a_record_is_strict_json_with_null_for_what_is_unknown() -> None:
    record = sync_record(Path("talk.mp4"), SCAN, OffsetEstimate(0.0, 0.0, CURVE, 0, SILENT))
    assert json.loads(json.dumps(record, allow_nan=False)) == {
        "file": "talk.mp4",
        "offset_seconds": None,
        "in_words": "cannot tell",
        "confidence": 0.0,
        "reason": "silent: no window has sound",
        "num_windows": 0,
        "range_seconds": [-0.5, 0.5],
        "curve": {"offsets_seconds": [-0.5, 0.0, 0.5], "distances": [None, 0.2, 0.5]},
    }


def test_a_failure_names_the_file() -> None:
    assert failure_record(Path("a.mp4"), ValueError("a.mp4: no sound")) == {"file": "a.mp4", "error": "a.mp4: no sound"}
