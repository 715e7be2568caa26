"""Both towers as graphs for other programs: ONNX, or torch.export. Input: a model. Output: a folder of three files.

OUT/picture.onnx, OUT/sound.onnx (or .pt2)   windows of one fixed form to embeddings [B, D] and, if requested, to the
                                             feature maps of stages; B is free
OUT/towers.json                              the form of inputs and outputs, and how to compare two embeddings

Frontends are in the graphs; decoding, scaling to `frame_size` and resampling to 16 kHz are left to the caller.
"""

from __future__ import annotations

import copy
import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from avts import __version__
from avts.errors import AvtsError, UsageError
from avts.files import whole_folder
from avts.model.extras import need_extra
from avts.model.frontend import FFT_SIZE, POWER_FLOOR, STEP_SAMPLES, WINDOW_SAMPLES, Filterbank, normalise_filterbank
from avts.model.two_stream import TwoStream
from avts.timebase import FRAME_RATE, SAMPLE_RATE, frame_at, sample_at

Form = Literal["onnx", "torch"]
SUFFIX: dict[Form, str] = {"onnx": ".onnx", "torch": ".pt2"}

MOST_DIFFERENCE = 1e-4
"""An export that differs from the model by more is refused; float32 gives about 1e-6. Feature maps, whose values have
no bound, are compared in units of their largest value where that is above 1."""

DISTANCE = "sqrt(max(0, 2 - 2 * dot(picture, sound))) / 2, from 0 (fits) to 1"
DISTANCE_OF_ANY_LENGTH = "norm(picture - sound), from 0 (fits) up"

Run = Callable[[tuple[Tensor, ...]], list[NDArray[np.float32]]]
Stages = Mapping[str, Sequence[str]]
Outputs = Tensor | tuple[Tensor, ...]
"""An embedding, followed by feature maps if any stages were requested."""


@dataclass(frozen=True)
class Export:
    """What was written.

    Attributes:
        folder: where it is.
        files: the graphs and their description.
        largest_difference: between the outputs of the written graphs and of the model, both in float32.
    """

    folder: Path
    files: tuple[Path, ...]
    largest_difference: float


