"""The demo, tiny: killed and gone on with, finished, reused, refused with other settings."""

import functools
import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from avts import demo as demo_module
from avts.demo import Demo, DemoSize, demo_recipe, within_tolerance
from avts.errors import SettingsError, UsageError
from avts.files import PREFIX
from fixtures_training import TINY_TOML

SIZE = DemoSize(train=8, validation=2, test=3, shifted=2, seconds=3.0, size=64, seed=3)
STAGES = ["generate", "ingest", "train", "evaluate", "sync", "map"]


@dataclass
class Told:
    """What a demo said and which bars it showed."""

    lines: list[str]
    bars: dict[str, list[tuple[int, int]]]


def demo_in(folder: Path, told: Told, *, size: DemoSize = SIZE, on_progress: Callable[[str, int], None] | None = None):
    @contextmanager
    def bar(title: str, unit: str) -> Iterator[Callable[[int, int], None]]:
        def progress(done: int, total: int) -> None:
            told.bars.setdefault(title, []).append((done, total))
            if on_progress:
                on_progress(title, done)

        yield progress

    return Demo(folder / "demo", recipe=folder / "tiny.toml", size=size, bar=bar, say=told.lines.append)


@dataclass(frozen=True)
class Runs:
    """A folder in which the demo was stopped in training, killed in evaluation, finished, and run again."""

    folder: Path
    told: dict[str, Told]
    results: dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    folder = tmp_path_factory.mktemp("demos")
    (folder / "tiny.toml").write_text(TINY_TOML)
    told = {name: Told([], {}) for name in ("stopped", "killed", "finished", "again")}
    results = {}

    def stop(title: str, done: int) -> None:
        if (title, done) == ("training", 3):
            os.kill(os.getpid(), signal.SIGTERM)

    def kill(title: str, _: int) -> None:
        if title == "evaluating":
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo_module, "evaluate", functools.partial(demo_module.evaluate, workers=0))
        with pytest.raises(KeyboardInterrupt):
            demo_in(folder, told["stopped"], on_progress=stop).run()
        with pytest.raises(KeyboardInterrupt):
            demo_in(folder, told["killed"], on_progress=kill).run()
        for name in ("finished", "again"):
            results[name] = demo_in(folder, told[name]).run()
    return Runs(folder, told, results)


def test_a_run_stopped_in_training_goes_on_after_that_step(runs: Runs) -> None:
    lines = runs.told["killed"].lines
    assert [line.split(":")[0] for line in lines if "reused" in line] == ["generate", "ingest"]
    assert "train: continuing after step 3" in lines
    assert runs.told["killed"].bars["training"][0] == (4, 8)
    steps = [json.loads(line)["step"] for line in (runs.folder / "demo/run/log.jsonl").read_text().splitlines()]
    assert steps == list(range(8))


def test_a_run_killed_in_a_stage_does_that_stage_again_and_no_other(runs: Runs) -> None:
    told = runs.told["finished"]
    assert [line.split(":")[0] for line in told.lines if "reused, made before in" in line] == STAGES[:3]
    assert list(told.bars) == ["evaluating", "offsets", "map"]
    assert runs.results["finished"]["reused"] == STAGES[:3]


def test_a_second_run_reuses_every_stage_and_says_so(runs: Runs) -> None:
    told = runs.told["again"]
    assert [line.split(":")[0] for line in told.lines if "reused, made before in" in line] == STAGES
    assert not told.bars
    first, second = runs.results["finished"], runs.results["again"]
    assert second["reused"] == STAGES
    for name in ("auc", "accuracy", "offset_within_0.1s"):
        assert first[name] == second[name]


def test_bars_count_up_to_their_total(runs: Runs) -> None:
    stopped, finished = runs.told["stopped"].bars, runs.told["finished"].bars
    assert stopped["generating"][-1] == (15, 15)
    assert stopped["ingesting"][-1] == (13, 13), "the shifted videos are not ingested"
    for title in ("evaluating", "offsets", "map"):
        done, total = finished[title][-1]
        assert done == total
        assert [count for count, _ in finished[title]] == sorted(count for count, _ in finished[title])


