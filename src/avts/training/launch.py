"""The processes of a run: one, or those that `accelerate launch` or `torchrun` started. Accelerate joins them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import torch
from accelerate import Accelerator
from accelerate.utils import GradientAccumulationPlugin

from avts.errors import UsageError


def start_processes(device: torch.device, run: Path, trackers: Sequence[str]) -> Accelerator:
    """Join the processes of this run; alone if no launcher started this one.

    Args:
        device: where the networks run; of several processes on CUDA each takes a card of its own.
        run: folder of the run, for trackers that write files.
        trackers: names that Accelerate knows, see `training.record`.

    Raises:
        UsageError: several processes were told to share one card.
    """
    launched, processes = "LOCAL_RANK" in os.environ, os.environ.get("WORLD_SIZE", "1")
    if launched and device.index is not None and processes != "1":
        raise UsageError(f"device '{device}' for {processes} processes: each takes a card of its own. Give auto or cpu")
    return Accelerator(
        cpu=device.type == "cpu" or not launched,  # who is alone stays where it was asked to be
        device_placement=False,
        mixed_precision="no",  # the model knows which of its parts run in bf16
        # the loop adds up batches itself: this count, one for all of a program's runs, must not do it a second time
        gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),
        log_with=list(trackers) or None,
        project_dir=run / "trackers",
    )


def device_of(accelerator: Accelerator, chosen: torch.device) -> torch.device:
    """Where this process runs: as chosen if it is alone or on the CPU, else on its own card."""
    alone = accelerator.num_processes == 1
    return chosen if alone or chosen.type == "cpu" else torch.device(accelerator.device)


def leave_processes(accelerator: Accelerator) -> None:
    """Part from the other processes; nothing can be trained with them after this."""
    accelerator.state.destroy_process_group()
