"""The inspection of a model as a page, figures and a table of channels. Input: findings. Output: HTML, PNG, JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from avts.inspection.inspect_model import Inspection, TowerFindings
from avts.report.channel_figures import ShownChannel, channel_svg, classes_svg, write_channels
from avts.report.map_figure import (
    HEADERS,
    agreement_rows,
    agreement_words,
    map_section,
    write_map,
)
from avts.report.page import card, html_page, table, tile
from avts.report.tables import percent, text_table

TITLE = "What the towers respond to"

HEADS = {
    "sound": (
        "Sounds that channels of the audio tower respond to",
        "Each row is a channel of conv5, each picture 1 s of the filterbank around its largest response in a clip, as "
        "the tower receives it: time on the horizontal axis, frequency on the vertical axis. The rectangle is the "
        "receptive field of the feature (0.19 s of 13 bands), the cross its centre; which part of the receptive field "
        "causes the response is not shown.",
    ),
    "picture": (
        "Frames that channels of the video tower respond to",
        "Each row is a channel of conv5, each picture the frame of its largest response in a clip. The frame is in "
        "colour where the channel responds and grey where it does not; the contour is at half of the largest response, "
        "the cross at the largest. The receptive field is large, often the whole picture: the heat map shows where a "
        "channel responds, not what causes the response. Below: its responses from 0.5 s before to 0.5 s after.",
    ),
}

CHANNEL_HEADERS = ("channel", "responds most to", "variance explained by class", "strongest in")


@dataclass(frozen=True)
class About:
    """What was inspected: the names of the model and the corpus, the number of clips, their split and length."""

    model: str
    corpus: str
    split: str
    num_clips: int
    seconds: float


def write_inspection(folder: Path, found: Inspection, about: About) -> list[Path]:
    """Write the page, a PNG of each figure and the numbers of all channels; returns the files.

    Args:
        folder: created if missing.
        found: the findings.
        about: what was inspected.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for tower in HEADS:
        if tower in found.towers:
            path = folder / f"channels-{tower}.png"
            write_channels(path, tower, shown_channels(found.towers[tower]))
            written.append(path)
    if found.map is not None:
        write_map(folder / "map.png", found.map)
        written.append(folder / "map.png")
    (folder / "channels.json").write_text(json.dumps(record(found, about)), encoding="utf-8")
    page = folder / "index.html"
    page.write_text(html_page(TITLE, _body(found, about)), encoding="utf-8")
    return [page, *written, folder / "channels.json"]


def shown_channels(found: TowerFindings) -> list[ShownChannel]:
    """The channels to show, in the form that the figure takes."""
    channels = []
    for channel, exhibits in found.shown.items():
        means = found.means[:, channel]
        classes = [(found.classes[row], float(means[row])) for row in np.argsort(-means, kind="stable")]
        words = f"explained by class {percent(max(found.explained[channel], 0))}"
        if not classes:
            words = f"sparseness {found.sparseness[channel]:.2f}"
        channels.append(ShownChannel(channel, words, classes, exhibits))
    return channels


def summary_text(found: Inspection) -> str:
    """The findings for the terminal."""
    lines = []
    for tower, findings in found.towers.items():
        lines.append(f"{tower}: {_selective_words(findings)}")
    if found.map is None:
        lines.append(f"no map: {found.no_map}")
        return "\n".join(lines)
    return "\n".join([*lines, "", agreement_words(found.map), text_table(HEADERS, agreement_rows(found.map))])


def record(found: Inspection, about: About) -> dict[str, Any]:
    """All numbers as plain values: every channel of both towers, and the map."""
    towers = {}
    for tower, findings in found.towers.items():
        surveyed = findings.survey
        towers[tower] = {
            "shuffled_level": findings.shuffled,
            "num_above_shuffled": findings.num_above_shuffled,
            "channels": [_channel_record(findings, channel) for channel in range(surveyed.responses.shape[1])],
        }
    return {"about": vars(about), "towers": towers, "map": found.map, "no_map": found.no_map}


