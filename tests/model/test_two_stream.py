"""Both towers together: shapes, unit length, which planes are needed, precision."""

from typing import Any

import pytest
import torch

from avts.model.checkpoint import build_model
from avts.model.two_stream import TwoStream
from avts.settings import ModelSettings

SMALL: dict[str, Any] = {
    "video_width": 4, "audio_width": 8, "frame_size": 32, "hidden": 16, "embedding": 8, "filter_bands": 16,
}  # fmt: skip


def model(**settings: Any) -> TwoStream:
    torch.manual_seed(0)
    built = build_model(ModelSettings(**{**SMALL, **settings})).eval()
    built.low_precision = False
    return built


def planes(clips: int = 2, frames: int = 24, size: int = 48) -> list[torch.Tensor]:
    shapes = [(clips, frames, size, size), *[(clips, frames, size // 2, size // 2)] * 2]
    return [torch.randint(0, 256, shape, dtype=torch.uint8) for shape in shapes]


@pytest.mark.parametrize("head", ["global", "temporal"])
@pytest.mark.parametrize("picture_input", ["rgb", "change"])
def test_windows_become_embeddings_of_unit_length(head: str, picture_input: str) -> None:
    both = model(head=head, picture_input=picture_input)
    y, u, v = planes()
    with torch.no_grad():
        pictures = both.embed_pictures(y, u, v)
        sounds = both.embed_sounds(torch.randn(3, 16_000) * 0.1)
    assert (pictures.shape, sounds.shape) == ((2, 8), (3, 8))
    assert torch.allclose(pictures.norm(dim=1), torch.ones(2))
    assert torch.allclose(sounds.norm(dim=1), torch.ones(3))


def test_colour_is_needed_for_rgb_only() -> None:
    assert model(picture_input="rgb").needs_colour
    change = model(picture_input="change")
    assert not change.needs_colour
    assert change.picture_input_of(planes()[0]).shape == (2, 3, 24, 32, 32)


def test_a_still_is_the_middle_frame_in_colour() -> None:
    still, moving = (model(picture_input=name) for name in ("still", "rgb"))
    assert still.needs_colour
    y, u, v = planes(frames=25)
    found = still.picture_input_of(y, u, v)
    assert torch.equal(found, moving.picture_input_of(y, u, v)[:, :, 12:13])
    others = y.clone()
    others[:, :12] = others[:, 13:] = 0
    with torch.no_grad():
        assert torch.equal(still.embed_pictures(y, u, v), still.embed_pictures(others, u, v))


def test_there_is_a_feature_for_each_frame_and_every_fourth_step_of_sound() -> None:
    both = model()
    with torch.no_grad():
        assert both.picture_sequence(torch.rand(1, 3, 24, 32, 32)).shape == (1, 24, 32)
        sound = torch.randn(1, 16, 100)
        assert both.sound_sequence(sound).shape == (1, 24, 64)
        dense = both.sound_sequence_dense(sound)
        assert dense.shape == (1, 94, 64)
        assert torch.allclose(dense[:, ::4], both.sound_sequence(sound), atol=1e-5)


def test_embeddings_of_a_batch_do_not_depend_on_each_other() -> None:
    both = model(picture_input="change")
    y = planes()[0]
    with torch.no_grad():
        assert torch.allclose(both.embed_pictures(y)[1:], both.embed_pictures(y[1:]), atol=1e-5)


def test_low_precision_stays_near_full_precision_and_gives_float32() -> None:
    both = model(picture_input="change")
    y, samples = planes()[0], torch.randn(2, 16_000) * 0.1
    with torch.no_grad():
        full = both.embed_pictures(y), both.embed_sounds(samples)
        both.low_precision = True
        low = both.embed_pictures(y), both.embed_sounds(samples)
    for one, other in zip(full, low, strict=True):
        assert other.dtype == torch.float32
        assert not torch.equal(one, other)
        assert (one * other).sum(1).min() > 0.99


@pytest.mark.parametrize("video", ["mc3", "r3d18", "r2plus1d18", "i3d"])
@pytest.mark.parametrize("head", ["global", "temporal"])
def test_every_tower_goes_with_both_heads_and_learns(video: str, head: str) -> None:
    both = model(video=video, head=head, head_steps=3, picture_input="change").train()
    y, samples = planes()[0], torch.randn(2, 16_000) * 0.1
    pictures, sounds = both.embed_pictures(y), both.embed_sounds(samples)
    assert pictures.shape == sounds.shape == (2, 8)
    (pictures - sounds).square().sum().backward()
    still = [name for name, p in both.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert not still
    assert all(
        p.grad.abs().sum() > 0 for name, p in both.named_parameters() if name.startswith("video.") and p.ndim > 1
    )


@pytest.mark.parametrize(("video", "features"), [("mc5", 24), ("r3d18", 3), ("r2plus1d18", 3), ("i3d", 3)])
def test_a_tower_that_strides_time_gives_a_feature_every_eighth_frame(video: str, features: int) -> None:
    both = model(video=video, head="global")
    with torch.no_grad():
        assert both.picture_sequence(torch.rand(1, 3, 24, 32, 32)).shape[1] == features == 24 // both.video.time_stride


@pytest.mark.parametrize("video", ["mc3", "i3d"])
def test_stages_of_the_video_tower_are_read_out_of_raw_planes(video: str) -> None:
    both = model(video=video, head="global", picture_input="rgb")
    y, u, v = planes()
    with torch.no_grad():
        found = both.picture_maps(y, u, v, stages=("conv2", "conv5"))
        sequence = both.picture_sequence(both.picture_input_of(y, u, v))
    assert list(found) == ["conv2", "conv5"]
    assert torch.allclose(found["conv5"].mean((3, 4)).transpose(1, 2), sequence, atol=1e-6)
    assert found["conv2"].shape[:2] == (2, {"mc3": 4, "i3d": 12}[video])


def test_conv5_of_sound_is_what_pool5_pools() -> None:
    both = model()
    samples = torch.randn(2, 16_000) * 0.1
    with torch.no_grad():
        conv5 = both.sound_maps(samples)["conv5"]
        pool5 = both.sound_maps(samples, stages=["pool5"])["pool5"]
    assert conv5.shape == (2, 32, 14, 49)
    assert torch.equal(torch.nn.functional.max_pool2d(conv5, 3, 2), pool5)


def test_maps_are_float32_in_low_precision_too() -> None:
    both = model(picture_input="change")
    both.low_precision = True
    with torch.no_grad():
        assert both.picture_maps(planes()[0])["conv5"].dtype == torch.float32
        assert both.sound_maps(torch.randn(1, 16_000))["conv5"].dtype == torch.float32


def embedded(both: TwoStream) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(2)
    with torch.no_grad():
        return both.embed_pictures(*planes()), both.embed_sounds(torch.randn(3, 16_000) * 0.1)


def test_embeddings_keep_their_own_length_where_the_recipe_says_so() -> None:
    for head in ("global", "temporal"):
        plain, unit = embedded(model(head=head, unit_vectors=False)), embedded(model(head=head))
        for own, scaled in zip(plain, unit, strict=True):
            assert (own.norm(dim=1) - 1).abs().min() > 0.01
            assert torch.allclose(own / own.norm(dim=1, keepdim=True), scaled, atol=1e-5)


@pytest.mark.parametrize("unit_vectors", [True, False])
def test_distance_of_a_pair_is_that_of_its_embeddings(unit_vectors: bool) -> None:
    both = model(unit_vectors=unit_vectors)
    pictures, sounds = embedded(both)
    found = both.pair_distances(pictures, sounds)
    scale = 2 if unit_vectors else 1
    for row in range(2):
        for column in range(3):
            assert float(found[row, column]) == pytest.approx(float((pictures[row] - sounds[column]).norm()) / scale)


@pytest.mark.parametrize("unit_vectors", [True, False])
def test_distance_of_a_fused_model_is_how_likely_a_pair_is_not_in_sync(unit_vectors: bool) -> None:
    both = model(comparison="fused", fused_hidden=8, unit_vectors=unit_vectors)
    pictures, sounds = embedded(both)
    with torch.no_grad():
        logits, found = both.pair_logits(pictures, sounds), both.pair_distances(pictures, sounds)
    assert torch.allclose(found, 1 / (1 + logits.exp()), atol=1e-6)
    assert found.shape == (2, 3)


def test_frozen_towers_and_their_statistics_stay_and_linear_layers_learn() -> None:
    both = model(comparison="fused", fused_hidden=8)
    both.freeze_towers()
    both.train()
    before = {name: tensor.clone() for name, tensor in both.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in both.parameters() if p.requires_grad], lr=0.1)
    logits = both.pair_logits(both.embed_pictures(*planes()), both.embed_sounds(torch.randn(3, 16_000) * 0.1))
    logits.square().mean().backward()
    optimizer.step()
    changed = {name for name, tensor in both.state_dict().items() if not torch.equal(tensor, before[name])}
    assert {name.split(".")[0] for name in changed} == {"fc6", "video_head", "audio_head", "fusion"}
    assert both.video_head.training
    assert not any(module.training for module in both.video.modules())
