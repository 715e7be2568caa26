"""The parts of a step are timed: means for the log, sums for the run."""

from __future__ import annotations

import time

import pytest
import torch

from avts.training.timing import StepTimer


class Clock:
    """A clock that only goes when told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(time, "perf_counter", lambda: self.now)

    def pass_in(self, timer: StepTimer, **seconds: float) -> None:
        for name, spent in seconds.items():
            with timer.part(name):
                self.now += spent


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_the_log_is_told_the_mean_of_the_steps_since_it_was_last_told(clock: Clock) -> None:
    timer = StepTimer(torch.device("cpu"))
    for wait, decode in ((0.2, 0.7), (0.4, 0.9)):
        clock.pass_in(timer, wait=wait, transfer=0.1, forward=1.0, backward=2.0, update=0.5)
        timer.end_step(decode)
    assert timer.row() == pytest.approx(
        {
            "seconds": 3.9,
            "wait_seconds": 0.3,
            "decode_seconds": 0.8,
            "transfer_seconds": 0.1,
            "compute_seconds": 3.5,
            "forward_seconds": 1.0,
            "backward_seconds": 2.0,
            "update_seconds": 0.5,
        }
    )
    clock.pass_in(timer, wait=0.0, forward=1.5)
    timer.end_step(0.0)
    assert (timer.row()["seconds"], timer.row()["seconds"]) == pytest.approx((1.5, 0.0))


def test_the_first_wait_is_the_start_and_the_rest_of_the_run_is_in_the_seconds_in_all(clock: Clock) -> None:
    timer = StepTimer(torch.device("cpu"))
    for _ in range(3):
        clock.pass_in(timer, wait=4.0, forward=1.0)
        timer.end_step(0.5)
        clock.now += 0.25  # a line of the log, a checkpoint
    run = timer.run
    assert (run.steps, run.decode, run.parts["start"], run.parts["wait"]) == (3, 1.5, 4.0, 8.0)
    assert (run.compute, run.whole, timer.seconds_in_all) == pytest.approx((3.0, 15.0, 15.75))


class Event:
    """An event of a card whose work takes its own time: the card reaches it when what it was given before is done."""

    queued = 0.0
    waited: list[float] = []  # noqa: RUF012

    def __init__(self, *, enable_timing: bool) -> None:
        assert enable_timing

    def record(self, stream: object) -> None:
        assert stream == "stream of cuda:1"
        self.at = Event.queued

    def synchronize(self) -> None:
        Event.waited.append(self.at)

    def elapsed_time(self, later: Event) -> float:
        return 1000 * (later.at - self.at)


def test_a_card_is_timed_by_its_own_clock_and_only_waited_for_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "Event", Event)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: f"stream of {device}")
    monkeypatch.setattr(Event, "waited", [])
    timer = StepTimer(torch.device("cuda", 1))
    for wait in (2.0, 0.5):
        for name, seconds in (("wait", wait), ("forward", 3.0), ("backward", 7.0)):
            with timer.part(name):
                Event.queued += seconds
        timer.end_step(0.25)
    assert not Event.waited
    row = timer.row()
    assert Event.waited == [Event.queued]
    assert (row["wait_seconds"], row["forward_seconds"], row["backward_seconds"]) == pytest.approx((1.25, 3.0, 7.0))
    run = timer.run
    assert (run.parts["start"], run.parts["wait"], run.compute) == pytest.approx((2.0, 0.5, 20.0))
    assert len(Event.waited) == 1  # nothing new to wait for
