"""Files whose clock starts again or jumps: both sides of the break are read, in step, as players play them."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avts.errors import MediaError
from avts.media.played import in_words, played_breaks
from avts.media.standard import read_standard, standard_frames

FILM: dict[str, Any] = {"seconds": 3.0, "clicks_seconds": (0.5, 1.0, 1.7, 2.3), "width": 128, "height": 64}
MPEG2: dict[str, Any] = {**FILM, "video_codec": "mpeg2video", "audio_codec": "mp2"}
H264: dict[str, Any] = {**FILM, "video_codec": "libx264", "audio_codec": "aac"}


def joined(path: Path, *parts: Path) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def check_both_halves(films: Any, path: Path, arguments: dict[str, Any], *, second_at: float, slack: float) -> None:
    """The second recording's pictures and clicks follow the first's; they keep their distance to each other."""
    clip = read_standard(path, short_side=32)
    film = films.film(**arguments)
    assert clip.planes.num_frames == pytest.approx(2 * 24 * 3, abs=3)
    shown = films.shown_indices(clip.planes.y)
    begin = int(np.flatnonzero(np.diff(shown) < 0)[0]) + 1  # the index falls where the second begins
    assert begin / 24 == pytest.approx(second_at, abs=slack)
    for first, stop in ((0, begin), (begin, len(shown))):
        error = np.array(film.frame_times)[shown[first:stop]] - np.arange(first, stop) / 24
        picture = float(np.mean(error)) + (begin / 24 if first else 0.0)
        offset = begin / 24 - picture if first else -picture
        clicks = [click + offset for click in film.clicks_seconds]
        assert np.abs(films.click_errors_seconds(clicks, clip.samples)).max() < 0.03


@pytest.mark.parametrize(("ending", "arguments"), [("ts", MPEG2), ("ts", H264), ("mpg", MPEG2), ("mkv", H264)])
def test_recordings_joined_end_to_end_are_read_to_the_end(films: Any, ending: str, arguments: dict[str, Any]) -> None:
    one = films.write(f"one.{ending}", **arguments)
    path = joined(films.folder / f"joined.{ending}", one, one)
    (found,) = played_breaks(path)
    assert found.at_seconds == pytest.approx(3.0, abs=0.1)
    assert in_words(found).startswith(f"clock breaks at {found.at_seconds:.1f} s: the stamps go back by ")
    check_both_halves(films, path, arguments, second_at=3.0, slack=0.1)


def test_a_jump_forwards_is_not_filled(films: Any) -> None:
    later = {**MPEG2, "video_start_seconds": 33.0, "sound_start_seconds": 33.0}
    path = joined(films.folder / "jumps.ts", films.write("one.ts", **MPEG2), films.write("two.ts", **later))
    frames = standard_frames(path, short_side=32)
    assert sum(chunk.num_frames for chunk in frames) == pytest.approx(144, abs=3)
    assert [in_words(found) for found in frames.clock_breaks] == [
        f"clock breaks at {frames.clock_breaks[0].at_seconds:.1f} s: the stamps jump by 30.0 s"
    ]
    assert not frames.truncated
    check_both_halves(films, path, MPEG2, second_at=3.0, slack=0.1)


def test_a_slide_show_keeps_its_slides_and_has_no_break(films: Any) -> None:
    arguments = {
        **FILM,
        "times_seconds": (0.0, 75.0, 150.0),
        "clicks_seconds": (),
        "audio_codec": "libmp3lame",
        "sample_rate": 16_000,
        "options": {"bf": "0"},
    }
    for ending in ("mkv", "ts"):
        path = films.write(f"slides.{ending}", **{**arguments, "seconds": 151.0})
        frames = standard_frames(path, short_side=16)
        shown = np.concatenate([films.shown_indices(chunk.y) for chunk in frames])
        assert frames.clock_breaks == ()
        assert [int(np.count_nonzero(shown == index)) for index in (0, 1)] == pytest.approx([75 * 24] * 2, abs=3)


def test_slides_that_would_fill_more_than_six_hours_are_refused(films: Any) -> None:
    times = tuple(3500.0 * index for index in range(8))
    path = films.write("weeks.mkv", times_seconds=times, audio_codec=None, options={"bf": "0"})
    with pytest.raises(MediaError, match=r"weeks.mkv: its video leaps from 21000.0 to 24500.0 s"):
        for _ in standard_frames(path, short_side=16):
            pass


def test_a_whole_file_has_no_break_and_a_changed_one_is_looked_at_again(films: Any) -> None:
    one = films.write("one.ts", **MPEG2)
    assert played_breaks(one) == ()
    joined(one, one, one)
    os.utime(one, ns=(1, 1))
    assert len(played_breaks(one)) == 1
