"""What the experiments train and measure: all that their tables ask for, each in its turn."""

from pathlib import Path

import pytest

import downstream_report as report
from cells import missing
from downstream import CURVE, NAMED_LABELS, Trial, job_of, trials_of
from table1 import FORMS, Cell, cells_of, measuring, recipe_of
from table1_report import FORM_TITLES, REGIMES
from worlds import PARTS, SEEN, UNSEEN, VIDEOS, make_corpora

WORK = Path("nowhere")
BATCH = 16


def as_trial(trial: Trial) -> dict[str, object]:
    """What the table knows of a trial."""
    cell = trial.cell
    return {"start": trial.start, **{key: getattr(cell, key) for key in ("regime", "form", "videos", "times")}}


def has(task: str, start: report.Start, labels: str, world: str = "unseen") -> bool:
    return any(
        trial.task == task and trial.world == world and labels in trial.labels and start.holds(as_trial(trial))
        for trial in trials_of(0)
    )


def test_every_figure_of_the_curves_has_its_trial() -> None:
    for (task, world), starts in report.CURVES.items():
        assert all(has(task, start, labels, world) for start in starts for labels in CURVE)


def test_every_figure_of_the_tables_has_its_trial() -> None:
    assert report.NAMED == NAMED_LABELS
    assert all(has(task, start, report.NAMED) for start in report.REGIMES for task in ("actions", "sounds", "both"))
    assert all(has(task, start, report.NAMED) for start in report.SIZES for task in ("actions", "sounds"))
    assert all(has("actions", start, report.NAMED) for start in report.FORMS)
    assert all(has("actions", start, labels) for start in (report.AVTS, report.SUPERVISED) for labels in ("5", "all"))


def test_all_regimes_are_trained_in_our_form_and_all_but_the_adaptive_one_in_the_papers() -> None:
    assert {cell.regime for cell in cells_of("ours", 0)} == REGIMES.keys()
    assert {cell.regime for cell in cells_of("paper-individual", 0)} == REGIMES.keys() - {"adaptive"}
    assert FORMS.keys() == FORM_TITLES.keys()


def test_what_a_regime_begins_with_is_trained_before_it() -> None:
    order = list(missing([measuring(Cell("ours", "bce-after", 7), WORK), measuring(Cell("ours", "easy", 7), WORK)]))
    assert order == [
        "train ours easy-then-mixed-7",
        "train ours bce-after-7",
        "measure ours bce-after-7",
        "train ours easy-7",
        "measure ours easy-7",
    ]


@pytest.mark.parametrize("videos", [None, *PARTS])
def test_all_sizes_of_corpus_get_as_many_steps(videos: int | None) -> None:
    steps_of_an_epoch = (videos or VIDEOS["train"]) // BATCH
    recipe = recipe_of(Cell("ours", "easy-then-mixed", 0, videos))
    assert recipe.pairs.batch_size == BATCH
    assert recipe.num_epochs * steps_of_an_epoch == pytest.approx(270, rel=0.02)
    share = recipe.curriculum[0].epochs / recipe.num_epochs
    assert share == pytest.approx(5 / 9, abs=0.01), "the paper's 50 of 90"


def test_longer_training_keeps_the_state_at_the_end_of_its_first_stage() -> None:
    once, longer = (recipe_of(Cell("global", "easy-then-mixed", 0, None, times)) for times in (1, 4))
    assert [stage.epochs for stage in longer.curriculum] == [4 * stage.epochs for stage in once.curriculum]
    first = longer.curriculum[0].epochs * VIDEOS["train"] // BATCH
    assert longer.training.checkpoint_every_steps == first == 600


def test_no_two_trials_share_a_file() -> None:
    names = [trial.name for seed in range(3) for trial in trials_of(seed)]
    assert len(set(names)) == len(names)
    jobs = missing([job_of(trial, WORK) for trial in trials_of(7)])
    assert "supervise global-7" in jobs


def test_no_kind_is_both_seen_and_unseen() -> None:
    assert not set(SEEN) & set(UNSEEN)
    assert len(SEEN) == len(UNSEEN) == 10


def test_a_part_of_the_corpus_is_its_first_videos_with_all_of_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from avts.corpus.corpus import Corpus

    monkeypatch.setattr("worlds.VIDEOS", {"train": 3, "validation": 1, "test": 2})
    monkeypatch.setattr("worlds.UNSEEN_VIDEOS", {"train": 1, "test": 1})
    monkeypatch.setattr("worlds.PARTS", (2,))
    monkeypatch.setattr("worlds.SECONDS", 1.5)
    make_corpora(tmp_path)
    whole, part = Corpus.open(tmp_path / "corpus"), Corpus.open(tmp_path / "corpus-2")
    sizes = [[len(corpus.select(split)) for split in ("train", "validation", "test")] for corpus in (whole, part)]
    assert sizes == [[3, 1, 2], [2, 1, 2]]
    hashes = [{clip.content_hash: clip.label for clip in corpus.select("train")} for corpus in (whole, part)]
    assert hashes[1].items() < hashes[0].items()
    for name in ("unseen", "unseen-rich"):
        assert {clip.label for clip in Corpus.open(tmp_path / name).clips} <= set(UNSEEN)