def test_result_json_holds_the_documented_keys_as_shares(runs: Runs) -> None:
    result = json.loads((runs.folder / "demo" / "result.json").read_text(), parse_constant=pytest.fail)
    assert {"easy", "hard", "super_hard"} <= set(result["auc"])
    assert {"easy", "mixed", "hard"} <= set(result["accuracy"])
    for share in (*result["auc"].values(), *result["accuracy"].values(), result["offset_within_0.1s"]):
        assert 0 <= share <= 1
    assert set(STAGES) < set(result["seconds"])
    parts = sum(seconds for name, seconds in result["seconds"].items() if name != "total")
    assert result["seconds"]["total"] >= parts
    assert result["size"]["train"] == 8


def test_report_is_one_page(runs: Runs) -> None:
    page = (runs.folder / "demo" / "report.html").read_text()
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


def test_nothing_half_written_is_left(runs: Runs) -> None:
    left = [
        path
        for path in (runs.folder / "demo").rglob("*")
        if path.suffix in {".partial", ".part"} or path.name.startswith(PREFIX)
    ]
    assert not left


def test_truth_and_estimate_of_each_shifted_file_are_kept(runs: Runs) -> None:
    rows = json.loads((runs.folder / "demo/stages/sync.json").read_text())["result"]
    assert len(rows) == 2
    for row in rows:
        truth = json.loads((runs.folder / "demo/shifted" / row["file"]).with_suffix(".json").read_text())
        assert row["true_offset_seconds"] == truth["offset_seconds"] != 0
        assert row["label"] == truth["kind"]


@pytest.mark.parametrize("change", ["seed", "recipe"])
def test_other_settings_are_refused(runs: Runs, change: str, tmp_path: Path) -> None:
    told = Told([], {})
    demo = demo_in(runs.folder, told, size=replace(SIZE, seed=4) if change == "seed" else SIZE)
    if change == "recipe":
        training = demo.recipe.training.model_copy(update={"seed": 9})
        demo.recipe = demo.recipe.model_copy(update={"training": training})
    stage = "generate" if change == "seed" else "train"
    with pytest.raises(UsageError, match=rf"demo: stage '{stage}' was made there with other settings\. Remove"):
        demo.run()
    assert not told.bars


def test_seeds_of_the_splits_differ(runs: Runs) -> None:
    seeds = {
        json.loads((runs.folder / "demo" / name / "world.json").read_text())["seed"]
        for name in ("world/train", "world/validation", "world/test", "shifted")
    }
    assert len(seeds) == 4


def test_a_file_in_the_way_and_a_missing_recipe_are_told(tmp_path: Path) -> None:
    (tmp_path / "tiny.toml").write_text(TINY_TOML)
    (tmp_path / "demo").write_text("x")
    with pytest.raises(UsageError, match=r"demo: is a file, not a folder"):
        demo_in(tmp_path, Told([], {}))
    with pytest.raises(SettingsError, match=r"tiny\.toml: no such recipe"):
        demo_in(tmp_path / "gone", Told([], {}))
    assert not (tmp_path / "gone").exists()


def test_the_demos_own_recipe_is_there() -> None:
    assert demo_recipe().name == "demo.toml"
    assert demo_recipe().is_file()


def test_an_offset_counts_when_it_is_within_a_tenth_of_a_second_and_told() -> None:
    rows = [(0.5, 0.41), (0.5, 0.59), (-0.5, 0.5), (0.2, None), (0.0, 0.11)]
    told = [{"true_offset_seconds": truth, "offset_seconds": found} for truth, found in rows]
    assert within_tolerance(told) == 2 / 5
    assert within_tolerance([]) == 0
