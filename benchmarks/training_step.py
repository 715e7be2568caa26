"""The step that `python -m benchmarks train` measures: a whole one, of noise as large as a batch, in two forms.

'ours' is what `avts train` does; 'plain' the same networks in fp32 and contiguous memory, on the same batch.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from avts.model.checkpoint import build_model
from avts.model.cost import Network, model_networks
from avts.model.device import choose_precision
from avts.model.two_stream import TwoStream
from avts.pairs.loader import Batch
from avts.pairs.negatives import plan_grid
from avts.settings import Recipe, recipe_from
from avts.timebase import FRAME_RATE, frame_at, sample_at
from avts.training.curriculum import negative_shares
from avts.training.distributed import start_processes
from avts.training.step import Stepper

OPERATIONS = 2
"""Floating-point operations of a multiply-add."""

PASSES = 3
"""Products of a layer in training: its output, the gradient of its input and of its weights."""

CORPUS_SHARE = 8 / 7
"""Lines of a stored picture to lines of the network's input: 128 to 112, as ingest makes them."""

SEED = 7


@dataclass(frozen=True)
class StepSize:
    """How large a step is.

    Attributes:
        frame_size: height and width of the network's input, pixels.
        frames: of a window; 24 a second.
        batch: pictures; there are two sounds to each, its own and that of a hard negative.
        width: channels of conv1 of both towers; 64 is the published network.
    """

    frame_size: int = 112
    frames: int = 25
    batch: int = 2
    width: int = 64

    def recipe(self) -> Recipe:
        """MC3-18 on RGB with the paper's head and optimiser, grid pairs with three easy to one hard negative."""
        values = {
            "model": {"video_width": self.width, "audio_width": self.width, "frame_size": self.frame_size},
            "pairs": {"clip_seconds": self.frames / FRAME_RATE, "batch_size": self.batch},
            "curriculum": [{"name": "75/25", "epochs": 1, "easy": 0.75, "hard": 0.25}],
        }
        return recipe_from(values, name="bench train")


class TrainingStep:
    """Steps of a run that has no corpus: the same batch again and again.

    Args:
        size: how large they are.
        device: where they run.
        plain: in fp32 and contiguous memory, and not as `avts train` would.

    Attributes:
        model: the networks.
        precision: 'bf16' or 'fp32'.
    """

    def __init__(self, size: StepSize, device: torch.device, *, plain: bool = False) -> None:
        self.recipe = size.recipe()
        torch.manual_seed(SEED)
        self.model = build_model(self.recipe.model).to(device).train()
        self.model.low_precision = not plain and choose_precision("auto", device)[0]
        self.precision = "bf16" if self.model.low_precision else "fp32"
        if plain:
            make_contiguous(self.model)
        self._stepper = Stepper(self.model, self.recipe, start_processes(device, Path(), ()), device, Path())
        self._batch = noise_batch(self.recipe).to(device)
        self._done = 0

    def make(self) -> None:
        """Make one step: augmentation, both towers, loss, backward pass, update."""
        rate, stage = self.recipe.optimizer.learning_rate, self.recipe.curriculum[0]
        self._stepper.make(self._done, iter([self._batch]), stage, rate)
        self._done += 1

    @property
    def operations(self) -> int:
        """Floating-point operations of the layers' products in a step; see `step_operations`."""
        pictures, sounds = len(self._batch.y), len(self._batch.sounds)
        return step_operations(self.recipe, pictures=pictures, sounds=sounds)


def make_contiguous(model: TwoStream) -> None:
    """Let both towers see contiguous memory, and so work in it."""

    def contiguous(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        # a copy: .contiguous() leaves the strides of a sound, whose one channel is contiguous either way
        return tuple(each.clone(memory_format=torch.contiguous_format) for each in inputs)

    for tower in (model.video, model.audio):
        tower.register_forward_pre_hook(contiguous)


def noise_batch(recipe: Recipe) -> Batch:
    """A batch of noise, planned and shaped as a recipe's: pictures of square windows as a corpus stores them."""
    pairs, count = recipe.pairs, recipe.pairs.batch_size
    rng = np.random.default_rng(SEED)
    plan = plan_grid(
        range(count),
        [10.0 + pairs.clip_seconds] * count,
        negative_shares=negative_shares(recipe.curriculum[0]),
        clip_seconds=pairs.clip_seconds,
        gap_seconds=pairs.hard_gap_seconds,
        rng=rng,
    )
    lines = round(recipe.model.frame_size * CORPUS_SHARE / 2) * 2
    shape = (count, frame_at(pairs.clip_seconds), lines, lines)
    chroma = (*shape[:2], lines // 2, lines // 2)
    y, u, v = (torch.from_numpy(rng.integers(0, 256, each, dtype=np.uint8)) for each in (shape, chroma, chroma))
    samples = rng.standard_normal((len(plan.sounds), sample_at(pairs.clip_seconds)), dtype=np.float32)
    picture_rows, sound_rows, kinds = (torch.from_numpy(row) for row in np.array(plan.pairs, dtype=np.int64).T)
    return Batch(
        y=y,
        u=u,
        v=v,
        sounds=torch.from_numpy(0.1 * samples),
        picture_rows=picture_rows,
        sound_rows=sound_rows,
        kinds=kinds,
        valid=torch.ones(len(kinds), dtype=torch.bool),
        clips=torch.arange(count),
    )


def step_operations(recipe: Recipe, *, pictures: int, sounds: int) -> int:
    """Floating-point operations of the products of convolutions and linear layers in a training step.

    Forward and backward; the gradient of a tower's input is not taken, so its first layer counts two thirds.

    Args:
        recipe: of the networks and the window.
        pictures: windows of picture, or spans, that are encoded.
        sounds: windows of sound.
    """
    with torch.device("meta"):
        model = build_model(recipe.model)
    video, video_head, audio, fc6, audio_head = model_networks(model, window_seconds=recipe.pairs.cut_seconds)
    of_picture = _training_products(video) - video.layers[0].multiply_adds + _training_products(video_head)
    of_sound = _training_products(audio) - audio.layers[0].multiply_adds
    of_sound += _training_products(fc6) + _training_products(audio_head)
    return OPERATIONS * (pictures * of_picture + sounds * of_sound)


def _training_products(network: Network) -> int:
    return PASSES * network.multiply_adds
