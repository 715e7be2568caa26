import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avts.errors import MediaError
from avts.media.standard import read_standard, standard_frames, standard_sound
from avts.media.writer import write_video

SECONDS = 0.005
"""Sound and picture stay this close to the source's own time stamps."""

LOSSY_AAC = {"mp4": "aac", "mov": "pcm_s16le", "mkv": "aac", "ts": "aac", "flv": "libmp3lame"}

CONTAINERS: dict[str, dict[str, Any]] = {
    "mp4": {"video_codec": "libx264", "audio_codec": "aac"},
    "avi": {"video_codec": "mpeg4", "audio_codec": "pcm_s16le"},
    "mkv": {"video_codec": "libx264", "audio_codec": "ac3"},
    "webm": {"video_codec": "libvpx-vp9", "audio_codec": "libopus", "options": {"cpu-used": "8"}},
    "mpg": {"video_codec": "mpeg1video", "audio_codec": "mp2"},
}
RATES = {
    "24": Fraction(24),
    "25": Fraction(25),
    "30": Fraction(30),
    "29.97": Fraction(30_000, 1001),
    "12.5": Fraction(25, 2),
    "12": Fraction(12),  # half of the output frames lie half-way between two source frames
    "15": Fraction(15),
}


def worst_sync_error(films: Any, path: Path, film: Any) -> float:
    """Mean picture error and every click's error, each against the source's clock; the largest, in seconds."""
    clip = read_standard(path, short_side=32)
    picture = films.picture_error_seconds(film, clip.planes.y).mean()
    clicks = films.click_errors_seconds(film.clicks_seconds, clip.samples)
    return float(max(abs(picture), np.abs(clicks).max(), np.abs(clicks - picture).max()))


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("ending", CONTAINERS)
def test_constant_rates_keep_sound_and_picture_within_5_ms(films: Any, ending: str, rate: str) -> None:
    if ending == "mpg" and RATES[rate] < 24:
        pytest.skip("MPEG-1 has no such rate")
    film = films.film(frames_per_second=RATES[rate], **CONTAINERS[ending])
    path = films.write(f"film.{ending}", frames_per_second=RATES[rate], **CONTAINERS[ending])
    assert worst_sync_error(films, path, film) <= SECONDS


