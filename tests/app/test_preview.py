"""Previews: what browsers play, and the offset of the film in them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avts.app import preview as preview_module
from avts.app.preview import Form, form_here, write_preview
from avts.errors import MediaError
from avts.media.probe import probe
from avts.media.standard import read_standard

CLICKS = (0.5, 1.7, 3.1)


@pytest.mark.parametrize(("form", "codecs"), [("mp4", ("h264", "aac")), ("webm", ("vp9", "opus"))])
def test_a_film_that_browsers_do_not_play_keeps_its_offset_in_a_preview(
    form: Form, codecs: tuple[str, str], tmp_path: Path, films: Any
) -> None:
    """MPEG-2 in Matroska whose sound begins 0.3 s after its picture: frames and clicks stay at their times."""
    how = dict(video_codec="mpeg2video", audio_codec="mp2", sound_start_seconds=0.3, width=256, clicks_seconds=CLICKS)
    film = films.write("old.mkv", **how)
    told: list[tuple[int, int]] = []
    target = tmp_path / f"preview.{form}"
    write_preview(film, target, on_progress=lambda *seconds: told.append(seconds))
    found = probe(target)
    assert found.video is not None
    assert found.audio is not None
    assert (found.video.codec.removeprefix("lib"), found.audio.codec.removeprefix("lib")) == codecs
    assert told[-1] == (4, 4)
    clip = read_standard(target, short_side=64)
    assert np.abs(films.picture_error_seconds(films.film(**how), clip.planes.y)).max() < 0.025
    assert np.abs(films.click_errors_seconds(CLICKS, clip.samples)).max() < 0.002


def test_a_large_fast_film_becomes_small_and_half_as_fast(tmp_path: Path, films: Any) -> None:
    film = films.write("large.mp4", width=960, height=540, frames_per_second=Fraction(50), seconds=1.0)
    write_preview(film, tmp_path / "small.mp4")
    found = probe(tmp_path / "small.mp4").video
    assert found is not None
    assert (found.width, found.height, found.frames_per_second) == (640, 360, 25.0)


def test_a_film_without_sound_is_previewed_without(tmp_path: Path, films: Any) -> None:
    write_preview(films.write("mute.mp4", audio_codec=None, seconds=1.0), tmp_path / "small.mp4")
    assert probe(tmp_path / "small.mp4").audio is None


def test_without_an_encoder_for_h264_vp9_is_taken_and_without_both_it_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preview_module, "_can_encode", lambda name: name in {"libvpx-vp9", "libopus"})
    assert (form_here("mp4"), form_here("webm")) == ("webm", "webm")
    monkeypatch.setattr(preview_module, "_can_encode", lambda _: False)
    with pytest.raises(MediaError, match="has no encoder for one \\(libx264, libvpx-vp9\\)"):
        form_here("mp4")


def test_a_file_that_is_no_film_gives_no_preview_and_leaves_nothing(tmp_path: Path) -> None:
    letter = tmp_path / "letter.mp4"
    letter.write_text("Dear reader")
    (tmp_path / "out").mkdir()
    with pytest.raises(MediaError, match=r"letter\.mp4"):
        write_preview(letter, tmp_path / "out" / "preview.mp4")
    assert not list((tmp_path / "out").iterdir())
