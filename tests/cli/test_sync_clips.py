"""`avts sync` on real recordings, where they are at hand."""

import json
from pathlib import Path

import pytest

from avts.cli import main


def test_every_real_clip_is_answered(real_clips: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["sync", str(real_clips), "--json"])
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    endings = {".mp4", ".avi", ".mpg"}
    assert len(answers) == sum(path.suffix in endings for path in real_clips.rglob("*"))
    assert not [answer for answer in answers if "error" in answer]
    assert stopped.value.code == 0
    for answer in answers:
        told = answer["reason"] is None
        assert told == (answer["offset_seconds"] is not None)
        assert not told or abs(answer["offset_seconds"]) <= 2
        assert 0 <= answer["confidence"] <= 1
