import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avts.errors import MediaError
from avts.media.packets import packet_table
from avts.media.planes import Planes
from avts.media.reader import Source, read_windows
from avts.media.standard import read_standard
from avts.media.writer import GOP_FRAMES, write_standard_video, write_video

NUM_FRAMES = 100
HEIGHT, WIDTH = 96, 130  # lines that the decoder pads


def moving_planes(num_frames: int = NUM_FRAMES, height: int = HEIGHT, width: int = WIDTH) -> Planes:
    """A textured picture that slides, so that no two frames are alike."""
    rng = np.random.default_rng(0)
    wide = rng.integers(16, 236, (height // 4, (width + num_frames) // 4 + 2), np.uint8).repeat(4, 0).repeat(4, 1)
    y = np.stack([wide[:height, k : k + width] for k in range(num_frames)])
    return Planes(y, y[:, ::2, ::2].copy(), 255 - y[:, ::2, ::2])


@pytest.fixture(scope="module")
def standard_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("reader") / "clip.mp4"
    assert write_standard_video(path, [moving_planes().part(0, 60), moving_planes().part(60, NUM_FRAMES)]) == NUM_FRAMES
    return path


@pytest.fixture(scope="module")
def every_frame(standard_file: Path) -> Planes:
    """All frames by FFmpeg's own demuxer and a plain decode from the start: the second method."""
    planes = []
    with av.open(str(standard_file)) as container:
        for frame in container.decode(video=0):
            flat = frame.to_ndarray()
            half = HEIGHT // 4 * WIDTH
            u, v = flat[HEIGHT:].reshape(-1)[:half], flat[HEIGHT:].reshape(-1)[half : 2 * half]
            shape = (1, HEIGHT // 2, WIDTH // 2)
            planes.append(Planes(flat[None, :HEIGHT], u.reshape(shape), v.reshape(shape)))
    return Planes.join(planes)


def read_window(source: Source, *, start_seconds: float, duration_seconds: float) -> Planes:
    (window,) = read_windows(source, [start_seconds], duration_seconds)
    return window


def assert_same(got: Planes, expected: Planes) -> None:
    for name in ("y", "u", "v"):
        np.testing.assert_array_equal(getattr(got, name), getattr(expected, name))


@pytest.mark.parametrize("as_source", [lambda path: path, Path.read_bytes, lambda path: memoryview(path.read_bytes())])
def test_window_is_the_same_frames_as_a_decode_from_the_start(
    standard_file: Path, every_frame: Planes, as_source: Callable[[Path], Any]
) -> None:
    source = as_source(standard_file)
    rng = np.random.default_rng(0)
    for _ in range(30):
        count = int(rng.integers(1, 40))
        first = int(rng.integers(0, NUM_FRAMES - count + 1))
        nudge = float(rng.uniform(-0.49, 0.49)) if first else 0.0
        window = read_window(source, start_seconds=(first + nudge) / 24, duration_seconds=count / 24)
        assert_same(window, every_frame.part(first, first + count))


def test_whole_clip_and_single_frames(standard_file: Path, every_frame: Planes) -> None:
    whole = read_window(standard_file, start_seconds=0, duration_seconds=NUM_FRAMES / 24)
    assert_same(whole, every_frame)
    for first in (0, GOP_FRAMES - 1, GOP_FRAMES, NUM_FRAMES - 1):
        frame = read_window(standard_file, start_seconds=first / 24, duration_seconds=1 / 24)
        assert_same(frame, every_frame.part(first, first + 1))


def test_several_windows_of_one_opened_video(standard_file: Path, every_frame: Planes) -> None:
    starts = [2.0, 0.0, 3.0, 2.0]
    windows = read_windows(standard_file, starts, 1.0)
    for start, window in zip(starts, windows, strict=True):
        assert_same(window, every_frame.part(round(start * 24), round(start * 24) + 24))


def test_windows_own_their_memory(standard_file: Path, every_frame: Planes) -> None:
    first = read_window(standard_file, start_seconds=0, duration_seconds=1)
    read_window(standard_file, start_seconds=2, duration_seconds=1)
    assert_same(first, every_frame.part(0, 24))
    assert first.y.flags.owndata
    assert first.y.flags.c_contiguous


def test_threads_do_not_disturb_each_other(standard_file: Path, every_frame: Planes) -> None:
    failed: list[int] = []

    def read(first: int) -> None:
        for _ in range(10):
            window = read_window(standard_file, start_seconds=first / 24, duration_seconds=0.5)
            if not np.array_equal(window.y, every_frame.y[first : first + 12]):
                failed.append(first)

    threads = [threading.Thread(target=read, args=(first,)) for first in (3, 20, 47, 71)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_every_gop_is_closed_and_nothing_looks_ahead(standard_file: Path) -> None:
    table = packet_table(standard_file.read_bytes())
    assert table.key_frames == tuple(range(0, NUM_FRAMES, GOP_FRAMES))
    assert (table.num_frames, table.frames_per_second, table.width, table.height) == (NUM_FRAMES, 24.0, WIDTH, HEIGHT)
    with av.open(str(standard_file)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    assert [packet.pts for packet in packets] == [packet.dts for packet in packets]
    assert table.offsets == tuple(packet.pos for packet in packets)
    assert table.sizes == tuple(packet.size for packet in packets)


def test_the_standard_form_is_not_changed_by_a_second_pass(standard_file: Path, every_frame: Planes) -> None:
    again = read_standard(standard_file, short_side=HEIGHT, need_sound=False)
    assert_same(again.planes, every_frame)


@pytest.mark.parametrize(
    ("start", "duration", "said"),
    [
        (3.5, 1.0, r"3.500 to 4.500 s, but it lasts from 0 to 4.167 s"),
        (-0.5, 1.0, r"-0.500 to 0.500 s"),
        (1.0, 0.0, r"1.000 to 1.000 s"),
    ],
)
def test_window_outside_the_clip(standard_file: Path, start: float, duration: float, said: str) -> None:
    with pytest.raises(MediaError, match=rf"clip.mp4: asked for {said}"):
        read_window(standard_file, start_seconds=start, duration_seconds=duration)


def test_damaged_bytes_are_an_error_and_harm_no_later_window(standard_file: Path, every_frame: Planes) -> None:
    data = bytearray(standard_file.read_bytes())
    table = packet_table(bytes(data))
    for index in range(24, 48):
        start = table.offsets[index]
        data[start : start + table.sizes[index]] = bytes(table.sizes[index])
    with pytest.raises(MediaError, match=r"video: damaged near 1.250 s"):
        read_window(bytes(data), start_seconds=1.25, duration_seconds=0.5)
    assert_same(read_window(standard_file, start_seconds=1, duration_seconds=1), every_frame.part(24, 48))


def test_a_table_that_names_a_wrong_key_frame_is_an_error(standard_file: Path) -> None:
    data = bytearray(standard_file.read_bytes())
    entry = data.index(b"stss") + 12 + 4 * 2
    assert int.from_bytes(data[entry : entry + 4], "big") == 25  # counted from 1
    data[entry : entry + 4] = (26).to_bytes(4, "big")
    with pytest.raises(MediaError, match=r"video: damaged near 1.083 s: 0 of 5 frames decode"):
        read_window(bytes(data), start_seconds=26 / 24, duration_seconds=5 / 24)


def test_other_files_are_refused(tmp_path: Path, films: Any) -> None:
    text = tmp_path / "text.mp4"
    text.write_bytes(b"no film at all, however long this text may be")
    with pytest.raises(MediaError, match=r"text.mp4: not a file of the standard form"):
        read_window(text, start_seconds=0, duration_seconds=1)
    other = films.write("other.mp4", video_codec="mpeg4")
    with pytest.raises(MediaError, match=r"other.mp4: not a file of the standard form"):
        read_window(other, start_seconds=0, duration_seconds=1)
    reordered = films.write("reordered.mp4", options={"bf": "2"})
    with pytest.raises(MediaError, match=r"reordered.mp4: not a file of the standard form"):
        read_window(reordered, start_seconds=0, duration_seconds=1)


def test_missing_and_empty_files(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"gone.mp4: no such file in"):
        read_window(tmp_path / "gone.mp4", start_seconds=0, duration_seconds=1)
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(MediaError, match=r"empty.mp4: cannot be read"):
        read_window(tmp_path / "empty.mp4", start_seconds=0, duration_seconds=1)


def test_write_video_says_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"film.mp4: cannot write nonesuch and aac"):
        write_video(tmp_path / "film.mp4", moving_planes(2), None, video_codec="nonesuch")
