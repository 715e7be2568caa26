"""How many threads: by the clock alone, on a machine whose times are made up."""

import copy
import itertools

import pytest
import torch

from avts.model.threads import PIECES_BETWEEN_LOOKS, ThreadChoice, numbers_up_to


class Machine:
    """A clock on which a piece takes as long as a table says for torch's number of threads."""

    def __init__(self, **seconds: float) -> None:
        self.seconds = {int(name[1:]): taken for name, taken in seconds.items()}
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def work(self, choice: ThreadChoice, pieces: int, amount: float = 1.0) -> list[int]:
        """Do pieces of work; gives the number of threads of each."""
        numbers = []
        for _ in range(pieces):
            with choice.timed(amount):
                numbers.append(torch.get_num_threads())
                self.now += amount * self.seconds[numbers[-1]]
        return numbers


@pytest.mark.parametrize(
    ("most", "numbers"), [(1, (1,)), (2, (1, 2)), (3, (1, 2, 3)), (6, (1, 2, 4, 6)), (8, (1, 2, 4, 8))]
)
def test_numbers_to_choose_among_are_powers_of_two_and_the_most(most: int, numbers: tuple[int, ...]) -> None:
    assert numbers_up_to(most) == numbers


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({"n1": 1.0, "n2": 0.5, "n4": 0.3}, 4),
        ({"n1": 1.0, "n2": 0.5, "n4": 0.6}, 2),
        ({"n1": 1.0, "n2": 2.5, "n4": 0.1}, 1),
        ({"n1": 1.0, "n2": 0.95, "n4": 0.9}, 1),
    ],
)
def test_more_threads_are_taken_while_each_step_pays(seconds: dict[str, float], chosen: int) -> None:
    machine = Machine(**seconds)
    choice = ThreadChoice((1, 2, 4), machine)
    machine.work(choice, 4)
    assert choice.number == chosen


def test_the_first_piece_is_computed_with_one_thread_and_the_second_with_two() -> None:
    machine = Machine(n1=1.0, n2=3.0)
    assert machine.work(ThreadChoice((1, 2), machine), 5) == [1, 2, 1, 1, 1]


def test_the_amount_of_work_in_a_piece_is_taken_into_account() -> None:
    machine = Machine(n1=1.0, n2=0.5)
    choice = ThreadChoice((1, 2), machine)
    machine.work(choice, 1, amount=0.1)  # takes 0.1 s
    machine.work(choice, 1, amount=8.0)  # takes 4 s
    assert choice.seconds == pytest.approx({1: 1.0, 2: 0.5})
    assert choice.number == 2


def test_a_machine_that_becomes_busy_is_noticed_at_the_next_look_and_again_when_it_is_quiet() -> None:
    machine = Machine(n1=1.0, n2=0.5)
    choice = ThreadChoice((1, 2), machine)
    machine.work(choice, 2)
    assert choice.number == 2
    machine.seconds = {1: 2.0, 2: 5.0}
    machine.work(choice, PIECES_BETWEEN_LOOKS + 2)
    assert choice.number == 1
    machine.seconds = {1: 1.0, 2: 0.5}
    machine.work(choice, PIECES_BETWEEN_LOOKS + 2)
    assert choice.number == 2


def test_looks_become_rarer_while_nothing_changes() -> None:
    machine = Machine(n1=1.0, n2=3.0)
    tried = [at for at, number in enumerate(machine.work(ThreadChoice((1, 2), machine), 400)) if number == 2]
    apart = [after - before for before, after in itertools.pairwise(tried)]
    assert apart[:4] == [18, 34, 66, 66]


def test_the_number_of_the_process_is_put_back_after_each_block_and_after_an_error() -> None:
    before = torch.get_num_threads()
    choice = ThreadChoice((before + 1,))
    with choice.used():
        assert torch.get_num_threads() == before + 1
    with pytest.raises(KeyError), choice.timed(1.0):
        raise KeyError
    assert torch.get_num_threads() == before


def test_the_choice_is_said_with_the_times_it_was_made_by() -> None:
    machine = Machine(n1=0.2, n2=0.35)
    choice = ThreadChoice((1, 2), machine)
    assert choice.in_words == "1 of up to 2 (too little work so far to try more)"
    machine.work(choice, 2)
    assert choice.in_words == "1 of up to 2 (a second of film took 0.2 s with 1, 0.35 s with 2)"
    assert ThreadChoice((3,)).in_words == "3 (as set)"


def test_a_copy_begins_anew() -> None:
    machine = Machine(n1=1.0, n2=0.5)
    choice = ThreadChoice((1, 2), machine)
    machine.work(choice, 2)
    other = copy.deepcopy(choice)
    assert (choice.number, other.number, other.numbers) == (2, 1, (1, 2))
