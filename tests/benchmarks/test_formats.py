"""The table of formats proves something only if its maker tells the truth and its judge sees faults."""

from dataclasses import replace
from pathlib import Path

import pytest

from avts.offset.repair import repair
from benchmarks.formats.cases import CONTAINERS, SOUNDS, matrix
from benchmarks.formats.film import Film, Truth, write_film
from benchmarks.formats.judge import (
    MOVED_SECONDS,
    Verdict,
    _picture_faults,
    judge_made,
    judge_moved,
    judge_read,
    picture_shift,
)
from benchmarks.formats.seen import Seen, see
from benchmarks.formats.structures import structures
from benchmarks.formats.table import formats_page
from benchmarks.formats.trial import Request, Row, answer, cases

PCM = Film(audio="pcm_s16le", video="mpeg4", video_options={"bf": "0"})


def row(name: str, status: str, words: str = "", action: str = "moved") -> Row:
    case = cases()[name]
    verdict = Verdict(status, 0.0004 if status == "right" else None, words)  # type: ignore[arg-type]
    return Row(name, case.group, case.about, case.ending, action, 0.04, case.ending, verdict)  # type: ignore[arg-type]


def test_the_table_has_the_containers_and_codecs_it_promises() -> None:
    assert len({container.ending for container in CONTAINERS}) >= 12
    assert len(set(SOUNDS)) >= 20
    names = [case.name for case in (*structures(), *matrix())]
    assert len(names) == len(set(names))


def test_a_film_is_seen_as_it_was_made(tmp_path: Path) -> None:
    truth = write_film(tmp_path / "a.mkv", PCM)
    seen = see(tmp_path / "a.mkv")
    assert [number for _, number in seen.relative] == list(range(60))
    assert [at for at, _ in seen.relative] == pytest.approx([at for at, _ in truth.pictures], abs=0.001)
    assert seen.clicks == pytest.approx(PCM.clicks, abs=0.001)


def test_late_sound_and_pictures_in_another_order_are_told(tmp_path: Path) -> None:
    film = replace(PCM, sound_from=0.05)
    truth = write_film(tmp_path / "a.mkv", film)
    seen = see(tmp_path / "a.mkv")
    assert judge_made(seen, truth) == ""
    earlier = Truth(truth.pictures, tuple(at - 0.02 for at in truth.clicks))
    assert judge_made(seen, earlier) == "20 ms between sound and picture"
    swapped = Truth((truth.pictures[1], truth.pictures[0], *truth.pictures[2:]), truth.clicks)
    assert judge_made(seen, swapped).startswith("60 pictures come as 0, 1, 2")


def test_the_shift_of_standard_frames_is_found() -> None:
    truth = PCM.truth
    numbers = [min(59, round((index / 24 + 0.2) * 25)) for index in range(50)]
    early, others = picture_shift(numbers, truth)
    assert early == pytest.approx(0.2, abs=0.02)
    assert others <= 1


def test_a_repair_by_another_amount_or_with_a_packet_less_is_wrong(tmp_path: Path) -> None:
    source, target = tmp_path / "a.mkv", tmp_path / "b.mkv"
    write_film(source, PCM)
    seen = see(source)
    repair(source, target, offset_seconds=0.1)
    right = judge_moved(seen, target, [0.1] * 4, MOVED_SECONDS, ".mkv", ())
    assert right.status == "right"
    wrong = judge_moved(seen, target, [0.11] * 4, MOVED_SECONDS, ".mkv", ())
    assert wrong.words == "sound moved by +100 to +100 ms, asked +110/+110"
    seen.packets[1].append(b"one more")
    assert "audio 0: packets differ" in judge_moved(seen, target, [0.1] * 4, MOVED_SECONDS, ".mkv", ()).words


def test_a_stream_that_is_gone_needs_a_word(tmp_path: Path) -> None:
    source, target = tmp_path / "a.mkv", tmp_path / "b.mkv"
    write_film(source, PCM)
    seen = see(source)
    seen.kinds.append("subtitle subrip")
    seen.packets.append([])
    repair(source, target, offset_seconds=0.0)
    assert "1 subtitle stream(s) lost" in judge_moved(seen, target, [0.0] * 4, MOVED_SECONDS, ".mkv", ()).words
    said = judge_moved(seen, target, [0.0] * 4, MOVED_SECONDS, ".mkv", ("1 subtitle stream left out",))
    assert said.status == "right"


@pytest.mark.parametrize(
    "name",
    [
        "h264-aac.mp4",
        "rotated-by-90-degrees.mp4",
        "12.000-frames-a-second.mkv",
        "a-clock-that-begins-at-7-hours.ts",
        "packed-divx.avi",
    ],
)
def test_files_are_made_and_read_right(tmp_path: Path, name: str) -> None:
    made = answer(Request(name, "made", str(tmp_path)), lambda: None)
    assert isinstance(made, tuple)
    assert made[0].status == "right", made[0].words
    source = next(tmp_path.glob("film.*"))
    read = judge_read(source, made[1], see(source), quarter_turns=cases()[name].quarter_turns)
    assert read.status == "right", read.words


def test_a_broken_clock_may_go_on_a_little_earlier_but_not_lose_a_second() -> None:
    before = Seen([(0.0, 0), (0.04, 1), (0.14, 2), (0.18, 3)], breaks=[0.14])
    for gap, faults in ((0.04, 0), (1.0, 1)):
        after = Seen([(0.0, 0), (0.04, 1), (0.04 + gap, 2), (0.08 + gap, 3)])
        assert len(_picture_faults(before, after)) == faults
    assert _picture_faults(Seen(before.pictures), Seen(after.pictures)) == ["a picture is 900 ms from its time"]


def test_a_clock_that_begins_anew_is_carried_on(tmp_path: Path) -> None:
    name = "two-recordings-joined-the-clock-begins-anew.ts"
    truth = cases()[name].make(tmp_path / "a.ts")
    seen = see(tmp_path / "a.ts")
    assert len(seen.breaks) == 1
    assert [number for _, number in seen.pictures] == list(range(120))
    assert judge_made(seen, truth) == ""


def test_the_page_has_each_answer_where_it_belongs() -> None:
    name = "packed-divx.avi"
    page = formats_page(
        [
            row(name, "right", action="made"),
            row(name, "refused", "out.avi: asked to move the sound by 40 ms: it cannot. Name a .mkv."),
            row(name, "wrong", "a picture is 40 ms from its time", action="into"),
            row("h264-aac.mp4", "right"),
        ]
    )
    assert "| packed DivX | .avi |  | a | **wrong** |  |  |" in page
    assert "| a | out.avi: asked to move the sound by 40 ms" in page
    assert "- packed-divx.avi (packed DivX), sound moved into the other container" in page
    assert "| .mp4 | 1 | 0 | - | 1 | 0.4 |" in page
