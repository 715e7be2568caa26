import pytest
import torch

from avts.finetune.checkpoint import build_classifier
from avts.finetune.classifier import Classifier
from avts.finetune.recipe import ClassifierSettings
from avts.model.checkpoint import build_model
from avts.settings import ModelSettings

NETS = ModelSettings(video_width=4, audio_width=8, picture_input="change", frame_size=32, filter_bands=16)


def classifier(senses, **changes) -> Classifier:
    torch.manual_seed(0)
    made = build_classifier(NETS, 3, senses=senses, settings=ClassifierSettings(**changes)).eval()
    made.streams.low_precision = False
    return made


def test_one_linear_layer_stands_on_the_mean_of_conv5() -> None:
    made = classifier("picture")
    planes = [torch.rand(2, 6, 32, 32)]
    with torch.no_grad():
        whole = build_model(NETS).eval()
        whole.low_precision = False
        whole.video.load_state_dict(made.streams.video.state_dict())
        conv5 = whole.picture_maps(*planes)["conv5"].mean((2, 3, 4))
        layer = made.layers[-1]
        by_hand = conv5 @ layer.weight.T + layer.bias
        torch.testing.assert_close(made(planes, None), by_hand, atol=1e-5, rtol=1e-4)


def test_both_towers_are_joined_by_512_units_and_one_alone_has_none() -> None:
    both = classifier("both")
    linear = [layer for layer in both.layers if isinstance(layer, torch.nn.Linear)]
    assert [(layer.in_features, layer.out_features) for layer in linear] == [(32 + 64, 512), (512, 3)]
    assert sum(isinstance(layer, torch.nn.Linear) for layer in classifier("sound").layers) == 1


@pytest.mark.parametrize(("senses", "towers"), [("picture", {"video"}), ("sound", {"audio", "fc6"}), ("both", None)])
def test_only_the_towers_that_are_needed_are_kept(senses, towers) -> None:
    made = classifier(senses)
    kept = {name.split(".")[0] for name in made.streams.state_dict()}
    assert kept == (towers or {"video", "audio", "fc6"})


def test_each_tower_is_heard_in_the_joint_decision() -> None:
    made = classifier("both")
    planes, samples = [torch.rand(2, 12, 32, 32)], torch.randn(2, 8000)
    with torch.no_grad():
        one = made(planes, samples)
        assert not torch.allclose(one, made([torch.rand(2, 12, 32, 32)], samples))
        assert not torch.allclose(one, made(planes, torch.randn(2, 8000)))
