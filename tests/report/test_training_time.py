"""Where the time went, and what to change."""

import pytest

from avts.report.training_time import time_text
from avts.training.timing import Times


def times(wait: float, decode: float, compute: float = 9.0) -> Times:
    found = Times(steps=10, decode=decode)
    found.parts |= {"start": 2.0, "wait": wait, "transfer": 1.0, "forward": compute / 3, "backward": compute / 2}
    found.parts["update"] = compute / 6
    return found


def test_shares_are_of_the_whole_run() -> None:
    line = time_text(times(wait=0.5, decode=5.0), seconds_in_all=20.0, workers=1, cores=2)
    assert line == (
        "time: 20 s for 10 steps: compute 45% (forward 15%, backward 22%, update 8%), waiting for the loader 2%, "
        "transfer 5%, start 10%, the rest (log, checkpoints) 38%"
    )


@pytest.mark.parametrize(
    ("decode", "workers", "cores", "words"),
    [
        (10.0, 0, 4, "decoded in the main process. Set [training] workers = 1 or more to decode in parallel"),
        (25.0, 1, 4, "a worker takes 2.50 s per batch, a step 1.00 s. Set [training] workers = 3"),
        (25.0, 1, 2, "3 workers would be needed, but this machine has 2 cores"),
        (15.0, 2, 4, "there are 2 workers. Reading is uneven, or the cores are busy"),
    ],
)
def test_what_to_change_when_steps_wait(decode: float, workers: int, cores: int, words: str) -> None:
    text = time_text(times(wait=10.0, decode=decode), seconds_in_all=25.0, workers=workers, cores=cores)
    assert text.splitlines()[1].startswith("50% of the time of a step is spent waiting for its batch")
    assert words in text


def test_a_start_that_takes_long_is_no_waiting() -> None:
    found = times(wait=0.0, decode=50.0)
    found.parts["start"] = 100.0
    assert "\n" not in time_text(found, seconds_in_all=120.0, workers=1, cores=2)


def test_a_run_without_a_step_is_no_division_by_zero() -> None:
    assert time_text(Times(), seconds_in_all=0.0, workers=1, cores=2) == "time: no steps"
