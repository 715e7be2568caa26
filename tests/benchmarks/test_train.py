"""The training benchmark: that both forms of the step do the same, and that what it counts is a hand count."""

from dataclasses import dataclass, replace

import pytest
import torch
from click.testing import CliRunner

from avts.pairs.negatives import EASY, HARD, POSITIVE
from benchmarks import step_speed
from benchmarks.__main__ import command
from benchmarks.step_profile import NETWORK, OPTIMISER, ORDER, REST, group_shares, mark_network, step_shares
from benchmarks.step_speed import CpuSpeed, MatrixProduct, gpu_rows, kinetics_hours, speed_rows
from benchmarks.train import rows
from benchmarks.training_step import StepSize, TrainingStep, noise_batch, step_operations

SMALL = StepSize(frame_size=32, frames=12, batch=2, width=8)
CPU = torch.device("cpu")


def weights_after(step: TrainingStep, count: int) -> list[torch.Tensor]:
    for _ in range(count):
        step.make()
    return [parameter.detach() for parameter in step.model.parameters()]


def test_both_forms_of_the_step_make_the_same_update(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.training_step.choose_precision", lambda *_: (False, "so that both round alike"))
    ours, plain = (weights_after(TrainingStep(SMALL, CPU, plain=plain), 2) for plain in (False, True))
    for mine, theirs in zip(ours, plain, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-3, atol=1e-4)


def outputs_of_towers(size: StepSize, *, plain: bool) -> list[torch.Tensor]:
    """What the last convolutions of picture and sound give in a step."""
    step = TrainingStep(size, CPU, plain=plain)
    seen: list[torch.Tensor] = []
    for tower in (step.model.video, step.model.audio.conv5):
        tower.register_forward_hook(lambda *call: seen.append(call[-1]))
    step.make()
    return seen


@pytest.mark.parametrize(("plain", "kind"), [(False, torch.bfloat16), (True, torch.float32)])
def test_ours_is_in_bf16_where_the_cpu_is_fast_at_it_and_plain_never(
    monkeypatch: pytest.MonkeyPatch, plain: bool, kind: torch.dtype
) -> None:
    monkeypatch.setattr("benchmarks.training_step.choose_precision", lambda *_: (True, "as on a CPU with bf16"))
    assert {output.dtype for output in outputs_of_towers(SMALL, plain=plain)} == {kind}


@pytest.mark.parametrize("plain", [False, True])
def test_plain_is_contiguous_from_end_to_end_and_ours_has_channels_last(
    monkeypatch: pytest.MonkeyPatch, plain: bool
) -> None:
    monkeypatch.setattr("benchmarks.training_step.choose_precision", lambda *_: (False, "the layout is the same"))
    # of fewer than 16 pictures as small as these PyTorch lets another library convolve, which knows one layout only
    outputs = outputs_of_towers(replace(SMALL, batch=16), plain=plain)
    assert [output.is_contiguous() for output in outputs] == [plain, plain]


def test_a_batch_has_a_hard_sound_for_each_picture_and_windows_of_the_size_asked_for() -> None:
    batch = noise_batch(StepSize(frame_size=112, frames=25, batch=3, width=8).recipe())
    assert batch.y.shape == (3, 25, 128, 128)
    assert batch.u is not None
    assert batch.u.shape == (3, 25, 64, 64)
    assert batch.sounds.shape == (6, round(25 / 24 * 16_000))
    counts = {kind: int((batch.kinds == kind).sum()) for kind in (POSITIVE, EASY, HARD)}
    assert counts == {POSITIVE: 3, EASY: 12, HARD: 3}


def test_operations_of_a_step_are_the_published_ones_three_times() -> None:
    # Tran et al. 2018: MC3-18 takes 271 GMAC for 25 x 224 x 224
    recipe = StepSize(frame_size=224).recipe()
    forward = step_operations(recipe, pictures=1, sounds=0) / 3
    assert forward == pytest.approx(2 * 271e9, rel=0.05)
    first = 2 * 3 * 147 * 64 * 25 * 112 * 112  # conv1: the gradient of the input is not taken
    without = StepSize(frame_size=224, width=8).recipe()
    assert step_operations(without, pictures=2, sounds=0) == 2 * step_operations(without, pictures=1, sounds=0)
    assert first / 3 == pytest.approx(2 * 271e9 - forward, rel=0.3)


def test_operations_of_pictures_and_sounds_add_up() -> None:
    recipe = SMALL.recipe()
    picture, sound = step_operations(recipe, pictures=1, sounds=0), step_operations(recipe, pictures=0, sounds=1)
    assert step_operations(recipe, pictures=3, sounds=5) == 3 * picture + 5 * sound
    assert TrainingStep(SMALL, CPU).operations == 2 * picture + 4 * sound


def test_the_floor_is_the_operations_at_the_rate_of_the_product() -> None:
    assert CpuSpeed(step=10.0, operations=600, rate=200.0, precision="bf16").floor == 3.0
    product = MatrixProduct(CPU, "bf16", size=8)
    product.make()
    assert product.operations == 4 * 2 * 8**3


def test_the_target_of_the_speed_is_only_held_against_a_cpu_with_amx(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_speed, "has_amx", lambda: True)
    (row,) = speed_rows(SMALL, 1)
    assert (row.target, row.reached is None) == (6.0, False)
    monkeypatch.setattr(step_speed, "has_amx", lambda: False)
    measured, asked = speed_rows(SMALL, 1)
    assert measured.value is not None
    assert measured.target is None
    assert (asked.value, asked.target, asked.note) == (None, 6.0, "this CPU has no AMX, which the target is for")


def test_without_a_gpu_its_rows_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    found = list(gpu_rows(SMALL))
    assert [(row.name, row.value, row.target, row.note) for row in found] == [
        (f"utilisation at 12x{side}x{side}", None, 45.0, "no CUDA device found") for side in (112, 224)
    ]


def test_rows_of_a_gpu_are_of_one_step_and_batches_halve_until_they_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    class Step:
        precision = "bf16"

        def __init__(self, size: StepSize, _: torch.device) -> None:
            if size.batch > 16:
                raise torch.OutOfMemoryError
            self.operations = 10**9 * size.batch

        def make(self) -> None:
            raise AssertionError

    monkeypatch.setattr(step_speed, "TrainingStep", Step)
    monkeypatch.setattr(step_speed, "_gpu_seconds", lambda _: 0.5)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "a card")
    share, clips, hours = step_speed._gpu_size_rows(SMALL, CPU, 64e9)
    assert share.value == 100 * 2e9 / 0.5 / 64e9
    share, clips, hours = step_speed._gpu_size_rows(replace(SMALL, batch=64), CPU, 64e9)
    assert share.value == 50.0
    assert share.note == "a card, 0 TFLOP/s; batch 16, 500.0 ms a step, bf16"
    assert clips.value == 32.0
    assert hours.value == kinetics_hours(32.0) == 230_000 * 90 / 32 / 3600


