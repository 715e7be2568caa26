"""The demo's report: one self-contained HTML file that shows what was learned, how well, and where it ends.

Input: plain data, as result.json, the training log and the evaluation hold it. Output: an HTML file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from avts.files import write_whole
from avts.offset.estimate import TOLERANCE_SECONDS
from avts.report.evaluation import HEADERS, evaluation_rows
from avts.report.evaluation_figures import histogram_figure, label_figure, roc_figure
from avts.report.map_figure import map_section
from avts.report.offset_figures import error_figure, example_figure, scatter_figure
from avts.report.page import card, html_page, pair, shares_bar, table, tile
from avts.report.palette import ACCENT, EASY, GOOD, HARD, MIXED, MUTED, SUPER_HARD
from avts.report.sync_text import estimate_verdict
from avts.report.tables import duration, percent
from avts.report.targets import target_words
from avts.report.training_figure import training_figure
from avts.timebase import offset_in_words

TITLE = "Which sound goes with which picture, and when"

LEAD = (
    "Two small networks, one for the picture and one for the sound, were trained from scratch on videos without any "
    "labels: sound and picture that belong together had to come out close, and all others far apart. What they learned "
    "is then used to tell by how much the sound of a video is off."
)

LIMITS = (
    "All numbers on this page are from generated videos: test videos share no seed with training, but the same "
    "generator made them. Real recordings are harder; the README says what this model reaches on them.",
    "One offset is assumed for a whole file. Drift between two clocks, or a jump at a cut, is not looked for.",
    "An action that repeats evenly (a pendulum, a steady rotor) fits at several offsets, and a texture without clear "
    "events (fire, rain) at many: such files make up most of the errors, and the confidence is to say so.",
    "The model is small and was trained for minutes on a CPU; it shows that the way works, not how far it goes.",
)

STAGES = {"generate": ACCENT, "ingest": SUPER_HARD, "train": GOOD, "evaluate": EASY, "sync": HARD, "map": MIXED}
"""Stages of the demo in their order, with the colour of each."""

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
    """Write the report of a demo run; a part without data is left out.

    Args:
        path: the HTML file; it is replaced whole or not at all.
        result: as result.json holds it: auc, accuracy, offset_within_0.1s, seconds by stage.
        history: one row for each logged step: step, stage, loss, positive_distance, easy_distance, hard_distance.
        evaluation: threshold; kinds: {kind: {auc, accuracy: {value, low, high}, num_pairs}}; distances: {kind of pair:
            list}; by_label: {label: {auc_easy, auc_hard}}.
        offsets: one row for each file: true_offset_seconds, offset_seconds (None if it cannot be told), confidence.
        examples: title, frames uint8 [n, H, W] or [n, H, W, 3], filterbank [S, M], seconds, scan, estimate,
            true_offset_seconds.
        chart: the map of the test videos' embeddings, see `downstream.projection`.
        limits: sentences that say where the result ends.
    """
    body = [
        *_opening(result),
        *_time_spent(result),
        *_training(history),
        *_evaluation(evaluation),
        *_offsets(offsets),
        *(map_section(chart, "What lies together") if chart else []),
        *_examples(examples),
        "<h2>Where it ends</h2>",
        f"<ul>{''.join(f'<li>{escape(limit)}</li>' for limit in limits)}</ul>",
        "<footer>Made by <code>avts demo</code>. Sign of an offset: &gt; 0 means that the sound comes early.</footer>",
    ]
    write_whole(path, html_page(TITLE, body))


def _opening(result: Record) -> list[str]:
    """Title, what was done, the numbers that count, and the table of targets."""
    rows = target_words(result)
    short = ("AUC, easy", "AUC, hard", "AVTS accuracy 75/25", "offsets within 0.1 s", "from nothing to here")
    tiles = [tile(reached, name, mark) for name, (_, _, reached, mark) in zip(short, rows, strict=True)]
    return [
        f'<h1>{TITLE}</h1><p class="lead">{LEAD}</p>',
        f'<div class="tiles">{"".join(tiles)}</div>',
        card(table(("", "target", "reached", ""), rows)),
    ]


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
    note = f'<p class="quiet">{total} in all. A stage whose output was already there is reused and takes no time.</p>'
    return ["<h2>Where the time went</h2>", note, card(shares_bar(parts))]


def _training(history: Sequence[Record]) -> list[str]:
    """The course of training."""
    if not history:
        return []
    text = (
        "Sounds of other videos first (easy), then also the same video at another time (hard): only these ask "
        "for timing. The gap that opens between pairs that belong together and the others is what is learned."
    )
    return ["<h2>Learning, easy first</h2>", f"<p>{text}</p>", card(training_figure(history), wide=True)]


def _evaluation(evaluation: Record) -> list[str]:
    """What the model tells apart on test videos, by kind of negative and of action."""
    if not evaluation.get("kinds"):
        return []
    pieces = [
        "<h2>In sync or not?</h2>",
        "<p>Each test pair is called in sync if its distance is under a threshold that was fitted on other videos. "
        "In brackets: 95 % confidence intervals.</p>",
        card(table(HEADERS, evaluation_rows(evaluation))),
    ]
    distances, by_label = evaluation.get("distances") or {}, evaluation.get("by_label") or {}
    if distances:
        histogram = card(histogram_figure(distances, evaluation.get("threshold")), title="Distances by kind of pair")
        pieces.append(pair(histogram, card(roc_figure(distances), title="Found against falsely found")))
    if by_label:
        pieces.append(card(_extremes(by_label), label_figure(by_label), title="By kind of action", wide=True))
    return pieces


def _extremes(by_label: Record) -> str:
    """Which kinds of action are timed best and worst."""
    ranked = sorted(by_label, key=lambda name: float(by_label[name]["auc_hard"] or 0))
    names = [name.replace("_", " ") for name in ranked]
    text = (
        f"Timed best: {', '.join(names[::-1][:3])}. Timed worst: {', '.join(names[:3])}. The bar is the AUC against "
        "the same video's sound at another time, the dot against other videos' sounds."
    )
    return f'<p class="quiet">{escape(text)}</p>'


def _offsets(offsets: Sequence[Record]) -> list[str]:
    """How well the offsets of test files were found."""
    told = [row for row in offsets if row.get("offset_seconds") is not None]
    if not told:
        return []
    errors = [abs(row["offset_seconds"] - row["true_offset_seconds"]) for row in told]
    within = sum(error < TOLERANCE_SECONDS for error in errors)
    text = (
        f"The sound of {len(offsets)} test videos was shifted by a random amount. {within} of {len(offsets)} "
        f"({percent(within / len(offsets))}) were found within {TOLERANCE_SECONDS} s."
    )
    if len(told) < len(offsets):
        text += f" For {len(offsets) - len(told)} the answer was 'cannot tell'."
    figures = pair(
        card(scatter_figure(told), title="True and found"),
        card(error_figure(told), title="Errors, and whether the confidence holds"),
    )
    return ["<h2>By how much is the sound off?</h2>", f"<p>{text}</p>", figures]


def _examples(examples: Sequence[Record]) -> list[str]:
    """A few files, seen and heard."""
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
    text = "<p>Frames over their sound's filterbank, and how far apart picture and sound are at each offset.</p>"
    return ["<h2>Examples</h2>", text, pair(*cards)]
