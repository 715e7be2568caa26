"""What takes the place of a clip that cannot be read."""

from avts.pairs.negatives import EASY, HARD, POSITIVE, StepPlan, Window
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


def test_processes_never_choose_the_same_clip_without_asking_each_other() -> None:
    found = [
        [
            next_clip(PLAN, clip, [9.0] * 9, clip_seconds=1.0, unreadable={clip}, rank=rank, num_ranks=3)
            for clip in (3, 1)
        ]
        for rank in range(3)
    ]
    # free are 0 2 4 5 6 7 8, looked through from the clip on: process 0 may take 0 and 6, 1 may take 4 and 7
    assert found == [[6, 6], [4, 4], [5, 2]]
