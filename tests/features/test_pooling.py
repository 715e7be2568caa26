import pytest
import torch

from avts.errors import UsageError
from avts.features.pooling import Pooling, pooling_of


def test_bands_and_time_are_averaged_in_equal_parts() -> None:
    maps = torch.tensor([[0.0, 2.0, 4.0, 6.0], [10.0, 12.0, 14.0, 16.0]])[None, None]  # [1, 1, 2 bands, 4 steps]
    pooling = Pooling(2, 2)
    found = pooling.over_time(pooling.over_space(maps))
    assert found.tolist() == [[1.0, 5.0, 11.0, 15.0]]
    assert Pooling().over_time(Pooling().over_space(maps)).tolist() == [[8.0]]


def test_mean_and_deviation_over_time_do_not_depend_on_the_order_of_the_steps() -> None:
    windows = torch.tensor([[[1.0], [3.0]], [[3.0], [1.0]]])
    assert pooling_of("1xsd").over_time(windows).tolist() == [[2.0, 1.0], [2.0, 1.0]]


def test_height_and_width_of_a_picture_are_both_cut_into_parts() -> None:
    maps = torch.zeros(1, 1, 3, 4, 4)
    maps[..., 2:, :2] = 1.0  # lower left
    assert Pooling(2, 1).over_space(maps).tolist() == [[[0.0, 0.0, 1.0, 0.0]] * 3]


@pytest.mark.parametrize("text", ["4", "0x4", "4x25", "4xmax", "axb"])
def test_a_pooling_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=f"pooling '{text}': give parts of space x parts of time, 1 to 24"):
        pooling_of(text)


@pytest.mark.parametrize("text", ["1x1", "4x2", "4xsd"])
def test_a_pooling_is_written_as_it_is_read(text: str) -> None:
    assert str(pooling_of(text)) == text
