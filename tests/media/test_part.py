from typing import Any

import numpy as np
import pytest

from avts.errors import MediaError
from avts.media.standard import standard_frames, standard_sound
from avts.timebase import Span

FILM: dict[str, Any] = {"seconds": 8.0, "clicks_seconds": (0.5, 3.5, 4.2, 6.9), "options": {"g": "30"}}
KINDS: dict[str, dict[str, Any]] = {
    "mp4": {},
    "late.mp4": {"video_start_seconds": 0.52, "options": {"g": "30", "bf": "0"}},
    "mkv": {},
    "ts": {},
    "avi": {"video_codec": "mpeg4", "audio_codec": "pcm_s16le"},
    "webm": {"video_codec": "libvpx", "audio_codec": "libopus"},
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_part_begins_and_ends_where_it_was_asked_to_with_its_own_sound(films: Any, kind: str) -> None:
    arguments = {**FILM, **KINDS[kind]}
    film, path = films.film(**arguments), films.write(f"film.{kind}", **arguments)
    late = arguments.get("video_start_seconds", 0.0)  # the player's 0 is where the sound begins
    frames = standard_frames(path, short_side=32, part=Span(3.0, 5.5))
    planes = [chunk.y for chunk in frames]
    shown = films.shown_indices(np.concatenate(planes))
    assert frames.num_frames == 60
    assert abs(shown[0] / 25 - (3.0 - late)) <= 0.045
    assert shown[-1] / 25 < 5.5 - late
    sound = standard_sound(path, start_seconds=frames.start_seconds, duration_seconds=2.5)
    samples = np.concatenate(list(sound))
    clicks = [click - shown[0] / 25 for click in film.clicks_seconds if 3.1 <= click + late <= 5.4]
    assert len(clicks) == 2
    assert np.abs(films.click_errors_seconds(clicks, samples)).max() <= 0.005
    assert not frames.truncated


def test_a_part_beyond_the_end_is_said_and_one_across_it_is_truncated(films: Any) -> None:
    path = films.write("film.mkv", **FILM)
    with pytest.raises(MediaError, match=r"film.mkv: asked for 9.000 to 10.000 s, but its picture ends at 8.0"):
        list(standard_frames(path, short_side=32, part=Span(9.0, 10.0)))
    across = standard_frames(path, short_side=32, part=Span(6.0, 10.0))
    assert sum(chunk.num_frames for chunk in across) == 48
    assert across.truncated
