"""Which rows of a step each process takes, by hand."""

from typing import Any

import numpy as np
import pytest
import torch

from avts.corpus.corpus import Corpus
from avts.errors import UsageError
from avts.pairs.loader import Batch, StepDataset
from avts.pairs.negatives import EASY, HARD, StepPlan, plan_grid, plan_pairs
from avts.pairs.ranks import Part, Rows, part_of


def planned(plan: Any, durations: list[float]) -> StepPlan:
    found: StepPlan = plan(
        list(range(len(durations))), durations, negative_shares={EASY: 0.5, HARD: 0.5}, clip_seconds=1.0,
        gap_seconds=0.5, rng=np.random.default_rng(0),
    )  # fmt: skip
    return found


def parts(plan: StepPlan, num_ranks: int) -> list[Part]:
    return [part_of(plan, rank=rank, num_ranks=num_ranks) for rank in range(num_ranks)]


def test_sounds_go_where_the_picture_is_that_they_were_cut_for() -> None:
    # clips 1 and 2 are too short for a hard sound: clips 0 to 5 bring 2, 1, 1, 2, 2 and 2 sounds
    plan = planned(plan_grid, [9.0, 1.0, 1.0, 9.0, 9.0, 9.0])
    assert [window.clip for window in plan.sounds] == [0, 0, 1, 2, 3, 3, 4, 4, 5, 5]
    assert parts(plan, 2) == [Part(Rows(0, 3, 6), Rows(0, 4, 10)), Part(Rows(3, 6, 6), Rows(4, 10, 10))]
    assert [part.sounds for part in parts(plan, 3)] == [Rows(0, 3, 10), Rows(3, 6, 10), Rows(6, 10, 10)]


@pytest.mark.parametrize("plan", [plan_grid, plan_pairs])
@pytest.mark.parametrize("num_ranks", [1, 2, 3, 5])
def test_every_row_is_taken_once(plan: Any, num_ranks: int) -> None:
    step = planned(plan, [9.0, 1.0, 9.0, 1.0, 9.0])
    for name, windows in (("pictures", step.pictures), ("sounds", step.sounds)):
        rows = [getattr(part, name) for part in parts(step, num_ranks)]
        assert sum((each.of(windows) for each in rows), ()) == windows
        assert [sum(row in each for each in rows) for row in range(len(windows))] == [1] * len(windows)
        assert {each.total for each in rows} == {len(windows)}


def test_of_a_pair_both_go_to_one_process() -> None:
    for part in parts(planned(plan_pairs, [9.0] * 8), 4):
        assert part.pictures == part.sounds


@pytest.mark.parametrize("rank", [-1, 2])
def test_a_process_that_is_not_there(rank: int) -> None:
    with pytest.raises(UsageError, match=rf"process {rank} of 2: must be 0 to 1\."):
        part_of(planned(plan_pairs, [9.0] * 4), rank=rank, num_ranks=2)


def test_more_processes_than_pictures_are_refused() -> None:
    with pytest.raises(UsageError, match=r"3 picture\(s\) of a step for 4 processes: each process needs one\."):
        part_of(planned(plan_grid, [9.0] * 3), rank=0, num_ranks=4)


@pytest.mark.parametrize("silence_dbfs", [-60.0, -28.0])
def test_the_parts_of_a_batch_put_together_are_the_batch(small_corpus: Corpus, silence_dbfs: float) -> None:
    clips = small_corpus.select("train")
    plan = planned(plan_grid, [clip.duration_seconds for clip in clips])

    def batch(**ranks: int) -> Batch:
        options: Any = {"clip_seconds": 1.0, "silence_dbfs": silence_dbfs, "colour": True, **ranks}
        return StepDataset(small_corpus, clips, lambda _: plan, **options)[0]

    whole, held = batch(), [batch(rank=rank, num_ranks=2) for rank in range(2)]
    for name in ("y", "u", "v", "sounds", "clips"):
        assert torch.equal(torch.cat([getattr(part, name) for part in held]), getattr(whole, name)), name
        assert len(getattr(held[0], name)) < len(getattr(whole, name))
    for name in ("picture_rows", "sound_rows", "kinds"):
        assert all(torch.equal(getattr(part, name), getattr(whole, name)) for part in held)
    # what another process holds counts as heard: all together know it all
    assert torch.equal(held[0].valid & held[1].valid, whole.valid)
    assert whole.valid.all() == (silence_dbfs == -60.0)
