"""A film as a strip of thumbnails on a page. Input: a few frames with their times. Output: HTML.

Each thumbnail is a JPEG in a data URI, so the page remains one file.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from avts.offset.kept_frames import TimedPlanes
from avts.report.strip import rgb_of
from avts.report.sync_text import film_time

NUM_THUMBNAILS = 6
HEIGHT_PIXELS = 88
"""Height of a thumbnail: six of 16:9 fit on one line of a page."""

JPEG_QUALITY = 70


def thumbnail_strip(kept: TimedPlanes) -> str:
    """The frames of a film in temporal order, each with its time below it."""
    labels = [film_time(seconds, kept.duration_seconds) for seconds in kept.times_seconds]
    return f'<div class="strip">{"".join(_thumbnails(kept, labels))}</div>'


def _thumbnails(kept: TimedPlanes, labels: Sequence[str]) -> list[str]:
    """One <figure> for each frame."""
    return [
        f'<figure><img src="{_data_uri(rgb_of(kept.planes, index))}" alt="frame at {label}"'
        f' height="{HEIGHT_PIXELS}"><figcaption>{label}</figcaption></figure>'
        for index, label in enumerate(labels)
    ]


def _data_uri(frame: NDArray[np.uint8]) -> str:
    """A frame [H, W, 3], RGB, as a small JPEG in a data URI."""
    height, width = frame.shape[:2]
    size = (max(1, round(width * HEIGHT_PIXELS / height)), HEIGHT_PIXELS)
    interpolation = cv2.INTER_AREA if height > HEIGHT_PIXELS else cv2.INTER_LINEAR
    small = cv2.resize(frame, size, interpolation=interpolation)
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(encoded.tobytes()).decode()}"
