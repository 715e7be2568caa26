"""What training does to its windows: by how much, how often, and alike for the same generator."""

from typing import Any

import numpy as np
import pytest
import torch

from avts.pairs.ranks import Rows
from avts.settings import AugmentSettings
from avts.training.augment import augment_pictures, augment_sounds, frames_at_rate, random_boxes, with_parts
from avts.training.distributed import Share

RNG = np.random.default_rng
STRONG: dict[str, float] = {
    "frame_rate": 1.0, "inset": 1.0, "picture_noise": 0.1, "sound_colour": 1.0, "sound_behind": 1.0, "sound_noise": 1.0,
}  # fmt: skip


def pictures(clips: int = 4) -> torch.Tensor:
    """Each clip one shade, each frame a little brighter."""
    shades = torch.arange(clips)[:, None] * 0.2 + torch.arange(24) * 0.001
    return shades[:, :, None, None].expand(clips, 24, 16, 16).clone()


def changed(seed: int = 0, **settings: float) -> torch.Tensor:
    return augment_pictures([pictures()], AugmentSettings(**settings), RNG(seed))[0]


def sounds(clips: int = 6) -> torch.Tensor:
    return torch.randn(clips, 16_000, generator=torch.Generator().manual_seed(0)) * 0.1


def test_crops_lie_inside_and_keep_the_least_share_of_each_side() -> None:
    top, left, bottom, right, mirror = random_boxes(4000, 0.7, RNG(0)).T
    assert min(top.min(), left.min()) >= 0
    assert max(bottom.max(), right.max()) <= 1 + 1e-12
    for sides in (bottom - top, right - left):
        assert 0.7 <= sides.min() < 0.71
        assert sides.mean() == pytest.approx(0.85, abs=0.01)
    assert set(mirror.tolist()) == {0.0, 1.0}
    assert mirror.mean() == pytest.approx(0.5, abs=0.04)


def test_parts_are_pieces_of_their_own_picture_and_the_whole_is_scaled_down() -> None:
    whole = torch.rand(3, 2, 16, 16, generator=torch.Generator().manual_seed(0))
    (found,) = with_parts([whole], 2, RNG(0))
    assert found.shape == (9, 2, 8, 8)
    torch.testing.assert_close(found[:3], whole.unflatten(2, (8, 2)).unflatten(4, (8, 2)).mean((3, 5)))
    for number, part in enumerate(found[3:]):
        pieces = whole[number % 3].unfold(1, 8, 1).unfold(2, 8, 1)  # [2, 9, 9, 8, 8]
        assert (pieces == part[:, None, None]).all((0, 3, 4)).sum() == 1


def test_two_processes_draw_the_same_parts_as_one() -> None:
    whole = [torch.rand(4, 2, 16, 16), torch.rand(4, 2, 16, 16)]
    alone = with_parts(whole, 2, RNG(1))
    for first in (0, 2):
        own = with_parts([plane[first : first + 2] for plane in whole], 2, RNG(1), Share(Rows(first, first + 2, 4)))
        for mine, every in zip(own, alone, strict=True):
            assert torch.equal(mine.unflatten(0, (3, 2)), every.unflatten(0, (3, 4))[:, first : first + 2])


def test_nothing_is_changed_unless_asked_for() -> None:
    assert torch.equal(changed(), pictures())
    assert torch.equal(augment_sounds(sounds(), AugmentSettings(), RNG(0)), sounds())


@pytest.mark.parametrize("rate", [12.5, 15.0, 20.0, 25.0, 30.0])
def test_another_frame_rate_never_moves_a_frame_by_more_than_half_of_its_own(rate: float) -> None:
    shown = frames_at_rate(240, rate)
    late = shown - np.arange(240)
    assert np.abs(late).max() / 24 <= 0.5 / rate + 0.5 / 24
    assert abs(late[:200].mean()) < 0.1, "neither early nor late on the whole"
    assert len(set(shown)) == pytest.approx(min(rate, 24) * 10, abs=2)


