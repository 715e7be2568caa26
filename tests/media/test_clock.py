"""Breaks of the clock, on files joined end to end, with gaps, and whole."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from avts.media.clock import ClockBreak, PlayedClock, Track, breaks_among, clock_breaks, stamp_of

FPS, RATE = 25, 48_000
Make = Callable[..., Path]


def write_film(
    path: Path, *, seconds: float = 3.0, first: float = 0.0, gaps: tuple[tuple[str, float, float], ...] = ()
) -> Path:
    """Grey pictures and silence from `first` on; each gap (kind, from, by) makes what follows in a stream later."""

    def later(kind: str, at: float) -> float:
        return first + at + sum(by for of, start, by in gaps if of == kind and at >= start)

    with av.open(path, "w") as container:
        video = container.add_stream("mpeg2video", rate=FPS)
        video.width, video.height, video.pix_fmt, video.gop_size = 64, 64, "yuv420p", 5
        audio = container.add_stream("mp2", rate=RATE, layout="mono")
        made = []
        for index in range(round(seconds * FPS)):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), index, np.uint8), format="rgb24")
            frame.pts, frame.time_base = round(later("video", index / FPS) * 1000), Fraction(1, 1000)
            made += video.encode(frame)
        made += video.encode(None)
        for start in range(0, round(seconds * RATE), 1152):
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.int16), format="s16", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = RATE, start, Fraction(1, RATE)
            for packet in audio.encode(sound):
                at = Fraction(packet.pts) * packet.time_base
                packet.pts = packet.dts = round((Fraction(later("audio", float(at)))) / packet.time_base)
                made.append(packet)
        for packet in sorted(made, key=lambda packet: packet.dts * packet.time_base):
            container.mux(packet)
    return path


@pytest.fixture
def film(tmp_path: Path) -> Make:
    def make(name: str, **how: object) -> Path:
        return write_film(tmp_path / name, **how)  # type: ignore[arg-type]

    return make


def breaks_in(path: Path) -> tuple[ClockBreak, ...]:
    with av.open(path) as container:
        return clock_breaks(container)


def joined(path: Path, *parts: Path) -> Path:
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


@pytest.mark.parametrize("suffix", [".ts", ".mpg"])
def test_recordings_joined_end_to_end_break_where_the_second_begins(film: Make, tmp_path: Path, suffix: str) -> None:
    one, two = film(f"one{suffix}"), film(f"two{suffix}", seconds=2.0)
    found = breaks_in(joined(tmp_path / f"joined{suffix}", one, two, one))
    assert [place.at_seconds for place in found] == pytest.approx([3.0, 5.0], abs=0.06)
    assert [place.jump_seconds for place in found] == pytest.approx([-3.0, -2.0], abs=0.06)


def test_a_gap_of_half_a_minute_in_all_streams_of_a_broadcast_is_a_break(film: Make) -> None:
    gaps = (("video", 1.0, 30.0), ("audio", 1.0, 30.0))
    (found,) = breaks_in(film("live.ts", gaps=gaps))
    assert (found.at_seconds, found.jump_seconds) == pytest.approx((1.0, 30.0), abs=0.06)
    assert float(found.shift_seconds or 0) == pytest.approx(-30.0, abs=0.06)


@pytest.mark.parametrize(
    ("name", "gaps"),
    [
        ("silence.ts", (("audio", 1.0, 30.0),)),
        ("slides.ts", (("video", 1.0, 30.0),)),
        ("short.ts", (("video", 1.0, 8.0), ("audio", 1.0, 8.0))),
        ("pause.mkv", (("video", 1.0, 30.0), ("audio", 1.0, 30.0))),
    ],
)
def test_gaps_that_a_player_shows_are_no_breaks(
    film: Make, name: str, gaps: tuple[tuple[str, float, float], ...]
) -> None:
    assert breaks_in(film(name, gaps=gaps)) == ()


def test_a_clock_that_begins_at_hours_does_not_break(film: Make) -> None:
    assert breaks_in(film("evening.ts", first=36_000.0)) == ()


def test_a_clock_that_starts_again_from_hours_breaks(film: Make, tmp_path: Path) -> None:
    late, early = film("late.ts", first=36_000.0), film("early.ts")
    (found,) = breaks_in(joined(tmp_path / "joined.ts", late, early))
    assert found.at_seconds == pytest.approx(3.0, abs=0.06)


def test_the_played_clock_goes_on_without_overlap_and_keeps_streams_in_step(film: Make, tmp_path: Path) -> None:
    path = joined(tmp_path / "joined.ts", film("one.ts"), film("two.ts", seconds=2.0))
    found = breaks_in(path)
    times: dict[str, list[float]] = {"video": [], "audio": []}
    with av.open(path) as container:
        clock = PlayedClock(container, found)
        for packet in container.demux():
            stamp = stamp_of(packet)
            if packet.size and stamp is not None:
                times[packet.stream.type].append(float(stamp + clock.shift_of(packet)))
    for kind, step in (("video", 1 / FPS), ("audio", 1152 / RATE)):
        assert np.diff(times[kind]).min() > step / 2
        assert np.diff(times[kind]).max() < step + 0.1
    assert times["video"][-1] - times["video"][0] == pytest.approx(5.0, abs=0.1)


def test_one_stream_that_starts_again_alone_is_a_break_no_player_can_mend() -> None:
    tracks = [Track("video", may_leap=True), Track("audio", may_leap=True)]
    for index in range(100):
        tracks[0].see(Fraction(index, 10), Fraction(1, 10))
        tracks[1].see(Fraction(index % 60, 10), Fraction(1, 10))
    (found,) = breaks_among(tracks)
    assert found == ClockBreak(6.0, -6.0, "audio", None)
