"""Reading out a tower's stages: those asked for, from one pass that goes no further than it has to."""

import pytest
import torch
from torch import nn

from avts.errors import UsageError
from avts.model.tower import Tower


class Counted(nn.Module):
    """Adds 1 and counts how often it ran."""

    runs = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.runs += 1
        return x + 1


class Three(Tower):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.three = Counted(), Counted(), Counted()

    def named_stages(self) -> dict[str, nn.Module]:
        return {"conv1": self.one, "conv2": self.two, "conv3": self.three}


def test_forward_gives_the_last_stage() -> None:
    assert Three()(torch.zeros(1)).item() == 3


def test_maps_are_those_of_the_stages_asked_for_in_the_towers_order() -> None:
    found = Three().maps(torch.zeros(1), ["conv3", "conv1"])
    assert [(name, maps.item()) for name, maps in found.items()] == [("conv1", 1), ("conv3", 3)]


def test_no_stage_behind_the_last_one_asked_for_runs() -> None:
    tower = Three()
    tower.maps(torch.zeros(1), ["conv2", "conv1", "conv2"])
    assert (tower.one.runs, tower.two.runs, tower.three.runs) == (1, 1, 0)


def test_a_stage_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(UsageError, match=r"^stage 'conv6' was asked for; this tower has conv1, conv2, conv3$"):
        Three().maps(torch.zeros(1), ["conv1", "conv6"])
