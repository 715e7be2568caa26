"""The plain baseline, without a model: when much moves, it is loud. `--method motion`.

Input: the change of each frame and the power of its sound. Output: an OffsetScan and its OffsetEstimate.
Both logarithms are standardised; the offset is where their correlation over the whole film is highest.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avts.media.activity import PictureActivity, SoundActivity, audible_windows, moving_windows
from avts.offset.correlation import CHANGE_FLOOR, POWER_FLOOR, correlation_evidence
from avts.offset.distance_map import WINDOW_SECONDS, OffsetScan
from avts.offset.estimate import OffsetEstimate, estimate_from_evidence
from avts.offset.film import Film
from avts.timebase import FRAME_RATE


def motion_measure(film: Film, *, range_seconds: float = 2.0) -> tuple[OffsetScan, OffsetEstimate]:
    """Read a film and find the offset at which motion and loudness go together best.

    Raises:
        MediaError: the film cannot be read, or has no picture or no sound.
    """
    picture, sound = PictureActivity(), SoundActivity()
    for _ in picture.watching(film.pictures()):
        pass
    for _ in sound.watching(film.sounds()):
        pass
    scan = motion_scan(picture.change, sound.power, largest=picture.largest, range_seconds=range_seconds)
    return scan, motion_estimate(picture.change, sound.power, scan)


def motion_scan(
    change: NDArray[np.float64],
    power: NDArray[np.float64],
    *,
    largest: NDArray[np.float64] | None = None,
    range_seconds: float = 2.0,
) -> OffsetScan:
    """The distance map of windows of one second: (1 - correlation) / 2, with the film's own means and deviations.

    Args:
        change: of each frame, [T].
        power: of the sound during each frame, [T].
        largest: change of the cell that changes most, to tell still windows; None takes every window for moving.
        range_seconds: offsets up to this much either way are tried.
    """
    window = round(WINDOW_SECONDS * FRAME_RATE)
    length = min(len(change), len(power))
    reach = round(range_seconds * FRAME_RATE)
    offsets = np.arange(-reach, reach + 1)
    motion, loudness = _standardised(change[:length], CHANGE_FLOOR), _standardised(power[:length], POWER_FLOOR)
    heard = audible_windows(power[:length], window)
    moves = np.ones(len(heard), np.bool_) if largest is None else moving_windows(largest[:length], window)
    distances = np.full((len(heard), len(offsets)), np.nan, np.float32)
    for column, offset in enumerate(offsets.tolist()):
        first, stop = max(offset, 0), min(len(heard) + offset, len(heard))
        if first >= stop:
            continue
        product = motion[first : stop + window - 1] * loudness[first - offset : stop - offset + window - 1]
        mean = np.convolve(product, np.full(window, 1 / window), "valid")
        known = heard[first - offset : stop - offset] & moves[first:stop]
        distances[first:stop, column] = np.where(known, np.clip((1 - mean) / 2, 0, 1), np.nan)
    return OffsetScan(
        times_seconds=np.arange(len(heard)) / FRAME_RATE,
        offsets_seconds=offsets / FRAME_RATE,
        distances=distances,
        window_seconds=WINDOW_SECONDS,
        num_heard=int(heard.sum()),
        num_moving=int(moves.sum()),
    )


def motion_estimate(change: NDArray[np.float64], power: NDArray[np.float64], scan: OffsetScan) -> OffsetEstimate:
    """The offset at the peak of the correlation over the whole film, and how far it stands out.

    Args:
        change: of each frame, [T].
        power: of the sound during each frame, [T].
        scan: what motion_scan made of them.
    """
    offsets = np.round(scan.offsets_seconds * FRAME_RATE).astype(int)
    correlation, evidence = correlation_evidence(change, power, offsets)
    return estimate_from_evidence(scan, evidence, (1 - correlation) / 2)


def _standardised(values: NDArray[np.float64], floor: float) -> NDArray[np.float64]:
    """Logarithm, of zero mean and unit deviation; all 0 if nothing varies."""
    if not len(values):
        return values
    logs = np.log(values + floor)
    deviation = float(logs.std())
    standard: NDArray[np.float64] = (logs - logs.mean()) / (deviation if deviation > 1e-9 else 1.0)
    return standard
