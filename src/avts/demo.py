"""The main job once, small: generate a world, ingest it, train, evaluate, estimate offsets, write the report.

Every stage leaves its result and its seconds in a small file; a second run takes over what was made the same way.

    OUT/world/{train,validation,test}  OUT/shifted   generated videos; those of `shifted` have their sound moved
    OUT/corpus  OUT/run                              the corpus and the trained run
    OUT/stages/*.json                                result, seconds and fingerprint of each finished stage
    OUT/result.json  OUT/report.html                 what came out
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avts import __version__
from avts.corpus.corpus import Corpus
from avts.corpus.ingest import ingest
from avts.doctor.alignment import measure_alignment
from avts.errors import CorpusError, UsageError
from avts.evaluation.evaluate import evaluate
from avts.files import write_whole
from avts.inspection.embedding_map import embed_windows, embedding_map
from avts.inspection.excerpts import read_excerpts
from avts.media.standard import read_standard
from avts.model.checkpoint import load_model
from avts.offset.distance_map import OffsetScan, scan
from avts.offset.estimate import TOLERANCE_SECONDS, OffsetEstimate, estimate
from avts.report.demo_page import write_demo_page
from avts.report.targets import check_targets
from avts.settings import Recipe, read_recipe, shipped_recipes
from avts.training.checkpoints import checkpoints
from avts.training.log import read_log
from avts.training.trainer import Trainer
from avts.world import write_world

if TYPE_CHECKING:
    from avts.model.two_stream import TwoStream

MAX_SHIFT_SECONDS = 1.0
NUM_EXAMPLES = 4
EXAMPLE_FRAMES = 8
MAP_SEED = 0

Bar = Callable[[str, str], AbstractContextManager[Callable[[int, int], None]]]
"""Opens a progress bar with a title and a unit; gives the function to call with (done, total)."""


@dataclass(frozen=True)
class DemoSize:
    """How much the demo generates: videos of each split, videos with shifted sound, and what each video is like.

    Seeds follow from `seed`, one for each folder, so that no two share a video.
    """

    train: int = 704
    validation: int = 96
    test: int = 192
    shifted: int = 100
    seconds: float = 6.0
    size: int = 128
    seed: int = 1


def demo_recipe() -> Path:
    """The demo's recipe."""
    return shipped_recipes() / "demo.toml"


