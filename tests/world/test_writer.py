"""A world on disk: files, labels, truth, reuse, kills and refusals."""

import csv
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from scipy import signal

from avts.corpus.folder import FolderSource
from avts.errors import InputError, UsageError
from avts.jobs.pool import CRASHED
from avts.timebase import FRAME_RATE, SAMPLE_RATE
from avts.world import KINDS, compose, write_world
from avts.world import writer as writer_module
from avts.world.writer import encode

SMALL: dict[str, Any] = {"videos": 2, "seed": 7, "size": 32, "seconds": 0.5}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    write_world(tmp_path / "w", **SMALL)
    return tmp_path / "w"


def rows(out: Path) -> list[dict[str, str]]:
    with (out / "labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_labels_truth_and_files_agree(world: Path) -> None:
    found = rows(world)
    assert [row["file"][:6] for row in found] == ["00000_", "00001_"]
    for row in found:
        truth = json.loads((world / row["file"]).with_suffix(".json").read_text())
        assert (world / row["file"]).exists()
        assert row["file"].endswith(f"_{row['kind']}.mp4")
        assert truth["kind"] == row["kind"]
        assert truth["family"] == row["family"]
        assert truth["seed"] == int(row["seed"]) == 7
        assert float(row["offset_seconds"]) == truth["offset_seconds"] == 0
        assert truth["seconds"] == float(row["seconds"]) == 0.5
        assert isinstance(truth["event_seconds"], list)
        assert truth["choices"]["copies"] >= 1
    assert not list(world.glob(".*"))


@pytest.mark.parametrize("kind", ["clap", "hammer", "rain"])
def test_encoded_sound_and_picture_stay_within_five_milliseconds(kind: str, tmp_path: Path) -> None:
    one = compose(2, 0, kind=kind, size=64, seconds=3.0)
    encode(one, tmp_path / "one.mp4")
    with av.open(str(tmp_path / "one.mp4")) as container:
        frames = list(container.decode(video=0))
    with av.open(str(tmp_path / "one.mp4")) as container:
        sound = list(container.decode(audio=0))
    # Sound: its own clock says when it starts, correlation with the take says where it should be.
    assert sound[0].pts is not None
    assert sound[0].time_base is not None
    heard = np.concatenate([frame.to_ndarray()[0] for frame in sound])
    match = signal.correlate(heard, one.samples, method="fft")
    lag = int(np.argmax(match)) - (len(one.samples) - 1)
    late_seconds = lag / SAMPLE_RATE + float(sound[0].pts * sound[0].time_base)
    assert abs(late_seconds) <= 0.005
    assert len(heard) >= len(one.samples)
    # Picture: every frame at its own time and looking like its own frame more than like its neighbours.
    times = [float(frame.time) for frame in frames]
    assert times == pytest.approx([number / FRAME_RATE for number in range(72)], abs=0.0005)
    seen = np.stack([frame.to_ndarray(format="rgb24") for frame in frames]).astype(np.float32)
    errors = [np.abs(seen[2:-2] - one.frames[2 + shift : 70 + shift]).mean() for shift in (-1, 0, 1)]
    assert np.argmin(errors) == 1
    assert errors[1] < 8


def test_same_call_again_reuses_every_file(world: Path) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in world.glob("*.mp4")}
    seen: list[tuple[int, int]] = []
    summary = write_world(world, **SMALL, on_progress=lambda done, total: seen.append((done, total)))
    assert (summary.made, summary.reused, summary.out) == (0, 2, world)
    assert before == {path.name: path.stat().st_mtime_ns for path in world.glob("*.mp4")}
    assert seen == [(2, 2)]


def test_what_a_kill_left_out_is_made_again(world: Path) -> None:
    first = world / rows(world)[0]["file"]
    good = first.with_suffix(".json").read_text()
    first.with_suffix(".json").unlink()  # killed between the video and its truth
    (world / ".parts").mkdir()
    (world / ".parts" / first.name).write_bytes(b"half a file")
    (world / "labels.csv").unlink()
    summary = write_world(world, **SMALL)
    assert (summary.made, summary.reused) == (1, 1)
    assert first.with_suffix(".json").read_text() == good
    assert len(rows(world)) == 2
    assert not list(world.glob(".*"))


def test_what_is_being_made_is_hidden_from_an_ingest(world: Path) -> None:
    (world / ".parts").mkdir()
    (world / ".parts" / "00002_ball.mp4").write_bytes(b"half a file")
    assert [item.source for item in FolderSource(world).items()] == [row["file"] for row in rows(world)]


def test_a_failed_video_leaves_no_file_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(take: object, path: Path) -> None:
        path.write_bytes(b"half a file")
        raise OSError("disk full")

    monkeypatch.setattr("avts.world.writer.encode", broken)
    with pytest.raises(OSError, match="disk full"):
        write_world(tmp_path / "w", **SMALL)
    assert not list((tmp_path / "w").glob("[!.]*.mp4"))
    assert not (tmp_path / "w" / "labels.csv").exists()


def test_a_world_can_grow(world: Path) -> None:
    summary = write_world(world, **{**SMALL, "videos": 3})
    assert (summary.made, summary.reused) == (1, 2)
    assert len(rows(world)) == 3


