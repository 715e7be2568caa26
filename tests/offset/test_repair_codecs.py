"""Repair of films whose codecs are unusual in their containers, judged by the reader of the formats benchmark."""

from functools import partial
from pathlib import Path

import av
import pytest

from avts.errors import MediaError
from avts.offset.encoders import MP2_BIT_RATES, MP2_LOW_BIT_RATES, Choice, bit_rate_for
from avts.offset.repair import repair
from benchmarks.formats.cases import matrix
from benchmarks.formats.film import Film, write_film
from benchmarks.formats.judge import Verdict, judge_repair, judge_retime
from benchmarks.formats.seen import see
from benchmarks.formats.surgery import packed_divx

RIGHT = Verdict("right").status


def made(folder: Path, name: str) -> Path:
    """The file of a case of the benchmark, such as 'huffyuv-mp3.avi'."""
    (case,) = [case for case in matrix() if case.name == name]
    case.make(folder / f"film{case.ending}")
    return folder / f"film{case.ending}"


@pytest.mark.parametrize(
    ("source", "video", "audio", "target"),
    [
        (".mkv", "libx264", "pcm_s16le", ".mp4"),
        (".mkv", "libx264", "alac", ".mp4"),
        (".avi", "mpeg4", "pcm_s16le", ".mp4"),
        (".avi", "mpeg4", "adpcm_ms", ".mkv"),
        (".avi", "mpeg4", "adpcm_ima_wav", ".mkv"),
        (".avi", "huffyuv", "libmp3lame", ".mkv"),
        (".avi", "utvideo", "libmp3lame", ".mkv"),
        (".avi", "rawvideo", "libmp3lame", ".mkv"),
        (".nut", "rawvideo", "vorbis", ".nut"),
        (".wmv", "wmv2", "wmav2", ".wmv"),
        (".asf", "msmpeg4", "wmav1", ".mkv"),
        (".3gp", "libx264", "aac", ".3gp"),
    ],
)
def test_a_codec_that_the_container_holds_is_copied_and_moved(
    tmp_path: Path, source: str, video: str, audio: str, target: str
) -> None:
    film = tmp_path / f"film{source}"
    write_film(film, Film(video=video, audio=audio))
    found = judge_repair(film, tmp_path / f"out{target}", see(film), 0.1)
    assert (found.status, found.words, found.notes) == (RIGHT, "", ())
    assert found.error_seconds is not None
    assert found.error_seconds < 0.003


def test_g726_of_an_avi_is_moved_by_what_was_asked(tmp_path: Path) -> None:
    film = tmp_path / "film.avi"
    write_film(film, Film(video="mpeg4", audio="g726", sound_rate=8000, layout="mono"))
    assert judge_repair(film, tmp_path / "out.mkv", see(film), 0.1).status == RIGHT


@pytest.mark.parametrize(
    "name", ["dnxhd-pcm_s16le.mxf", "dvvideo-pcm_s16le.dv", "dnxhd-aac.mov", "dvvideo-pcm_s16le.mxf"]
)
def test_pictures_of_editing_rooms_are_copied_into_matroska(tmp_path: Path, name: str) -> None:
    film = made(tmp_path, name)
    assert judge_repair(film, tmp_path / "out.mkv", see(film), 0.1).status == RIGHT


@pytest.mark.parametrize("name", ["dnxhd-pcm_s16le.mxf", "prores-pcm_s16le.mxf"])
def test_an_mxf_is_copied_as_it_is_and_cannot_move_its_sound(tmp_path: Path, name: str) -> None:
    film = made(tmp_path, name)
    assert judge_repair(film, tmp_path / "out.mxf", see(film), 0.0).status == RIGHT
    with pytest.raises(MediaError, match=r"asked to move the sound by 40 ms, a \.mxf file moved it by 0 ms"):
        repair(film, tmp_path / "moved.mxf", offset_seconds=0.04)


@pytest.mark.parametrize("name", ["rawvideo-mp3.avi", "utvideo-mp3.avi"])
def test_a_picture_keeps_its_pixel_format_beside_a_new_sound(tmp_path: Path, name: str) -> None:
    film = made(tmp_path, name)
    assert judge_retime(film, tmp_path / "out.avi", see(film), 0.05, 300.0).status == RIGHT


