"""How many threads a network computes with on the CPU: chosen by timing real work, and looked at again now and then.

Input: work in pieces of one kind. Output: torch's number of threads while a piece runs, and the choice in words.

On a machine with other work two threads can take longer than one, since each waits for the other: no property of the
machine tells that, only the clock does. The number is that of the process: it is set around each piece and put back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager

import torch

LEAST_GAIN = 0.9
"""More threads must need at most this part of the time of fewer; otherwise the other threads serve others better."""

PIECES_BETWEEN_LOOKS = 8
MOST_PIECES_BETWEEN_LOOKS = 64
"""Pieces from one look at the neighbouring numbers to the next; twice as many after each look that changes nothing."""


def numbers_up_to(most: int) -> tuple[int, ...]:
    """The numbers of threads to choose among: powers of two, and the most."""
    powers = [1 << power for power in range(most.bit_length())]
    return tuple(sorted({*(number for number in powers if number < most), most}))


class ThreadChoice:
    """The number of threads for work that comes in pieces.

    It begins with the least number, which never harms, and then climbs while that pays: short work is done before
    anything is tried. A copy begins anew.

    Args:
        numbers: to choose among, ascending; a single one is taken untimed.
        clock: seconds.

    Attributes:
        number: the choice so far.
        seconds: of a unit of work, by the number of threads it was last timed with.
    """

    def __init__(self, numbers: Sequence[int], clock: Callable[[], float] = time.perf_counter) -> None:
        self.numbers = tuple(numbers)
        self.number = self.numbers[0]
        self.seconds: dict[int, float] = {}
        self._clock = clock
        self._trials = self._looks()
        self._next = next(self._trials)

    def __reduce__(self) -> tuple[type[ThreadChoice], tuple[tuple[int, ...], Callable[[], float]]]:
        return ThreadChoice, (self.numbers, self._clock)

    @property
    def in_words(self) -> str:
        """'1 of up to 2 (a second of film took 0.21 s with 1, 0.35 s with 2)'."""
        if len(self.numbers) == 1:
            return f"{self.number} (as set)"
        timed = ", ".join(f"{seconds:.2g} s with {number}" for number, seconds in sorted(self.seconds.items()))
        why = f"a second of film took {timed}" if len(self.seconds) > 1 else "too little work so far to try more"
        return f"{self.number} of up to {self.numbers[-1]} ({why})"

    @contextmanager
    def used(self) -> Iterator[None]:
        """Compute with the chosen number of threads in a block."""
        with _threads(self.number):
            yield

    @contextmanager
    def timed(self, amount: float) -> Iterator[None]:
        """Compute a piece in a block, with the chosen number of threads or one to be tried.

        Args:
            amount: of work in the piece, > 0; the time it takes must grow with it. `in_words` takes seconds of film.
        """
        number = self.numbers[self._next]
        with _threads(number):
            start = self._clock()
            yield
            self.seconds[number] = (self._clock() - start) / amount
        self._next = self._trials.send(self.seconds[number])

    def _looks(self) -> Generator[int, float]:
        """Gives the index of the number for the next piece, and takes the seconds that a unit took."""
        at, wait = 0, PIECES_BETWEEN_LOOKS
        while True:
            before = at
            seconds = yield at
            while at + 1 < len(self.numbers) and (more := (yield at + 1)) <= LEAST_GAIN * seconds:
                at, seconds = at + 1, more
            while 0 < at <= before and LEAST_GAIN * (fewer := (yield at - 1)) < seconds:
                at, seconds = at - 1, fewer
            wait = PIECES_BETWEEN_LOOKS if at != before else min(2 * wait, MOST_PIECES_BETWEEN_LOOKS)
            self.number = self.numbers[at]
            for _ in range(wait):
                yield at


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Let torch compute with a number of threads in a block."""
    before = torch.get_num_threads()
    if number == before:
        yield
        return
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
