"""Exported towers: the same numbers as the model's, from the form that towers.json describes; whole or not at all."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from avts.errors import AvtsError, UsageError
from avts.model import export as export_module
from avts.model import extras
from avts.model.export import DISTANCE, Form, FourierFilterbank, export_towers
from avts.model.frontend import FFT_SIZE, Filterbank
from avts.model.losses import distance_matrix
from avts.model.two_stream import TwoStream

SMALL: dict[str, Any] = {
    "video_width": 4,
    "audio_width": 8,
    "frame_size": 32,
    "hidden": 16,
    "embedding": 12,
    "filter_bands": 40,
}


def small_model(
    *, video: str = "mc3", picture_input: str = "change", head: str = "temporal", head_steps: int = 12, **others: Any
) -> TwoStream:
    torch.manual_seed(3)
    model = TwoStream(video=video, picture_input=picture_input, head=head, head_steps=head_steps, **SMALL, **others)
    for module in model.modules():  # statistics as after training, not 0 and 1
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.BatchNorm3d) and module.running_mean is not None:
            module.running_mean.normal_(0, 0.1)
    model.low_precision = False
    return model.eval()


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def windows(batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pictures [batch, 24, 32, 32] in [0, 1] and sounds [batch, 16000] of very different loudness."""
    source = torch.Generator().manual_seed(10 + batch)
    loudness = torch.logspace(0, -3, batch)[:, None]
    return torch.rand(batch, 24, 32, 32, generator=source), torch.randn(batch, 16000, generator=source) * loudness


def test_fourier_filterbank_gives_the_filterbanks_numbers() -> None:
    plain = Filterbank(40)
    time = torch.arange(16000) / 16000
    sounds = [torch.randn(16000), torch.sin(2 * torch.pi * 440 * time), 1e-3 * torch.randn(16000), torch.zeros(16000)]
    batch = torch.stack(sounds)
    torch.testing.assert_close(
        FourierFilterbank(plain)(batch), plain(batch), atol=1e-3, rtol=0
    )  # nats: a power to 0.1 %
    assert FourierFilterbank(plain)(batch[:, :15_990]).shape == plain(batch[:, :15_990]).shape


def test_fourier_bases_are_a_tapered_fourier_transform() -> None:
    tone = torch.cos(2 * torch.pi * 128 / FFT_SIZE * torch.arange(320))  # frequency 128 of FFT_SIZE / 2
    real, imaginary = (FourierFilterbank(Filterbank(40)).bases[:, 0] @ tone).chunk(2)
    assert int((real.square() + imaginary.square()).argmax()) == 128


