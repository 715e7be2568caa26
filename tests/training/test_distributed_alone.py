"""When `accelerate launch` was asked for several processes and started one, by what it sets in the environment."""

import pytest

from avts.training.distributed import was_left_alone

BY_ACCELERATE = {"ACCELERATE_MIXED_PRECISION": "no", "ACCELERATE_USE_CPU": "True"}
PORT = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}


@pytest.mark.parametrize(
    ("environment", "alone"),
    [
        ({}, False),
        (BY_ACCELERATE, False),  # asked for one
        ({**BY_ACCELERATE, **PORT}, True),
        (PORT, False),  # no launcher of accelerate's
        ({**BY_ACCELERATE, **PORT, "LOCAL_RANK": "0", "WORLD_SIZE": "2"}, False),
        ({**BY_ACCELERATE, **PORT, "OMPI_COMM_WORLD_SIZE": "2"}, False),
    ],
)
def test_left_alone(environment: dict[str, str], alone: bool) -> None:
    assert was_left_alone(environment) is alone
