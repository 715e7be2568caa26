from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from avts.errors import MediaError
from avts.media.probe import AudioInfo, probe


def test_probe_tells_what_was_written(films: Any) -> None:
    path = films.write(
        "film.mp4", width=256, height=128, rotation_degrees=90, layout="stereo", sample_rate=44_100,
        frames_per_second=Fraction(30),
    )  # fmt: skip
    info = probe(path)
    assert (info.path, info.container.split(",")[0]) == (path, "mov")
    assert info.duration_seconds == pytest.approx(4.0, abs=0.05)
    assert info.video is not None
    assert (info.video.codec, info.video.width, info.video.height) == ("h264", 128, 256)
    assert (info.video.frames_per_second, info.video.rotation_degrees) == (30.0, 270)
    assert info.video.start_seconds == pytest.approx(0.0, abs=0.05)
    assert info.audio == AudioInfo("aac", 44_100, 2, info.audio.start_seconds if info.audio else 0.0)


def test_probe_counts_square_pixels(films: Any) -> None:
    info = probe(films.write("film.mkv", aspect=Fraction(16, 11)))
    assert info.video is not None
    assert (info.video.width, info.video.height) == (186, 64)


def test_probe_tells_the_starts_of_the_streams(films: Any) -> None:
    starts = {"video_start_seconds": 1.0, "sound_start_seconds": 1.3}
    path = films.write("film.mkv", **starts, audio_codec="flac", options={"bf": "0"})
    info = probe(path)
    assert info.video is not None
    assert info.audio is not None
    assert info.audio.start_seconds - info.video.start_seconds == pytest.approx(0.3, abs=0.002)


def test_probe_of_a_mute_film_and_of_no_film(films: Any, tmp_path: Path) -> None:
    assert probe(films.write("mute.mp4", audio_codec=None)).audio is None
    (tmp_path / "text.mp4").write_text("no film\n" * 100)
    with pytest.raises(MediaError, match=r"text.mp4: not a readable media file"):
        probe(tmp_path / "text.mp4")
    with pytest.raises(MediaError, match=r"gone.mp4: no such file in"):
        probe(tmp_path / "gone.mp4")
