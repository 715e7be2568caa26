"""Where the networks run: what was chosen and why, in words."""

import pytest
import torch

from avts.errors import UsageError
from avts.model.device import choose_device, choose_precision


def test_a_device_that_was_asked_for_is_taken() -> None:
    assert choose_device("cpu") == (torch.device("cpu"), "as asked")


def test_without_a_card_it_is_the_cpu_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device() == (torch.device("cpu"), "no CUDA device found")


@pytest.mark.parametrize("name", ["nonsense", "cuda:99"])
def test_a_device_that_is_not_there_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(UsageError, match=rf"device '{name}' cannot be used \(.+\)\. Give auto, cpu or cuda$"):
        choose_device(name)


@pytest.mark.parametrize(("name", "low"), [("bf16", True), ("fp32", False)])
def test_a_precision_that_was_asked_for_is_taken(name: str, low: bool) -> None:
    assert choose_precision(name, torch.device("cpu")) == (low, "as asked")


@pytest.mark.parametrize(("fast", "why"), [(True, "has bf16 instructions"), (False, "has no bf16 instructions")])
def test_auto_takes_bf16_where_the_cpu_has_it(fast: bool, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: fast, raising=False)
    assert choose_precision("auto", torch.device("cpu")) == (fast, f"the CPU {why}")
