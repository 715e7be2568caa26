"""The plots and the demo's page, from made data."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest

from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import estimate
from avts.offset.measure import result_of
from avts.report.demo_page import write_demo_page
from avts.report.evaluation_figures import roc
from avts.report.page import card, table
from avts.report.sync_plot import plot_result

RNG = np.random.default_rng(0)
KINDS = ("easy", "mixed", "hard", "super_hard")


def made_scan(windows: int = 12, silent: bool = False) -> OffsetScan:
    offsets = np.arange(-24, 25) / 24
    row = 0.6 - 0.3 * np.exp(-0.5 * ((offsets - 0.3) / 0.1) ** 2)
    distances = np.full((windows, 49), np.nan) if silent else np.tile(row, (windows, 1))
    return OffsetScan(np.arange(windows) / 4, offsets, distances.astype(np.float32), 1.0)


def made_inputs() -> dict[str, Any]:
    number = {"value": 0.9, "low": 0.88, "high": 0.92}
    scan = made_scan()
    history = [
        {
            "step": step,
            "stage": "easy" if step < 50 else "75/25",
            "loss": 0.2,
            "positive_distance": 0.3,
            "easy_distance": 0.6,
            "hard_distance": None if step < 50 else 0.5,
        }
        for step in range(0, 100, 5)
    ]
    example = {
        "title": 'a <ball> " $x^$',
        "filterbank": RNG.random((300, 40)),
        "seconds": 3.0,
        "true_offset_seconds": 0.3,
    }
    example |= {"frames": RNG.integers(0, 255, (20, 16, 16), dtype=np.uint8), "scan": scan, "estimate": estimate(scan)}
    colour = example | {"frames": RNG.integers(0, 255, (3, 16, 16, 3), dtype=np.uint8)}
    return {
        "result": {"auc": {"easy": 0.97, "hard": 0.8}, "seconds": {"train": 300, "sync": 30, "total": 330}},
        "history": history,
        "evaluation": {
            "threshold": 0.45,
            "kinds": {kind: {"auc": number, "accuracy": number, "num_pairs": 1000} for kind in KINDS},
            "distances": {kind: RNG.random(50).tolist() for kind in ("positive", "easy", "hard", "super_hard")},
            "by_label": {
                "ball": {"auc_easy": 0.9, "auc_hard": 0.8},
                "rain": {"auc_easy": None, "auc_hard": float("nan")},
            },
        },
        "offsets": [
            {"file": "a.mp4", "label": "ball", "true_offset_seconds": t, "offset_seconds": found, "confidence": 0.7}
            for t, found in [(0.5, 0.52), (-0.5, -0.45), (0.2, -0.9), (0.1, None)]
        ],
        "examples": [example, colour],
    }


class Balance(HTMLParser):
    """Checks that every element that is opened is closed in turn."""

    VOID = frozenset({"meta", "br", "img", "use", "path", "rect", "image"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag


def written(tmp_path: Path, **changes: Any) -> str:
    path = tmp_path / "report.html"
    write_demo_page(path, **(made_inputs() | changes))
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]
    return path.read_text(encoding="utf-8")


def test_the_page_is_whole_and_asks_nothing_of_the_network(tmp_path: Path) -> None:
    page = written(tmp_path)
    balance = Balance()
    balance.feed(page)
    assert balance.open == []
    assert not re.search(r'(?:src|href)="(?!#|data:)', page)
    assert "url(http" not in page
    assert "prefers-color-scheme:dark" in page
    assert page.count("<svg ") == 8


def test_the_page_says_what_was_reached(tmp_path: Path) -> None:
    page = written(tmp_path)
    assert (
        "<b>0.970</b><span>AUC, easy negatives</span>"
        '<small><b class="pass">pass</b> target: at least 0.950</small>' in page
    )
    assert '<b>0.800</b><span>AUC, hard negatives</span><small><b class="miss">miss</b> target:' in page
    assert page.count("AUC, easy negatives") == 1, "each headline number is shown once"
    assert "<span>Offsets within 0.1 s</span><small>target: at least 75.0 %</small>" in page, "not measured: no mark"
    assert "0.900 (0.880 to 0.920)" in page
    assert "2 of 4 (50.0 %) offsets were found within 0.1 s" in page
    assert "For 1 the answer was 'cannot tell'." in page.replace("&#x27;", "'")
    assert "Shifted: sound 300 ms early." in page
    assert "<h3>a &lt;ball&gt; &quot; $x^$</h3>" in page


def test_a_part_without_data_is_left_out(tmp_path: Path) -> None:
    page = written(tmp_path, result={}, history=[], evaluation={}, offsets=[], examples=[])
    assert "<svg" not in page
    assert "<h2>Limits</h2>" in page


def test_every_colour_of_a_figure_follows_the_theme(tmp_path: Path) -> None:
    page = written(tmp_path)
    svg = page[page.index("<svg") : page.index("</svg>")]
    assert "var(--c" in svg
    assert not set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", svg)) - {"#ffffff"}


def test_drawing_leaves_a_callers_own_settings_alone(tmp_path: Path) -> None:
    before = dict(matplotlib.rcParams)
    written(tmp_path)
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("scan", [made_scan(), made_scan(silent=True), made_scan(windows=0), made_scan(windows=1)])
def test_a_scan_is_plotted_whatever_it_holds(tmp_path: Path, scan: OffsetScan) -> None:
    result = result_of("talk_$x^$.mp4", scan, estimate(scan))
    plot_result(tmp_path / "plot.png", result, glimpse=None, title=result.name)
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_a_roc_curve_by_hand() -> None:
    false, true = roc(np.array([0.1, 0.3]), np.array([0.2, 0.4]))
    assert list(zip(false, true, strict=True)) == [(0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1)]


def test_text_is_escaped() -> None:
    assert "<td>&lt;b&gt;</td>" in table(("x",), [("<b>",)])
    assert "<h3>a &amp; b</h3>" in card(title="a & b")
