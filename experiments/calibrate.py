"""Fit the confidence of `avts sync`: what are the signs of an offset worth, on real clips and on generated films?

python experiments/calibrate.py CACHE --clips FOLDER[=TABLE] ... [--made FOLDER] [--model RUN] [--write FOLDER]

CACHE keeps the embeddings of every clip and model, so that a second fit takes seconds. Each FOLDER of in-sync clips
has a clips.csv (or TABLE) as `avts eval clips` reads it, with the column source; --made is a folder of `avts synth`.
Every clip counts as it is and with a known shift, searched over +-1 and +-2 s, and once with the sound of a clip of
another source: there every answer is wrong. A source weighs by the power 0.75 of its clips, 12 at most. The figures
printed are of cross-validation over sources, and so is what --plot draws; the last ones are the best guesses over
+-1 s within 0.2, 0.1 and 0.045 s of the truth. --write puts calibration.json beside the model.
"""

import argparse
import dataclasses
import json
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from avts.errors import AvtsError
from avts.evaluation.clip_table import Clip, read_clips
from avts.offset.calibration import FILE, RIGHT_SECONDS, SIGNS, within_limits
from avts.offset.clip_scores import TOLERANCES_SECONDS, area_under_curve
from avts.offset.clips import EncodedClip, encoded_clip, known_shifts
from avts.offset.distance_map import scan_features
from avts.offset.estimate import estimate
from avts.offset.features import Features
from avts.offset.measure import close_look
from avts.offset.model import SHIPPED, SyncModel, load_sync_model
from avts.report.reliability import calibration_error, draw_reliability

RANGES_SECONDS = (1.0, 2.0)
LONGEST_SECONDS = 20.0
FOLDS = 8
PENALTY = 3.0
MOST_CLIPS = 12
FOREIGN_WEIGHT = 0.25
"""What a case with the sound of another clip counts beside one with its own: a quarter of films cannot be told."""
CASES = "cases.json"
GOAL_RIGHT = 0.92
"""Share of the answers given that are to be right: chooses the least confidence."""


@dataclasses.dataclass(frozen=True)
class Case:
    """One best offset: its signs, its error (None: every offset is wrong), and where it comes from."""

    clip: str
    source: str
    kind: str
    cue: str
    range_seconds: float
    signs: list[float]
    error_seconds: float | None

    @property
    def right(self) -> bool:
        """Whether it is close to the truth."""
        return self.is_within(RIGHT_SECONDS)

    def is_within(self, seconds: float) -> bool:
        """Whether the error is at most this."""
        return self.error_seconds is not None and abs(self.error_seconds) <= seconds


def cached(path: Path, clip: Clip, model: SyncModel) -> EncodedClip | None:
    """A clip's embeddings, from disk if they were made before."""
    if not path.exists():
        found = encoded_clip(clip.path, model)
        np.savez(path, **{name: value for name, value in vars(found).items() if value is not None})
    with np.load(path) as file:
        return EncodedClip(**{"pictures": None, "parts": None, **file})


def cases_of(clip: Clip, features: Features, truth: float | None) -> list[Case]:
    """The best offsets of one film in each range; a truth of None makes every offset wrong."""
    found = []
    for reach in RANGES_SECONDS:
        first = estimate(scan_features(features, reach))
        if first.num_windows:
            offset, read = close_look(features, first.offset_seconds)
            signs = [within_limits(name, read[name]) for name in SIGNS]
            error = None if truth is None else offset - truth
            found.append(Case(str(clip.path), clip.source, clip.kind, clip.cue, reach, signs, error))
    return found


