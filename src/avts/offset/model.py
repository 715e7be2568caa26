"""The model for the measurement of offsets: a trained run, or the one in the package.

Input: a folder with model.safetensors and model.json. Output: the networks and their window length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from avts.errors import CheckpointError
from avts.offset.calibration import Calibration, read_calibration

if TYPE_CHECKING:
    from avts.model.threads import ThreadChoice
    from avts.model.two_stream import TwoStream

SHIPPED = Path(__file__).parents[1] / "weights"
"""The model in the box."""


@dataclass(frozen=True, repr=False)
class SyncModel:
    """A trained model, ready to synchronise films.

    Attributes:
        network: the two towers, in evaluation mode.
        window_seconds: length of the windows that it was trained on.
        name: the folder that it came from.
        calibration: of its confidence, fitted for this model; None takes the one that fits models in general.
        threads: chooses how many threads films are measured with; None leaves torch's number, as on a card.
        in_parts: look at short films in parts too, see `avts.offset.parts`.
    """

    network: TwoStream
    window_seconds: float
    name: str
    calibration: Calibration | None = None
    threads: ThreadChoice | None = field(default=None, compare=False)
    in_parts: bool = True

    def __repr__(self) -> str:
        million = sum(weights.numel() for weights in self.network.parameters()) / 1e6
        own = "its own" if self.calibration else "the general"
        said = f"{million:.2f} M weights, windows of {self.window_seconds:g} s, {own} calibration"
        return f"SyncModel({self.name!r}: {said})"


def load_sync_model(
    path: Path | str | None = None, *, device: str = "cpu", say: Callable[[str], None] | None = None
) -> SyncModel:
    """Load a trained run, or the model in the box.

    Args:
        path: the folder that 'avts train' made; None takes the model in the box.
        device: where it is to run: 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'; its precision follows.
        say: called with each choice and its reason.

    Raises:
        UsageError: no such folder, or no such device here.
        CheckpointError: no model in it, or a damaged or foreign one; or this installation has no model in the box.
    """
    if path is None and not (SHIPPED / "model.json").is_file():
        raise CheckpointError(
            f"no model given, and this installation contains none ({SHIPPED} has no model.json). "
            "Train one with 'avts train' and give its folder, or use the baseline '--method motion'"
        )
    from avts.model.checkpoint import load_model, read_header

    folder = SHIPPED if path is None else Path(path)
    recipe, _ = read_header(folder)
    network = load_model(folder, device=device, say=say)
    threads = _threads_of(network)
    return SyncModel(network, recipe.pairs.clip_seconds, name_of(path), read_calibration(folder), threads)


def _threads_of(network: TwoStream) -> ThreadChoice | None:
    """A choice among the numbers up to torch's own; None for a model that is not on the CPU."""
    import torch

    from avts.model.threads import ThreadChoice, numbers_up_to

    on_cpu = next(network.parameters()).device.type == "cpu"
    return ThreadChoice(numbers_up_to(torch.get_num_threads())) if on_cpu else None


def name_of(path: Path | str | None) -> str:
    """What the model of a folder is called; None is the model in the box."""
    return "the model in the box" if path is None else str(path)
