"""Sound moved by stream copy, measured on files that flash and click at the same time."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from avts.errors import MediaError, UsageError
from avts.offset.copying import keep_order
from avts.offset.repair import repair

RATE = 48_000
FPS = 25
EVENTS_SECONDS = (2.0, 3.0)
CODECS = {
    ".mp4": ("libx264", "aac"),
    ".mov": ("libx264", "aac"),
    ".mkv": ("libx264", "aac"),
    ".ts": ("libx264", "aac"),
    ".webm": ("libvpx", "libopus"),
    ".avi": ("mpeg4", "libmp3lame"),
    ".mpg": ("mpeg2video", "mp2"),
}

MakeFile = Callable[[str], Path]


def write_flash_and_click(path: Path, *, streams: tuple[str, ...] = ("video", "audio")) -> None:
    """4 s, dark and silent but for a white flash of two frames and a click of 20 ms at each event."""
    video_codec, audio_codec = CODECS[path.suffix]
    samples = np.zeros(4 * RATE)
    for event in EVENTS_SECONDS:
        start = round(event * RATE)
        samples[start : start + 960] = 0.8 * np.sin(2 * np.pi * 1000 * np.arange(960) / RATE)
    with av.open(path, "w") as container:
        container.metadata["title"] = "flash and click"
        if "video" in streams:
            video = container.add_stream(video_codec, rate=FPS)
            video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
            video.options = {"bf": "2"} if video_codec == "libx264" else {}
        if "audio" in streams:
            audio = container.add_stream(audio_codec, rate=RATE, layout="mono")
        if "video" in streams:
            for index in range(4 * FPS):
                lit = any(0 <= index / FPS - event < 0.079 for event in EVENTS_SECONDS)
                frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 240 if lit else 16, np.uint8), format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, FPS)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
        if "audio" in streams:
            kind = audio.codec_context.format.name
            scale, dtype = {"s16": (2**15 - 1, "i2"), "s32": (2**31 - 1, "i4"), "flt": (1, "f4")}[
                kind.removesuffix("p")
            ]
            for start in range(0, len(samples), 960):
                block = (samples[None, start : start + 960] * scale).astype(dtype)
                sound = av.AudioFrame.from_ndarray(block, format=kind, layout="mono")
                sound.sample_rate, sound.pts, sound.time_base = RATE, start, Fraction(1, RATE)
                container.mux(audio.encode(sound))
            container.mux(audio.encode(None))


def flashes_seconds(path: Path) -> list[float]:
    with av.open(path) as container:
        frames = [(frame.time, frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]
    return [time for (_, before), (time, now) in pairwise(frames) if now > 128 > before]


def clicks_seconds(path: Path) -> list[float]:
    clicks: list[float] = []
    last = -1.0
    with av.open(path) as container:
        for frame in container.decode(audio=0):
            sound = np.abs(frame.to_ndarray()[0].astype(np.float64))
            sound /= {"s16": 2**15, "s32": 2**31, "flt": 1}[frame.format.name.removesuffix("p")]
            for index in np.flatnonzero(sound > 0.2):
                time = frame.time + index / frame.sample_rate
                if time > last + 0.3:
                    clicks.append(time)
                last = time
    return clicks


def sound_after_picture(path: Path) -> list[float]:
    flashes, clicks = flashes_seconds(path), clicks_seconds(path)
    assert len(flashes) == len(clicks) == len(EVENTS_SECONDS)
    return list(np.subtract(clicks, flashes))


def video_packets(path: Path) -> list[bytes]:
    with av.open(path) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


@pytest.fixture(scope="module")
def make_file(tmp_path_factory: pytest.TempPathFactory) -> MakeFile:
    folder = tmp_path_factory.mktemp("files")

    def make(suffix: str) -> Path:
        path = folder / f"source{suffix}"
        if not path.exists():
            write_flash_and_click(path)
        return path

    return make


@pytest.mark.parametrize("offset_seconds", [0.3, -0.3, 1.5, -1.5])
@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm", ".ts", ".mpg"])
def test_sound_moves_by_what_was_asked(make_file: MakeFile, tmp_path: Path, suffix: str, offset_seconds: float) -> None:
    source, target = make_file(suffix), tmp_path / f"repaired{suffix}"
    assert repair(source, target, offset_seconds=offset_seconds) == ()
    moved = np.subtract(sound_after_picture(target), sound_after_picture(source))
    assert moved == pytest.approx(offset_seconds, abs=0.002)
    assert video_packets(target) == video_packets(source)
    assert [path.name for path in tmp_path.iterdir()] == [target.name]


@pytest.mark.parametrize(("source", "target"), [(".avi", ".mkv"), (".avi", ".mp4"), (".mp4", ".mkv"), (".ts", ".mp4")])
def test_sound_moves_into_another_container(make_file: MakeFile, tmp_path: Path, source: str, target: str) -> None:
    repaired = tmp_path / f"repaired{target}"
    repair(make_file(source), repaired, offset_seconds=-0.25)
    moved = np.subtract(sound_after_picture(repaired), sound_after_picture(make_file(source)))
    assert moved == pytest.approx(-0.25, abs=0.002)


def test_a_repair_can_be_undone(make_file: MakeFile, tmp_path: Path) -> None:
    there, back = tmp_path / "there.mp4", tmp_path / "back.mp4"
    repair(make_file(".mp4"), there, offset_seconds=-0.4)
    repair(there, back, offset_seconds=0.4)
    assert sound_after_picture(back) == pytest.approx(sound_after_picture(make_file(".mp4")), abs=0.002)


def test_sound_moved_earlier_keeps_all_its_packets(make_file: MakeFile, tmp_path: Path) -> None:
    target = tmp_path / "repaired.mp4"
    repair(make_file(".mp4"), target, offset_seconds=-1.5)
    assert flashes_seconds(target) == pytest.approx([event + 1.5 for event in EVENTS_SECONDS], abs=0.002)
    with av.open(make_file(".mp4")) as before, av.open(target) as after:
        packets = [[bytes(packet) for packet in each.demux(audio=0) if packet.size] for each in (before, after)]
    assert packets[0] == packets[1]


def test_rotation_is_kept(make_file: MakeFile, tmp_path: Path) -> None:
    data = bytearray(make_file(".mp4").read_bytes())
    matrix = data.index(b"tkhd") + 44  # behind the box's flags, times, track number, layer and volume
    quarter_turn = np.array([0, 65536, 0, -65536, 0, 0, 64 * 65536, 0, 1 << 30], dtype=">i4").tobytes()
    data[matrix : matrix + 36] = quarter_turn
    source, target = tmp_path / "portrait.mp4", tmp_path / "repaired.mov"
    source.write_bytes(data)
    repair(source, target, offset_seconds=0.1)
    with av.open(target) as container:
        assert next(container.decode(video=0)).rotation == -90


def test_tags_chapters_languages_and_subtitles_are_kept(make_file: MakeFile, tmp_path: Path) -> None:
    source, target = tmp_path / "rich.mkv", tmp_path / "repaired.mkv"
    write_rich_copy(make_file(".mkv"), source)
    assert repair(source, target, offset_seconds=-0.3) == ()
    with av.open(target) as container:
        assert container.metadata["title"] == "flash and click"
        assert container.streams.audio[0].language == "deu"
        assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["one", "two"]
        assert container.chapters()[1]["start"] * container.chapters()[1]["time_base"] == Fraction(23, 10)
        words = [packet for packet in container.demux(subtitles=0) if packet.size]
        assert [(bytes(packet), packet.pts * packet.time_base) for packet in words] == [(b"Hello", Fraction(13, 10))]


def test_subtitles_that_the_target_cannot_hold_are_left_out_with_a_warning(make_file: MakeFile, tmp_path: Path) -> None:
    source, target = tmp_path / "rich.mkv", tmp_path / "repaired.mp4"
    write_rich_copy(make_file(".mkv"), source)
    warnings = repair(source, target, offset_seconds=0.3)
    assert warnings == ("repaired.mp4: subtitle stream (subrip) skipped; a .mp4 file does not hold it",)
    assert sound_after_picture(target) == pytest.approx([0.3, 0.3], abs=0.002)


def write_rich_copy(source: Path, target: Path) -> None:
    """Copy a file with two chapters, a language and one line of subtitles added."""
    thousandth = Fraction(1, 1000)
    with av.open(source) as container, av.open(target, "w") as output:
        output.metadata.update(container.metadata)
        marks = [(1, "one", 0, 2000), (2, "two", 2000, 4000)]
        output.set_chapters(
            [
                {"id": number, "start": start, "end": end, "time_base": thousandth, "metadata": {"title": title}}
                for number, title, start, end in marks
            ]
        )
        copies = [output.add_stream_from_template(stream) for stream in container.streams]
        copies[1].metadata["language"] = "deu"
        subtitles = output.add_mux_stream("subrip")
        line = av.Packet(b"Hello")
        line.stream, line.time_base, line.pts, line.dts, line.duration = subtitles, thousandth, 1000, 1000, 500
        for packet in container.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                output.mux(packet)
        output.mux(line)


def test_a_decoding_time_that_repeats_is_moved_by_one_tick_of_the_target(tmp_path: Path) -> None:
    with av.open(tmp_path / "any.mkv", "w") as output:
        stream = output.add_mux_stream("mpeg2video")
        stream.time_base = Fraction(1, 1000)
        last: dict[int, Fraction] = {}
        kept = []
        for dts in (9000, 9000, 18000):  # in 90,000ths; one tick of the target is 90 of them
            packet = av.Packet(b"picture")
            packet.stream, packet.time_base, packet.dts, packet.pts = stream, Fraction(1, 90_000), dts, dts
            keep_order(packet, last)
            kept.append((packet.dts, packet.pts))
    assert kept == [(9000, 9000), (9090, 9090), (18000, 18000)]


def test_an_avi_that_cannot_carry_the_shift_is_refused(make_file: MakeFile, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"move the sound by 300 ms, but a \.avi file stores no times.*\.mkv or \.mp4"):
        repair(make_file(".avi"), tmp_path / "repaired.avi", offset_seconds=0.3)
    assert not list(tmp_path.iterdir())


def test_codecs_that_the_target_cannot_hold_are_refused(make_file: MakeFile, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"a \.webm file cannot hold video h264 and audio aac\. Name a \.mkv"):
        repair(make_file(".mp4"), tmp_path / "repaired.webm", offset_seconds=0.3)
    assert not list(tmp_path.iterdir())


def test_a_failure_while_copying_leaves_nothing_behind(make_file: MakeFile, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"source\.mp4: cannot be copied to repaired\.avi: .+ Try a \.mkv"):
        repair(make_file(".mp4"), tmp_path / "repaired.avi", offset_seconds=0.3)
    assert not list(tmp_path.iterdir())


def test_an_unknown_ending_is_refused(make_file: MakeFile, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"no container has the suffix '\.xyz'"):
        repair(make_file(".mp4"), tmp_path / "repaired.xyz", offset_seconds=0.3)


@pytest.mark.parametrize(("streams", "missing"), [(("video",), "audio"), (("audio",), "video")])
def test_a_file_without_sound_or_picture_is_refused(tmp_path: Path, streams: tuple[str, ...], missing: str) -> None:
    source = tmp_path / "half.mp4"
    write_flash_and_click(source, streams=streams)
    with pytest.raises(MediaError, match=rf"half\.mp4: no {missing} stream \(it has: {streams[0]} \w+\)"):
        repair(source, tmp_path / "repaired.mp4", offset_seconds=0.3)


def test_a_file_that_is_no_media_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "text.mp4"
    source.write_text("not a film")
    with pytest.raises(MediaError, match=r"text\.mp4: cannot be read as a media file"):
        repair(source, tmp_path / "repaired.mp4", offset_seconds=0.3)


def test_a_missing_source_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.mp4: no such file"):
        repair(tmp_path / "gone.mp4", tmp_path / "repaired.mp4", offset_seconds=0.3)


def test_a_missing_target_folder_is_a_usage_error(make_file: MakeFile, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no folder .*nowhere"):
        repair(make_file(".mp4"), tmp_path / "nowhere" / "repaired.mp4", offset_seconds=0.3)


def test_the_source_is_never_overwritten(tmp_path: Path) -> None:
    source = tmp_path / "source.mp4"
    write_flash_and_click(source)
    before = source.read_bytes()
    with pytest.raises(UsageError, match=r"source\.mp4: the repaired file would replace its source"):
        repair(source, tmp_path / "." / "source.mp4", offset_seconds=0.3, overwrite=True)
    assert source.read_bytes() == before


def test_an_existing_target_is_replaced_only_when_allowed(make_file: MakeFile, tmp_path: Path) -> None:
    target = tmp_path / "repaired.mp4"
    target.write_text("mine")
    with pytest.raises(UsageError, match=r"repaired\.mp4: exists already"):
        repair(make_file(".mp4"), target, offset_seconds=0.3)
    assert target.read_text() == "mine"
    repair(make_file(".mp4"), target, offset_seconds=0.3, overwrite=True)
    assert len(sound_after_picture(target)) == 2


def test_an_offset_that_is_no_number_is_a_usage_error(make_file: MakeFile, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="offset_seconds is nan"):
        repair(make_file(".mp4"), tmp_path / "repaired.mp4", offset_seconds=float("nan"))


@pytest.mark.parametrize(
    "error", [IndexError("list index"), OverflowError("too large"), AttributeError("name"), StopIteration()]
)
def test_contradictory_tables_of_a_damaged_file_are_one_clear_error(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damaged(*_: object) -> None:
        raise error

    source = tmp_path / "talk.mkv"
    write_flash_and_click(source)
    monkeypatch.setattr("avts.offset.repair.read_reels", damaged)
    with pytest.raises(MediaError, match=rf"talk.mkv: cannot .+: its tables .+{type(error).__name__}"):
        repair(source, tmp_path / "out.mkv", offset_seconds=0.1)
    assert not list(tmp_path.glob("*out*"))


def test_a_picture_stream_without_packets_is_refused(make_file: MakeFile, tmp_path: Path) -> None:
    film = make_file("film.mov")
    data = bytearray(film.read_bytes())
    count = data.index(b"stsz") + 12  # type, version and flags, size of all samples, number of samples
    data[count : count + 4] = bytes(4)
    damaged = tmp_path / "damaged.mov"
    damaged.write_bytes(data)
    with pytest.raises(MediaError, match=r"damaged\.mov: its video stream contains no packets; the file is damaged"):
        repair(damaged, tmp_path / "out.mov", offset_seconds=0.1)
    assert not (tmp_path / "out.mov").exists()


def test_a_track_without_a_header_is_written_anew(make_file: MakeFile, tmp_path: Path) -> None:
    film, damaged, out = make_file(".mp4"), tmp_path / "damaged.mp4", tmp_path / "out.mp4"
    damaged.write_bytes(film.read_bytes().replace(b"tkhd", b"xkhd", 1))
    repair(damaged, out, offset_seconds=0.1)
    assert flashes_seconds(out) == pytest.approx(flashes_seconds(film), abs=0.002)
    assert clicks_seconds(out) == pytest.approx([at + 0.1 for at in clicks_seconds(film)], abs=0.003)
