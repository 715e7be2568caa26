"""Kinds of files of issue 3's list that test_standard does not hold: each keeps sound and picture within 5 ms."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avts.media.standard import read_standard

SECONDS = 0.005


def worst_sync_error(films: Any, path: Path, film: Any, short_side: int = 32) -> float:
    """Mean picture error and every click's error, each against the source's clock; the largest, in seconds."""
    clip = read_standard(path, short_side=short_side)
    picture = films.picture_error_seconds(film, clip.planes.y).mean()
    clicks = films.click_errors_seconds(film.clicks_seconds, clip.samples)
    return float(max(abs(picture), np.abs(clicks).max(), np.abs(clicks - picture).max()))


HEVC = {"video_codec": "libx265", "options": {"preset": "ultrafast", "x265-params": "log-level=error:bframes=3"}}


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(HEVC, id="hevc.mp4"),
        pytest.param({**HEVC, "pixel_format": "yuv420p10le"}, id="hevc_ten_bit.mkv"),
        pytest.param({**HEVC, "frames_per_second": Fraction(30_000, 1001), "audio_codec": "ac3"}, id="hevc.ts"),
        pytest.param(
            {"video_codec": "libvpx-vp9", "audio_codec": "libopus", "options": {"cpu-used": "8"},
             "sound_start_seconds": 0.25},
            id="late_opus.webm",
        ),
        pytest.param({"audio_codec": "libmp3lame", "sample_rate": 44_100}, id="mp3.mp4"),
        pytest.param({"audio_codec": "libmp3lame", "sample_rate": 44_100}, id="mp3.mkv"),
        pytest.param({"video_codec": "mpeg2video", "audio_codec": "mp2", "height": 66}, id="mpeg2.ts"),
        pytest.param(
            {"video_codec": "mpeg2video", "audio_codec": "mp2", "height": 64, "options": {"flags": "+ilme+ildct"}},
            id="interlaced.ts",
        ),
    ],
)  # fmt: skip
def test_kinds_of_files_keep_sound_and_picture_within_5_ms(
    films: Any, arguments: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    path = films.write(request.node.callspec.id, **arguments)
    assert worst_sync_error(films, path, films.film(**arguments)) <= SECONDS


def test_a_turned_picture_keeps_its_sound(films: Any) -> None:
    path = films.write("upside_down.mp4", rotation_degrees=180)
    film, clip = films.film(), read_standard(path, short_side=32)
    upright = clip.planes.y[:, ::-1, ::-1]
    assert abs(films.picture_error_seconds(film, upright).mean()) <= SECONDS
    assert np.abs(films.click_errors_seconds(film.clicks_seconds, clip.samples)).max() <= SECONDS


def test_what_an_edit_list_cuts_off_the_front_is_not_taken(films: Any) -> None:
    """As phones trim: 13 frames and their sound lie in the file before the edit begins, in the middle of a GOP."""
    arguments: dict[str, Any] = {
        "video_start_seconds": -0.52,
        "sound_start_seconds": -0.52,
        "audio_codec": "pcm_s16le",
        "options": {"bf": "0", "g": "50"},
        "container_options": {"avoid_negative_ts": "disabled"},
    }
    path = films.write("trimmed.mov", **arguments)
    film, clip = films.film(**arguments), read_standard(path, short_side=32)
    shown = films.shown_indices(clip.planes.y)
    assert shown[0] == 13
    times = np.array(film.frame_times)
    assert abs((times[shown] - times[13] - np.arange(len(shown)) / 24).mean()) <= SECONDS
    clicks = [click - 0.52 for click in film.clicks_seconds if click > 0.6]
    assert np.abs(films.click_errors_seconds(clicks, clip.samples)).max() <= SECONDS