def test_frames_repeat_in_order_in_all_planes_alike() -> None:
    planes = augment_pictures([pictures(), pictures() / 2], AugmentSettings(frame_rate=1.0), RNG(3))
    assert torch.equal(planes[0] / 2, planes[1])
    assert (planes[0].diff(dim=1) >= 0).all()
    assert not torch.equal(planes[0], pictures())


def test_an_inset_shows_another_clip_in_a_corner_of_every_frame() -> None:
    first = changed(inset=1.0)[0]
    other = (first > 0.1).all(0)  # where another clip's shade is
    share = other.float().mean().item()
    assert 1 / 16 <= share <= 1 / 4
    corners = [other[0, 0], other[0, -1], other[-1, 0], other[-1, -1]]
    assert sum(corners) == 1
    assert torch.equal((first > 0.1).any(0), other)


def test_noise_is_at_most_as_strong_as_asked_and_stays_within_black_and_white() -> None:
    noisy = changed(picture_noise=0.1)
    spread = (noisy - pictures())[1:4].std((1, 2, 3))
    assert spread.max() <= 0.1 * 1.05
    assert noisy.min() >= 0
    assert noisy.max() <= 1


@pytest.mark.parametrize(
    ("name", "least", "most"),
    [
        ("sound_noise", -35 - 6, -10 + 6),
        ("sound_behind", -25 - 1, -8 + 1),
    ],  # a colour takes or adds some dB
)
def test_what_is_put_behind_a_sound_is_as_quiet_as_said(name: str, least: float, most: float) -> None:
    found = augment_sounds(sounds(40), AugmentSettings(**{name: 1.0}), RNG(0)) - sounds(40)
    decibels = 20 * (found.square().mean(1).sqrt() / sounds(40).square().mean(1).sqrt()).log10()
    assert least <= decibels.min()
    assert decibels.max() <= most
    assert decibels.max() - decibels.min() > 8, "not always the same"


def test_sound_behind_is_another_clips() -> None:
    clean = sounds()
    behind = augment_sounds(clean, AugmentSettings(sound_behind=1.0), RNG(0)) - clean
    likeness = torch.nn.functional.normalize(behind) @ torch.nn.functional.normalize(clean).T
    assert likeness.diagonal().abs().max() < 0.05
    assert likeness.max(1).values.min() > 0.99


def test_colour_changes_loudness_of_frequencies_by_nine_decibels_at_most() -> None:
    coloured = augment_sounds(sounds(), AugmentSettings(sound_colour=1.0), RNG(0))
    before, after = (torch.fft.rfft(x).abs() for x in (sounds(), coloured))
    gain = 20 * (after / before).log10()
    assert gain.abs().max() <= 9.1
    assert gain.std() > 2
    assert gain.diff(dim=1)[:, 100:].abs().max() < 0.5, "smooth"


def test_colour_does_not_move_a_sound_in_time() -> None:
    click = torch.zeros(3, 16_000)
    click[:, 8000] = 1
    coloured = augment_sounds(click, AugmentSettings(sound_colour=1.0), RNG(0))
    assert coloured.abs().argmax(1).tolist() == [8000] * 3


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_shares_are_of_the_windows(share: float) -> None:
    clips = torch.rand(400, 24, 1, 1, generator=torch.Generator().manual_seed(0))
    found = augment_pictures([clips.clone()], AugmentSettings(frame_rate=share * 1.0), RNG(0))[0]
    moved = (found != clips).flatten(1).any(1).float().mean().item()
    sometimes_the_same = 0.6  # 25 and 30 frames a second hold all 24 of a second
    assert share * sometimes_the_same - 0.1 <= moved <= share + 0.08


def test_the_same_generator_disturbs_alike() -> None:
    settings: Any = AugmentSettings(**STRONG)
    for augment, windows in ((augment_pictures, [pictures()]), (augment_sounds, sounds())):
        one, two, other = (augment([w.clone() for w in windows] if isinstance(windows, list) else windows.clone(),
                                   settings, RNG(seed)) for seed in (1, 1, 2))  # fmt: skip
        assert torch.equal(one[0], two[0])
        assert not torch.equal(one[0], other[0])
