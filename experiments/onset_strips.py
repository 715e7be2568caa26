"""Strips of frames round the clearest sound onsets of clips: is the sync of a clip to be seen, and is it true?

python experiments/onset_strips.py FOLDER OUT [--only TEXT ...] [--onsets 3] [--rows 6]

Reads every video file in FOLDER (with --only, those whose path contains a TEXT) and writes contact sheets
OUT/sheet-NN.png. Each row is one onset: the whole frame, then frames 1/12 s apart from 1/3 s before the onset to 1/3 s
after it, cut to what moves, and the loudness below them. The frame at the onset has a red border: in a clip that is in
sync and has a strong cue it shows the contact, the lips that open, the string that is struck. Rate each clip strong
(the moment is plain), weak (something fits, give or take 0.2 s) or none, and write it into the column `cue` of a table
for `avts eval clips`.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from avts.corpus.folder import is_video_name
from avts.errors import InputError
from avts.media.standard import read_standard
from avts.timebase import FRAME_RATE, SAMPLE_RATE

LINES = 360
SIDE = 132
STEP_FRAMES = 2
AROUND_FRAMES = range(-8, 9, STEP_FRAMES)
APART_SECONDS = 0.6
HOP_SECONDS = 0.01
RISE_SECONDS = 0.05
CROP_SHARE = 0.62
"""Side of the cut, as a share of the frame's short side."""
TRACE_HEIGHT = 34


def loudness(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """Level of each 10 ms in dB, [S]."""
    hop = round(HOP_SECONDS * SAMPLE_RATE)
    power = np.square(samples[: len(samples) // hop * hop].reshape(-1, hop).astype(np.float64)).mean(axis=1)
    return np.asarray(10 * np.log10(power + 1e-7))


def onsets_seconds(level: NDArray[np.float64], count: int) -> list[float]:
    """The steepest rises of the level that are APART_SECONDS from each other, in order of time."""
    width = round(RISE_SECONDS / HOP_SECONDS)
    mean = np.convolve(level, np.full(width, 1 / width), "valid")
    rise = np.maximum(mean[width:] - mean[:-width], 0) * (mean[width:] > np.quantile(mean, 0.5))
    found: list[float] = []
    margin = round(-AROUND_FRAMES[0] / FRAME_RATE / HOP_SECONDS)
    rise[: max(margin - width, 0)] = rise[len(rise) - margin :] = 0
    for _ in range(count):
        at = int(rise.argmax())
        if rise[at] <= 0:
            break
        found.append((at + width) * HOP_SECONDS)
        near = round(APART_SECONDS / HOP_SECONDS)
        rise[max(at - near, 0) : at + near] = 0
    return sorted(found)


def moving_place(luma: NDArray[np.uint8], first: int, stop: int) -> tuple[int, int, int]:
    """Top, left and side of the square in which most changes from frame first to frame stop."""
    part = luma[max(first, 0) : stop].astype(np.float32)
    moved = np.abs(np.diff(part, axis=0)).mean(axis=0)
    side = int(CROP_SHARE * min(moved.shape))
    near = cv2.boxFilter(moved, -1, (side // 2, side // 2), normalize=True, borderType=cv2.BORDER_CONSTANT)
    y, x = np.unravel_index(int(near.argmax()), near.shape)
    top = int(np.clip(y - side // 2, 0, moved.shape[0] - side))
    left = int(np.clip(x - side // 2, 0, moved.shape[1] - side))
    return top, left, side


def row(luma: NDArray[np.uint8], level: NDArray[np.float64], onset: float, title: str) -> NDArray[np.uint8]:
    """One onset as a picture, [H, W]."""
    middle = int(onset * FRAME_RATE)
    top, left, side = moving_place(luma, middle - 8, middle + 9)
    whole = luma[min(middle, len(luma) - 1)]
    width = SIDE * whole.shape[1] // whole.shape[0]
    whole = cv2.resize(whole, (min(width, 240), SIDE), interpolation=cv2.INTER_AREA)
    tiles = [cv2.cvtColor(np.pad(whole, ((0, 0), (0, 240 - whole.shape[1]))), cv2.COLOR_GRAY2BGR)]
    for away in AROUND_FRAMES:
        frame = luma[int(np.clip(middle + away, 0, len(luma) - 1))][top : top + side, left : left + side]
        tile = cv2.cvtColor(cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_GRAY2BGR)
        tiles.append(cv2.rectangle(tile, (0, 0), (SIDE - 1, SIDE - 1), (0, 0, 255) if away == 0 else (0, 0, 0), 2))
    strip = np.concatenate(tiles, axis=1)
    trace = np.full((TRACE_HEIGHT, strip.shape[1], 3), 255, np.uint8)
    for x in range(240, trace.shape[1]):
        frames = (x - 240) / SIDE * STEP_FRAMES + AROUND_FRAMES[0]
        at = int((middle + frames) / FRAME_RATE / HOP_SECONDS)
        if 0 <= at < len(level):
            height = int(np.interp(level[at], (np.quantile(level, 0.02), level.max()), (0, TRACE_HEIGHT - 2)))
            trace[TRACE_HEIGHT - 1 - height :, x] = (200, 140, 60)
    cv2.putText(trace, f"{onset:.2f} s", (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.putText(trace, title, (4, 29), cv2.FONT_HERSHEY_SIMPLEX, 0.36, (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([strip, trace])


def main() -> None:
    """Write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--onsets", type=int, default=3)
    parser.add_argument("--rows", type=int, default=6, help="of a sheet")
    given = parser.parse_args()
    paths = [path for path in sorted(given.folder.rglob("*")) if is_video_name(path.name)]
    paths = [path for path in paths if not given.only or any(text in str(path) for text in given.only)]
    given.out.mkdir(parents=True, exist_ok=True)
    rows: list[NDArray[np.uint8]] = []
    count = 0
    for number, path in enumerate(paths):
        try:
            clip = read_standard(path, short_side=LINES)
        except InputError as error:
            print(error)
            continue
        level = loudness(clip.samples)
        rows += [row(clip.planes.y, level, onset, path.stem[:34]) for onset in onsets_seconds(level, given.onsets)]
        while len(rows) >= given.rows or (number == len(paths) - 1 and rows):
            cv2.imwrite(str(given.out / f"sheet-{count:02d}.png"), np.concatenate(rows[: given.rows]))
            rows, count = rows[given.rows :], count + 1


if __name__ == "__main__":
    main()
