"""Files whose structure is unusual: clocks, edits, covers, channels and names as cameras and trimmers leave them.

Input: nothing. Output: cases, each of which writes its file and tells its Truth.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from functools import cache, partial
from pathlib import Path
from typing import Any

from benchmarks.formats.cases import Case, Make
from benchmarks.formats.film import Film, Truth, write_film
from benchmarks.formats.matroska import write_as_avi_tracks
from benchmarks.formats.streams import with_attachment, with_cover_first, with_extras, with_unknown_sound
from benchmarks.formats.surgery import joined, packed_divx, remuxed, with_edits, with_gap

BROADCAST_SECONDS = 7 * 3600.0
WRAP_SECONDS = 2**33 / 90_000
"""Where the clock of a transport stream begins anew."""

PLAIN = Film()
NO_PRIMING = Film(audio="pcm_s16le")
PHONE_TAGS = {
    "com.apple.quicktime.make": "Maker",
    "com.apple.quicktime.model": "Phone 3",
    "com.apple.quicktime.location.ISO6709": "+52.5200+013.4050/",
}
MPEG2 = Film(video="mpeg2video", audio="mp2")


def plain(film: Film) -> Make:
    """Writes a film as it is."""
    return lambda path: write_film(path, film)


def changed(
    film: Film, ending: str, change: Callable[[Path, Path], None], truth: Callable[[Truth], Truth] | None = None
) -> Make:
    """Writes a film beside the file asked for, and changes it into that."""

    def make(path: Path) -> Truth:
        first = path.parent / f"before{ending}"
        try:
            made = write_film(first, film)
            change(first, path)
        finally:
            first.unlink(missing_ok=True)
        return truth(made) if truth else made

    return make


def two_joined(first: Film, second: Film, seconds: float) -> Make:
    """Writes two films end to end; the second one's pictures count on and lie `seconds` after the first one's start."""

    def make(path: Path) -> Truth:
        parts = [path.parent / f"part{index}{path.suffix}" for index in range(2)]
        try:
            truths = [write_film(part, film) for part, film in zip(parts, (first, second), strict=True)]
            joined(path, parts)
        finally:
            for part in parts:
                part.unlink(missing_ok=True)
        pictures = tuple((at + seconds, number) for at, number in truths[1].pictures)
        return Truth(truths[0].pictures + pictures, truths[0].clicks + tuple(at + seconds for at in truths[1].clicks))

    return make


def cut(parts: tuple[tuple[float, float], ...]) -> Callable[[Truth], Truth]:
    """The truth of a film of which only parts are played, one after the other."""

    def of(truth: Truth) -> Truth:
        pictures, clicks, at = [], [], 0.0
        for start, stop in parts:
            pictures += [(s - start + at, n) for s, n in truth.pictures if start - 1e-6 <= s < stop - 1e-6]
            clicks += [click - start + at for click in truth.clicks if start <= click < stop]
            at += stop - start
        return Truth(tuple(pictures), tuple(clicks))

    return of


def gapped(at_seconds: float, gap_seconds: float) -> Callable[[Truth], Truth]:
    """The truth of a film whose clock leaps."""

    def later(seconds: float) -> float:
        return seconds + (gap_seconds if seconds >= at_seconds - 1e-6 else 0.0)

    return lambda truth: Truth(
        tuple((later(at), number) for at, number in truth.pictures), tuple(later(at) for at in truth.clicks)
    )


@cache
def structures() -> tuple[Case, ...]:
    """A case for each structure and container that it is found in."""
    return (*_clocks(), *_edits(), *_streams(), *_sounds(), *_pictures(), *_names(), *_broken())


def _cases(about: str, endings: tuple[str, ...], make: Make, **more: Any) -> list[Case]:
    slug = about.split(":")[0].lower().replace(" ", "-").replace(",", "").replace("/", "-")
    return [Case(f"{slug}{ending}", "structure", about, ending, make, **more) for ending in endings]


def _clocks() -> list[Case]:
    asp = Film(video="mpeg4", audio="libmp3lame", video_options={"bf": "1", "g": "100"})
    at = partial(remuxed, shift=lambda _: BROADCAST_SECONDS)
    wrap = partial(remuxed, shift=lambda _: WRAP_SECONDS - 1.0)
    second = replace(PLAIN, first_number=60)
    cases = _cases("B-frames, H.264 in AVI", (".avi",), plain(Film(audio="libmp3lame")))
    cases += _cases("B-frames, MPEG-4 ASP in AVI", (".avi",), plain(asp))
    cases += _cases("packed DivX", (".avi",), changed(asp, ".avi", packed_divx))
    cases += _cases("a clock that begins at 7 hours", (".ts", ".m2ts"), changed(PLAIN, ".ts", at))
    cases += _cases("a clock that begins at 7 hours, MPEG-2", (".ts", ".mpg"), changed(MPEG2, ".ts", at))
    cases += _cases("a clock that wraps after 1 s", (".ts",), changed(PLAIN, ".ts", wrap))
    cases += _cases("two recordings joined, the clock begins anew", (".ts", ".m2ts"), two_joined(PLAIN, second, 2.4))
    cases += _cases(
        "two recordings joined, the clock leaps back from 7 hours", (".ts",),
        two_joined(replace(PLAIN, picture_from=BROADCAST_SECONDS, sound_from=BROADCAST_SECONDS), second, 2.4),
    )  # fmt: skip
    for gap in (3.0, 30.0):
        leap = partial(with_gap, at_seconds=1.0, gap_seconds=gap)
        cases += _cases(f"a gap of {gap:.0f} s", (".ts", ".mkv", ".mp4", ".flv"),
                        changed(PLAIN, ".mkv", leap, gapped(1.0, gap)))  # fmt: skip
    early = Film(picture_from=-0.2, sound_from=-0.2, container_options={"avoid_negative_ts": "disabled"})
    cases += _cases("a negative start", (".mp4", ".mov"), lambda path: cut(((0.2, 2.4),))(write_film(path, early)))
    for name, start in (("sound that begins 0.25 s late", 0.25), ("sound that begins 0.2 s before the picture", -0.2)):
        film = replace(PLAIN, sound_from=max(start, 0.0), picture_from=max(-start, 0.0))
        cases += _cases(name, (".mp4", ".mov", ".mkv", ".ts", ".flv"), plain(film))
        cases += _cases(name, (".webm", ".ogv"), plain(replace(film, video="libvpx", audio="libopus")))
        cases += _cases(name, (".mpg",), plain(replace(film, video="mpeg2video", audio="mp2")))
        cases += _cases(name, (".wmv",), plain(replace(film, video="wmv2", audio="wmav2")))
    return cases


def _edits() -> list[Case]:
    cases = []
    for audio in ("aac", "pcm_s16le"):
        film, ending = replace(PLAIN, audio=audio), ".mov" if audio.startswith("pcm") else ".mp4"
        for name, parts in (
            ("an edit list that begins inside a group of pictures", ((0.52, 2.4),)),
            ("an edit list of two parts", ((0.0, 0.8), (1.2, 2.4))),
        ):
            change = partial(with_edits, edits=parts)
            cases += _cases(f"{name}: {audio}", (ending,), changed(film, ending, change, cut(parts)))
            cases[-1] = replace(cases[-1], name=cases[-1].name.replace(ending, f"-{audio}{ending}"))
    return cases


def _streams() -> list[Case]:
    cases = _cases("a cover picture as the first track, the film marked default", (".mkv", ".mov"),
                   changed(PLAIN, ".mkv", with_cover_first))  # fmt: skip
    for kind in ("jpg", "png"):
        cases += _cases(f"a cover attached ({kind})", (".mkv",),
                        changed(PLAIN, ".mkv", partial(with_attachment, kind=kind)))  # fmt: skip
    cases += _cases("a font attached", (".mkv",), changed(PLAIN, ".mkv", partial(with_attachment, kind="ttf")))
    cases += _cases(
        "chapters and tags", (".mp4", ".mkv", ".mov"), changed(PLAIN, ".mkv", partial(with_extras, chapters=True))
    )
    phone = replace(PLAIN, container_options={"movflags": "use_metadata_tags"}, tags=PHONE_TAGS)
    cases += _cases("tags of a phone", (".mov",), plain(phone))
    cases += _cases("subtitles", (".mkv", ".mp4"), changed(PLAIN, ".mkv", partial(with_extras, subtitles=True)))
    cases += _cases(
        "a second sound track", (".mkv", ".mp4", ".ts"), changed(PLAIN, ".mkv", partial(with_extras, second_sound=True))
    )
    cases += _cases("a second sound track of an unknown codec", (".mkv",), changed(PLAIN, ".mkv", with_unknown_sound))
    for video, audio in (("huffyuv", "pcm_alaw"), ("wmv2", "wmav2"), ("mjpeg", "pcm_mulaw"), ("mpeg4", "adpcm_ms")):
        film = Film(video=video, audio=audio)
        ending = ".wmv" if audio.startswith("wma") else ".avi"
        cases += _cases(
            f"tracks named as in AVI: {video}, {audio}", (".mkv",), changed(film, ending, write_as_avi_tracks)
        )
        cases[-1] = replace(cases[-1], name=f"avi-tracks-{video}-{audio}.mkv")
    return cases


def _sounds() -> list[Case]:
    cases = []
    for rate in (8000, 11_025, 22_050, 37_800, 96_000):
        cases += _cases(f"{rate} samples a second", (".mkv",), plain(replace(NO_PRIMING, sound_rate=rate)))
    for layout in ("mono", "5.1", "7.1"):
        cases += _cases(f"{layout} channels", (".mp4", ".mkv", ".ts"), plain(replace(PLAIN, layout=layout)))
    cases += _cases(
        "16 channels of Opus", (".mkv", ".webm"), plain(Film(video="libvpx", audio="libopus", layout="hexadecagonal"))
    )
    cases += _cases("stereo, one channel inverted", (".mkv", ".mp4"), plain(replace(PLAIN, channels_inverted=True)))
    second = replace(PLAIN, first_number=60, picture_from=2.48, sound_from=2.48)  # MPEG-TS puts the first 0.08 s later
    for first, then in (("stereo", "5.1"), ("5.1", "stereo"), ("mono", "stereo")):
        films = [replace(film, audio="ac3", layout=layout) for film, layout in ((PLAIN, first), (second, then))]
        cases += _cases(f"channels that change from {first} to {then}", (".ts",), two_joined(films[0], films[1], 2.4))
    return cases


def _pictures() -> list[Case]:
    uneven = tuple(sorted({*(index * 0.04 for index in range(20)), *(0.8 + index * 0.066 for index in range(1, 24))}))
    still = (*(index * 0.04 for index in range(10)), *(1.9 + index * 0.04 for index in range(12)))
    cases = _cases("variable frame rate", (".mp4", ".mkv", ".ts"), plain(replace(PLAIN, picture_times=uneven)))
    cases += _cases("a still picture of 1.5 s inside", (".mp4", ".mkv"), plain(replace(PLAIN, picture_times=still)))
    for degrees in (90, 180, 270):
        turned = plain(replace(PLAIN, rotation_degrees=degrees))
        cases += _cases(f"rotated by {degrees} degrees", (".mp4", ".mov"), turned, quarter_turns=degrees // 90)
    interlaced = replace(MPEG2, height=96, video_options={"flags": "+ilme+ildct"})
    cases += _cases("interlaced", (".ts", ".mpg"), plain(interlaced))
    for rate in (Fraction(12), Fraction(24_000, 1001), Fraction(30_000, 1001), Fraction(50)):
        cases += _cases(f"{float(rate):.3f} frames a second", (".mp4", ".mkv"), plain(replace(PLAIN, rate=rate)))
    cases += _cases("10 bits, HEVC", (".mkv",), plain(replace(PLAIN, video="libx265", pixel_format="yuv420p10le")))
    return cases


def _names() -> list[Case]:
    names = {
        "with a colon": "talk: part 1.mp4",
        "of 250 bytes": "n" * 246 + ".mp4",
        "of letters beyond ASCII": "日本 – é.mp4",
        "not in UTF-8": os.fsdecode(b"caf\xe9.mp4"),
        "with a line break": "a\nb.mp4",
        "that begins with a dash": "-y.mp4",
        "with a percent sign": "100%d %03d.mp4",
    }
    return [
        Case(f"name-{about.replace(' ', '-')}.mp4", "structure", f"a name {about}", ".mp4", plain(PLAIN),
             offsets=(0.04, -0.04), file_name=name)
        for about, name in names.items()
    ]  # fmt: skip


def _broken() -> list[Case]:
    def nothing(path: Path) -> Truth:
        path.write_bytes(b"")
        return Truth((), ())

    def text(path: Path) -> Truth:
        path.write_text("This is no film.\n" * 100, encoding="utf-8")
        return Truth((), ())

    def sound_alone(path: Path) -> Truth:
        made = changed(PLAIN, ".mkv", partial(remuxed, kept=lambda stream: stream.type == "audio"))(path)
        return Truth((), made.clicks)

    def silent(path: Path) -> Truth:
        return Truth(write_film(path, replace(PLAIN, audio="")).pictures, ())

    words = "not a readable media file"
    return [
        *_cases("an empty file", (".mp4",), nothing, offsets=(0.04,), refused=words),
        *_cases("a text", (".mp4",), text, offsets=(0.04,), refused=words),
        *_cases("no picture", (".mkv", ".mp4"), sound_alone, offsets=(0.04,), refused="no video stream"),
        *_cases("no sound", (".mkv", ".mp4"), silent, offsets=(0.04,), refused="no audio stream"),
    ]
