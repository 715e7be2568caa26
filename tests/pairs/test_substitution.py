"""What takes the place of a clip that cannot be read, and which rank takes which clips."""

import numpy as np
import pytest

from avts.errors import UsageError
from avts.pairs.negatives import EASY, HARD, POSITIVE, StepPlan, Window, epoch_order
from avts.pairs.ranks import rank_slice
from avts.pairs.substitution import next_clip, with_clip

PLAN = StepPlan(
    pictures=(Window(3, 0.0), Window(1, 2.0)),
    sounds=(Window(3, 0.0), Window(1, 2.0), Window(1, 4.0)),
    pairs=((0, 0, POSITIVE), (1, 1, POSITIVE), (0, 1, EASY), (1, 0, EASY), (1, 2, HARD), (0, 2, EASY)),
)
LONG = [9.0] * 5


def test_the_next_clip_that_the_step_does_not_hold_takes_the_place() -> None:
    assert next_clip(PLAN, 1, LONG, clip_seconds=1.0, unreadable={1}) == 2
    assert next_clip(PLAN, 3, LONG, clip_seconds=1.0, unreadable={3}) == 4


def test_the_search_goes_round_the_end_of_the_list_past_what_could_not_be_read() -> None:
    assert next_clip(PLAN, 3, LONG, clip_seconds=1.0, unreadable={3, 4}) == 0
    assert next_clip(PLAN, 3, LONG, clip_seconds=1.0, unreadable={3, 4, 0}) == 2


def test_a_clip_too_short_for_the_windows_is_passed_over() -> None:
    # clip 1 is wanted up to 4 + 1 = 5 s
    assert next_clip(PLAN, 1, [9.0, 9.0, 4.9, 9.0, 5.0], clip_seconds=1.0, unreadable={1}) == 4
    assert next_clip(PLAN, 1, [4.0, 9.0, 4.9, 9.0, 4.9], clip_seconds=1.0, unreadable={1}) is None


def test_all_windows_move_together_so_pairs_keep_their_kind() -> None:
    moved = with_clip(PLAN, 1, 4)
    assert moved.pictures == (Window(3, 0.0), Window(4, 2.0))
    assert moved.sounds == (Window(3, 0.0), Window(4, 2.0), Window(4, 4.0))
    assert moved.pairs == PLAN.pairs


@pytest.mark.parametrize(("clips", "world_size"), [(12, 4), (14, 4), (7, 2), (3, 4)])
def test_ranks_never_overlap_and_have_equally_many(clips: int, world_size: int) -> None:
    order = epoch_order(clips, seed=1, epoch=2)
    parts = [rank_slice(order, rank=rank, world_size=world_size) for rank in range(world_size)]
    together = np.concatenate(parts).tolist()
    assert {len(part) for part in parts} == {clips // world_size}
    assert len(set(together)) == len(together)
    assert set(together) <= set(order.tolist())


def test_one_rank_takes_the_whole_order() -> None:
    order = epoch_order(7, seed=1, epoch=0)
    assert rank_slice(order, rank=0, world_size=1).tolist() == order.tolist()


@pytest.mark.parametrize(("rank", "world_size"), [(2, 2), (-1, 2), (0, 0)])
def test_a_rank_that_is_not_there(rank: int, world_size: int) -> None:
    with pytest.raises(UsageError, match=rf"rank {rank} of {world_size} processes: must be 0 to {world_size - 1}"):
        rank_slice(epoch_order(4, seed=0, epoch=0), rank=rank, world_size=world_size)