def all_cases(clips: list[Clip], cache: Path, model: SyncModel) -> list[Case]:
    """The cases of all clips."""
    generator, encoded, cases = np.random.default_rng(0), [], []
    for clip in clips:
        try:
            name = f"{zlib.crc32(str(clip.path).encode()):08x}-{clip.path.stem[:40]}.npz"
            found = cached(cache / name, clip, model)
        except AvtsError as error:
            print(error)
            continue
        if found is not None and 2.5 * 24 <= len(found.change) <= LONGEST_SECONDS * 24:
            encoded.append((clip, found))
    for clip, film in encoded:
        shifts = (0.0, known_shifts(clip.path, 0)[0])
        for shift in shifts[: 1 if clip.source.startswith("made") else 2]:
            cases += cases_of(clip, film.shifted(shift).features(model), shift + clip.offset_seconds)
        others = [
            each for owner, each in encoded if owner.source != clip.source and len(each.samples) >= len(film.samples)
        ]
        if others:
            foreign = dataclasses.replace(
                film, samples=others[generator.integers(len(others))].samples[: len(film.samples)]
            )
            cases += cases_of(dataclasses.replace(clip, cue="foreign"), foreign.features(model), None)
    return cases


def weights_of(cases: list[Case]) -> NDArray[np.float64]:
    """How much each case counts: a source by the power 0.75 of its clips, 12 at most."""
    clips: dict[str, set[str]] = {}
    number: dict[str, int] = {}
    for case in cases:
        clips.setdefault(case.source, set()).add(case.clip)
        number[case.source] = number.get(case.source, 0) + 1
    weight = np.array([min(len(clips[c.source]), MOST_CLIPS) ** 0.75 / number[c.source] for c in cases])
    weight *= [FOREIGN_WEIGHT if case.cue == "foreign" else 1.0 for case in cases]
    return np.asarray(weight / weight.mean())


