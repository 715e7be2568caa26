"""Classes recognised by a classifier that is trained end to end: each split of a corpus, each number of labels.

A multimodal study trains both towers together and each alone, on the same clips with the same recipe and budget.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from avts.corpus.corpus import Corpus
from avts.errors import CorpusError, UsageError
from avts.files import whole_file, write_whole
from avts.finetune.checkpoint import build_classifier, check_key, has_checkpoint
from avts.finetune.classifier import Classifier
from avts.finetune.recipe import FinetuneRecipe, Senses
from avts.finetune.splits import Partition, partitions, with_few_labels
from avts.finetune.start import networks_for, start_towers
from avts.finetune.testing import ClassScores, score_videos, summary
from avts.finetune.train import Finetuning
from avts.model.device import choose_device, choose_precision

Bar = Callable[[str, str], AbstractContextManager[Callable[[int, int], None]]]
"""Opens a progress bar with a title and a unit."""


@dataclass(frozen=True)
class Study:
    """What is trained and tested.

    Attributes:
        corpus: with labels.
        recipe: how.
        senses: what the classifiers are given.
        start: the run whose weights to begin with; None for fresh ones.
        like: the run whose networks a fresh classifier has; None for those of the recipe.
        labels_per_class: numbers of training videos of each class; None for all.
        only: name of the one partition wanted; None for all of them.
        needs_both: leave out videos that lack picture or sound, whatever the classifiers are given.
        device: 'auto' or a torch device.
    """

    corpus: Corpus
    recipe: FinetuneRecipe
    senses: Senses = "picture"
    start: Path | None = None
    like: Path | None = None
    labels_per_class: tuple[int | None, ...] = (None,)
    only: str | None = None
    needs_both: bool = False
    device: str = "auto"

    def parts(self) -> Iterator[tuple[str, int | None, Partition]]:
        """Folder, number of labels and clips of each part.

        Raises:
            UsageError: no such partition.
            CorpusError: too few labelled clips, or partitions of different classes.
        """
        needed: Senses = "both" if self.needs_both else self.senses
        found = partitions(self.corpus, needed, clip_seconds=self.recipe.clips.clip_seconds, only=self.only)
        for partition in found[1:]:
            if odd := set(partition.classes) ^ set(found[0].classes):
                raise CorpusError(
                    f"{self.corpus.place}: {found[0].name} and {partition.name} cannot be averaged: '{min(odd)}' is "
                    "a training class in only one of them. Choose one with --split"
                )
        for labels in self.labels_per_class:
            for partition in found:
                folder = f"{partition.name}/labels-{labels or 'all'}"
                yield folder, labels, with_few_labels(partition, labels, seed=self.recipe.training.seed)

    def key(self, labels: int | None, partition: Partition) -> dict[str, Any]:
        """What a part on disk must have been made with."""
        start = "scratch" if self.start is None else str(self.start.resolve())
        return {
            "data": str(self.corpus.place),
            "start": start,
            "like": None if self.like is None else str(self.like.resolve()),
            "senses": self.senses,
            "partition": partition.name,
            "labels per class": labels,
            "number of clips": len(partition.train),
        }


def run_study(study: Study, out: Path, *, resume: bool, bar: Bar, say: Callable[[str], None] = print) -> dict[str, Any]:
    """Train and test every part of a study.

    Args:
        study: what.
        out: folder of the results; made if missing.
        resume: go on with what is there.
        bar: opens a progress bar.
        say: called with each automatic choice, in words.

    Returns:
        What OUT/result.json holds: what was asked; `results`, one for each number of labels, with the means over
        partitions (see accuracy.summary) and the `parts`.

    Raises:
        UsageError: `out` is a file, or holds results and `resume` is False; no such partition or device.
        CorpusError: too few labelled clips, or partitions of different classes.
        CheckpointError: the start does not fit; what is in `out` was made otherwise.
        TrainingError: a loss is not finite.
    """
    check_out(out, resume=resume)
    made: dict[int | None, list[tuple[ClassScores, dict[str, Any], Partition]]] = {}
    for folder, labels, partition in study.parts():
        for note in partition.notes:
            say(f"{folder}: {note}")
        scores, record = _part(study, partition, labels, out / folder, bar=bar, say=say, title=folder)
        made.setdefault(labels, []).append((scores, record, partition))
    result = {
        "senses": study.senses,
        "data": str(study.corpus.place),
        "start": "scratch" if study.start is None else str(study.start),
        "like": None if study.like is None else str(study.like),
        "clips_per_video": study.recipe.test.windows,
        "clip_seconds": study.recipe.clips.clip_seconds,
        "results": [_result_of(labels, parts) for labels, parts in made.items()],
        "recipe": study.recipe.model_dump(mode="json"),
    }
    text = json.dumps(result, indent=1)
    write_whole(out / "result.json", text)
    return result


def check_out(out: Path, *, resume: bool) -> None:
    """Raise UsageError if a study may not be written to a folder."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file, not a folder. Choose another --out")
    if not resume and out.exists() and any(out.iterdir()):
        raise UsageError(f"{out}: is not empty. Add --resume to continue, or choose another --out")


