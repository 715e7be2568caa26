"""The findings of the doctor as text with bars. Input: findings. Output: text, and plain values for JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from avts.doctor.alignment import Alignment
from avts.doctor.findings import Findings, TrainingPlan
from avts.doctor.speed import LoaderSpeed, StepSpeed
from avts.pairs.capacity import Capacity
from avts.report.tables import duration, text_table

DURATION_EDGES = (0, 1, 2, 4, 6, 8, 10, 15, 30, 60, 300, 3600)
RATE_EDGES = (0, 10, 14, 16, 23, 24.5, 26, 29, 31, 49, 51, 61)
SOUND_EDGES = (0, 8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 48_001)

BAR_WIDTH = 40
FAULTS_SHOWN = 20

ITEMS = {"folder": "video files", "corpus": "clips"}

FLAG_WORDS = {
    "unreadable": "cannot be opened",
    "no_video": "without a picture",
    "no_audio": "without sound",
    "too_short": "shorter than a window",
    "short": "shorter than a window",
    "undecodable": "cannot be decoded",
    "silent": "silent (kept, not used)",
    "still": "no motion in the picture (kept, not used)",
    "truncated": "truncated or partly damaged",
    "clock_breaks": "time stamps restart or jump (handled as players do)",
    "crashed": "crash or hang the decoder",
}


def doctor_text(
    found: Findings,
    capacity: Sequence[Capacity],
    loader: LoaderSpeed | None,
    step: StepSpeed | None,
    alignment: Alignment | None = None,
    plan: TrainingPlan | None = None,
) -> str:
    """The whole report for a terminal."""
    parts = [_headline(found)]
    if found.flags:
        rows = [(str(count), FLAG_WORDS.get(flag, flag)) for flag, count in found.flags.most_common()]
        parts.append(_section("Flags", text_table((ITEMS[found.kind], ""), rows)))
    parts.append(_section("Durations (s)", histogram(found.durations_seconds, DURATION_EDGES)))
    parts.append(_section("Frames per second", histogram(found.frames_per_second, RATE_EDGES)))
    parts.append(_section("Samples per second", histogram(found.sample_rates, SOUND_EDGES)))
    if found.splits:
        parts.append(_section("Splits", bars(found.splits)))
    parts.append(_section("Windows", _capacity_table(capacity)))
    if plan is not None:
        parts.append(_section(f"Training with {plan.recipe}", plan.refusal or "\n".join(plan.lines)))
    if alignment is not None:
        parts.append(_section("Sync of sound and picture", alignment.reason.text))
    parts.extend(_lists(found))
    parts.append(_section("Speed", _speed(found, loader, step)))
    parts.append(_verdict(found, plan))
    return "\n\n".join(part for part in parts if part)


def doctor_record(
    found: Findings,
    capacity: Sequence[Capacity],
    loader: LoaderSpeed | None,
    step: StepSpeed | None,
    alignment: Alignment | None = None,
    plan: TrainingPlan | None = None,
) -> dict[str, Any]:
    """The same report as plain values, durations in seconds."""
    record: dict[str, Any] = {
        "path": str(found.path),
        "kind": found.kind,
        "items": found.num_items,
        "usable": len(found.durations_usable),
        "total_seconds": sum(found.durations_seconds),
        "flags": dict(found.flags),
        "faults": [{"name": name, "message": message} for name, message in found.faults],
        "notes": [{"name": name, "message": message} for name, message in found.notes],
        "duplicates": found.duplicates,
        "decoded": found.num_decoded,
        "durations_seconds": _counts(found.durations_seconds, DURATION_EDGES),
        "frames_per_second": _counts(found.frames_per_second, RATE_EDGES),
        "sample_rates": _counts(found.sample_rates, SOUND_EDGES),
        "windows": {each.kind: {"clips": each.num_clips, "pairs": each.num_pairs} for each in capacity},
        "is_usable": found.is_usable,
    }
    if loader is not None:
        record["loader_windows_per_second_and_core"] = loader.windows_per_second
    if step is not None:
        record |= {"step_seconds": step.seconds, "step_windows_per_second": step.windows_per_second}
        record |= {"device": step.device}
    if alignment is not None:
        record["alignment"] = dict(alignment.reason.figures)
    if plan is not None:
        record["training"] = {"clips": plan.num_clips, "refusal": plan.refusal, "lines": list(plan.lines)}
    return record


def histogram(values: Sequence[float], edges: Sequence[float]) -> str:
    """Counts between edges, one bar each; empty bins at both ends are omitted."""
    rows = [(f"{row['from']:g} to {row['to']:g}", row["count"]) for row in _counts(values, edges)]
    return bars(dict(rows)) if rows else "unknown"


def _counts(values: Sequence[float], edges: Sequence[float]) -> list[dict[str, Any]]:
    """Counts of values in [from, to); values beyond the last edge get a bin of their own."""
    if not values:
        return []
    whole = [*edges, max(values) * 1.0001] if max(values) >= edges[-1] else list(edges)
    rows = [
        {"from": low, "to": high, "count": sum(low <= value < high for value in values)}
        for low, high in pairwise(whole)
    ]
    filled = [index for index, row in enumerate(rows) if row["count"]]
    return rows[filled[0] : filled[-1] + 1] if filled else []


def bars(counts: dict[str, int] | Counter[str]) -> str:
    """Names, bars with lengths in proportion to the counts, and the counts."""
    most, width = max([1, *counts.values()]), max(map(len, counts), default=0)
    return "\n".join(
        f"{name:>{width}}  {'█' * max(round(BAR_WIDTH * count / most), count > 0)}{' ' * (count > 0)}{count}"
        for name, count in counts.items()
    )


def _headline(found: Findings) -> str:
    size = f", {found.num_bytes / 2**20:,.0f} MB" if found.num_bytes else ""
    return (
        f"{found.path}: {'a corpus of ' * (found.kind == 'corpus')}{found.num_items} {ITEMS[found.kind]}{size}, "
        f"{duration(sum(found.durations_seconds))}; {len(found.durations_usable)} usable, "
        f"{found.num_decoded} decoded completely"
    )


def _section(title: str, text: str) -> str:
    return f"{title}\n" + "\n".join(f"  {line}" for line in text.splitlines())


def _capacity_table(capacity: Sequence[Capacity]) -> str:
    rows = [(each.kind.replace("_", "-"), f"{each.num_clips:,}", f"{each.num_pairs:,}") for each in capacity]
    return text_table(("kind of pair", "clips that provide it", "distinct pairs"), rows)


def _lists(found: Findings) -> list[str]:
    """Unusable items, notes and duplicates."""
    parts = []
    if found.faults:
        lines = [f"{name}: {message}" for name, message in found.faults[:FAULTS_SHOWN]]
        more = [f"and {len(found.faults) - FAULTS_SHOWN} more (--json lists all)"] * (len(found.faults) > FAULTS_SHOWN)
        parts.append(_section("Not usable", "\n".join([*lines, *more])))
    if found.notes:
        lines = [f"{name}: {note}" for name, note in found.notes[:FAULTS_SHOWN]]
        more = [f"and {len(found.notes) - FAULTS_SHOWN} more (--json lists all)"] * (len(found.notes) > FAULTS_SHOWN)
        parts.append(_section("Notes", "\n".join([*lines, *more])))
    if found.duplicates:
        lines = [" = ".join(group) for group in found.duplicates[:FAULTS_SHOWN]]
        more = [f"and {len(found.duplicates) - FAULTS_SHOWN} more"] * (len(found.duplicates) > FAULTS_SHOWN)
        parts.append(_section("Duplicates (identical bytes)", "\n".join([*lines, *more])))
    return parts


def _speed(found: Findings, loader: LoaderSpeed | None, step: StepSpeed | None) -> str:
    lines = []
    if found.decoding_seconds:
        whole = sum(found.durations_usable) / found.decoded_seconds * found.decoding_seconds
        lines.append(f"decoding everything once, as ingest does: about {duration(whole)} on one core")
    if loader is not None:
        lines.append(f"loader: {loader.windows_per_second:.0f} windows per second and core")
    if step is not None:
        lines.append(
            f"model: {step.windows_per_second:.1f} windows per second on {step.device} ({step.seconds:.2f} s per step)"
        )
    if loader is not None and step is not None:
        cores = step.cores_needed(loader)
        workers = max(1, -(-cores // 1))
        lines.append(f"{cores:.2f} cores must read so that the model never waits: [training] workers = {workers:.0f}")
    return "\n".join(lines) or "not measured (needs a corpus, and --recipe for the speed of the model)"


def _verdict(found: Findings, plan: TrainingPlan | None) -> str:
    if found.faults:
        return f"{len(found.faults)} not usable."
    if not found.is_usable:
        return f"{len(found.durations_usable)} usable: pairs need at least 2 videos. Add more."
    if plan is not None and plan.refusal:
        return f"{plan.recipe} cannot be trained on this corpus: see above."
    if plan is not None and len(plan.lines) > 1:
        return f"{plan.recipe} trains for few steps on this corpus: see the warning above."
    return "No problems found."