def fitted(cases: list[Case]) -> tuple[float, NDArray[np.float64]]:
    """Constant and weights of the logistic function, ridge penalty on standardised signs."""
    x, y, w = np.array([c.signs for c in cases]), np.array([c.right for c in cases], float), weights_of(cases)
    mean, deviation = np.average(x, axis=0, weights=w), x.std(axis=0) + 1e-6
    z = np.column_stack([np.ones(len(x)), (x - mean) / deviation])

    def loss(b: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        odds = z @ b
        value = (w * (np.logaddexp(0, odds) - y * odds)).sum() + PENALTY * (b[1:] ** 2).sum()
        return float(value), z.T @ (w * (1 / (1 + np.exp(-odds)) - y)) + 2 * PENALTY * np.append(0, b[1:])

    b = minimize(loss, np.zeros(z.shape[1]), jac=True).x
    return float(b[0] - (b[1:] * mean / deviation).sum()), b[1:] / deviation


def said(cases: list[Case], constant: float, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Confidence of each case."""
    return np.asarray(1 / (1 + np.exp(-(constant + np.array([c.signs for c in cases]) @ weights))))


def cross_validated(cases: list[Case]) -> NDArray[np.float64]:
    """Confidence of each case by a fit that saw no clip of its source."""
    sources = sorted({case.source for case in cases})
    np.random.default_rng(0).shuffle(sources)
    fold = np.array([sources.index(case.source) % FOLDS for case in cases])
    out = np.zeros(len(cases))
    for number in range(FOLDS):
        held = [case for case, f in zip(cases, fold, strict=True) if f == number]
        if held:
            out[fold == number] = said(held, *fitted([c for c, f in zip(cases, fold, strict=True) if f != number]))
    return out


def least_confidence(confidence: NDArray[np.float64], cases: list[Case]) -> float:
    """The lowest confidence from which on GOAL_RIGHT of the answers are right, by the weights of the sources.

    Generated films do not choose it: nearly all of their answers are right.
    """
    right, weight = np.array([c.right for c in cases], float), weights_of(cases)
    real = np.array([c.cue != "made" for c in cases])
    for level in np.arange(0.4, 0.95, 0.01):
        chosen = real & (confidence >= level)
        if chosen.any() and np.average(right[chosen], weights=weight[chosen]) >= GOAL_RIGHT:
            return float(round(level, 2))
    return 0.95


def describe(name: str, cases: list[Case], confidence: NDArray[np.float64], least: float) -> None:
    """One line of figures."""
    if not cases:
        return
    right = np.array([c.right for c in cases])
    told = confidence >= least
    precision = f"{right[told].mean():.2f}" if told.any() else "-"
    error = calibration_error(list(zip(confidence.tolist(), right.tolist(), strict=True)))
    area = area_under_curve(confidence, right)
    close = [case for case in cases if case.range_seconds == RANGES_SECONDS[0]]
    shares = [
        f"{100 * np.mean([case.is_within(t) for case in close]):.0f}" if close else "-" for t in TOLERANCES_SECONDS
    ]
    print(
        f"{name:38s} {len(cases):5d} right {right.mean():.2f}  AUC {'-' if area is None else format(area, '.2f'):5s} "
        f"calibration error {error:.2f}  answered {told.mean():.2f}, of these right {precision}  "
        f"+-1 s: {'/'.join(shares)} %"
    )


def groups_of(cases: list[Case]) -> dict[str, list[int]]:
    """Indices of the cases of each range, cue and source."""
    groups: dict[str, list[int]] = {"all": list(range(len(cases)))}
    for index, case in enumerate(cases):
        real = case.cue not in ("made", "foreign")
        big = any(name in case.source.lower() for name in ("filyp", "grid"))
        names = [f"real, +-{case.range_seconds:g} s"] if real else [case.cue]
        names += ["real without filyp and GRID"] if real and not big else []
        names += [f"cue {case.cue}"] if real and case.cue else []
        names += [f"cue {case.cue} without filyp and GRID"] if real and case.cue and not big else []
        names += [f"kind {case.kind} without filyp and GRID"] if real and not big else []
        names += [f"source {case.source}"] if case.cue != "foreign" else []
        for name in names:
            groups.setdefault(name, []).append(index)
    return dict(sorted(groups.items(), key=lambda item: item[0].startswith("source")))


def main() -> None:
    """Read, fit, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("--clips", nargs="+", default=[], help="FOLDER or FOLDER=TABLE")
    parser.add_argument("--made", type=Path, nargs="*", default=[])
    parser.add_argument("--model", type=Path)
    parser.add_argument("--refit", action="store_true", help="from the signs that the last fit left in CACHE")
    parser.add_argument("--write", type=Path)
    parser.add_argument("--plot", type=Path, help="draw how often held-out answers are right at each confidence")
    given = parser.parse_args()
    clips: list[Clip] = []
    for folder in given.clips:
        where, _, table = folder.partition("=")
        clips += read_clips(Path(where), Path(table) if table else None)
    for folder in given.made:
        for number, path in enumerate(sorted(folder.rglob("*.mp4"))):
            truth = json.loads(path.with_suffix(".json").read_text())["offset_seconds"]
            clips.append(Clip(path, "made", f"made {folder.name} {number % 3}", "made", float(truth)))
    given.cache.mkdir(parents=True, exist_ok=True)
    if not given.refit:
        found = all_cases(clips, given.cache, load_sync_model(given.model))
        (given.cache / CASES).write_text(json.dumps([vars(case) for case in found]), encoding="utf-8")
    cases = [Case(**values) for values in json.loads((given.cache / CASES).read_text(encoding="utf-8"))]
    confidence = cross_validated(cases)
    least = least_confidence(confidence, cases)
    for name, index in groups_of(cases).items():
        describe(name, [cases[i] for i in index], confidence[index], least)
    if given.plot:
        shown = {"real clips": ("made", "foreign"), "generated films": ("", "strong", "weak", "none", "foreign")}
        groups = {
            name: [(float(p), case.right) for p, case in zip(confidence, cases, strict=True) if case.cue not in others]
            for name, others in shown.items()
        }
        draw_reliability(given.plot, groups)
    constant, weights = fitted(cases)
    record = {
        "constant": round(constant, 4),
        "weights": {name: round(float(w), 4) for name, w in zip(SIGNS, weights, strict=True)},
        "least_confidence": least,
    }
    print(json.dumps(record))
    if given.write:
        (given.write / FILE).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        print(f"written: {given.write / FILE}" + (" (the model in the box)" if given.write == SHIPPED else ""))


if __name__ == "__main__":
    main()