@pytest.mark.parametrize(("video_start", "sound_start"), [(0.0, 0.25), (0.0, 0.0123), (0.52, 0.0), (1.0, 1.3)], ids=str)
@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv", "ts", "flv"])
def test_either_stream_may_start_late(films: Any, ending: str, video_start: float, sound_start: float) -> None:
    arguments = {
        "video_start_seconds": video_start,
        "sound_start_seconds": sound_start,
        "audio_codec": LOSSY_AAC[ending],
        "options": {"bf": "0"} if video_start else {},
    }
    path = films.write(f"film.{ending}", **arguments)
    assert worst_sync_error(films, path, films.film(**arguments)) <= SECONDS


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param({"video_codec": "mpeg4", "audio_codec": "pcm_s16le", "options": {"bf": "2"}}, id="b_frames.avi"),
        pytest.param({"options": {"bf": "3"}}, id="b_frames.mp4"),
        pytest.param({"pixel_format": "yuv420p10le"}, id="ten_bit.mp4"),
        pytest.param({"video_codec": "ffv1", "pixel_format": "yuv444p", "audio_codec": "flac"}, id="ffv1.mkv"),
        pytest.param({"video_codec": "mjpeg", "pixel_format": "yuvj420p"}, id="full_range.mp4"),
        pytest.param({"video_codec": "prores", "pixel_format": "yuv422p10le"}, id="prores.mov"),
        pytest.param({"video_codec": "mpeg2video", "audio_codec": "mp2", "height": 66}, id="mpeg2.mpg"),
        pytest.param({"video_codec": "libvpx", "audio_codec": "libopus"}, id="vp8.webm"),
        pytest.param({"container_options": {"movflags": "frag_keyframe+empty_moov"}}, id="fragments.mp4"),
        pytest.param({"frames_per_second": Fraction(60)}, id="sixty.mkv"),
        pytest.param({"layout": "stereo", "sample_rate": 44_100}, id="stereo.mp4"),
        pytest.param({"audio_codec": "pcm_u8", "sample_rate": 22_050}, id="eight_bit_sound.avi"),
        pytest.param({"audio_codec": "pcm_s24le", "sample_rate": 8000}, id="slow_sound.mov"),
        pytest.param({"gap_seconds": (1.2, 1.5)}, id="hole_in_the_sound.mp4"),
        pytest.param({"gap_seconds": (1.2, 1.5)}, id="hole_in_the_sound.mkv"),
        pytest.param({"gap_seconds": (1.2, 1.5)}, id="hole_in_the_sound.ts"),
        pytest.param(
            {"gap_seconds": (1.21, 1.22), "clicks_seconds": (0.5, 1.255, 2.0), "audio_codec": "pcm_s16le"},
            id="one_block_lost.mkv",
        ),
    ],
)
def test_kinds_of_files_keep_sound_and_picture_within_5_ms(
    films: Any, arguments: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    path = films.write(request.node.callspec.id, **arguments)
    assert worst_sync_error(films, path, films.film(**arguments)) <= SECONDS


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_variable_rate_shows_the_source_frame_nearest_in_time(films: Any, ending: str) -> None:
    steps = np.random.default_rng(1).uniform(0.02, 0.09, 60)
    times = tuple(np.concatenate([[0.0], np.cumsum(steps)]))
    arguments = {"times_seconds": times, "seconds": times[-1], "clicks_seconds": (0.5, 1.0, 1.7)}
    film, path = films.film(**arguments), films.write(f"film.{ending}", **arguments)
    clip = read_standard(path, short_side=32)
    distances = np.abs(np.array(times)[:, None] - np.arange(clip.planes.num_frames) / 24)
    got = np.abs(films.picture_error_seconds(film, clip.planes.y))
    assert np.abs(got - distances.min(axis=0)).max() < 0.0021  # Matroska rounds to 1 ms, twice here
    assert np.abs(films.click_errors_seconds(film.clicks_seconds, clip.samples)).max() <= SECONDS


def test_a_hole_in_the_sound_becomes_silence(films: Any) -> None:
    clip = read_standard(films.write("film.mkv", gap_seconds=(1.2, 1.5), audio_codec="flac"), short_side=32)
    assert np.abs(clip.samples[round(1.25 * 16_000) : round(1.48 * 16_000)]).max() == 0.0
    assert np.abs(clip.samples[round(1.0 * 16_000) : round(1.15 * 16_000)]).max() > 0.0


def test_interlaced_pictures_show_the_first_field(tmp_path: Path) -> None:
    """An edge that moves 4 pixels a field: both fields mixed would show it half a field late."""
    path = tmp_path / "interlaced.mpg"
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("mpeg2video", rate=25, options={"flags": "+ilme+ildct", "b": "4000000"})
        video.width, video.height, video.pix_fmt = 704, 576, "yuv420p"
        for k in range(50):
            woven = np.full((576, 704), 16, np.uint8)
            woven[1::2, : 4 * (2 * k)] = 235
            woven[0::2, : 4 * (2 * k + 1)] = 235
            frame = av.VideoFrame.from_ndarray(woven, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = k, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    with av.open(str(path)) as container:
        assert next(container.decode(video=0)).interlaced_frame
        assert container.streams.video[0].codec_context.field_order == 3  # the lower field is the first
    luminance = read_standard(path, short_side=144, need_sound=False).planes.y.astype(float)
    black, white = luminance.min(), luminance.max()
    fields = ((luminance - black) / (white - black)).mean(axis=(1, 2)) * 704 / 4
    first_fields = 2 * np.round(fields / 2)
    assert np.abs(fields - first_fields)[1:].max() < 0.25  # the filter has nothing before the first frame to go by
    assert np.abs(first_fields / 50 - np.arange(len(fields)) / 24).max() <= 0.5 / 25 + 1e-9


def corners(luminance: np.ndarray) -> str:
    """Which of the four corners are bright: clockwise from the upper left."""
    height, width = luminance.shape
    y, x = height // 8, width // 8
    return "".join(
        "W" if value > 125 else "."
        for value in (luminance[y, x], luminance[y, -x], luminance[-y, -x], luminance[-y, x])
    )


@pytest.mark.parametrize(
    ("counterclockwise", "expected", "shape"),
    [(0, "W...", (32, 64)), (90, "...W", (64, 32)), (180, "..W.", (32, 64)), (-90, ".W..", (64, 32))],
)
def test_rotation_flag_turns_the_picture(
    tmp_path: Path, counterclockwise: int, expected: str, shape: tuple[int, int]
) -> None:
    path = tmp_path / "turned.mp4"
    picture = np.full((64, 128), 16, np.uint8)
    picture[:24, :48] = 235
    with av.open(str(path), "w") as container:
        video: Any = container.add_stream("libx264", rate=24)
        video.width, video.height, video.pix_fmt = 128, 64, "yuv420p"
        video.set_display_rotation(counterclockwise)
        for index in range(24):
            frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 24)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
    clip = read_standard(path, short_side=32, need_sound=False)
    assert clip.planes.y.shape[1:] == shape
    assert corners(clip.planes.y[3]) == expected


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({"aspect": Fraction(16, 11)}, (64, 186)),  # 128 x 64 with pixels 16:11 wide is 186.2 x 64
        ({"width": 136, "height": 67, "video_codec": "ffv1", "pixel_format": "yuv444p"}, (64, 130)),
        ({"width": 64, "height": 128}, (128, 64)),
        ({"width": 32, "height": 16}, (64, 128)),
    ],
)
def test_picture_has_square_pixels_an_even_size_and_the_short_side_asked_for(
    films: Any, arguments: dict[str, Any], shape: tuple[int, int]
) -> None:
    path = films.write("film.mkv", seconds=1.0, clicks_seconds=(), audio_codec="flac", **arguments)
    planes = read_standard(path, short_side=64).planes
    assert planes.y.shape == (24, *shape)
    assert planes.u.shape == planes.v.shape == (24, shape[0] // 2, shape[1] // 2)


def test_full_range_sources_become_limited_range(films: Any) -> None:
    arguments = {"seconds": 1.0, "clicks_seconds": (), "frames_per_second": Fraction(24)}
    path = films.write("film.mp4", video_codec="mjpeg", pixel_format="yuvj420p", options={"qmax": "2"}, **arguments)
    white = read_standard(path, short_side=64).planes.y[23, 32, 8]  # frame 23 has bit 0 set: a white first bar
    with av.open(str(path)) as container:
        source = int(list(container.decode(video=0))[23].to_ndarray(format="yuvj420p")[32, 8])
    assert abs(int(white) - (16 + source * 219 / 255)) <= 2


def test_length_is_the_pictures_and_the_sound_is_cut_or_padded_to_it(tmp_path: Path) -> None:
    frames = np.zeros((50, 32, 64, 3), np.uint8)
    for name, seconds in (("short.mp4", 0.5), ("long.mp4", 4.0)):
        tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * 16_000)) / 16_000).astype(np.float32)
        write_video(tmp_path / name, frames, tone, frames_per_second=25)
        clip = read_standard(tmp_path / name)
        assert (clip.planes.num_frames, len(clip.samples), clip.duration_seconds) == (48, 32_000, 2.0)
    assert np.abs(read_standard(tmp_path / "short.mp4").samples[16_000:]).max() == 0.0