def test_onnx_gives_the_models_embeddings(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    model = small_model(head_steps=7)  # which does not divide the window's 24 frames
    export_towers(model, tmp_path / "out", form="onnx")
    towers = json.loads((tmp_path / "out" / "towers.json").read_text())["towers"]
    pictures, sounds = windows(5)  # a size of batch that neither the export nor its own check used
    wanted = {"picture": model.embed_pictures(pictures), "sound": model.embed_sounds(sounds)}
    for name, inputs in {"picture": pictures, "sound": sounds}.items():
        path = tmp_path / "out" / towers[name]["file"]
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        (described,), (entry,) = towers[name]["inputs"], session.get_inputs()
        assert (entry.name, entry.shape) == (described["name"], described["shape"])
        (output,) = session.get_outputs()
        assert [output.name, output.shape] == [towers[name]["output"][key] for key in ("name", "shape")]
        found = session.run(None, {entry.name: inputs.numpy()})[0]
        assert np.abs(found - wanted[name].detach().numpy()).max() < 1e-4
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(("video", "form"), [("r2plus1d18", "torch"), ("i3d", "onnx")])
def test_towers_that_stride_time_are_exported_too(tmp_path: Path, video: str, form: Form) -> None:
    if form == "onnx":
        pytest.importorskip("onnxscript")
    # a window whose frames and features both do not divide; what is written is compared with the model
    found = export_towers(small_model(video=video, head_steps=3), tmp_path / "out", form=form, window_seconds=1.1)
    assert found.largest_difference < 1e-4


def test_torch_export_gives_the_models_embeddings_and_leaves_the_model(tmp_path: Path) -> None:
    model = small_model(picture_input="rgb", head="global")
    pictures, sounds = windows(5)
    planes = (pictures[:, :12], pictures[:, :12].flip(0), pictures[:, :12].flip(1))
    wanted = {"picture": model.embed_pictures(*planes), "sound": model.embed_sounds(sounds[:, :8000])}
    model.low_precision = True
    found = export_towers(model, tmp_path / "out", form="torch", window_seconds=0.5)
    assert [path.name for path in found.files] == ["picture.pt2", "sound.pt2", "towers.json"]
    assert model.low_precision
    for name, inputs in {"picture": planes, "sound": (sounds[:, :8000],)}.items():
        program = torch.export.load(tmp_path / "out" / f"{name}.pt2")
        torch.testing.assert_close(program.module()(*inputs), wanted[name], atol=1e-4, rtol=0)
        assert not [key for key in program.state_dict if ("audio" if name == "picture" else "video") in key]
    described = json.loads((tmp_path / "out" / "towers.json").read_text())
    assert (described["window_seconds"], described["frame_rate"], described["sample_rate"]) == (0.5, 24, 16000)
    assert [entry["name"] for entry in described["towers"]["picture"]["inputs"]] == ["y", "u", "v"]
    assert described["towers"]["picture"]["inputs"][2]["shape"] == ["B", 12, 32, 32]
    assert described["towers"]["sound"]["inputs"][0]["shape"] == ["B", 8000]
    assert described["towers"]["sound"]["output"]["shape"] == ["B", 12]
    assert found.largest_difference == described["largest_difference"] < 1e-4


@pytest.mark.parametrize("form", ["onnx", "torch"])
def test_stages_are_given_after_the_embedding_as_the_model_gives_them(tmp_path: Path, form: Form) -> None:
    if form == "onnx":
        pytest.importorskip("onnxruntime")
        pytest.importorskip("onnxscript")
    model = small_model(head_steps=7)
    asked = {"picture": ["conv5"], "sound": ["conv5", "conv2"]}
    export_towers(model, tmp_path / "out", form=form, stages=asked)
    towers = json.loads((tmp_path / "out" / "towers.json").read_text())["towers"]
    pictures, sounds = windows(5)
    with torch.no_grad():
        wanted = {
            "picture": [model.embed_pictures(pictures), *model.picture_maps(pictures, stages=["conv5"]).values()],
            "sound": [model.embed_sounds(sounds), *(model.sound_maps(sounds, stages=[s])[s] for s in asked["sound"])],
        }
    for name, inputs in {"picture": pictures, "sound": sounds}.items():
        described = [towers[name]["output"], *towers[name]["stages"]]
        assert [entry["name"] for entry in described] == ["embedding", *asked[name]]
        path = tmp_path / "out" / towers[name]["file"]
        if form == "onnx":
            import onnxruntime

            session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
            assert [output.name for output in session.get_outputs()] == [entry["name"] for entry in described]
            found = session.run(None, {session.get_inputs()[0].name: inputs.numpy()})
        else:
            found = [output.detach().numpy() for output in torch.export.load(path).module()(inputs)]
        for values, right, entry in zip(found, wanted[name], described, strict=True):
            assert list(values.shape[1:]) == entry["shape"][1:]
            np.testing.assert_allclose(values, right.numpy(), atol=1e-4 * max(1.0, float(right.abs().max())), rtol=0)


def test_maps_that_differ_are_refused_by_their_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = export_module._reader

    def wrong(path: Path, form: Form) -> export_module.Run:
        run = reader(path, form)
        return lambda inputs: [found + (index > 0) for index, found in enumerate(run(inputs))]

    monkeypatch.setattr(export_module, "_reader", wrong)
    with pytest.raises(AvtsError, match=r"^sound.pt2: its maps of conv5 differ from the model's by [0-9.]+e"):
        export_towers(small_model(), tmp_path / "out", form="torch", stages={"sound": ["conv5"]})
    assert not list(tmp_path.iterdir())


def test_a_stage_that_a_tower_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="stage 'conv9' was asked for; this tower has conv1, "):
        export_towers(small_model(), tmp_path / "out", form="torch", stages={"picture": ["conv9"]})
    assert not list(tmp_path.iterdir())


def test_the_distance_described_is_the_one_trained_with() -> None:
    first, second = torch.nn.functional.normalize(torch.randn(2, 12, generator=torch.Generator().manual_seed(1)))
    by_words = eval(
        DISTANCE.removesuffix(", from 0 (fits) to 1"),
        {"sqrt": np.sqrt, "max": max, "dot": lambda a, b: float(a @ b), "picture": first, "sound": second},
    )
    assert by_words == pytest.approx(float(distance_matrix(first[None], second[None])), abs=1e-6)


def test_embeddings_of_any_length_are_described_so(tmp_path: Path) -> None:
    export_towers(small_model(unit_vectors=False), tmp_path / "out", form="torch")
    described = json.loads((tmp_path / "out" / "towers.json").read_text())
    assert described["distance"] == "norm(picture - sound), from 0 (fits) up"
    assert {tower["output"]["holds"] for tower in described["towers"].values()} == {"any length"}


def test_a_fused_model_is_refused_since_its_classifier_would_be_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"out: the towers were to be written, but this model is fused: .* 'distance'"):
        export_towers(small_model(comparison="fused"), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_export_that_differs_is_refused_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = np.full((1, 12), 0.5, np.float32)
    monkeypatch.setattr(export_module, "_reader", lambda *_: lambda _: [wrong])
    with pytest.raises(AvtsError, match=r"^picture.pt2: its embeddings differ from the model's by [0-9.]+e.* 1e-04 is"):
        export_towers(small_model(), tmp_path / "out", form="torch")
    assert not list(tmp_path.iterdir())


def test_a_folder_with_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    with pytest.raises(UsageError, match=r"out: a new folder was asked for, this is a folder with files in it"):
        export_towers(small_model(), tmp_path / "out", form="torch")
    with pytest.raises(UsageError, match=r"mine.txt: a new folder was asked for, this is a file"):
        export_towers(small_model(), tmp_path / "out" / "mine.txt", form="torch")
    with pytest.raises(UsageError, match=r"there is no folder .*nowhere"):
        export_towers(small_model(), tmp_path / "nowhere" / "out", form="torch")


def test_a_missing_package_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.PACKAGES, "export", ("onnx_that_is_not_there",))
    with pytest.raises(UsageError, match=r"onnx_that_is_not_there, not installed.*pip install -e '\.\[export\]'"):
        export_towers(small_model(), tmp_path / "out", form="onnx")
    assert not list(tmp_path.iterdir())