def _channel_record(findings: TowerFindings, channel: int) -> dict[str, Any]:
    surveyed = findings.survey
    return {
        "channel": channel,
        "explained_by_class": float(findings.explained[channel]) if findings.classes else None,
        "sparseness": float(findings.sparseness[channel]),
        "class_means": {name: float(findings.means[row, channel]) for row, name in enumerate(findings.classes)},
        "strongest": [
            {
                "clip": surveyed.clips[row].key,
                "label": surveyed.clips[row].label,
                "response": float(surveyed.responses[row, channel]),
                "seconds": float(surveyed.seconds[row, channel]),
                "place": surveyed.places[row, channel].tolist(),
            }
            for row in surveyed.strongest(channel, 10)
        ],
    }


def _body(found: Inspection, about: About) -> list[str]:
    lead = (
        f"The model is {about.model}. Its input was the middle {about.seconds:g} s of {about.num_clips} clips of "
        f"{about.corpus} ({about.split}). It was trained without labels; classes are used only on this page."
    )
    body = [f'<h1>{TITLE}</h1><p class="lead">{escape(lead)}</p>', _tiles(found)]
    if found.map is None:
        body.append(f"<p>No map: {escape(found.no_map)}</p>")
    else:
        body += map_section(found.map, "A map of the embeddings")
    for tower in HEADS:
        if tower in found.towers:
            body += _tower(tower, found.towers[tower])
    return body


def _tiles(found: Inspection) -> str:
    tiles = []
    for tower, findings in found.towers.items():
        if findings.classes:
            total = findings.survey.responses.shape[1]
            tiles.append(
                tile(
                    f"{findings.num_above_shuffled} of {total}",
                    f"{tower} channels selective by class; chance level 5 %",
                )
            )
    for row in (found.map or {}).get("agreement", []):
        if row["asking"] == row["searched"] and row["share"] is not None:
            name = f"{row['asking']}s: neighbours of the same class; chance level {percent(row['chance'])}"
            tiles.append(tile(percent(row["share"]), name))
    return f'<div class="tiles">{"".join(tiles)}</div>' if tiles else ""


def _tower(tower: str, found: TowerFindings) -> list[str]:
    title, text = HEADS[tower]
    pieces = [
        f"<h2>{title}</h2>",
        f"<p>{escape(text)}</p>",
        f'<p class="quiet">{escape(_selective_words(found))}</p>',
        card(channel_svg(tower, shown_channels(found)), wide=True),
    ]
    if len(found.classes) > 1:
        chart = classes_svg(tower, {"means": found.means, "explained": found.explained}, found.classes)
        pieces.append(card(chart, title="All channels: mean response by class", wide=True))
        pieces.append(card(table(CHANNEL_HEADERS, _rows(found)), title="Channels shown"))
    return pieces


def _rows(found: TowerFindings) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for channel, exhibits in found.shown.items():
        first = exhibits[0] if exhibits else None
        rows.append(
            (
                str(channel),
                found.classes[int(found.means[:, channel].argmax())],
                percent(max(found.explained[channel], 0)),
                "" if first is None else f"{first.clip.key} at {first.seconds:.2f} s",
            )
        )
    return rows


def _selective_words(found: TowerFindings) -> str:
    """How selective the channels are, against shuffled labels."""
    responses = found.survey.responses
    total, mute = responses.shape[1], int((responses.max(0) <= 0).sum())
    words = f"{total} channels, {len(found.survey.clips)} clips. "
    if mute:
        words += f"{mute} channels respond to none of them. "
    if not found.classes:
        return words + "No clip has a label: the figure shows the channels that respond to the fewest clips."
    return words + (
        f"For {found.num_above_shuffled} of them the class of a clip explains more of the variance of the responses "
        f"than with shuffled labels (95th percentile {percent(found.shuffled)}). The figure shows the most selective "
        "channels, first the best one for each class, then the second best; most channels are less selective."
    )
