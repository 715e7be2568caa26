"""The moving average of weights, by hand."""

import pytest
import torch

from avts.model.checkpoint import build_model
from avts.training.optimizer import MovingAverage, blend, decay_at
from fixtures_training import tiny_recipe


@pytest.mark.parametrize(
    ("step", "decay"), [(0, 1 / 10), (1, 2 / 11), (8, 9 / 18), (80, 81 / 90), (81, 82 / 91), (89, 0.9), (1000, 0.9)]
)  # (1 + step) / (10 + step) reaches 9 / 10 after 80 steps
def test_memory_is_short_at_first_and_then_as_long_as_asked(step: int, decay: float) -> None:
    assert decay_at(0.9, step) == pytest.approx(min(decay, 0.9))


def test_weights_and_running_statistics_are_averaged_and_counts_are_the_last() -> None:
    torch.manual_seed(0)
    model = build_model(tiny_recipe().model)
    average = MovingAverage(model, 0.5)
    name, statistic, count = "video.stem.0.weight", "video.stem.1.running_mean", "video.stem.1.num_batches_tracked"
    state = model.state_dict()
    expected = {key: state[key].clone() for key in (name, statistic)}
    for step, decay in enumerate((1 / 10, 2 / 11, 3 / 12)):
        for value in state.values():
            value.add_(step + 1)
        average.update(model, step)
        expected = {key: decay * old + (1 - decay) * state[key] for key, old in expected.items()}
    found = average.model.state_dict()
    for key, value in expected.items():
        torch.testing.assert_close(found[key], value)
        assert not torch.equal(found[key], state[key])
    assert found[count] == state[count] == 6


def test_the_average_is_a_model_of_its_own_that_does_not_learn() -> None:
    model = build_model(tiny_recipe().model).train()
    average = MovingAverage(model, 0.9).model
    assert not average.training
    assert not any(parameter.requires_grad for parameter in average.parameters())
    assert model.training
    assert all(parameter.requires_grad for parameter in model.parameters())
    own = {value.data_ptr() for value in average.state_dict().values()}
    assert not own & {value.data_ptr() for value in model.state_dict().values()}


def test_weights_blended_together_are_those_blended_one_by_one() -> None:
    generator = torch.Generator().manual_seed(1)
    new = [torch.randn(shape, generator=generator) for shape in ((3, 2), (5,))]
    found = [[torch.ones(3, 2), torch.zeros(5)] for _ in range(2)]
    for mine, together in zip(found, (True, False), strict=True):
        blend(mine, new, 0.25, together=together)
    for one, other, wanted in zip(*found, new, strict=True):
        torch.testing.assert_close(one, other)
        assert not torch.equal(one, wanted)
    torch.testing.assert_close(found[0][1], 0.25 * new[1])
