"""The processes of a run: alone unless a launcher says otherwise, and a card for each."""

from pathlib import Path
from typing import Any

import pytest
import torch

from avts.errors import UsageError
from avts.training.distributed import device_of, start_processes


def test_without_a_launcher_a_run_is_one_process_in_full_precision_where_it_was_asked_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")  # [training] precision says, not the launcher
    accelerator = start_processes(torch.device("cuda:1"), tmp_path, ())
    assert (accelerator.num_processes, accelerator.is_main_process) == (1, True)
    assert accelerator.mixed_precision == "no"
    assert device_of(accelerator, torch.device("cuda:1")) == torch.device("cuda:1")


def test_several_processes_are_not_put_on_one_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCAL_RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(UsageError, match=r"device 'cuda:1' for 4 processes: each process uses its own GPU\. Give auto"):
        start_processes(torch.device("cuda:1"), tmp_path, ())


@pytest.mark.parametrize(
    ("processes", "chosen", "expected"), [(1, "cuda", "cuda"), (2, "cuda", "cuda:1"), (2, "cpu", "cpu")]
)
def test_of_several_processes_each_is_on_the_card_that_accelerate_gave_it(
    processes: int, chosen: str, expected: str
) -> None:
    class Launched:
        num_processes, device = processes, torch.device("cuda:1")

    accelerator: Any = Launched()
    assert device_of(accelerator, torch.device(chosen)) == torch.device(expected)
