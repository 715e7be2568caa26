import pytest
import torch

from avts.model.cutting import Cutter, Rows


@pytest.mark.parametrize("piece", [1, 3, 7, 20])
def test_windows_are_the_same_whatever_the_pieces_they_arrive_in(piece: int) -> None:
    sequence = torch.arange(20.0)[:, None]
    cutter = Cutter(torch.arange(4), lambda window: 3 * window, at_once=2)
    found = [rows for part in torch.split(sequence, piece) for rows in cutter.add(part)]
    by_hand = [[0, 1, 2, 3], [3, 4, 5, 6], [6, 7, 8, 9], [9, 10, 11, 12], [12, 13, 14, 15], [15, 16, 17, 18]]
    assert torch.cat(found)[..., 0].tolist() == by_hand
    assert max(map(len, found)) <= 2


def test_a_window_can_take_every_second_feature_and_the_last_ones_see_the_end_again() -> None:
    cutter = Cutter(torch.tensor([0, 2, 4]), lambda window: 4 * window, at_once=9)
    assert torch.cat(list(cutter.add(torch.arange(8.0)))).tolist() == [[0, 2, 4]]
    assert torch.cat(list(cutter.finish(2))).tolist() == [[4, 6, 7]]


def test_steps_wider_than_a_window_skip_what_lies_between() -> None:
    cutter = Cutter(torch.arange(2), lambda window: 5 * window, at_once=9)
    found = [rows for part in torch.split(torch.arange(13.0), 3) for rows in cutter.add(part)]
    assert torch.cat(found).tolist() == [[0, 1], [5, 6], [10, 11]]


def test_rows_are_joined_in_the_order_they_came_however_many_at_once() -> None:
    rows, sizes = Rows(), [1, 5, 2, 0, 40]
    parts = [torch.full((size, 3), float(number)) for number, size in enumerate(sizes)]
    for part in parts:
        rows.add(part)
    assert torch.equal(rows.joined(), torch.cat(parts))
    assert Rows().joined().shape == (0, 0)
