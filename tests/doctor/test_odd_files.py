"""A folder of files that end, confuse or stall a reader: each gets its line, and the good ones are answered."""

import os
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avts.corpus.ingest import ingest
from avts.doctor import folder as module
from avts.doctor.folder import Look, Seen, examine_folder
from avts.errors import MediaError
from avts.jobs.pool import Crashed
from avts.media.probe import probe
from avts.media.standard import read_standard
from benchmarks.formats.surgery import with_edits

FILM: dict[str, Any] = {"seconds": 2.0, "clicks_seconds": (0.5, 1.0), "width": 64, "height": 32}


def write_with_cover(path: Path, *, cover_is_default: bool) -> Path:
    """A film of 48 grey pictures, 64 x 32, behind a cover of 32 x 32 that is not marked as one."""
    with av.open(str(path), "w") as container:
        cover: Any = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 32, 32, "yuvj420p"
        film: Any = container.add_stream("mpeg4", rate=24)
        film.width, film.height, film.pix_fmt = 64, 32, "yuv420p"
        default, none = av.stream.Disposition.default, av.stream.Disposition(0)
        cover.disposition, film.disposition = (default, none) if cover_is_default else (none, default)
        made = []
        for stream, count, size in ((cover, 1, (32, 32)), (film, 48, (32, 64))):
            for index in range(count):
                grey = av.VideoFrame.from_ndarray(np.full(size, 5 * index, np.uint8), format="gray")
                frame = grey.reformat(format=stream.pix_fmt)
                frame.pts, frame.time_base = index, 1 / Fraction(stream.codec_context.framerate)
                made += stream.encode(frame)
            made += stream.encode(None)
        for packet in made:
            container.mux(packet)
    return path


@pytest.mark.parametrize("cover_is_default", [False, True])
def test_a_cover_as_the_first_track_is_not_taken_for_the_film(tmp_path: Path, cover_is_default: bool) -> None:
    path = write_with_cover(tmp_path / "covered.mkv", cover_is_default=cover_is_default)
    info = probe(path).video
    assert info is not None
    assert (info.codec, info.width, info.height) == ("mpeg4", 64, 32)
    assert read_standard(path, short_side=16, need_sound=False).planes.num_frames == 48


def odd_folder(films: Any) -> Path:
    films.write("good.mp4", **FILM)
    films.write("also-good.mkv", **{**FILM, "clicks_seconds": (0.7,)})
    write_with_cover(films.folder / "covered.mkv", cover_is_default=True)
    one = films.write("joined.ts", **{**FILM, "video_codec": "mpeg2video", "audio_codec": "mp2"})
    one.write_bytes(one.read_bytes() * 2)
    os.mkfifo(films.folder / "pipe.mp4")
    (films.folder / "nowhere.mp4").symlink_to(films.folder / "gone.mp4")
    (films.folder / os.fsdecode(b"caf\xe9.mp4")).write_bytes(b"no film")
    with wave.open(str(films.folder / "sound.avi"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(32_000))
    return Path(films.folder)


def test_every_odd_file_gets_its_line_from_doctor_and_ingest(films: Any, tmp_path: Path) -> None:
    folder = odd_folder(films)
    found = examine_folder(folder, every_file=True)
    faults = dict(found.faults)
    assert set(faults) == {"covered.mkv", "pipe.mp4", "nowhere.mp4", "caf\\xe9.mp4", "sound.avi"}
    assert faults["pipe.mp4"] == "a named pipe, not a regular file. Give a media file on a disk."
    assert found.num_decoded == 3
    ((name, note),) = found.notes
    assert name == "joined.ts"
    assert note.startswith("clock breaks at 2.0 s: the stamps go back by 2.0 s")
    assert found.flags["clock_breaks"] == 1
    summary = ingest(folder, tmp_path / "corpus", short_side=32, workers=2, timeout_seconds=60)
    assert {refusal.source for refusal in summary.refused} == set(faults)
    assert summary.taken == 3
    assert summary.flagged["clock_breaks"] == 1
    assert summary.notes == (f"joined.ts: {note}",)


def test_a_film_of_two_edits_is_noted(films: Any, tmp_path: Path) -> None:
    plain = films.write("plain.mp4", **FILM)
    with_edits(plain, films.folder / "cut.mp4", [(0.0, 0.8), (1.2, 2.0)])
    found = examine_folder(Path(films.folder))
    ((name, note),) = found.notes
    assert name == "cut.mp4"
    assert note == "has 2 edits; FFmpeg places everything after the first one with an error of up to 50 ms"
    assert not found.faults


def test_a_pipe_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with pytest.raises(MediaError, match=r"pipe.mp4: a named pipe, not a regular file"):
        probe(tmp_path / "pipe.mp4")


def test_a_file_that_crashes_its_decoder_is_a_fault_of_its_own(films: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Pool(module.OrderedPool[Look, Seen]):
        def run(self, tasks: Any) -> Any:
            for task in tasks:
                yield task, Crashed(-11) if task.path.stem == "bad" else module.look_at(task, lambda: None)

    monkeypatch.setattr(module, "OrderedPool", Pool)
    for name in ("bad.mp4", "good.mp4", "other.mp4"):
        films.write(name, **FILM)
    found = examine_folder(films.folder, every_file=True)
    assert found.faults == [("bad.mp4", "it crashed its decoder (SIGSEGV). Re-encode it.")]
    assert found.num_decoded == 2
