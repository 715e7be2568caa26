"""A take as an MP4 file: H.264 picture, AAC sound, both starting at 0 s."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from avts.timebase import FRAME_RATE, SAMPLE_RATE
from avts.world.take import Take

_QUALITY = "24"
"""x264's constant rate factor: good enough that a 64-line copy shows no blocks."""

_AUDIO_BITS_PER_SECOND = 64_000

_SAMPLES_A_FRAME = 1024
"""AAC's frame length; the encoder is given whole frames."""


def encode(take: Take, path: Path) -> None:
    """Write a take to a file, whatever its name ends in."""
    height, width = take.frames.shape[1:3]
    with av.open(str(path), "w", format="mp4") as container:
        video = container.add_stream("libx264", rate=FRAME_RATE)
        video.width, video.height, video.pix_fmt = width, height, "yuv420p"
        video.codec_context.thread_count = 1  # several worker processes share the cores
        video.options = {"crf": _QUALITY, "preset": "ultrafast", "g": str(2 * FRAME_RATE)}
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono", options={"aac_coder": "fast"})
        audio.bit_rate = _AUDIO_BITS_PER_SECOND
        for number, picture in enumerate(take.frames):
            # OpenCV converts the colours six times faster than the frame's own conversion, to the same BT.601 values.
            planes = cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420)
            image = av.VideoFrame.from_ndarray(planes, format="yuv420p")
            image.pts, image.time_base = number, Fraction(1, FRAME_RATE)
            container.mux(video.encode(image))
        container.mux(video.encode(None))
        for start in range(0, len(take.samples), _SAMPLES_A_FRAME):
            part = np.ascontiguousarray(take.samples[None, start : start + _SAMPLES_A_FRAME])
            sound = av.AudioFrame.from_ndarray(part, format="fltp", layout="mono")
            sound.sample_rate, sound.pts, sound.time_base = SAMPLE_RATE, start, Fraction(1, SAMPLE_RATE)
            container.mux(audio.encode(sound))
        container.mux(audio.encode(None))
