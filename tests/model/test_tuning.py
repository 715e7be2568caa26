"""Layout and compiling of networks for a device: what they compute stays the same."""

import copy

import pytest
import torch

from avts.model.checkpoint import build_model
from avts.model.tuning import tune
from avts.model.two_stream import TwoStream
from avts.settings import ModelSettings

CPU = torch.device("cpu")


@pytest.fixture
def network() -> TwoStream:
    torch.manual_seed(0)
    small = {"video": "mc3", "video_width": 4, "audio_width": 8, "frame_size": 32, "embedding": 8, "hidden": 16}
    model = build_model(ModelSettings.model_validate(small)).eval()
    model.low_precision = False
    return model


def test_with_channels_last_all_convolutions_are_laid_out_so_and_compute_the_same(network: TwoStream) -> None:
    tuned = copy.deepcopy(network)
    assert tune(tuned, CPU, channels_last=True, compile=False) == ["layout: channels last (as asked)"]
    layouts = {4: torch.channels_last, 5: torch.channels_last_3d}
    weights = [weight for weight in tuned.parameters() if weight.ndim in layouts]
    assert {weight.ndim for weight in weights} == {4, 5}
    assert all(weight.is_contiguous(memory_format=layouts[weight.ndim]) for weight in weights)
    frames, energies = torch.randn(2, 3, 12, 32, 32), torch.randn(2, 40, 100)
    with torch.inference_mode():
        torch.testing.assert_close(tuned.picture_sequence(frames), network.picture_sequence(frames))
        torch.testing.assert_close(tuned.sound_sequence(energies), network.sound_sequence(energies))


def test_compiling_is_of_the_towers_and_changes_no_name(network: TwoStream, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(torch, "compile", lambda call, **_: compiled.append(type(call.__self__).__name__) or call)
    names = list(network.state_dict())
    assert tune(network, CPU, channels_last=False, compile=True) == [
        "compile: the towers, with the first step (as asked)"
    ]
    assert compiled == ["ResidualTower", "AudioTower"]
    assert list(network.state_dict()) == names


def test_cudnn_measures_on_cuda_only(network: TwoStream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    assert tune(network, CPU, channels_last=False, compile=False) == []
    assert not torch.backends.cudnn.benchmark
    assert tune(network, torch.device("cuda"), channels_last=False, compile=False) == [
        "cudnn: measures its algorithms (all windows are of one size)"
    ]
    assert torch.backends.cudnn.benchmark