class FourierFilterbank(nn.Module):
    """A `Filterbank` whose Fourier transform is a convolution with cosines and sines, which every ONNX runtime has.

    Args:
        filterbank: the one to give the same numbers as.
    """

    bases: Tensor
    filters: Tensor

    def __init__(self, filterbank: Filterbank) -> None:
        super().__init__()
        angles = 2 * np.pi * np.outer(np.arange(FFT_SIZE // 2 + 1), np.arange(WINDOW_SAMPLES)) / FFT_SIZE
        waves = torch.from_numpy(np.concatenate([np.cos(angles), np.sin(angles)]))
        tapered = waves * filterbank.taper.double().cpu() / WINDOW_SAMPLES**0.5
        self.register_buffer("bases", tapered.float()[:, None], persistent=False)  # [2 * (FFT_SIZE / 2 + 1), 1, window]
        self.register_buffer("filters", filterbank.filters.T.contiguous().cpu(), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """Log energies, as those of `Filterbank`.

        Shape: [B, N] to [B, M, N // STEP_SAMPLES].
        """
        margin = (WINDOW_SAMPLES - STEP_SAMPLES) // 2
        padded = F.pad(samples, (margin, WINDOW_SAMPLES - STEP_SAMPLES - margin))
        real, imaginary = F.conv1d(padded[:, None], self.bases, stride=STEP_SAMPLES).chunk(2, dim=1)
        return (self.filters @ (real.square() + imaginary.square()) + POWER_FLOOR).log()


class PictureGraph(nn.Module):
    """Planes already scaled to the network's size, to embeddings and feature maps, in one pass of the video tower.

    Args:
        model: the model; it is copied.
        stages: stages of the video tower to give the maps of.
    """

    def __init__(self, model: TwoStream, stages: Sequence[str] = ()) -> None:
        super().__init__()
        self.model = _only(model, "video", "video_head")
        self.stages = tuple(stages)

    def forward(self, y: Tensor, u: Tensor | None = None, v: Tensor | None = None) -> Outputs:
        """Shape: each [B, T, frame_size, frame_size], byte / 255, to [B, D], then [B, C, T', H', W'] for each stage."""
        last = self.model.video.last_stage
        maps = self.model.picture_stage_maps(self.model.picture_input_of(y, u, v), {last, *self.stages})
        embedding = self.model.video_head(maps[last].mean((3, 4)).transpose(1, 2))
        return (embedding, *(maps[stage] for stage in self.stages)) if self.stages else embedding


class SoundGraph(nn.Module):
    """Samples to embeddings and feature maps, in one pass of the audio tower.

    Args:
        model: the model; it is copied.
        stages: stages of the audio tower to give the maps of.
    """

    def __init__(self, model: TwoStream, stages: Sequence[str] = ()) -> None:
        super().__init__()
        self.model = _only(model, "audio", "fc6", "audio_head")
        self.filterbank = FourierFilterbank(model.filterbank)
        self.stages = tuple(stages)

    def forward(self, samples: Tensor) -> Outputs:
        """Shape: [B, N] at 16 kHz to [B, D], then [B, C, M', S'] for each stage."""
        last = self.model.audio.last_stage
        maps = self.model.sound_stage_maps(normalise_filterbank(self.filterbank(samples)), {last, *self.stages})
        embedding = self.model.audio_head(self.model.fc6(maps[last].flatten(1, 2).transpose(1, 2)))
        return (embedding, *(maps[stage] for stage in self.stages)) if self.stages else embedding


def _only(model: TwoStream, *parts: str) -> TwoStream:
    """A copy that lacks all but some parts: torch.export saves what a graph does not use, too."""
    kept = copy.deepcopy(model)
    for name, _ in list(kept.named_children()):
        if name not in parts:
            delattr(kept, name)
    return kept


def export_towers(
    model: TwoStream, out: Path, *, form: Form = "onnx", window_seconds: float = 1.0, stages: Stages | None = None
) -> Export:
    """Write both towers and their description, then read them back and compare them with the model.

    Args:
        model: a trained model; it is not changed.
        out: folder to make; it appears only when it is whole.
        form: 'onnx', or 'torch' for torch.export.
        window_seconds: length of the windows that the graphs take.
        stages: by tower, 'picture' and 'sound', the stages whose feature maps its graph gives after the embedding.

    Raises:
        UsageError: the folder exists and is not empty, its parent is missing, a package is not installed, a tower has
            no such stage, or the model compares embeddings by a classifier, which is in neither graph.
        AvtsError: a written graph gives other numbers than the model.
    """
    _check_target(out)
    if model.fusion is not None:
        raise UsageError(
            f"{out}: the towers were to be written, but this model is fused: its embeddings have no distance without "
            "its classifier. Export a model with [model] comparison = 'distance'"
        )
    if form == "onnx":
        need_extra("export", "avts export --format onnx")
    with whole_folder(out) as part:
        largest = _write(model, part, form, window_seconds, stages or {})
        if out.exists():  # an empty folder, which not every system lets be replaced
            out.rmdir()
    return Export(out, tuple(sorted(out.iterdir())), largest)


def _check_target(out: Path) -> None:
    if not out.parent.is_dir():
        raise UsageError(f"{out}: there is no folder {out.parent}. Make it first.")
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        found = "a folder with files in it" if out.is_dir() else "a file"
        raise UsageError(f"{out}: a new folder was asked for, this is {found}. Name another place.")


def _write(model: TwoStream, folder: Path, form: Form, window_seconds: float, stages: Stages) -> float:
    """Write all files into a folder; returns the largest difference found."""
    plain = copy.deepcopy(model).cpu().float().eval()
    plain.low_precision = False
    inputs = _input_shapes(plain, window_seconds)
    asked = {tower: tuple(dict.fromkeys(stages.get(tower, ()))) for tower in inputs}
    graphs = {"picture": PictureGraph(plain, asked["picture"]), "sound": SoundGraph(plain, asked["sound"])}
    shapes, largest = dict[str, dict[str, list[int]]](), 0.0
    for name, graph in graphs.items():
        path = folder / f"{name}{SUFFIX[form]}"
        with _quiet(), torch.no_grad():
            wanted = partial(_outputs, plain, name, asked[name])
            shapes[name] = {key: list(each.shape[1:]) for key, each in wanted(_example(inputs[name], 1)).items()}
            _write_graph(graph.eval(), path, inputs[name], list(shapes[name]), form)
            largest = max(largest, _difference(path.name, wanted, _reader(path, form), inputs[name]))
    description = _description(plain, inputs, shapes, form, largest)
    (folder / "towers.json").write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
    return largest


def _input_shapes(model: TwoStream, window_seconds: float) -> dict[str, dict[str, tuple[int, ...]]]:
    """Shape of each input of each tower, without the batch."""
    plane = (frame_at(window_seconds), model.frame_size, model.frame_size)
    names = ("y", "u", "v") if model.needs_colour else ("y",)
    return {"picture": dict.fromkeys(names, plane), "sound": {"samples": (sample_at(window_seconds),)}}


def _example(shapes: dict[str, tuple[int, ...]], batch: int) -> tuple[Tensor, ...]:
    """Noise of the right form: planes in [0, 1], sound in about [-1, 1]."""
    source = torch.Generator().manual_seed(batch)
    noise = [torch.rand(batch, *shape, generator=source) for shape in shapes.values()]
    return tuple(2 * values - 1 for values in noise) if "samples" in shapes else tuple(noise)


def _outputs(
    model: TwoStream, tower: str, stages: Sequence[str], inputs: tuple[Tensor, ...]
) -> dict[str, NDArray[np.float32]]:
    """What the model itself gives for a tower's inputs, by the name of the output."""
    picture = tower == "picture"
    found = {"embedding": (model.embed_pictures if picture else model.embed_sounds)(*inputs)}
    if stages:
        maps = model.picture_maps if picture else model.sound_maps
        found |= maps(*inputs, stages=stages)
    return {name: found[name].numpy() for name in ("embedding", *stages)}


def _write_graph(
    graph: nn.Module, path: Path, shapes: dict[str, tuple[int, ...]], outputs: list[str], form: Form
) -> None:
    free = torch.export.Dim("B", min=1)
    example = _example(shapes, 2)
    dynamic = tuple({0: free} for _ in shapes)
    if form == "torch":
        torch.export.save(torch.export.export(graph, example, dynamic_shapes=dynamic), path)
        return
    torch.onnx.export(
        graph,
        example,
        path,
        input_names=list(shapes),
        output_names=outputs,
        dynamic_shapes=dynamic,
        external_data=False,
        dynamo=True,
        verbose=False,
    )


def _reader(path: Path, form: Form) -> Run:
    """The function that a written graph computes."""
    if form == "torch":
        module = torch.export.load(path).module()

        def computed(inputs: tuple[Tensor, ...]) -> list[NDArray[np.float32]]:
            found = module(*inputs)
            return [output.numpy() for output in (found if isinstance(found, tuple) else (found,))]

        return computed
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]

    def run(inputs: tuple[Tensor, ...]) -> list[NDArray[np.float32]]:
        feed = {name: tensor.numpy() for name, tensor in zip(names, inputs, strict=True)}
        return cast(list[NDArray[np.float32]], session.run(None, feed))

    return run


def _difference(
    name: str,
    wanted: Callable[[tuple[Tensor, ...]], dict[str, NDArray[np.float32]]],
    run: Run,
    shapes: dict[str, tuple[int, ...]],
) -> float:
    """Largest difference between a graph's outputs and the model's, over two sizes of batch.

    Raises:
        AvtsError: more than MOST_DIFFERENCE.
    """
    largest = 0.0
    for batch in (1, 3):
        inputs = _example(shapes, batch)
        for (output, right), found in zip(wanted(inputs).items(), run(inputs), strict=True):
            scale = 1.0 if output == "embedding" else max(1.0, float(np.abs(right).max()))
            difference = float(np.abs(found - right).max()) / scale
            if not difference <= MOST_DIFFERENCE:  # NaN too
                what = "embeddings differ" if output == "embedding" else f"maps of {output} differ"
                raise AvtsError(
                    f"{name}: its {what} from the model's by {difference:.1e}; {MOST_DIFFERENCE:.0e} is "
                    f"allowed. Nothing was written; try the other --format, and report it."
                )
            largest = max(largest, difference)
    return largest


def _description(
    model: TwoStream,
    inputs: dict[str, dict[str, tuple[int, ...]]],
    outputs: dict[str, dict[str, list[int]]],
    form: Form,
    largest: float,
) -> dict[str, Any]:
    size = model.frame_size
    how = {
        "y": f"luminance at {FRAME_RATE} frames a second, scaled to {size} x {size} by area averaging, byte / 255 of "
        "limited range (black 16 / 255, white 235 / 255)",
        "u": f"blue colour difference, scaled to {size} x {size} by area averaging, byte / 255 (none: 128 / 255)",
        "v": f"red colour difference, scaled to {size} x {size} by area averaging, byte / 255 (none: 128 / 255)",
        "samples": f"sound, mono, {SAMPLE_RATE} samples a second, -1 to 1",
    }
    length = "unit length" if model.unit_vectors else "any length"
    axes = {"picture": "channels, time, height, width", "sound": "channels, bands, time"}
    towers = {
        tower: {
            "file": f"{tower}{SUFFIX[form]}",
            "inputs": [
                {"name": name, "type": "float32", "shape": ["B", *shape], "holds": how[name]}
                for name, shape in shapes.items()
            ],
            "output": _output("embedding", outputs[tower]["embedding"], length),
            "stages": [
                _output(name, shape, f"feature maps of {name}: {axes[tower]}")
                for name, shape in outputs[tower].items()
                if name != "embedding"
            ],
        }
        for tower, shapes in inputs.items()
    }
    return {
        "format": "avts-towers",
        "version": 1,
        "avts": __version__,
        "letters": {"B": "batch, free"},
        "window_seconds": inputs["sound"]["samples"][0] / SAMPLE_RATE,
        "frame_rate": FRAME_RATE,
        "sample_rate": SAMPLE_RATE,
        "distance": DISTANCE if model.unit_vectors else DISTANCE_OF_ANY_LENGTH,
        "largest_difference": largest,
        "towers": towers,
    }


def _output(name: str, shape: list[int], holds: str) -> dict[str, Any]:
    return {"name": name, "type": "float32", "shape": ["B", *shape], "holds": holds}


@contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what the exporter says about itself: its own deprecated calls, and torchvision's absence."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
