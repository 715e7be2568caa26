"""Sound resampled to the picture's clock, measured on films that flash and click."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from avts.errors import MediaError, UsageError
from avts.offset.resampled import kernels as make_kernels
from avts.offset.retime import retime
from avts.offset.timeline import Segment

RATE = 48_000
EVENTS = (1.0, 3.0, 5.0, 7.0, 9.0)
CODECS = {".mp4": ("libx264", "aac"), ".mkv": ("libx264", "libmp3lame"), ".webm": ("libvpx", "libopus")}
CODECS |= {".mov": ("libx264", "pcm_s16le"), ".avi": ("mpeg4", "libmp3lame")}


def write_film(path: Path, clicks: list[float], *, seconds: int = 10, layout: str = "stereo") -> Path:
    """A flash of two frames at each event, a click of 10 ms at each of the clicks' times."""
    video_codec, audio_codec = CODECS[path.suffix]
    at = np.arange(seconds * RATE) / RATE
    samples = np.zeros(len(at))
    for click in clicks:
        here = (at >= click) & (at < click + 0.01)
        samples[here] = 0.8 * np.sin(2 * np.pi * 1000 * (at[here] - click))
    with av.open(path, "w") as container:
        video = container.add_stream(video_codec, rate=25)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        audio = container.add_stream(audio_codec, rate=RATE, layout=layout)
        for index in range(seconds * 25):
            lit = any(0 <= index / 25 - event < 0.079 for event in EVENTS)
            frame = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 240 if lit else 16, np.uint8), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        resampler = av.AudioResampler(format=audio.format, layout=layout, rate=RATE, frame_size=audio.frame_size or 960)
        block = np.repeat(samples.astype(np.float32), audio.layout.nb_channels)[None]  # packed
        sound = av.AudioFrame.from_ndarray(block, format="flt", layout=layout)
        sound.sample_rate, sound.pts, sound.time_base = RATE, 0, Fraction(1, RATE)
        for ready in [*resampler.resample(sound), *resampler.resample(None)]:
            container.mux(audio.encode(ready))
        container.mux(audio.encode(None))
    return path


def sound_after_picture(path: Path) -> list[float]:
    """For each flash, how long after it the next click comes; both on the file's clock."""
    with av.open(path) as container:
        shown = [(frame.time, frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]
    flashes = [time for (_, before), (time, now) in pairwise(shown) if now > 128 > before]
    clicks: list[float] = []
    with av.open(path) as container:
        packed = av.AudioResampler(format="flt", rate=RATE)
        for frame in container.decode(audio=0):
            start = frame.time
            blocks = [part.to_ndarray().reshape(-1, part.layout.nb_channels) for part in packed.resample(frame)]
            sound = np.concatenate([block.mean(axis=1) for block in blocks] or [np.empty(0)])
            for index in np.flatnonzero(np.abs(sound) > 0.2):
                if not clicks or start + index / RATE > clicks[-1] + 0.5:
                    clicks.append(start + index / RATE)
    assert len(clicks) == len(flashes) == len(EVENTS)
    return list(np.subtract(clicks, flashes))


def video_packets(path: Path) -> list[bytes]:
    with av.open(path) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".webm"])
def test_a_drift_is_taken_out(tmp_path: Path, suffix: str) -> None:
    # sound early by 0.1 s at the start, and by 10 ms more each second
    clicks = [event - (0.1 + 0.01 * event) for event in EVENTS]
    source = write_film(tmp_path / f"source{suffix}", clicks)
    target = tmp_path / f"target{suffix}"
    warnings = retime(source, target, segments=[Segment(0, 10, 0.15, 1.0)], drift_ms_per_minute=600.0)
    assert "resampled and encoded again" in warnings[0]
    assert sound_after_picture(target) == pytest.approx([0.0] * 5, abs=0.008)
    assert video_packets(target) == video_packets(source)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([source.name, target.name])
    with av.open(source) as before, av.open(target) as after:
        assert after.streams.audio[0].codec_context.name == before.streams.audio[0].codec_context.name
        assert after.streams.audio[0].codec_context.layout.nb_channels == 2


def test_jumps_are_taken_out_segment_by_segment(tmp_path: Path) -> None:
    offsets = [0.3, 0.3, -0.4, -0.4, 0.1]
    source = write_film(tmp_path / "source.mp4", [e - o for e, o in zip(EVENTS, offsets, strict=True)], layout="mono")
    segments = [Segment(0, 4, 0.3, 1.0), Segment(4, 8, -0.4, 1.0), Segment(8, 10, 0.1, 1.0)]
    retime(source, tmp_path / "out.mkv", segments=segments, drift_ms_per_minute=None)
    assert sound_after_picture(tmp_path / "out.mkv") == pytest.approx([0.0] * 5, abs=0.008)


def test_sound_takes_a_codec_that_the_target_holds(tmp_path: Path) -> None:
    source = write_film(tmp_path / "source.webm", [event - 0.1 for event in EVENTS])
    retime(source, tmp_path / "out.mkv", segments=[Segment(0, 10, 0.1, 1.0)], drift_ms_per_minute=60.0)
    mp3 = write_film(tmp_path / "source.avi", [event - 0.1 for event in EVENTS])
    warnings = retime(mp3, tmp_path / "out.mov", segments=[Segment(0, 10, 0.1, 1.0)], drift_ms_per_minute=None)
    assert "(libmp3lame)" in warnings[0]
    # MP3 in AVI does not say how much silence its encoder put in front: 24 ms or so
    assert sound_after_picture(tmp_path / "out.mov") == pytest.approx([0.0] * 5, abs=0.03)


