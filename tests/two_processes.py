"""What two processes do together for the tests of training; started by torchrun, one corpus and one folder for results.

    python -m torch.distributed.run --standalone --nproc_per_node 2 tests/two_processes.py CORPUS URL OUT
URL is where the same corpus is served.
Each process leaves tensors in OUT/NAME-RANK.safetensors and runs in OUT/RUN. Runs are made in double precision: in
single precision a sum that is taken in another order turns one ReLU in a million the other way, and a few steps make
per cents of that, as many as a mistake might.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from avts.corpus.corpus import Corpus
from avts.errors import AvtsError
from avts.pairs.ranks import Rows
from avts.settings import Recipe
from avts.training import trainer as trainer_module
from avts.training.distributed import (
    Share,
    leave_processes,
    start_processes,
    sum_over_processes,
    synchronise_batch_norm,
    true_everywhere,
)
from avts.training.interrupt import Interrupted
from avts.training.trainer import Trainer
from fixtures_training import tiny_recipe

ROWS = ((0, 2), (2, 5))
"""Rows of five that each process holds."""

AUGMENT = {"least_crop": 0.7, "frame_rate": 0.5, "inset": 0.9, "picture_noise": 0.05, "sound_colour": 0.7,
           "sound_behind": 0.9, "sound_noise": 0.7}  # fmt: skip
SGD: dict[str, Any] = {"name": "sgd", "learning_rate": 0.003}
STAGES = [{"name": "mixed", "epochs": 3, "easy": 0.5, "hard": 0.5}]
SPANS = {"sampling": "spans", "span_seconds": 2.0, "span_margin_seconds": 0.25, "silence_dbfs": -60.0}
RECIPES: dict[str, Recipe] = {
    "grid": tiny_recipe(optimizer=SGD, curriculum=STAGES, augment=AUGMENT),
    "fused": tiny_recipe(
        optimizer=SGD, curriculum=STAGES, loss={"name": "bce"}, model={"comparison": "fused", "fused_hidden": 16}
    ),
    "pairs": tiny_recipe(optimizer=SGD, curriculum=STAGES, pairs={"sampling": "pairs", "silence_dbfs": -28.0}),
    "spans": tiny_recipe(
        optimizer=SGD, curriculum=STAGES, pairs=SPANS, loss={"name": "info_nce"}, augment=AUGMENT,
        model={"centre": True}, training={"accumulate_steps": 2, "ema_decay": 0.9},
    ),
}  # fmt: skip


class DoubleTrainer(Trainer):
    """Trains in double precision."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        build = trainer_module.build_model
        with patch.object(trainer_module, "build_model", lambda settings: build(settings).double()):
            super().__init__(*arguments, **options)

    def train(self, *arguments: Any) -> None:
        with patch.object(Tensor, "float", Tensor.double):
            super().train(*arguments)


def rows_and_norm() -> tuple[nn.Module, Tensor]:
    """A net with batch norm in two sizes and one without weights, and five windows for it."""
    torch.manual_seed(3)
    net = nn.Sequential(
        nn.Conv3d(2, 4, 3), nn.BatchNorm3d(4), nn.ReLU(), nn.Flatten(2), nn.BatchNorm1d(4, momentum=0.3),
        nn.BatchNorm1d(4, affine=False),
    )  # fmt: skip
    return net, torch.randn(5, 2, 3, 4, 4) * torch.arange(1, 6)[:, None, None, None, None]


def shares(out: Path, rank: int) -> None:
    """Each way of a share, and the gradient of what comes of it."""
    share = Share(Rows(*ROWS[rank], 5))
    everything = torch.arange(20.0).reshape(5, 4)
    own = share.own(everything).clone().requires_grad_()
    whole = share.whole(own)
    (whole * everything).sum().backward()
    twice = share.whole(own.detach().repeat_interleave(2, 0))
    save(out / f"shares-{rank}", {
        "whole": whole.detach(), "gradient": own.grad, "twice": twice,
        "heard": share.whole(share.own(everything[:, 0] > 4)), "cut": share.part_of_row(own.detach(), 3, slice(1, 3)),
        "true": true_everywhere(torch.tensor([True, rank == 0, False])),
        "sum": sum_over_processes(torch.tensor([rank + 1.0])),
    })  # fmt: skip


def norm(out: Path, rank: int) -> None:
    """Own windows through a net whose batch norm is shared: result, gradient, statistics."""
    net, windows = rows_and_norm()
    synchronise_batch_norm(net, torch.device("cpu"))
    own = windows[slice(*ROWS[rank])].clone().requires_grad_()
    found = net(own)
    found.square().mul(torch.arange(float(found.shape[-1]))).sum().backward()
    gradients = {f"gradient.{name}": sum_over_processes(value.grad) for name, value in net.named_parameters()}
    state = {f"state.{name}": value for name, value in net.state_dict().items()}
    still = net.eval()(own).detach()
    save(out / f"norm-{rank}", {"found": found.detach(), "own": own.grad, "still": still, **gradients, **state})


def save(path: Path, tensors: dict[str, Any]) -> None:
    save_file({name: value.detach().contiguous() for name, value in tensors.items()}, f"{path}.safetensors")


def train(corpus: Corpus, remote: Corpus, out: Path, rank: int) -> None:
    """Whole runs, one from the corpus at a URL; one that is stopped in one process and goes on; what is refused."""
    for name, recipe in RECIPES.items():
        trainer = DoubleTrainer(corpus, recipe, out / name, device="cpu", say=print)
        trainer.train()
        save(out / f"weights-{name}-{rank}", trainer.model.state_dict())
    DoubleTrainer(remote, RECIPES["grid"], out / "remote", device="cpu", say=print).train()
    stopped = DoubleTrainer(corpus, RECIPES["grid"], out / "stopped", device="cpu", say=print)
    try:
        stopped.train(lambda done, _: os.kill(os.getpid(), signal.SIGTERM) if done == 3 and rank == 1 else None)
    except Interrupted:
        print(f"process {rank} stopped after step {stopped.step}")
    resumed = DoubleTrainer(corpus, RECIPES["grid"], out / "stopped", device="cpu", say=print)
    resumed.resume()
    resumed.train()
    try:
        DoubleTrainer(corpus, tiny_recipe(pairs={"batch_size": 5}), out / "refused", device="cpu", say=print)
    except AvtsError as error:
        print(f"process {rank} refused: {error}")


def main(corpus: Path, url: str, out: Path) -> None:
    torch.set_num_threads(1)
    accelerator = start_processes(torch.device("cpu"), out, ())
    rank = accelerator.process_index
    shares(out, rank)
    norm(out, rank)
    train(Corpus.open(corpus), Corpus.open(url), out, rank)
    leave_processes(accelerator)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
