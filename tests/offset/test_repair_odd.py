"""Repair of files whose time stamps, structures, names or extras are unusual."""

import struct
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from avts.errors import MediaError
from avts.offset.editlist import num_edits
from avts.offset.repair import repair
from avts.offset.verify import known_reels
from benchmarks.formats.film import Film
from benchmarks.formats.film import write_film as make_film
from benchmarks.formats.judge import judge_repair
from benchmarks.formats.seen import see
from benchmarks.formats.structures import structures

FPS, RATE, SECONDS = 25, 48_000, 3


def write_film(path: Path, *, video: str = "libx264", audio: str = "aac", rate: int = RATE, first: int = 0) -> Path:
    """Pictures that get brighter, a tone; B-frames where the codec has them; both begin at `first` seconds."""
    with av.open(str(path), "w") as container:
        pictures = container.add_stream(video, rate=FPS)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 64, "yuv420p"
        pictures.codec_context.max_b_frames = 2
        pictures.codec_context.gop_size = 50
        sounds = container.add_stream(audio, rate=rate, layout="mono")
        made = []
        for index in range(SECONDS * FPS):
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 10 + 3 * index, np.uint8), format="rgb24")
            frame.pts, frame.time_base = first * FPS + index, Fraction(1, FPS)
            made += pictures.encode(frame)
        made += pictures.encode(None)
        tone = (0.5 * np.sin(np.arange(SECONDS * rate) * 2 * np.pi * 440 / rate)).astype(np.float32)
        sound = av.AudioFrame.from_ndarray(tone[None], format="fltp", layout="mono")
        sound.sample_rate, sound.pts, sound.time_base = rate, first * rate, Fraction(1, rate)
        cut = av.AudioResampler(format=sounds.format, layout="mono", rate=rate, frame_size=sounds.frame_size or 1024)
        for block in [*cut.resample(sound), *cut.resample(None)]:
            made += sounds.encode(block)
        made += sounds.encode(None)
        for packet in sorted(made, key=lambda each: each.dts * each.time_base):
            container.mux(packet)
    return path


def shown(path: Path) -> list[tuple[float, int]]:
    """Time and brightness of each decoded picture, as FFmpeg gives them."""
    with av.open(f"file:{path}") as container:
        stream = next(stream for stream in container.streams.video if not stream.disposition & 1024)
        return [(frame.time, int(frame.to_ndarray(format="gray").mean())) for frame in container.decode(stream)]


def brightness(path: Path) -> list[int]:
    return [level for _, level in shown(path)]


def sound_after_picture(path: Path) -> float:
    """First sound heard after the first picture shown, in seconds."""
    with av.open(f"file:{path}") as container:
        sound = next(frame.time for frame in container.decode(audio=0))
    return sound - shown(path)[0][0]


def check_steady(path: Path, count: int) -> None:
    """All pictures, in rising brightness, 40 ms apart."""
    found = shown(path)
    assert len(found) == count
    assert all(b[1] >= a[1] for a, b in pairwise(found))
    assert np.diff([time for time, _ in found]) == pytest.approx(1 / FPS, abs=0.003)


def left_in(folder: Path, *names: str) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name not in names)


