"""The files of the table: every container with every codec that it takes, by name.

Input: nothing. Output: cases, each of which writes its file and tells its Truth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

import av

from benchmarks.formats.film import Film, Truth, write_film

OFFSETS_SECONDS = (-0.5, -0.04, 0.0, 0.04, 0.5)

Make = Callable[[Path], Truth]


@dataclass(frozen=True)
class Case:
    """One file: make writes it and tells the truth of it.

    group: structure or matrix; about: the row of its table; file_name: what the file is called; offsets: to repair by;
    into_another: repair it into another container, too; quarter_turns: by which the standard form is turned back;
    refused: words that have to be in the reason, for a file that cannot be used.
    """

    name: str
    group: str
    about: str
    ending: str
    make: Make
    offsets: tuple[float, ...] = OFFSETS_SECONDS
    file_name: str | None = None
    quarter_turns: int = 0
    refused: str | None = None
    into_another: bool = True


def _names(words: str) -> tuple[str, ...]:
    return tuple(words.split())


MATROSKA_PICTURES = (
    "libx265 mpeg4 ffv1 huffyuv mpeg2video libvpx libsvtav1 mjpeg flashsv msmpeg4 wmv2 snow dirac utvideo prores dnxhd"
)
AVI_PICTURES = "libx264 mjpeg huffyuv ffv1 msmpeg4v2 msmpeg4 cinepak rawvideo utvideo magicyuv wmv1 h263p msvideo1 zmbv"


@dataclass(frozen=True)
class Container:
    """A container with the codecs that are usual in it, and others that its files are found with."""

    ending: str
    video: str
    audio: str
    videos: tuple[str, ...] = ()
    film: Film = field(default_factory=Film)


CONTAINERS = (
    Container(".mp4", "libx264", "aac", _names("libx265 mpeg4 libvpx-vp9 libsvtav1 mjpeg")),
    Container(".mov", "libx264", "aac", _names("libx265 prores mjpeg qtrle svq1 dnxhd cfhd png rawvideo")),
    Container(".m4v", "libx264", "aac"),
    Container(".mkv", "libx264", "aac", _names(MATROSKA_PICTURES)),
    Container(".webm", "libvpx", "libopus", _names("libvpx-vp9 libsvtav1")),
    Container(".avi", "mpeg4", "libmp3lame", _names(AVI_PICTURES)),
    Container(".mpg", "mpeg2video", "mp2", _names("mpeg1video libx264")),
    Container(".vob", "mpeg2video", "ac3", ("mpeg1video",), Film(muxer="vob")),
    Container(".ts", "libx264", "aac", _names("mpeg2video libx265 mpeg4 dirac")),
    Container(".m2ts", "libx264", "ac3", _names("mpeg2video libx265")),
    Container(".flv", "libx264", "aac", _names("flv flashsv")),
    Container(".wmv", "wmv2", "wmav2", _names("wmv1 msmpeg4")),
    Container(".asf", "msmpeg4", "wmav1", _names("libx264 mpeg4")),
    Container(".ogv", "libvpx", "vorbis", ("dirac",)),
    Container(".3gp", "h263", "libopencore_amrnb", _names("libx264 mpeg4"), Film(layout="mono")),
    Container(".3g2", "libx264", "aac"),
    Container(".mxf", "mpeg2video", "pcm_s16le", _names("libx264 dnxhd prores dvvideo jpeg2000")),
    Container(".nut", "libx264", "vorbis", _names("ffv1 mpeg4 rawvideo")),
    Container(".wtv", "mpeg2video", "mp2", ("libx264",)),
    Container(".rm", "rv10", "ac3", ("rv20",), Film(width=176, height=144)),
    Container(".swf", "flv", "libmp3lame", (), Film(sound_rate=44_100)),
    Container(".dv", "dvvideo", "pcm_s16le", (), Film(width=720, height=576)),
    Container(".f4v", "libx264", "aac"),
)

SOUNDS = _names(
    "aac libmp3lame mp2 ac3 eac3 libopus vorbis flac alac tta wavpack pcm_s16le pcm_s16be pcm_s24le pcm_s24be "
    "pcm_s32le pcm_f32le pcm_f64le pcm_u8 pcm_s8 pcm_alaw pcm_mulaw pcm_bluray pcm_dvd wmav1 wmav2 adpcm_ima_wav "
    "adpcm_ima_qt adpcm_ms adpcm_swf adpcm_yamaha nellymoser libopencore_amrnb g722 g726 g723_1 real_144 roq_dpcm "
    "sbc aptx"
)

LAYOUTS_AND_RATES = (("stereo", 48_000), ("mono", 48_000), ("stereo", 44_100), ("mono", 16_000), ("mono", 8_000))
"""Tried in this order until an encoder and a container take one."""

CANNOT_MOVE = frozenset({".avi", ".mxf", ".dv", ".swf", ".rm"})
"""Containers whose streams all begin together: a repair of theirs goes into another one."""

STAMPED_WRONG = frozenset({(".mpg", "pcm_s16be"), (".mpg", "pcm_dvd"), (".vob", "pcm_s16be"), (".vob", "pcm_dvd")})
"""Sound that FFmpeg writes into a container with time stamps 10 ms off its samples: such a file has no truth."""

OTHER_OFFSETS = (-0.5, 0.04)
"""Offsets for all but the usual codecs of a container, one after the other."""

SIZES = {"dnxhd": (256, 128), "dvvideo": (720, 576), "svq1": (160, 120), "h263": (176, 144), "h263p": (176, 144)}

NAMES = {"libx264": "h264", "libx265": "hevc", "libvpx": "vp8", "libvpx-vp9": "vp9", "libsvtav1": "av1",
         "libmp3lame": "mp3", "libopus": "opus", "libopencore_amrnb": "amr_nb"}  # fmt: skip

OPTIONS = {"dnxhd": {"profile": "dnxhr_lb"}}


def codec_name(encoder: str) -> str:
    """The codec that an encoder makes."""
    return NAMES.get(encoder, encoder)


@cache
def matrix() -> tuple[Case, ...]:
    """A case for each container with its usual codecs, with each sound codec and with each picture codec."""
    cases = []
    for each in CONTAINERS:
        cases.append(_case(each, each.video, each.audio, OFFSETS_SECONDS))
        wrong = {sound for ending, sound in STAMPED_WRONG if ending == each.ending}
        others = [(each.video, sound) for sound in SOUNDS if sound not in {each.audio, *wrong}]
        others += [(video, each.audio) for video in each.videos]
        for number, (video, sound) in enumerate(others):
            cases.append(_case(each, video, sound, (OTHER_OFFSETS[number % 2],)))
    return tuple(cases)


def _case(container: Container, video: str, audio: str, offsets: tuple[float, ...]) -> Case:
    width, height = SIZES.get(video, (container.film.width, container.film.height))
    film = replace(
        container.film, video=video, audio=audio, width=width, height=height, video_options=OPTIONS.get(video, {})
    )
    name = f"{codec_name(video)}-{codec_name(audio)}{container.ending}"
    about = f"{codec_name(video)}, {codec_name(audio)}"
    into = offsets == OFFSETS_SECONDS or video != container.video or container.ending in CANNOT_MOVE
    return Case(name, "matrix", about, container.ending, _maker(film), offsets, into_another=into)


def _maker(film: Film) -> Make:
    def make(path: Path) -> Truth:
        refusal: Exception | None = None
        for layout, rate in LAYOUTS_AND_RATES:
            if film.layout == "mono" and layout != "mono":
                continue
            try:
                return write_film(path, replace(film, layout=layout, sound_rate=rate))
            except (ValueError, OSError, av.FFmpegError) as error:
                path.unlink(missing_ok=True)
                refusal = refusal or error
        raise ValueError(str(refusal))

    return make
