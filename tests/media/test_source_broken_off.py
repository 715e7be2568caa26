from pathlib import Path
from typing import Any

import pytest

from avts.media.source import is_broken_off
from avts.media.standard import read_standard

FILM: dict[str, Any] = {"seconds": 2.0, "clicks_seconds": (0.5,), "width": 64, "height": 32, "options": {"g": "12"}}


@pytest.mark.parametrize(("ending", "audio_codec"), [("mkv", "aac"), ("webm", "libopus")])
def test_a_file_that_breaks_off_is_truncated_and_a_whole_one_is_not(films: Any, ending: str, audio_codec: str) -> None:
    codec = "libvpx" if ending == "webm" else "libx264"
    path = films.write(f"film.{ending}", **{**FILM, "audio_codec": audio_codec, "video_codec": codec})
    assert not is_broken_off(path)
    assert not read_standard(path, short_side=32).truncated
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 7 // 10])
    clip = read_standard(path, short_side=32)
    assert clip.truncated
    assert 12 <= clip.planes.num_frames < 47


def test_a_live_stream_and_other_containers_promise_nothing(films: Any, tmp_path: Path) -> None:
    live = films.write("live.mkv", **FILM, container_options={"live": "1"})
    live.write_bytes(live.read_bytes()[:-100])
    assert not is_broken_off(live)
    assert not is_broken_off(films.write("film.mp4", **FILM))
    for name, content in (("empty", b""), ("head", b"\x1a\x45\xdf\xa3"), ("zero", b"\x1a\x45\xdf\xa3\0\0\0\0")):
        (tmp_path / name).write_bytes(content)
        assert not is_broken_off(tmp_path / name)