@dataclass
class Event:
    name: str
    self_cpu_time_total: float
    cpu_parent: "Event | None" = None


def test_time_goes_to_the_group_of_what_it_was_spent_in() -> None:
    forward, backward = Event(NETWORK, 0), Event("autograd::engine::evaluate_function: ConvolutionBackward0", 1)
    events = [
        Event("aten::copy_", 2, Event("aten::conv3d", 0, forward)),
        backward,
        Event("aten::convolution_backward", 4, backward),
        Event("aten::native_batch_norm", 3, forward),
        Event("aten::add_", 5, Event("Optimizer.step#SGD.step", 0)),
        Event("aten::add_", 2, forward),
        Event("aten::addmm", 1, forward),
        Event("aten::adaptive_avg_pool2d", 2),
    ]
    assert group_shares(events) == pytest.approx(
        {
            "convolution": 7 / 20,
            "batch norm": 3 / 20,
            OPTIMISER: 5 / 20,
            "ReLU and shortcuts": 2 / 20,
            "linear layers": 1 / 20,
            REST: 2 / 20,
        }
    )


def test_shares_of_a_step_sum_to_one_and_every_layer_has_some() -> None:
    shares = step_shares(TrainingStep(SMALL, CPU))
    assert sum(shares.values()) == pytest.approx(1)
    assert set(shares) == set(ORDER)


def test_marks_of_the_network_are_taken_away_again() -> None:
    model = TrainingStep(SMALL, CPU).model
    before = [len(model.video._forward_pre_hooks), len(model.video._forward_hooks)]
    removes = mark_network(model)
    assert [len(model.video._forward_pre_hooks), len(model.video._forward_hooks)] == [each + 1 for each in before]
    for remove in removes:
        remove()
    assert [len(model.video._forward_pre_hooks), len(model.video._forward_hooks)] == before


def test_only_what_is_asked_for_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert {row.name for row in rows(only=["gpu"], frames=24)} == {f"utilisation at 24x{s}x{s}" for s in (112, 224)}
    result = CliRunner().invoke(command, ["train", "--only", "gpu"])
    assert result.exit_code == 0, result.output
    assert result.output.count("no CUDA device found") == 2