def test_frames_come_in_chunks_of_at_most_two_seconds(films: Any) -> None:
    frames = standard_frames(films.write("film.mp4"), short_side=32)
    assert [chunk.num_frames for chunk in frames] == [48, 48]
    assert (frames.num_frames, frames.has_sound, frames.truncated) == (96, True, False)
    assert frames.source_frames_per_second == pytest.approx(25)


def test_stereo_is_mixed_by_the_mean_and_keeps_its_level(films: Any) -> None:
    path = films.write("film.mkv", audio_codec="flac", layout="stereo", sample_rate=16_000, clicks_seconds=(1.0,))
    assert read_standard(path, short_side=32).samples.max() == pytest.approx(0.7, abs=0.01)


def test_file_without_sound(films: Any) -> None:
    path = films.write("mute.mp4", audio_codec=None)
    clip = read_standard(path, short_side=32, need_sound=False)
    assert (clip.has_sound, len(clip.samples), clip.planes.num_frames) == (False, 0, 96)
    with pytest.raises(MediaError, match=r"mute.mp4: no audio stream \(it has: video h264\)"):
        read_standard(path, short_side=32)


def test_file_without_picture(tmp_path: Path) -> None:
    path = tmp_path / "tone.mka"
    with av.open(str(path), "w", format="matroska") as container:
        audio: Any = container.add_stream("flac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts = 16_000, 0
        container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    with pytest.raises(MediaError, match=r"tone.mka: no video stream \(it has: audio flac\)"):
        read_standard(path)
    assert sum(len(chunk) for chunk in standard_sound(path)) == 1600


def test_truncated_file_gives_what_decodes_and_says_so(films: Any) -> None:
    path = films.write("film.mp4", container_options={"movflags": "faststart"})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    clip = read_standard(path, short_side=32)
    assert clip.truncated
    assert 24 <= clip.planes.num_frames < 90
    assert len(clip.samples) == round(clip.planes.num_frames * 16_000 / 24)


def test_nothing_decodes(films: Any) -> None:
    path = films.write("film.mp4", audio_codec=None)
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    stop = data.index(b"moov") - 4
    data[start:stop] = os.urandom(stop - start)
    path.write_bytes(bytes(data))
    with pytest.raises(MediaError, match=r"film.mp4: no frame of its video h264 decodes"):
        read_standard(path, need_sound=False)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("text.mp4", b"this is no film\n" * 100, r"text.mp4: not a readable media file \(invalid data"),
        ("empty.mp4", b"", r"empty.mp4: not a readable media file"),
    ],
)
def test_not_a_media_file(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(MediaError, match=message):
        read_standard(tmp_path / name)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"gone.mp4: no such file in"):
        read_standard(tmp_path / "gone.mp4")
    (tmp_path / "link.mp4").symlink_to("gone.mp4")
    with pytest.raises(MediaError, match=r"link\.mp4: a link to gone\.mp4, which is not there"):
        read_standard(tmp_path / "link.mp4")


def test_names_that_look_like_a_protocol_are_files(films: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    films.write("http:film.mp4", seconds=1.0)
    monkeypatch.chdir(films.folder)
    assert read_standard(Path("http:film.mp4"), short_side=32).planes.num_frames == 24


def test_a_leap_of_the_clock_is_refused(films: Any) -> None:
    times = (*(k / 25 for k in range(25)), *(5000 + k / 25 for k in range(25)))
    path = films.write("leap.mkv", times_seconds=times, audio_codec=None)
    with pytest.raises(MediaError, match=r"leap.mkv: its video leaps from 1.0 to 5000.0 s"):
        read_standard(path, need_sound=False)


def test_a_ribbon_is_refused(films: Any) -> None:
    path = films.write("ribbon.mkv", width=512, height=16, audio_codec=None, seconds=1.0)
    with pytest.raises(MediaError, match=r"ribbon.mkv: 512 x 16 pixels is longer than 8 times its short side"):
        read_standard(path, need_sound=False)


def test_short_side_must_be_even(films: Any) -> None:
    with pytest.raises(MediaError, match="short side of 33 pixels: must be even"):
        standard_frames(films.folder / "film.mp4", short_side=33)