def test_reading_between_samples_keeps_a_tone() -> None:
    kernels = make_kernels()
    at = np.arange(64)
    tone = np.sin(2 * np.pi * 0.2 * at)
    for phase in (0, 100, 512, 1023):
        read = float(tone[16:48] @ kernels[phase])
        assert read == pytest.approx(np.sin(2 * np.pi * 0.2 * (31 + phase / 1024)), abs=1e-3)


def test_what_cannot_be_retimed_leaves_no_file(tmp_path: Path) -> None:
    source = write_film(tmp_path / "source.mp4", list(EVENTS))
    segments = [Segment(0, 10, 0.1, 1.0)]
    with pytest.raises(MediaError, match=r"out\.webm: a \.webm file cannot hold video h264\. Name a \.mkv"):
        retime(source, tmp_path / "out.webm", segments=segments, drift_ms_per_minute=None)
    (tmp_path / "out.mkv").write_text("there")
    with pytest.raises(UsageError, match=r"out\.mkv: exists already"):
        retime(source, tmp_path / "out.mkv", segments=segments, drift_ms_per_minute=None)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mkv", "source.mp4"]


def test_chapters_are_kept(tmp_path: Path) -> None:
    plain, source, target = (tmp_path / f"{name}.mkv" for name in ("plain", "source", "target"))
    write_film(plain, list(EVENTS))
    thousandth = Fraction(1, 1000)
    with av.open(plain) as container, av.open(source, "w") as output:
        output.set_chapters(
            [{"id": 1, "start": 2000, "end": 9000, "time_base": thousandth, "metadata": {"title": "middle"}}]
        )
        copies = {stream.index: output.add_stream_from_template(stream) for stream in container.streams}
        for packet in container.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                output.mux(packet)
    retime(source, target, segments=[Segment(0, 10, 0.15, 1.0)], drift_ms_per_minute=60.0)
    with av.open(target) as container:
        (chapter,) = container.chapters()
    assert chapter["metadata"]["title"] == "middle"
    assert [chapter[edge] * chapter["time_base"] for edge in ("start", "end")] == [2, 9]


@pytest.mark.parametrize(
    ("suffix", "video", "audio", "made"),
    [
        (".ts", "libx264", "aac", "aac"),
        (".m2ts", "libx264", "ac3", "ac3"),
        (".vob", "mpeg2video", "ac3", "ac3"),
        (".mpg", "mpeg2video", "mp2", "mp2"),
        (".ogv", "libvpx", "flac", "flac"),
        (".avi", "mpeg4", "libmp3lame", "mp3float"),
        (".flv", "flv1", "libmp3lame", "mp3float"),
    ],
)
def test_a_drift_is_taken_out_of_every_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, video: str, audio: str, made: str
) -> None:
    monkeypatch.setitem(CODECS, suffix, (video, audio))
    source, target = write_film(tmp_path / f"source{suffix}", list(EVENTS)), tmp_path / f"out{suffix}"
    before = sound_after_picture(source)
    retime(source, target, segments=[Segment(0, 10, -0.05, 1.0)], drift_ms_per_minute=-600.0)
    # the sound was late by 0 at the start and by 10 ms more each second: so it is earlier now
    expected = [late - 0.01 * event for late, event in zip(before, EVENTS, strict=True)]
    assert sound_after_picture(target) == pytest.approx(expected, abs=0.008)
    with av.open(target) as container:
        assert container.streams.audio[0].codec_context.name == made


def test_resampling_a_film_whose_picture_begins_inside_a_group_moves_nothing(tmp_path: Path) -> None:
    plain = write_film(tmp_path / "plain.mp4", list(EVENTS))
    data = bytearray(plain.read_bytes())
    elst = data.index(b"elst")  # the picture's, which has one entry; both tracks begin 0.36 s later now
    second = data.index(b"elst", elst + 4)
    for place, rate in ((elst, 12_800), (second, RATE)):
        begin = int.from_bytes(data[place + 16 : place + 20], "big") + round(0.36 * rate)
        data[place + 16 : place + 20] = begin.to_bytes(4, "big")
    source, target = tmp_path / "cut.mp4", tmp_path / "out.mp4"
    source.write_bytes(data)
    retime(source, target, segments=[Segment(0, 9, 0.0, 1.0)], drift_ms_per_minute=0.0)
    assert sound_after_picture(target) == pytest.approx(sound_after_picture(source), abs=0.003)


def test_channels_that_change_on_the_way_are_converted(tmp_path: Path) -> None:
    parts = []
    for layout in ("stereo", "5.1"):
        parts.append(tmp_path / f"{layout}.ts")
        with av.open(parts[-1], "w") as container:
            video = container.add_stream("libx264", rate=25)
            video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
            audio = container.add_stream("ac3", rate=RATE, layout=layout)
            for index in range(50):
                frame = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
                frame.pts, frame.time_base = index, Fraction(1, 25)
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
            for start in range(0, 2 * RATE, 1536):
                block = np.full((audio.layout.nb_channels, 1536), 0.1, np.float32)
                sound = av.AudioFrame.from_ndarray(block, format="fltp", layout=layout)
                sound.sample_rate, sound.pts, sound.time_base = RATE, start, Fraction(1, RATE)
                container.mux(audio.encode(sound))
            container.mux(audio.encode(None))
    source, target = tmp_path / "source.ts", tmp_path / "out.ts"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    retime(source, target, segments=[Segment(0, 4, 0.0, 1.0)], drift_ms_per_minute=10.0)
    with av.open(target) as container:
        found = list(container.decode(audio=0))
    assert {frame.layout.name for frame in found} == {"stereo"}
    assert sum(frame.samples for frame in found) / RATE == pytest.approx(4.0, abs=0.1)