@pytest.mark.parametrize("audio", ["flac", "alac", "pcm_s16le", "vorbis"])
def test_sound_that_a_transport_stream_cannot_hold_is_refused_by_its_name(tmp_path: Path, audio: str) -> None:
    film = tmp_path / "film.mkv"
    write_film(film, Film(audio=audio))
    words = rf"out\.ts: a \.ts file cannot hold audio {audio}: read back, no such stream .*try a \.mkv"
    with pytest.raises(MediaError, match=words):
        repair(film, tmp_path / "out.ts", offset_seconds=0.1)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mkv"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("qtrle-aac.mov", "video qtrle decodes to nothing, not to rgb24 128x96"),
        ("svq1-aac.mov", "video svq1 is taken for unknown"),
    ],
)
def test_a_picture_that_would_not_decode_any_more_is_refused(tmp_path: Path, name: str, words: str) -> None:
    film = made(tmp_path, name)
    with pytest.raises(MediaError, match=words):
        repair(film, tmp_path / "out.mkv", offset_seconds=0.1)
    assert [path.name for path in tmp_path.iterdir()] == [film.name]


@pytest.mark.parametrize(
    ("video", "audio", "target", "words"),
    [
        ("libvpx", "libopus", ".mp4", r"a \.mp4 file cannot hold video vp8\. Name a \.mkv"),
        ("libvpx", "aac", ".webm", r"a \.webm file cannot hold audio aac\. Name a \.mkv"),
        ("libx264", "aac", ".webm", r"a \.webm file cannot hold video h264 and audio aac\. Name a \.mkv"),
    ],
)
def test_a_refusal_names_the_codecs_that_the_container_cannot_hold(
    tmp_path: Path, video: str, audio: str, target: str, words: str
) -> None:
    film = tmp_path / "film.mkv"
    write_film(film, Film(video=video, audio=audio))
    with pytest.raises(MediaError, match=words):
        repair(film, tmp_path / f"out{target}", offset_seconds=0.1)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mkv"]


def test_packed_divx_stays_packed_in_an_avi_and_is_unpacked_for_others(tmp_path: Path) -> None:
    plain, film = tmp_path / "plain.avi", tmp_path / "film.avi"
    write_film(plain, Film(video="mpeg4", audio="libmp3lame", video_options={"bf": "1", "g": "100"}))
    packed_divx(plain, film)
    before = see(film)
    assert judge_repair(film, tmp_path / "out.avi", before, 0.0).status == RIGHT
    assert see(tmp_path / "out.avi").packets == before.packets
    assert judge_repair(film, tmp_path / "out.mkv", before, 0.1).status == RIGHT
    refusal = partial(repair, film, tmp_path / "moved.avi")
    for offset_seconds in (-0.04, 0.04):
        with pytest.raises(MediaError, match=r"asked to move the sound by -?40 ms, but a \.avi file stores no times"):
            refusal(offset_seconds=offset_seconds)


def test_a_new_sound_gets_a_bit_rate_that_its_codec_has() -> None:
    assert bit_rate_for(Choice("mp2", 48_000, "stereo"), 2, 133_321) in MP2_BIT_RATES
    assert bit_rate_for(Choice("mp2", 16_000, "mono"), 1, 0) in MP2_LOW_BIT_RATES
    assert bit_rate_for(Choice("mp2", 48_000, "stereo"), 2, 1_536_000) == 320_000
    assert bit_rate_for(Choice("aac", 48_000, "stereo"), 2, 192_000) == 192_000
    assert bit_rate_for(Choice("libopus", 48_000, "16 channels"), 16, 0) == 1_024_000


def test_a_drift_of_sound_without_loss_is_taken_out_of_a_program_stream(tmp_path: Path) -> None:
    film = tmp_path / "film.mkv"
    write_film(film, Film(video="mpeg2video", audio="pcm_s16le"))
    assert judge_retime(film, tmp_path / "out.mpg", see(film), 0.05, 300.0).status == RIGHT


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (".mkv", "(libopus); the picture is copied"),
        (".webm", "(libopus); the picture is copied"),
        (".avi", "(libmp3lame, 16 channels mixed to stereo); the picture is copied"),
    ],
)
def test_a_drift_of_sixteen_channels_is_taken_out(tmp_path: Path, target: str, words: str) -> None:
    film, out = tmp_path / "film.mkv", tmp_path / f"out{target}"
    write_film(film, Film(video="libvpx", audio="libopus", layout="hexadecagonal"))
    found = judge_retime(film, out, see(film), 0.05, 300.0)
    assert (found.status, found.words) == (RIGHT, "")
    assert found.notes[0].endswith(words)
    with av.open(out) as container:
        assert container.streams.audio[0].channels == (2 if "mixed" in words else 16)
