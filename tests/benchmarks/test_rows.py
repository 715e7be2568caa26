import json
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from avts.errors import UsageError
from benchmarks import loader, peers
from benchmarks.__main__ import BENCHES, command
from benchmarks.ingesting import ffmpeg_command
from benchmarks.material import make_material
from benchmarks.rivals import Rival, python_with_peers
from benchmarks.rows import Row, bench_table
from benchmarks.timing import Timing, interleaved, median_ratio


@pytest.mark.parametrize(
    ("value", "target", "at_least", "reached"),
    [(2.0, 1.0, True, True), (0.5, 1.0, True, False), (0.5, 1.0, False, True), (None, 1.0, True, None)],
)
def test_a_row_knows_whether_it_reached_its_target(
    value: float | None, target: float, at_least: bool, reached: bool | None
) -> None:
    row = Row("r", value, "times", target, at_least=at_least, note="why")
    assert row.reached is reached
    assert row.as_json() == {
        "name": "r", "value": value, "unit": "times", "target": target, "reached": reached, "note": "why",
    }  # fmt: skip


def test_the_table_says_pass_miss_and_not_run() -> None:
    rows = [Row("a", 575.4, "windows/s", 250), Row("b", 0.5, "times", 0.9), Row("c", None, "times", 30, note="no c")]
    lines = bench_table(rows).splitlines()[2:]
    assert [" ".join(line.split()) for line in lines] == [
        "a 575 windows/s at least 250 pass",
        "b 0.50 times at least 0.90 miss",
        "c – at least 30.0 not run no c",
    ]


def test_contestants_take_turns_and_ratios_are_of_the_same_round() -> None:
    order: list[str] = []

    def contestant(name: str, costs: list[float]) -> Any:
        def run(number: int) -> Timing:
            order.append(name)
            return Timing(costs[number], 1.0)

        return run

    found = interleaved({"a": contestant("a", [1.0, 4.0, 2.0]), "b": contestant("b", [2.0, 4.0, 6.0])}, 3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert median_ratio(found["b"], found["a"]) == 2.0


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    make_material(folder, count=2)
    return folder


def test_originals_are_ordinary_files_and_kept_for_the_next_time(work: Path) -> None:
    import av

    material = make_material(work, count=2)
    with av.open(str(material.originals[0])) as container:
        video = container.streams.video[0]
        packets = [packet for packet in container.demux(video) if packet.size]
    assert (video.width, video.height, float(video.average_rate or 0)) == (256, 256, 24.0)
    assert len(packets) == 240
    assert sum(packet.is_keyframe for packet in packets) <= 3
    assert any(packet.pts != packet.dts for packet in packets)
    assert [clip.source for clip in material.clips] == [path.name for path in material.originals]
    before = material.originals[0].stat().st_mtime_ns
    assert make_material(work, count=2).originals[0].stat().st_mtime_ns == before


def test_windows_are_the_same_for_everyone_and_inside_the_videos(work: Path) -> None:
    material = make_material(work, count=2)
    places = material.places(50, seed=3)
    assert places == material.places(50, seed=3)
    assert places != material.places(50, seed=4)
    assert all(0 <= place.start_seconds <= place.clip.duration_seconds - 1 for place in places)


def test_a_peer_gives_the_frames_of_its_windows(work: Path) -> None:
    material = make_material(work, count=2)
    path = str(material.originals[0])
    measured = peers.measured(peers.pyav(), [(path, None, 0, 0.0), (path, None, 0, 9.0)])
    assert measured["frames"] == 48
    assert measured["cpu"] > 0
    clip = material.clips[1]
    shard_path = material.corpus.path / clip.shard
    with tarfile.open(shard_path) as shard:
        member = shard.extractfile(f"{clip.key}.mp4")
        assert member is not None
        assert peers.part_of(str(shard_path), clip.video_offset, clip.video_size) == member.read()


def test_a_peer_that_is_not_there_says_why(tmp_path: Path) -> None:
    rival = Rival(Path(sys.executable), "avid-cma", str(tmp_path))
    assert rival.missing is not None
    assert rival.missing.startswith("FileNotFoundError")
    assert rival.time([("x.mp4", None, 0, 0.0)]) is None
    rival.close()


def test_a_checkout_without_the_line_to_repair_is_refused(tmp_path: Path) -> None:
    (tmp_path / "utils" / "ioutils").mkdir(parents=True)
    (tmp_path / "utils" / "ioutils" / "av_wrappers.py").write_text("pass")
    with pytest.raises(ValueError, match=r"does not hold 'np_snd = audio_resampler.resample\(frame\)"):
        peers.avid_cma(str(tmp_path))


def test_the_python_asked_for_is_used() -> None:
    assert python_with_peers(Path("/x/python")) == Path("/x/python")


def test_too_few_videos_for_the_benchmark(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--videos .*: 3 films were asked for, it holds 0 \(.mp4\). Lower --count"):
        make_material(tmp_path / "work", count=3, videos=tmp_path)


def test_ffmpeg_is_asked_for_the_standard_form_with_one_thread() -> None:
    words = ffmpeg_command("ffmpeg", Path("in.mp4"), Path("out"))
    assert words.count("-threads") == 2
    for name, value in (("-g", "12"), ("-crf", "23"), ("-bf", "0"), ("-ar", "16000"), ("-ac", "1")):
        assert words[words.index(name) + 1] == value
    assert words[-1] == "out.wav"


def test_every_benchmark_is_a_command_that_prints_one_object(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "rows", lambda **_: [Row("a", 2.0, "times", 1.0)])
    result = CliRunner().invoke(command, ["loader", "--json"])
    assert json.loads(result.output)["rows"][0]["reached"] is True
    assert "loader" in CliRunner().invoke(command, ["--help"]).output
    assert "loader" in BENCHES
    assert CliRunner().invoke(command, ["nonesuch"]).exit_code == 2
