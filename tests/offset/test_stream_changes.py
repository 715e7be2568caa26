"""What became of each stream, by the two files alone."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from avts.errors import MediaError
from avts.offset.repair import repair
from avts.offset.stream_changes import StreamChange, stream_changes


def with_subtitles(film: Path) -> Path:
    """The film with a subtitle track more."""
    out = film.with_name("worded.mkv")
    with av.open(str(film)) as source, av.open(str(out), "w") as new:
        copies = [new.add_stream_from_template(stream) for stream in source.streams]
        subtitles: Any = new.add_mux_stream("subrip")
        line: Any = av.Packet(b"Hello")
        line.stream, line.time_base, line.pts, line.dts, line.duration = subtitles, Fraction(1, 1000), 100, 100, 500
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                new.mux(packet)
        new.mux(line)
    return out


def test_copied_moved_and_left_out_are_told_apart(films: Any) -> None:
    film = with_subtitles(films.write("a.mkv", seconds=1.0, audio_codec="pcm_s16le"))
    moved = film.with_name("moved.mkv")
    repair(film, moved, offset_seconds=0.12)
    assert stream_changes(film, moved, encoded_again=False) == (
        StreamChange("video", "h264", "h264", "copied", 0.0, 0.0),
        StreamChange("audio", "pcm_s16le", "pcm_s16le", "copied", 0.0, pytest.approx(0.12, abs=1e-3)),
        StreamChange("subtitle", "subrip", "subrip", "copied"),
    )
    plain = films.write("plain.mkv", seconds=1.0, audio_codec="flac")
    assert [(each.codec, each.new_codec, each.fate) for each in stream_changes(film, plain, encoded_again=True)] == [
        ("h264", "h264", "copied"),
        ("pcm_s16le", "flac", "encoded again"),
        ("subrip", "", "left out"),
    ]
    assert [each.fate for each in stream_changes(plain, film, encoded_again=False)] == [
        "copied",
        "left out",
        "added",
        "added",
    ]


def test_what_a_decoder_throws_away_at_the_start_counts(films: Any) -> None:
    film = films.write("a.mp4", seconds=1.0)
    moved = film.with_name("moved.mp4")
    repair(film, moved, offset_seconds=0.12)
    with av.open(str(film)) as container:
        assert container.streams.audio[0].start_time == 0, "AAC's first packet lies before what the container says"
    (sound,) = [each for each in stream_changes(film, moved, encoded_again=False) if each.kind == "audio"]
    assert sound.start_seconds is not None
    assert sound.new_start_seconds is not None
    assert sound.start_seconds < -0.01
    assert sound.new_start_seconds - sound.start_seconds == pytest.approx(0.12, abs=1e-3)


def test_codecs_have_their_own_names_not_those_of_decoders(films: Any) -> None:
    film = films.write("a.mkv", seconds=1.0, audio_codec="libmp3lame")
    assert [each.codec for each in stream_changes(film, film, encoded_again=False)] == ["h264", "mp3"]


def test_a_file_that_cannot_be_read_is_named(films: Any, tmp_path: Path) -> None:
    (tmp_path / "letter.mkv").write_text("Dear reader")
    with pytest.raises(MediaError, match=r"letter\.mkv: not a readable media file"):
        stream_changes(films.write("a.mkv", seconds=1.0), tmp_path / "letter.mkv", encoded_again=False)