class Demo:
    """One demo folder.

    Args:
        out: the folder; made if missing.
        recipe: path of the recipe; the demo's own if None.
        size: how much to generate.
        bar: opens a progress bar.
        say: called with each line about what is reused or chosen.
    """

    def __init__(self, out: Path, *, recipe: Path | None, size: DemoSize, bar: Bar, say: Callable[[str], None]) -> None:
        self.out, self.size, self.bar, self.say = out, size, bar, say
        self.recipe: Recipe = read_recipe(recipe or demo_recipe())
        if out.exists() and not out.is_dir():
            raise UsageError(f"{out}: is a file, not a folder. Choose another --out")
        (out / "stages").mkdir(parents=True, exist_ok=True)
        self.seconds: dict[str, float] = {}
        self.reused: list[str] = []
        self._print = __version__

    def run(self) -> dict[str, Any]:
        """All stages in order; gives what result.json holds."""
        started = time.perf_counter()
        self._stage("generate", asdict(self.size), self._generate)
        self._stage("ingest", {}, self._ingest)
        self._stage("train", self.recipe.model_dump(), self._train)
        evaluation = self._stage("evaluate", {}, self._evaluate)
        offsets = self._stage("sync", {}, self._sync)
        chart = self._stage("map", {"seed": MAP_SEED}, self._map)
        between = time.perf_counter() - started - sum(s for n, s in self.seconds.items() if n not in self.reused)
        return self._report(evaluation, offsets, chart, between)

    def _stage(self, name: str, settings: dict[str, Any], work: Callable[[], Any]) -> Any:
        """Do a stage, or take over its result if it and all before it were made with the same settings."""
        self._print = hashlib.sha256(json.dumps([self._print, name, settings], sort_keys=True).encode()).hexdigest()
        note = self.out / "stages" / f"{name}.json"
        if note.exists():
            before = json.loads(note.read_text(encoding="utf-8"))
            if before["fingerprint"] == self._print:
                self.say(f"{name}: reused, made before in {before['seconds']:.0f} s")
                self.reused.append(name)
                self.seconds[name] = before["seconds"]
                return before["result"]
            raise UsageError(
                f"{self.out}: stage '{name}' was made there with other settings. "
                "Remove the folder, or choose another with --out"
            )
        started = time.perf_counter()
        result = work()
        self.seconds[name] = time.perf_counter() - started
        kept = {"fingerprint": self._print, "seconds": self.seconds[name], "result": result}
        write_whole(note, json.dumps(kept))
        return result

    def _generate(self) -> None:
        size = self.size
        splits = [("world/train", size.train, 0.0), ("world/validation", size.validation, 0.0)]
        splits += [("world/test", size.test, 0.0), ("shifted", size.shifted, MAX_SHIFT_SECONDS)]
        total = sum(videos for _, videos, _ in splits)
        before = 0
        with self.bar("generating", "video") as on_progress:
            for index, (folder, videos, shift) in enumerate(splits):
                write_world(
                    self.out / folder,
                    videos=videos,
                    seed=self.size.seed * 100 + index,
                    size=size.size,
                    seconds=size.seconds,
                    max_shift_seconds=shift,
                    on_progress=lambda done, _, before=before: on_progress(before + done, total),  # type: ignore[misc]
                )
                before += videos

    def _ingest(self) -> None:
        with self.bar("ingesting", "video") as on_progress:
            ingest(self.out / "world", self.out / "corpus", on_progress=on_progress)

    def _train(self) -> None:
        run = self.out / "run"
        corpus = Corpus.open(self.out / "corpus")
        trainer = Trainer(corpus, self.recipe, run, say=self.say)
        if checkpoints(run):
            self.say(f"train: continuing after step {trainer.resume()}")
        else:
            (run / "log.jsonl").unlink(missing_ok=True)
        with self.bar("training", "step") as on_progress:
            trainer.train(on_progress, check_corpus=lambda: measure_alignment(corpus, trainer.clips).reason)

    def _evaluate(self) -> dict[str, Any]:
        corpus, model = Corpus.open(self.out / "corpus"), load_model(self.out / "run")
        with self.bar("evaluating", "step") as on_progress:
            return evaluate(model, corpus, self.recipe.pairs, rounds=4, on_progress=on_progress)

    def _sync(self) -> list[dict[str, Any]]:
        """The offset of each video whose sound was shifted, beside the truth."""
        model, rows = load_model(self.out / "run"), []
        truths = self._truths()
        with self.bar("offsets", "file") as on_progress:
            for done, truth in enumerate(truths, start=1):
                found = estimate(scan(truth["path"], model, window_seconds=self.recipe.pairs.clip_seconds))
                rows.append(
                    {
                        "file": truth["path"].name,
                        "label": truth["kind"],
                        "true_offset_seconds": truth["offset_seconds"],
                        "offset_seconds": found.offset_seconds if found.reason is None else None,
                        "confidence": found.confidence,
                        "reason": found.reason,
                    }
                )
                on_progress(done, len(truths))
        return rows

    def _map(self) -> dict[str, Any] | None:
        """One window of each test video by both towers, as a map; None if there are too few."""
        corpus, seconds = Corpus.open(self.out / "corpus"), self.recipe.pairs.clip_seconds
        model = load_model(self.out / "run")
        with self.bar("map", "video") as on_progress:
            excerpts = read_excerpts(
                corpus, corpus.select("test"), seconds=seconds, on_unreadable=self.say, on_progress=on_progress
            )
            windows = embed_windows(model, excerpts, window_seconds=seconds, hop_seconds=seconds)
        try:
            return embedding_map(windows, comparable=model.fusion is None, seed=MAP_SEED)
        except CorpusError as error:
            self.say(f"map: left out: {error}")
            return None

    def _truths(self) -> list[dict[str, Any]]:
        paths = sorted((self.out / "shifted").glob("*.mp4"))
        return [{**json.loads(path.with_suffix(".json").read_text()), "path": path} for path in paths]

    def _report(
        self,
        evaluation: dict[str, Any],
        offsets: list[dict[str, Any]],
        chart: dict[str, Any] | None,
        between: float,
    ) -> dict[str, Any]:
        kinds = evaluation["kinds"]
        result: dict[str, Any] = {
            "auc": {name: found["auc"]["value"] for name, found in kinds.items()},
            "accuracy": {name: found["accuracy"]["value"] for name, found in kinds.items()},
            "offset_within_0.1s": within_tolerance(offsets),
            "neighbours": chart["agreement"] if chart else [],
            "seconds": {**self.seconds, "total": sum(self.seconds.values()) + between},
            "reused": self.reused,
            "size": asdict(self.size),
            "version": __version__,
        }
        result["targets"] = check_targets(result)
        write_demo_page(
            self.out / "report.html",
            result=result,
            history=read_log(self.out / "run"),
            evaluation=evaluation,
            offsets=offsets,
            chart=chart,
            examples=self._examples(load_model(self.out / "run")),
        )
        text = json.dumps(result, indent=1)
        write_whole(self.out / "result.json", text)
        return result

    def _examples(self, model: TwoStream) -> list[dict[str, Any]]:
        """The first shifted video of each of the first kinds, as the report shows it."""
        by_kind = {truth["kind"]: truth for truth in reversed(self._truths())}
        chosen = [by_kind[kind] for kind in sorted(by_kind)][:: max(len(by_kind) // NUM_EXAMPLES, 1)][:NUM_EXAMPLES]
        seconds = self.recipe.pairs.clip_seconds
        return [example(t["path"], t["kind"], t["offset_seconds"], model, window_seconds=seconds) for t in chosen]


def within_tolerance(offsets: Sequence[dict[str, Any]]) -> float:
    """Share of files whose offset was found to within TOLERANCE_SECONDS; 'cannot tell' counts as not found."""
    right = [
        row["offset_seconds"] is not None
        and abs(row["offset_seconds"] - row["true_offset_seconds"]) < TOLERANCE_SECONDS
        for row in offsets
    ]
    return float(sum(right)) / max(len(right), 1)


def example(
    path: Path, label: str, true_offset_seconds: float, model: TwoStream, *, window_seconds: float
) -> dict[str, Any]:
    """A file as the report shows it: a few frames, its filterbank, its scan and estimate."""
    import torch

    clip = read_standard(path)
    found: OffsetScan = scan(path, model, window_seconds=window_seconds)
    answer: OffsetEstimate = estimate(found)
    picks = np.linspace(0, clip.planes.num_frames - 1, EXAMPLE_FRAMES).round().astype(int)
    energies = model.filterbank(torch.from_numpy(clip.samples)[None])[0]  # [M, S]
    return {
        "title": label,
        "frames": clip.planes.y[picks],
        "filterbank": energies.T.numpy(),
        "seconds": clip.duration_seconds,
        "scan": found,
        "estimate": answer,
        "true_offset_seconds": true_offset_seconds,
    }
