from pathlib import Path

import pytest

from avts.doctor.findings import spread
from avts.doctor.folder import examine_folder
from avts.errors import CorpusError


def test_every_fault_is_found_and_named(sick_folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    found = examine_folder(sick_folder, every_file=True, on_progress=lambda *at: seen.append(at))
    assert (found.kind, found.num_items) == ("folder", 8)
    assert dict(found.flags) == {"no_audio": 1, "unreadable": 1, "too_short": 1, "silent": 1, "still": 1}
    assert {name: message.split(".")[0] for name, message in found.faults} == {
        "mute.mp4": "no audio stream",
        "short.mp4": "lasts 0",
        "text.mp4": found.faults[-1][1].split(".")[0],
    }
    assert found.duplicates == [["copy.mp4", "good.mp4"]]
    assert not found.is_usable
    assert seen[-1] == (8, 8)


def test_durations_are_those_of_files_that_can_be_used(sick_folder: Path) -> None:
    found = examine_folder(sick_folder, every_file=True)
    assert sorted(round(seconds) for seconds in found.durations_usable) == [3, 3, 3, 3, 7]
    assert found.num_decoded == 5
    assert found.decoded_seconds == pytest.approx(3 * 4 + 7, abs=0.1)
    assert found.decoding_seconds > 0
    assert set(found.frames_per_second) == {24.0}
    assert set(found.sample_rates) == {16_000}


def test_a_sample_is_spread_over_all() -> None:
    assert spread(list(range(10)), 4) == [0, 2, 5, 7]
    assert spread([1, 2], 12) == [1, 2]


def test_a_file_that_does_not_decode_is_a_fault(tmp_path: Path, sick_folder: Path) -> None:
    data = bytearray((sick_folder / "long.mp4").read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[start:end] = bytes(end - start)
    (tmp_path / "hollow.mp4").write_bytes(data)
    found = examine_folder(tmp_path, every_file=True)
    assert found.flags["undecodable"] + found.flags["truncated"] >= 1
    assert not found.is_usable


def test_a_folder_without_videos(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=rf"{tmp_path.name}: no video file in it"):
        examine_folder(tmp_path)
