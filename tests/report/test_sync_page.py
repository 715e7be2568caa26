"""The report of a batch: certainty, limits and repairs of each film."""

from typing import Any

from avts.report.sync_page import sync_page


def film(**more: Any) -> dict[str, Any]:
    known = {"file": "a.mp4", "offset_seconds": 0.12, "in_words": "sound 120 ms early", "confidence": 0.9}
    return {**known, "certain": True, "reason": None, "segments": [{}], **more}


def cells(**more: Any) -> list[str]:
    """The cells of a film's row."""
    page = sync_page([film(**more)], [None])
    row = page.split("<tbody>")[-1].split("</tbody>")[0] if "<tbody>" in page else page.split("<tr>")[-1]
    return [part.split("<")[0] for part in row.replace("</td>", "").split(">") if part.split("<")[0].strip()]


def test_an_uncertain_offset_is_told_as_such() -> None:
    doubtful = cells(
        certain=False, offset_seconds=None, reason="uncertain: x", in_words="sound about 120 ms early", confidence=0.3
    )
    assert "sound about 120 ms early (uncertain)" in doubtful
    assert "sound 120 ms early" in cells()


def test_limits_pass_miss_or_are_unknown_and_are_not_told_if_there_are_none() -> None:
    words = {"pass", "miss", "unknown"}
    for outcome, word in ((True, "pass"), (False, "miss"), (None, "unknown")):
        assert words & set(cells(within_limits=outcome, limits={"max_early_seconds": 0.1})) == {word}
    assert not words & set(cells(within_limits=None))


def test_the_repaired_file_or_why_there_is_none_is_told() -> None:
    repaired = {"file": "out/a.mkv", "in_words": "in sync", "moved_seconds": 0.12}
    assert "out/a.mkv" in cells(repaired=repaired)
    page = sync_page([film(repaired=None, repair_error="a.mp4: not repaired, because <b>")], ["<svg></svg>"])
    assert "a.mp4: not repaired, because &lt;b&gt;" in page
    assert "not proof" in sync_page([film(repaired=repaired)], ["<svg></svg>"])


def test_a_file_that_cannot_be_used_says_why_once_with_its_name_beside_it() -> None:
    page = sync_page([{"file": "a/b.mp4", "error": "b.mp4: not a media file. Re-encode it."}], [None])
    assert "<td>cannot be used: not a media file. Re-encode it.</td>" in page
