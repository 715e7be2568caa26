"""Sound of any number of channels: read without harm, and mixed so that nothing audible cancels."""

import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from avts.errors import MediaError
from avts.media.downmix import ChannelReader, Downmix, mixed
from avts.media.standard import standard_sound

RATE = 16_000


def write_channels(path: Path, samples: NDArray[np.float64], codec: str, layout: str, **options: str) -> Path:
    """Sound of [C, N] alone in Matroska."""
    with av.open(str(path), "w") as container:
        audio: Any = container.add_stream(codec, rate=48_000, options=options)
        audio.codec_context.layout = layout
        packed = np.ascontiguousarray((samples.T * 32767).astype(np.int16))
        for first in range(0, samples.shape[1], 1920):
            block = packed[first : first + 1920]
            frame = av.AudioFrame(format="s16", layout=layout, samples=len(block))
            frame.planes[0].update(block.tobytes())
            frame.sample_rate, frame.pts, frame.time_base = 48_000, first, Fraction(1, 48_000)
            container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
    return path


def tone(seconds: float, rate: int = RATE, hertz: float = 440.0) -> NDArray[np.float64]:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize(
    ("codec", "options"), [("libopus", {"mapping_family": "255"}), ("wavpack", {})], ids=["opus", "wavpack"]
)
def test_sixteen_planar_channels_are_read(tmp_path: Path, codec: str, options: dict[str, str]) -> None:
    """In a process of its own: where it fails, the process dies of a segmentation fault."""
    each = tone(1.0, 48_000)
    path = write_channels(tmp_path / "many.mkv", np.tile(each, (16, 1)), codec, "hexadecagonal", **options)
    with av.open(str(path)) as container:
        frame = next(container.decode(audio=0))
        assert frame.format.is_planar
        assert frame.layout.nb_channels == 16
    code = f"""
import numpy as np
from pathlib import Path
from avts.media.limits import Guard, Limits
from avts.media.standard import standard_sound
sound = np.concatenate(list(standard_sound(Path({str(path)!r}), guard=Guard("many", Limits()))))
print(np.sqrt((sound[4000:12000] ** 2).mean()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == pytest.approx(0.5 / np.sqrt(2), rel=0.02)


def test_all_samples_of_a_block_of_many_channels_arrive_in_their_channel(tmp_path: Path) -> None:
    levels = np.arange(1, 13) / 20
    samples = np.tile(levels[:, None], (1, 4800))
    path = write_channels(tmp_path / "steps.mkv", samples, "wavpack", "7.1.4")
    with av.open(str(path)) as container:
        blocks = [ChannelReader("steps").read(frame) for frame in container.decode(audio=0)]
    assert np.concatenate(blocks, axis=1) == pytest.approx(samples, abs=1 / 128)  # it is 8 bits wide


def test_more_channels_than_the_resampler_takes_are_refused_by_number() -> None:
    frame = av.AudioFrame(format="s16", layout="65 channels", samples=10)
    with pytest.raises(MediaError, match=r"choir.mkv: its sound has 65 channels, more than the 64"):
        ChannelReader("choir.mkv").read(frame)


def test_inverted_channels_do_not_cancel(tmp_path: Path) -> None:
    each = tone(2.0, 48_000)
    path = write_channels(tmp_path / "inverted.mkv", np.stack([each, -each]), "pcm_s16le", "stereo")
    sound = np.concatenate(list(standard_sound(path)))
    assert np.sqrt((sound[1000:31_000] ** 2).mean()) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)


def test_the_choice_of_a_channel_stays_and_does_not_click() -> None:
    """The quieter of two inverted channels adds nothing; from the first block on it is the louder one alone."""
    each = tone(1.0).astype(np.float32)
    sound = mixed(np.stack([0.8 * each, -each]), RATE)
    assert np.abs(np.abs(sound[2048:]) - np.abs(each[2048:])).max() < 1e-6
    assert np.abs(np.diff(sound)).max() <= np.abs(np.diff(each)).max() * 1.05


@pytest.mark.parametrize("count", [2, 6])
def test_unrelated_channels_and_a_single_one_are_mixed_by_the_mean(count: int) -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.1, (count, RATE)).astype(np.float32)
    assert np.abs(mixed(noise, RATE) - noise.mean(axis=0)).max() < 1e-6
    noise[1:] = 0
    assert np.abs(mixed(noise, RATE) - noise[0] / count).max() < 1e-6


def test_after_the_channels_agree_again_the_mean_is_taken() -> None:
    each = tone(6.0).astype(np.float32)
    other = each.copy()
    other[: 2 * RATE] *= -1
    other[2 * RATE :] *= 0.5
    sound = mixed(np.stack([each, other]), RATE)
    assert np.abs(sound[RATE : 2 * RATE] - each[RATE : 2 * RATE]).max() < 1e-6
    assert np.abs(sound[5 * RATE :] - 0.75 * each[5 * RATE :]).max() < 1e-6


def test_a_change_of_the_number_of_channels_begins_anew() -> None:
    downmix = Downmix()
    each = tone(0.1).astype(np.float32)
    downmix.add(np.stack([each, -each]), RATE)
    assert downmix.add(np.stack([each, each, each]), RATE) == pytest.approx(each, abs=1e-6)