def test_kinds_are_evenly_mixed_and_limited_to_those_asked_for(tmp_path: Path) -> None:
    write_world(tmp_path, **{**SMALL, "videos": 6}, kinds=["clap", "rain", "clap"])
    assert Counter(row["kind"] for row in rows(tmp_path)) == {"clap": 3, "rain": 3}


def test_worker_processes_make_the_same_videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "_FEW", 0)
    arguments = {**SMALL, "videos": 3}
    write_world(tmp_path / "two", **arguments, workers=2)
    write_world(tmp_path / "one", **arguments, workers=1)
    assert rows(tmp_path / "one") == rows(tmp_path / "two")
    for path in (tmp_path / "one").glob("*.mp4"):
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


class Engine:
    """Stands for a cluster: runs tasks here, and loses the second."""

    given: tuple[int | None, str | None]
    is_closed = False

    def __init__(self, workers: int | None, *, address: str | None, function: Any, **_: float) -> None:
        Engine.given, self.function = (workers, address), function

    def run(self, tasks: list[Any]) -> Iterator[tuple[Any, Any]]:
        for number, task in enumerate(tasks):
            self.function(task, lambda: None)
            yield task, CRASHED if number == 1 else "done"

    def close(self) -> None:
        Engine.is_closed = True


def test_a_video_that_the_cluster_lost_is_told_and_made_by_the_next_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avts.jobs.ray_engine.RayEngine", Engine)
    with pytest.raises(InputError, match=r"^00001_\w+\.mp4: its process on the Ray cluster was lost each time\. Run"):
        write_world(tmp_path / "w", **SMALL, engine="ray", address="head:6379", workers=5)
    assert (Engine.given, Engine.is_closed) == ((5, "head:6379"), True)
    assert [path.name[:5] for path in (tmp_path / "w").glob("0*.mp4")] == ["00000"]
    assert (write_world(tmp_path / "w", **SMALL).made, rows(tmp_path / "w")[1]["index"]) == (1, "1")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 8}, "a world with seed 8 was asked for, this one has seed 7"),
        ({"size": 64}, "with size 64 was asked for, this one has size 32"),
        ({"seconds": 1.0}, "with seconds 1.0 was asked for, this one has seconds 0.5"),
        ({"kinds": ["clap"]}, r"with kinds \['clap'\] was asked for"),
        ({"max_shift_seconds": 0.5}, "with max_shift_seconds 0.5 was asked for, this one has max_shift_seconds 0.0"),
        ({"videos": 1}, "a world of 1 videos was asked for, this one has 2"),
    ],
)
def test_a_folder_with_another_world_is_refused(world: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        write_world(world, **{**SMALL, **change})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"videos": 0}, "a world of 0 videos was asked for"),
        ({"videos": -4}, "a world of -4 videos was asked for"),
        ({"workers": 0}, "0 workers were asked for"),
        ({"address": "head:6379"}, "address 'head:6379' needs a Ray cluster, but the engine is 'local'"),
        ({"size": 33}, "size 33 cannot be encoded"),
        ({"kinds": ["pendulm"]}, "unknown kind 'pendulm'; did you mean 'pendulum'"),
        ({"kinds": []}, "a world of 0 kinds"),
    ],
)
def test_refused_arguments_leave_no_folder(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        write_world(tmp_path / "w", **{**SMALL, **change})
    assert not (tmp_path / "w").exists()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.mp4").touch()
    with pytest.raises(UsageError, match=r"it holds 1 other files \(holiday.mp4"):
        write_world(tmp_path, **SMALL)
    with pytest.raises(UsageError, match=r"holiday.mp4: a folder was asked for, this is a file"):
        write_world(tmp_path / "holiday.mp4", **SMALL)


def test_importing_the_package_loads_no_drawing_code() -> None:
    code = "import sys, avts.world as world; world.KINDS; print({'cv2', 'scipy', 'av', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_a_world_of_every_kind_has_one_video_each(tmp_path: Path) -> None:
    write_world(tmp_path, **{**SMALL, "videos": len(KINDS)}, workers=1)
    assert sorted(row["kind"] for row in rows(tmp_path)) == sorted(KINDS)


def test_scenes_are_recorded_and_a_folder_of_other_scenes_is_refused(world: Path, tmp_path: Path) -> None:
    write_world(tmp_path / "rich", **SMALL, scenes="rich", kinds=["talker"])
    assert json.loads((tmp_path / "rich" / "world.json").read_text())["scenes"] == "rich"
    assert {row["kind"] for row in rows(tmp_path / "rich")} == {"talker"}
    with pytest.raises(UsageError, match="a world with kinds"):
        write_world(world, **SMALL, scenes="rich")
    with pytest.raises(UsageError, match="with scenes rich was asked for, this one has scenes plain"):
        write_world(world, **SMALL, scenes="rich", kinds=KINDS)


def test_a_folder_from_before_scenes_were_recorded_is_plain(world: Path) -> None:
    record = world / "world.json"
    arguments = json.loads(record.read_text())
    del arguments["scenes"]
    record.write_text(json.dumps(arguments))
    assert write_world(world, **SMALL).reused == 2