@pytest.mark.parametrize("video", ["libx264", "mpeg4"])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".ts"])
def test_pictures_of_an_avi_come_out_in_the_order_shown(tmp_path: Path, video: str, suffix: str) -> None:
    source = write_film(tmp_path / "source.avi", video=video, audio="libmp3lame")
    target = tmp_path / f"out{suffix}"
    repair(source, target, offset_seconds=0.2)
    check_steady(target, SECONDS * FPS)
    reels = known_reels(target)
    picture, sound = (next(r for r in reels.by_index.values() if r.kind == kind) for kind in ("video", "audio"))
    assert sound.first_shown() - picture.first_shown() == pytest.approx(0.2, abs=0.003)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_clock_that_begins_at_hours_begins_at_0(tmp_path: Path, suffix: str) -> None:
    source = write_film(tmp_path / "source.ts", first=36_000)
    target = tmp_path / f"out{suffix}"
    repair(source, target, offset_seconds=0.2)
    check_steady(target, SECONDS * FPS)
    assert shown(target)[0][0] < 2.0
    assert sound_after_picture(target) - sound_after_picture(source) == pytest.approx(0.2, abs=0.003)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_recordings_joined_end_to_end_play_on(tmp_path: Path, suffix: str) -> None:
    one = write_film(tmp_path / "one.ts", first=100)
    joined, target = tmp_path / "joined.ts", tmp_path / f"out{suffix}"
    joined.write_bytes(one.read_bytes() * 2)
    repair(joined, target, offset_seconds=0.2)
    times = [time for time, _ in shown(target)]
    assert len(times) == 2 * SECONDS * FPS
    steps = np.diff(times)
    assert steps.min() > 0.03
    assert steps.max() < 0.2
    assert brightness(target) == brightness(one) * 2
    assert sound_after_picture(target) - sound_after_picture(one) == pytest.approx(0.2, abs=0.003)


def test_sound_whose_times_go_back_is_refused_with_the_place(tmp_path: Path) -> None:
    one, other = write_film(tmp_path / "one.ts"), write_film(tmp_path / "other.ts", first=SECONDS)
    source = tmp_path / "source.ts"
    source.write_bytes(one.read_bytes() + other.read_bytes())
    words = r"source\.ts: the times of audio aac go back by \d+ ms at 3\.0 s, which a \.mkv file cannot hold"
    with pytest.raises(MediaError, match=words):
        repair(source, tmp_path / "out.mkv", offset_seconds=0.1)


@pytest.mark.parametrize(("first", "then"), [("stereo", "5.1"), ("5.1", "stereo"), ("mono", "stereo")])
@pytest.mark.parametrize("suffix", [".ts", ".mkv", ".mp4"])
def test_sound_whose_channels_change_is_copied(tmp_path: Path, suffix: str, first: str, then: str) -> None:
    (case,) = [case for case in structures() if case.name == f"channels-that-change-from-{first}-to-{then}.ts"]
    source = tmp_path / "source.ts"
    case.make(source)
    found = judge_repair(source, tmp_path / f"out{suffix}", see(source), -0.3)
    assert (found.status, found.words) == ("right", "")


UNKNOWN = ("out.mkv: audio stream (unknown) skipped; FFmpeg does not know how it is coded",)


@pytest.mark.parametrize("offset_seconds", [-0.5, 0.04])
@pytest.mark.parametrize(
    ("name", "notes"),
    [("a-second-sound-track-of-an-unknown-codec.mkv", UNKNOWN), ("a-gap-of-30-s.ts", ()), ("a-gap-of-30-s.mkv", ())],
)
def test_the_film_beside_a_stream_nobody_knows_and_around_a_gap_of_half_a_minute_is_kept(
    tmp_path: Path, name: str, notes: tuple[str, ...], offset_seconds: float
) -> None:
    (case,) = [case for case in structures() if case.name == name]
    source = tmp_path / f"source{case.ending}"
    case.make(source)
    found = judge_repair(source, tmp_path / f"out{case.ending}", see(source), offset_seconds)
    assert (found.status, found.words, found.notes) == ("right", "", notes)


