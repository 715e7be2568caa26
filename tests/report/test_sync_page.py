"""The report of a batch: certainty, limits and repairs of each film."""

from typing import Any

from avts.report.sync_page import sync_page


def segment(start: float, stop: float, offset: float, confidence: float = 0.9) -> dict[str, float]:
    return {"start_seconds": start, "stop_seconds": stop, "offset_seconds": offset, "confidence": confidence}


def film(**more: Any) -> dict[str, Any]:
    known = {"file": "a.mp4", "offset_seconds": 0.12, "in_words": "sound 120 ms early", "confidence": 0.9}
    known |= {"least_confidence": 0.76, "segments": [segment(0, 60, 0.12)]}
    return {**known, "certain": True, "reason": None, **more}


def cells(**more: Any) -> list[str]:
    """The cells of a film's row."""
    page = sync_page([film(**more)], [None], [None])
    row = page.split("<tbody>")[-1].split("</tbody>")[0] if "<tbody>" in page else page.split("<tr>")[-1]
    return [part.split("<")[0] for part in row.replace("</td>", "").split(">") if part.split("<")[0].strip()]


def test_an_uncertain_offset_is_told_as_such() -> None:
    doubtful = cells(
        certain=False, offset_seconds=None, reason="uncertain: x", in_words="sound about 120 ms early", confidence=0.3
    )
    assert "sound about 120 ms early (uncertain)" in doubtful
    assert "sound 120 ms early" in cells()


def test_what_the_confidence_means_depends_on_the_method() -> None:
    for model, within in (("the model in the box", "0.2"), ("motion", "0.1")):
        page = sync_page(
            [film(model=model), {"file": "b.mp4", "error": "no sound", "model": model}], [None] * 2, [None] * 2
        )
        assert f"the offset is right within {within} s;" in page


def test_limits_pass_miss_or_are_unknown_and_are_not_told_if_there_are_none() -> None:
    words = {"pass", "miss", "unknown"}
    for outcome, word in ((True, "pass"), (False, "miss"), (None, "unknown")):
        assert words & set(cells(within_limits=outcome, limits={"max_early_seconds": 0.1})) == {word}
    assert not words & set(cells(within_limits=None))


def test_the_repaired_file_or_why_there_is_none_is_told() -> None:
    repaired = {"file": "out/a.mkv", "in_words": "in sync", "moved_seconds": 0.12}
    assert "out/a.mkv" in cells(repaired=repaired)
    page = sync_page([film(repaired=None, repair_error="a.mp4: not repaired, because <b>")], ["<svg></svg>"], [None])
    assert "a.mp4: not repaired, because &lt;b&gt;" in page
    assert "not proof" in sync_page([film(repaired=repaired)], ["<svg></svg>"], [None])


def test_a_file_that_cannot_be_used_says_why_once_with_its_name_beside_it() -> None:
    page = sync_page([{"file": "a/b.mp4", "error": "b.mp4: not a media file. Re-encode it."}], [None], [None])
    assert '<td class="long">cannot be used: not a media file. Re-encode it.</td>' in page
    assert page.count("not a media file") == 1


def test_the_confidence_stands_beside_the_least_that_is_required() -> None:
    assert "0.90 (0.76)" in cells()
    assert "0.45 (0.80)" in cells(
        offset_seconds=None, in_words="sound about 120 ms early", confidence=0.45, least_confidence=0.8, segments=[]
    )
    assert not any("(0.76)" in cell for cell in cells(offset_seconds=None, in_words="cannot tell", segments=[]))
    page = sync_page([film()], ["<svg></svg>"], [None])
    assert "sound 120 ms early, confidence 0.90 (at least 0.76 is required)" in page


def test_the_confidence_is_that_of_the_least_certain_segment() -> None:
    assert "0.80 (0.76)" in cells(segments=[segment(0, 60, 0.12, 0.9), segment(60, 90, 0.5, 0.8)])


def test_a_film_that_drifts_is_told_at_both_ends_and_one_that_jumps_in_each_segment() -> None:
    drifting = film(drift_ms_per_minute=60.0, in_words="in sync", segments=[segment(0, 600, 0.0)])
    jumping = film(segments=[segment(0, 150, 0.12), segment(150, 210, -0.4)])
    page = sync_page([drifting, jumping], ["<svg></svg>"] * 2, [None] * 2)
    assert "<td>in sync in the middle</td>" in page
    assert "sound 300 ms late at the start, sound 300 ms early at the end, confidence 0.90" in page
    assert "drifts by +60.0 ms per minute" in page
    assert "sound 120 ms early in the longest segment" in page
    assert "0:00 to 2:30: sound 120 ms early; 2:30 to 3:30: sound 400 ms late" in page


def test_a_film_with_thumbnails_has_a_card_even_if_it_cannot_be_used() -> None:
    failed = {"file": "a.mp4", "error": "a.mp4: no audio stream."}
    page = sync_page([failed, {**failed, "file": "b.mp4"}], [None, None], ['<div class="strip"></div>', None])
    assert page.count("<h3>") == 1
    assert '<h3>a.mp4</h3><div class="strip"></div><p class="quiet">Cannot be used: no audio stream.</p>' in page
