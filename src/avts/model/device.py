"""Where the networks run, how precisely, and how they are laid out; each choice comes with its reason in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avts.errors import UsageError

if TYPE_CHECKING:
    from avts.model.two_stream import TwoStream

LAYOUTS = {4: torch.channels_last, 5: torch.channels_last_3d}
"""Layout of the weights of a convolution with channels last, by their number of dimensions."""


def place(
    network: TwoStream, device: str = "auto", *, precision: str = "auto", say: Callable[[str], None] | None = None
) -> torch.device:
    """Move networks to a device, and let them run as precisely as suits it.

    Args:
        network: moved in place.
        device: as `choose_device` takes it.
        precision: as `choose_precision` takes it.
        say: called with each choice and its reason.

    Returns:
        The device.

    Raises:
        UsageError: no such device here.
    """
    chosen, why = choose_device(device)
    network.to(chosen)
    network.low_precision, because = choose_precision(precision, chosen)
    if say is not None:
        say(f"device: {chosen} ({why})")
        say(f"precision: {'bf16' if network.low_precision else 'fp32'} ({because})")
    return chosen


def choose_device(name: str = "auto") -> tuple[torch.device, str]:
    """A device and why it was chosen.

    Args:
        name: 'auto' (the first CUDA device, else the CPU), 'cpu', 'cuda', 'cuda:1' ... or 'mps'.

    Raises:
        UsageError: no such device here.
    """
    if name != "auto":
        try:
            device = torch.device(name)
            torch.zeros(1, device=device).cpu()
        except (RuntimeError, AssertionError, NotImplementedError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(
                f"device '{name}' cannot be used ({reason}). Give auto, cpu, cuda, cuda:1 or mps"
            ) from None
        return device, "as asked"
    if torch.cuda.is_available():
        return torch.device("cuda"), torch.cuda.get_device_name()
    return torch.device("cpu"), "no CUDA device found"


def choose_precision(name: str, device: torch.device) -> tuple[bool, str]:
    """Whether to run the towers in bfloat16, and why.

    Args:
        name: 'auto', 'bf16' or 'fp32'.
        device: where they run.
    """
    if name != "auto":
        return name == "bf16", "as asked"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(), "what the card does best"
    if device.type != "cpu":
        return False, f"bf16 has not been measured on {device.type}"
    fast = _has_bf16_instructions()
    return fast, "the CPU has bf16 instructions" if fast else "the CPU has no bf16 instructions"


def widest(device: torch.device) -> torch.dtype:
    """The most precise numbers of a device, for sums over many: Apple's has no float64."""
    return torch.float32 if device.type == "mps" else torch.float64


def sent(values: NDArray[Any] | Tensor, device: torch.device) -> Tensor:
    """Values of the CPU on a device. A card copies them from pinned memory when it gets there; nothing waits for it."""
    tensor = torch.from_numpy(values) if isinstance(values, np.ndarray) else values
    return (tensor.pin_memory() if device.type == "cuda" else tensor).to(device, non_blocking=True)


def _has_bf16_instructions() -> bool:
    """Whether this CPU multiplies bf16 in hardware.

    oneDNN says that it supports bf16 on every AVX-512 machine, but emulates it where the instructions are missing:
    there a training step took 2.6 times as long as in fp32 (16 and 6.1 s, box recipe, one core of a Xeon at 2.5 GHz).
    """
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    has = torch.cpu.get_capabilities()
    return bool(has.get("architecture") != "x86_64" or has.get("avx512_bf16") or has.get("amx_bf16"))


def tune(
    model: TwoStream, device: torch.device, *, channels_last: bool, compile: bool, recompute: bool = False
) -> list[str]:
    """Lay out and compile networks for training, in place; names of weights stay the same.

    On CUDA, cuDNN also measures its algorithms for each size of input that it meets, which pays for itself as the
    windows of a training are all of one size.

    Args:
        model: the networks, on their device.
        device: that they are on.
        channels_last: lay out the weights of the convolutions with channels last, as their inputs are.
        compile: compile the towers with torch.compile when they first run.
        recompute: compute activations of the towers again in the backward pass, see `model.tower`.

    Returns:
        What was done, in words.
    """
    done = []
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        done.append("cudnn: measures its algorithms (all windows are of one size)")
    if channels_last:
        for weight in model.parameters():
            if weight.ndim in LAYOUTS:
                weight.data = weight.data.contiguous(memory_format=LAYOUTS[weight.ndim])
        done.append("layout: channels last (as asked)")
    if compile:
        for tower in (model.video, model.audio):
            tower.compile()
        done.append("compile: the towers, with the first step (as asked)")
    if recompute:
        for tower in (model.video, model.audio):
            tower.recomputes = True
        done.append("activations: computed again in the backward pass, to save memory (as asked)")
    return done