def _result_of(labels: int | None, parts: Sequence[tuple[ClassScores, dict[str, Any], Partition]]) -> dict[str, Any]:
    """Means over the partitions of one number of labels."""
    classes = parts[0][2].classes
    return {
        "labels_per_class": labels,
        **summary([scores for scores, _, _ in parts], classes),
        "parts": [record for _, record, _ in parts],
    }


def _part(
    study: Study,
    partition: Partition,
    labels: int | None,
    run: Path,
    *,
    bar: Bar,
    say: Callable[[str], None],
    title: str,
) -> tuple[ClassScores, dict[str, Any]]:
    """Train and test one classifier, or take over what was made before."""
    key = {**study.key(labels, partition), "recipe": study.recipe.model_dump(mode="json")}
    if (run / "part.json").is_file():
        record = json.loads((run / "part.json").read_text(encoding="utf-8"))
        check_key(record["key"], key, run)
        say(f"{title}: already done")
        return _read_scores(run), record["figures"]
    started = time.perf_counter()
    training = make_training(study, partition, labels, run, say=say)
    if has_checkpoint(run):
        say(f"{title}: continuing after step {training.resume()}")
    with bar(f"training {title}", "step") as on_progress:
        training.train(on_progress)
    with bar(f"testing {title}", "step") as on_progress:
        scores = score_videos(training.classifier, study.corpus, partition, study.recipe, on_progress=on_progress)
    figures = {
        "partition": partition.name,
        "num_train": len(partition.train),
        "num_test": len(scores.targets),
        "steps": training.num_steps,
        "seconds": time.perf_counter() - started,
        "top1": float(scores.in_top(1).mean()),
    }
    _write_part(run, scores, {"key": key, "figures": figures})
    return scores, figures


def make_training(
    study: Study, partition: Partition, labels: int | None, run: Path, *, say: Callable[[str], None]
) -> Finetuning:
    """A classifier with the weights to begin with, ready to be trained."""
    device, why = choose_device(study.device)
    say(f"device: {device} ({why})")
    recipe = study.recipe
    model = networks_for(recipe, study.senses, study.start or study.like)
    torch.manual_seed(recipe.training.seed)
    classifier: Classifier = build_classifier(
        model, len(partition.classes), senses=study.senses, settings=recipe.classifier
    )
    if study.start is not None:
        start_towers(classifier, study.start)
    say(f"start: {'random weights' if study.start is None else f'the weights of {study.start}'}")
    classifier.to(device)
    classifier.streams.low_precision, why = choose_precision(recipe.training.precision, device)
    say(f"precision: {'bf16' if classifier.streams.low_precision else 'fp32'} ({why})")
    key = study.key(labels, partition)
    return Finetuning(study.corpus, partition, classifier, model=model, recipe=recipe, run=run, key=key)


def _write_part(run: Path, scores: ClassScores, record: dict[str, Any]) -> None:
    """Write the scores first: a part with part.json is complete."""
    tensors = {name: torch.from_numpy(value).contiguous() for name, value in vars(scores).items()}
    with whole_file(run / "scores.safetensors") as path:
        save_file(tensors, path)
    write_whole(run / "part.json", json.dumps(record, indent=1))


def _read_scores(run: Path) -> ClassScores:
    return ClassScores(**{name: value.numpy() for name, value in load_file(run / "scores.safetensors").items()})


ORDER: tuple[Senses, ...] = ("both", "picture", "sound")


def run_comparison(
    study: Study, out: Path, *, resume: bool, bar: Bar, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Train and test both towers together, the picture alone and the sound alone; arguments and errors of `run_study`.

    Returns:
        What OUT/result.json holds: by 'both', 'picture' and 'sound' what `run_study` returns.
    """
    check_out(out, resume=resume)
    results: dict[str, Any] = {}
    for senses in ORDER:
        say(f"senses: {senses}")
        one = replace(study, senses=senses, needs_both=True)
        results[senses] = run_study(one, out / senses, resume=resume, bar=bar, say=say)
    text = json.dumps(results, indent=1)
    write_whole(out / "result.json", text)
    return results
