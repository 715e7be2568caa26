"""Where the networks run: what was chosen and why, in words."""

import pytest
import torch

from avts.errors import UsageError
from avts.model.checkpoint import build_model
from avts.model.device import choose_device, choose_precision, place, widest
from avts.settings import ModelSettings


def test_a_device_that_was_asked_for_is_taken() -> None:
    assert choose_device("cpu") == (torch.device("cpu"), "as asked")


def test_without_a_card_it_is_the_cpu_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device() == (torch.device("cpu"), "no CUDA device found")


@pytest.mark.parametrize("name", ["nonsense", "cuda:99", "mps"])
def test_a_device_that_is_not_there_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(
        UsageError, match=rf"device '{name}' cannot be used \(.+\)\. Give auto, cpu, cuda, cuda:1 or mps$"
    ):
        choose_device(name)


@pytest.mark.parametrize(("name", "low"), [("bf16", True), ("fp32", False)])
def test_a_precision_that_was_asked_for_is_taken(name: str, low: bool) -> None:
    assert choose_precision(name, torch.device("cpu")) == (low, "as asked")


@pytest.mark.parametrize(
    ("onednn", "has", "fast"),
    [
        (True, {"architecture": "x86_64", "avx512_bf16": True}, True),
        (True, {"architecture": "x86_64", "amx_bf16": True}, True),
        (True, {"architecture": "x86_64", "avx512_f": True, "avx512_bf16": False, "amx_bf16": False}, False),
        (True, {"architecture": "aarch64"}, True),
        (False, {"architecture": "x86_64", "avx2": True}, False),
    ],
)
def test_auto_takes_bf16_only_where_the_cpu_has_the_instructions(
    onednn: bool, has: dict[str, object], fast: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: onednn, raising=False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    why = "the CPU has bf16 instructions" if fast else "the CPU has no bf16 instructions"
    assert choose_precision("auto", torch.device("cpu")) == (fast, why)


def test_networks_are_as_precise_as_suits_the_device_they_are_moved_to(monkeypatch: pytest.MonkeyPatch) -> None:
    small = {"video": "mc3", "video_width": 4, "audio_width": 8, "frame_size": 32}
    network = build_model(ModelSettings.model_validate(small))
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "a card")
    moved: list[torch.device] = []
    monkeypatch.setattr(network, "to", moved.append)
    said: list[str] = []
    assert place(network, say=said.append) == torch.device("cuda")
    assert (moved, network.low_precision) == ([torch.device("cuda")], True)
    assert said == ["device: cuda (a card)", "precision: bf16 (what the card does best)"]
    assert place(network, "cpu", precision="fp32", say=said.append) == torch.device("cpu")
    assert not network.low_precision
    assert said[2:] == ["device: cpu (as asked)", "precision: fp32 (as asked)"]


def test_a_device_that_is_neither_cpu_nor_cuda_runs_in_fp32_and_sums_in_it() -> None:
    assert choose_precision("auto", torch.device("mps")) == (False, "bf16 has not been measured on mps")
    assert [widest(torch.device(name)) for name in ("cpu", "cuda:1", "mps")] == [
        torch.float64, torch.float64, torch.float32
    ]  # fmt: skip
