from pathlib import Path

from avts.doctor.alignment import Alignment
from avts.doctor.findings import Findings
from avts.doctor.speed import LoaderSpeed, StepSpeed
from avts.pairs.capacity import capacities
from avts.report.doctor import bars, doctor_record, doctor_text, histogram


def test_a_histogram_has_a_bar_for_every_class_between_the_first_and_the_last() -> None:
    lines = histogram([1.5, 1.6, 9.0], (0, 1, 2, 4, 8, 16)).splitlines()
    assert [line.split("█")[0].strip() for line in lines] == ["1 to 2", "2 to 4  0", "4 to 8  0", "8 to 16"]
    assert [line.count("█") for line in lines] == [40, 0, 0, 20]
    assert lines[0].endswith(" 2")


def test_what_lies_beyond_the_last_edge_is_counted_too() -> None:
    assert histogram([1.0, 500.0], (0, 10, 60)).splitlines()[-1].startswith("60 to 500")
    assert histogram([], (0, 1)) == "unknown"


def test_a_small_count_has_a_bar_all_the_same() -> None:
    assert bars({"many": 10_000, "one": 1}).splitlines()[1].count("█") == 1


def made() -> Findings:
    found = Findings("corpus", Path("c"), 3)
    found.flags.update(["silent", "silent", "still"])
    found.durations_seconds = [3.0, 4.0, 5.0]
    found.durations_usable = [3.0, 4.0]
    found.faults = [(f"k{index}", "damaged near 1.000 s") for index in range(25)]
    found.duplicates = [["a", "b"]]
    return found


def test_the_text_tells_flags_faults_copies_and_whether_the_model_waits() -> None:
    capacity = capacities([3.0, 4.0], clip_seconds=1.0, gap_seconds=0.5)
    text = doctor_text(made(), capacity, LoaderSpeed(500), StepSpeed(0.1, 64, "cpu"))
    assert "a corpus of 3 clips, 12 s; 2 usable" in text
    assert "2  silent (kept, not used)" in text
    assert "k19: damaged near 1.000 s" in text
    assert "k20" not in text
    assert "and 5 more (--json lists all)" in text
    assert "a = b" in text
    # 640 windows a second against 500 of a core
    assert "1.28 cores must read so that the model never waits: [training] workers = 2" in text
    assert text.endswith("25 not usable.")


def test_too_few_videos_are_said() -> None:
    found = Findings("corpus", Path("c"), 1, durations_usable=[3.0])
    assert not found.is_usable
    assert doctor_text(found, [], None, None).endswith("1 usable: pairs need at least 2 videos. Add more.")


def test_the_record_holds_every_fault_and_the_speeds() -> None:
    record = doctor_record(made(), [], LoaderSpeed(500), StepSpeed(0.1, 64, "cpu"))
    assert len(record["faults"]) == 25
    assert record["loader_windows_per_second_and_core"] == 500
    assert record["step_windows_per_second"] == 640
    assert record["flags"] == {"silent": 2, "still": 1}
    assert "step_seconds" not in doctor_record(made(), [], None, None)


def test_where_the_best_offsets_gather_is_told() -> None:
    alignment = Alignment((0.5,) * 20, (True,) * 20)
    assert "20 cluster at sound 500 ms early" in doctor_text(made(), [], None, None, alignment)
    assert doctor_record(made(), [], None, None, alignment)["alignment"]["place_seconds"] == 0.5
