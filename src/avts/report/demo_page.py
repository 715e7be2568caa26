"""The demo's report: one self-contained HTML file with what was learned, how well, and the limits.

Input: plain data from result.json, the training log and the evaluation. Output: an HTML file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from avts.files import write_whole
from avts.offset.estimate import TOLERANCE_SECONDS
from avts.report.evaluation import HEADERS, evaluation_rows
from avts.report.evaluation_figures import histogram_figure, label_figure, ranked_labels, roc_figure
from avts.report.map_figure import map_section
from avts.report.offset_figures import error_figure, example_figure, scatter_figure
from avts.report.page import card, html_page, pair, shares_bar, table, tile
from avts.report.palette import ACCENT, EASY, GOOD, HARD, MIXED, MUTED, SUPER_HARD
from avts.report.sync_text import estimate_verdict
from avts.report.tables import duration, percent
from avts.report.targets import target_words
from avts.report.training_figure import training_figure
from avts.timebase import offset_in_words

TITLE = "Which sound belongs to which picture, and when"

LEAD = (
    "Two small networks, one for the picture and one for the sound, were trained from scratch on videos without any "
    "labels: the embeddings of matching sound and picture are pulled together, and all others are pushed apart. The "
    "trained networks are then used to measure the audio/video offset of videos."
)

LIMITS = (
    "All numbers on this page are from generated videos: test videos share no seed with training, but the same "
    "generator made them. Real recordings are harder; the README has the results of this model on them.",
    "One offset is assumed for a whole file. Drift between two clocks, or a jump at a cut, is not detected.",
    "A periodic action (a pendulum, a steady rotor) matches at several offsets, and a texture without clear events "
    "(fire, rain) at many: such files cause most of the errors, and should get a low confidence.",
    "The model is small and was trained for minutes on a CPU; it shows that the method works, not its full potential.",
)

STAGES = {"generate": ACCENT, "ingest": SUPER_HARD, "train": GOOD, "evaluate": EASY, "sync": HARD, "map": MIXED}
"""Stages of the demo in order, with their colours."""

Record = Mapping[str, Any]


def write_demo_page(
    path: Path,
    *,
    result: Record,
    history: Sequence[Record],
    evaluation: Record,
    offsets: Sequence[Record],
    examples: Sequence[Record],
    chart: Record | None = None,
    limits: Sequence[str] = LIMITS,
) -> None:
    """Write the report of a demo run; sections without data are omitted.

    Args:
        path: the HTML file, replaced atomically.
        result: the content of result.json: auc, accuracy, offset_within_0.1s, seconds by stage.
        history: one row for each logged step: step, stage, loss, positive_distance, easy_distance, hard_distance.
        evaluation: threshold; kinds: {kind: {auc, accuracy: {value, low, high}, num_pairs}}; distances: {kind of pair:
            list}; by_label: {label: {auc_easy, auc_hard}}.
        offsets: one row for each file: true_offset_seconds, offset_seconds (None if unknown), confidence.
        examples: title, frames uint8 [n, H, W] or [n, H, W, 3], filterbank [S, M], seconds, scan, estimate,
            true_offset_seconds.
        chart: the map of the test videos' embeddings, see `downstream.projection`.
        limits: sentences about the limits of the result.
    """
    body = [
        *_opening(result),
        *_time_spent(result),
        *_training(history),
        *_evaluation(evaluation),
        *_offsets(offsets),
        *(map_section(chart, "Map of the embeddings") if chart else []),
        *_examples(examples),
        "<h2>Limits</h2>",
        f"<ul>{''.join(f'<li>{escape(limit)}</li>' for limit in limits)}</ul>",
        "<footer>Made by <code>avts demo</code>. Sign of an offset: &gt; 0 means that the sound comes early.</footer>",
    ]
    write_whole(path, html_page(TITLE, body))


def _opening(result: Record) -> list[str]:
    """Title, summary, and the key numbers with their targets."""
    tiles = [tile(reached, name, f"target: {bound}", mark) for name, bound, reached, mark in target_words(result)]
    return [f'<h1>{TITLE}</h1><p class="lead">{LEAD}</p>', f'<div class="tiles">{"".join(tiles)}</div>']


def _time_spent(result: Record) -> list[str]:
    """How long each stage took."""
    seconds = {name: float(spent) for name, spent in result.get("seconds", {}).items() if spent is not None}
    parts = [
        (name, spent, duration(spent), STAGES.get(name, MUTED))
        for name, spent in sorted(seconds.items(), key=lambda item: [*STAGES, item[0]].index(item[0]))
        if name != "total"
    ]
    if not parts:
        return []
    total = duration(seconds.get("total"))
    note = f'<p class="quiet">{total} in total. A stage whose output already existed is reused and takes no time.</p>'
    return ["<h2>Time by stage</h2>", note, card(shares_bar(parts))]


def _training(history: Sequence[Record]) -> list[str]:
    """The progress of training."""
    if not history:
        return []
    text = (
        "The negatives are first sounds of other videos (easy), then also sounds of the same video at another time "
        "(hard); only hard negatives require timing. Learning shows as the gap between positive and negative pairs."
    )
    return ["<h2>Training: easy negatives first</h2>", f"<p>{text}</p>", card(training_figure(history), wide=True)]


def _evaluation(evaluation: Record) -> list[str]:
    """How well the model separates pairs of test videos, by kind of negative and of action."""
    if not evaluation.get("kinds"):
        return []
    pieces = [
        "<h2>In sync or not?</h2>",
        "<p>A test pair is classified as in sync if its distance is below a threshold fitted on the validation videos. "
        "In brackets: 95 % confidence intervals.</p>",
        card(table(HEADERS, evaluation_rows(evaluation))),
    ]
    distances, by_label = evaluation.get("distances") or {}, evaluation.get("by_label") or {}
    if distances:
        histogram = card(histogram_figure(distances, evaluation.get("threshold")), title="Distances by kind of pair")
        pieces.append(pair(histogram, card(roc_figure(distances), title="ROC curve")))
    if by_label:
        pieces.append(card(_extremes(by_label), label_figure(by_label), title="By kind of action", wide=True))
    return pieces


def _extremes(by_label: Record) -> str:
    """The kinds of action with the best and the worst timing."""
    names = [name.replace("_", " ") for name in ranked_labels(by_label)]
    text = (
        f"Best timing: {', '.join(names[::-1][:3])}. Worst timing: {', '.join(names[:3])}. The bar is the AUC for "
        "hard negatives (same video, other time): it begins at chance, 0.5, and points to the left if it is below. The "
        "dot is the AUC for easy negatives (other videos)."
    )
    return f'<p class="quiet">{escape(text)}</p>'


def _offsets(offsets: Sequence[Record]) -> list[str]:
    """How well the offsets of test files were found."""
    known = [row for row in offsets if row.get("offset_seconds") is not None]
    if not known:
        return []
    errors = [abs(row["offset_seconds"] - row["true_offset_seconds"]) for row in known]
    within = sum(error < TOLERANCE_SECONDS for error in errors)
    text = (
        f"The sound of {len(offsets)} test videos was shifted by a random amount. {within} of {len(offsets)} "
        f"({percent(within / len(offsets))}) offsets were found within {TOLERANCE_SECONDS} s."
    )
    if len(known) < len(offsets):
        text += f" For {len(offsets) - len(known)} the answer was 'cannot tell'."
    figures = pair(
        card(scatter_figure(known), title="True and estimated offset"),
        card(error_figure(known), title="Errors, and calibration of the confidence"),
    )
    return ["<h2>Offset estimation</h2>", f"<p>{text}</p>", figures]


def _examples(examples: Sequence[Record]) -> list[str]:
    """Examples: frames and sound of a few files."""
    if not examples:
        return []
    cards = [
        card(
            f'<p class="quiet">Shifted: {offset_in_words(example["true_offset_seconds"])}. '
            f"Found: {escape(estimate_verdict(example['estimate']))}.</p>",
            example_figure(example, number),
            title=example["title"],
        )
        for number, example in enumerate(examples)
    ]
    text = "<p>Frames, the filterbank of their sound, and the distance of picture and sound at each offset.</p>"
    return ["<h2>Examples</h2>", text, pair(*cards)]
