"""A repair in words."""

from pathlib import Path

import pytest

from avts.offset.fix import Correction, RepairResult
from avts.offset.stream_changes import StreamChange
from avts.offset.timeline import Segment
from avts.report.repair_text import moved_words, repair_line, repaired_record, stream_words


def correction(*offsets: float, drift: float | None = None) -> Correction:
    return Correction(tuple(Segment(60.0 * n, 60.0 * n + 60, each, 1.0) for n, each in enumerate(offsets)), drift)


@pytest.mark.parametrize(
    ("done", "words"),
    [
        (correction(0.12), "sound moved 120 ms later, by stream copy"),
        (correction(-0.0804), "sound moved 80 ms earlier, by stream copy"),
        (correction(0.0001), "sound not moved, because there is nothing to repair"),
        (
            correction(0.02, drift=60.0),
            "sound resampled and encoded again, 10 ms earlier at the start and 50 ms later at the end",
        ),
        (correction(0.1, -0.2, 0.3), "sound of 3 segments moved, each by its own offset, and encoded again"),
    ],
)
def test_what_became_of_the_sound_says_the_direction(done: Correction, words: str) -> None:
    assert moved_words(done) == words


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (StreamChange("video", "h264", "h264", "copied", 0.0, 0.0), "video h264: copied, starts at 0.000 s"),
        (
            StreamChange("audio", "dts", "aac", "encoded again", 0.0, 0.12),
            "audio dts: encoded again as aac, starts at 0.120 s instead of 0.000 s (+120 ms)",
        ),
        (StreamChange("subtitle", "subrip", "", "left out", 0.0), "subtitle subrip: left out"),
        (StreamChange("attachment", "ttf", "ttf", "copied"), "attachment ttf: copied"),
    ],
)
def test_what_became_of_a_stream(change: StreamChange, words: str) -> None:
    assert stream_words(change) == words


def test_a_dry_run_never_sounds_as_if_a_file_was_written() -> None:
    done = RepairResult(Path("out.mp4"), 0.12, None, None, ("a warning",), (), correction(0.12))
    first, *rest = repair_line(Path("in.mp4"), done, dry_run=True).splitlines()
    assert first == "in.mp4 -> out.mp4: dry run, not written; sound moved 120 ms later, by stream copy"
    assert rest == ["  container .mp4", "  warning: a warning"]
    assert repaired_record(done)["warnings"] == ["a warning"]