@pytest.mark.parametrize("flags", ["frag_keyframe+empty_moov", "frag_keyframe+empty_moov+default_base_moof", "dash"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_fragmented_mp4_is_repaired(tmp_path: Path, suffix: str, flags: str) -> None:
    source = tmp_path / "source.mp4"
    make_film(source, Film(video_options={"g": "12"}, container_options={"movflags": flags}))
    assert b"moof" in source.read_bytes()
    for offset_seconds in (-0.5, 0.04):
        found = judge_repair(source, tmp_path / f"out{suffix}", see(source), offset_seconds)
        assert (found.status, found.words, found.notes) == ("right", "", ())
        (tmp_path / f"out{suffix}").unlink()


def boxes(data: bytes, start: int, stop: int) -> Iterator[tuple[bytes, int, int]]:
    place = start
    while place + 8 <= stop:
        size, name = struct.unpack_from(">I4s", data, place)
        yield name, place, place + size
        place += size


def with_edits(source: Path, target: Path, track: int, edits: list[tuple[int, int]]) -> Path:
    """Replace the edit list of a track: (length in thousandths, begin in the track's own ticks)."""
    data = bytearray(source.read_bytes())
    _, moov, end = next(box for box in boxes(data, 0, len(data)) if box[0] == b"moov")
    _, trak, trak_end = [box for box in boxes(data, moov + 8, end) if box[0] == b"trak"][track]
    _, edts, edts_end = next(box for box in boxes(data, trak + 8, trak_end) if box[0] == b"edts")
    entries = b"".join(struct.pack(">IiI", length, begin, 1 << 16) for length, begin in edits)
    elst = struct.pack(">I4sII", 16 + len(entries), b"elst", 0, len(edits)) + entries
    new = struct.pack(">I4s", 8 + len(elst), b"edts") + elst
    for place in (moov, trak):
        struct.pack_into(">I", data, place, struct.unpack_from(">I", data, place)[0] + len(new) - (edts_end - edts))
    data[edts:edts_end] = new
    target.write_bytes(data)
    return target


@pytest.mark.parametrize("offset_seconds", [0.0, 0.3, -0.01, -0.5])
def test_an_edit_that_begins_inside_a_group_of_pictures_stays(tmp_path: Path, offset_seconds: float) -> None:
    plain = write_film(tmp_path / "plain.mp4")
    source = with_edits(plain, tmp_path / "cut.mp4", 0, [(2000, 1024 + 12_800)])
    target = tmp_path / "out.mp4"
    assert repair(source, target, offset_seconds=offset_seconds) == ()
    assert brightness(target) == brightness(source) == brightness(plain)[FPS:]
    moved = sound_after_picture(target) - sound_after_picture(source)
    assert moved == pytest.approx(offset_seconds, abs=0.003)


def test_pictures_that_were_cut_off_do_not_come_back_in_another_container(tmp_path: Path) -> None:
    source = with_edits(write_film(tmp_path / "plain.mp4"), tmp_path / "cut.mp4", 0, [(2000, 1024 + 12_800)])
    with pytest.raises(MediaError, match=r"an edit list in cut\.mp4 cuts off 25 pictures"):
        repair(source, tmp_path / "out.mkv", offset_seconds=0.3)
    assert not left_in(tmp_path, "plain.mp4", "cut.mp4")


def test_several_edits_of_a_track_stay(tmp_path: Path) -> None:
    plain = write_film(tmp_path / "plain.mp4")
    source = with_edits(plain, tmp_path / "cut.mp4", 0, [(1000, 1024), (1000, 1024 + 2 * 12_800)])
    (warning,) = repair(source, tmp_path / "out.mp4", offset_seconds=0.3)
    assert "made of 2 edits, which are kept" in warning
    assert (num_edits(plain), num_edits(source), num_edits(tmp_path / "gone.mp4")) == (1, 2, 0)
    before, after = shown(source), shown(tmp_path / "out.mp4")
    assert [level for _, level in after] == [level for _, level in before]
    assert [time for time, _ in after] == pytest.approx([time for time, _ in before], abs=0.003)


def test_an_mp4_keeps_every_byte_but_its_edit_lists(tmp_path: Path) -> None:
    source, target = write_film(tmp_path / "source.mp4"), tmp_path / "out.mp4"
    repair(source, target, offset_seconds=0.3)
    media = [
        next((d[a:b]) for name, a, b in boxes(d, 0, len(d)) if name == b"mdat")
        for d in (source.read_bytes(), target.read_bytes())
    ]
    assert media[0] == media[1]


@pytest.mark.parametrize("audio", ["pcm_alaw", "pcm_mulaw"])
def test_matroska_holds_sound_that_it_names_as_other_systems_do(tmp_path: Path, audio: str) -> None:
    source, target = write_film(tmp_path / "source.mov", audio=audio, rate=8000), tmp_path / "out [a'b].mkv"
    repair(source, target, offset_seconds=0.2)
    with av.open(f"file:{target}") as container:
        assert container.streams.audio[0].codec_context.name == audio
    assert sound_after_picture(target) - sound_after_picture(source) == pytest.approx(0.2, abs=0.003)


@pytest.mark.parametrize(("codec", "suffix"), [("mjpeg", ".mkv"), ("png", ".mkv"), ("mjpeg", ".mp4"), ("png", ".mp4")])
def test_a_cover_stays_a_cover(tmp_path: Path, codec: str, suffix: str) -> None:
    plain, source, target = write_film(tmp_path / "plain.mkv"), tmp_path / "source.mkv", tmp_path / f"out{suffix}"
    encoder = av.CodecContext.create(codec, "w")
    encoder.width = encoder.height = 16
    encoder.pix_fmt, encoder.time_base = ("rgb24" if codec == "png" else "yuvj420p"), Fraction(1, 25)
    image = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24").reformat(format=encoder.pix_fmt)
    picture = b"".join(bytes(packet) for packet in [*encoder.encode(image), *encoder.encode(None)])
    with av.open(plain) as container, av.open(source, "w") as output:
        copies = {stream.index: output.add_stream_from_template(stream, opaque=True) for stream in container.streams}
        output.add_attachment("cover", "image/png" if codec == "png" else "image/jpeg", picture)
        for packet in container.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                output.mux(packet)
    assert repair(source, target, offset_seconds=0.2) == ()
    with av.open(target) as container:
        (cover,) = [stream for stream in container.streams.video if stream.disposition & 1024]
        assert next(bytes(packet) for packet in container.demux(cover) if packet.size) == picture


def test_phone_tags_and_chapters_of_an_mp4_are_kept_without_a_warning(tmp_path: Path) -> None:
    plain, source, target = write_film(tmp_path / "plain.mov"), tmp_path / "source.mov", tmp_path / "out.mp4"
    tags = {"com.apple.quicktime.make": "Maker", "com.apple.quicktime.location.ISO6709": "+52.5+013.4/"}
    with (
        av.open(plain) as container,
        av.open(source, "w", container_options={"movflags": "use_metadata_tags"}) as output,
    ):
        output.metadata.update(tags)
        end = {"id": 1, "start": 0, "end": 2000, "time_base": Fraction(1, 1000), "metadata": {"title": "one"}}
        output.set_chapters([end])  # type: ignore[list-item]
        copies = {stream.index: output.add_stream_from_template(stream, opaque=True) for stream in container.streams}
        for packet in container.demux():
            if packet.size:
                packet.stream = copies[packet.stream_index]
                output.mux(packet)
    for out in (target, target.with_suffix(".mov")):
        assert repair(source, out, offset_seconds=0.2) == ()
        with av.open(out) as container:
            assert {key: container.metadata.get(key) for key in tags} == tags
            assert [chapter["metadata"]["title"] for chapter in container.chapters()] == ["one"]


def test_names_with_colons_and_names_as_long_as_a_disk_allows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = write_film(tmp_path / "plain.mp4").rename("talk: part 1.mp4")
    for name in ("talk: part 2.mp4", "talk: part 2.mkv", "n" * 246 + ".mp4"):
        repair(Path(source.name), Path(name), offset_seconds=0.1)
        assert len(shown(tmp_path / name)) == SECONDS * FPS
