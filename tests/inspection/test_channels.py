"""When and where channels answer: towers whose channel 0 lets its input through, events of known time and place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.inspection.channels import Survey, picture_answers, sound_answers, survey
from avts.inspection.excerpts import Excerpt
from avts.inspection.exhibits import HeardExhibit, SeenExhibit, around, exhibits, over_frame
from avts.media.planes import Planes
from avts.model.checkpoint import build_model
from avts.model.frontend import mel_filters
from avts.model.receptive_field import Field
from avts.model.residual import BasicBlock
from avts.model.two_stream import TwoStream
from avts.timebase import Span
from fixtures_training import tiny_recipe

RATE = 16_000
START = 0.5
"""Where in their clip the planted excerpts begin, seconds."""


def let_through(tower: nn.Module, *, of_input: int = 0) -> None:
    """Channel 0 of each layer becomes channel 0 of the one before, at the same place; all other channels are mute."""
    first = True
    with torch.no_grad():
        for module in tower.modules():
            if isinstance(module, BasicBlock):
                module.bn2.weight.zero_()
                module.bn2.bias.zero_()
            if isinstance(module, nn.Conv2d | nn.Conv3d):
                module.weight.zero_()
                middle = tuple(size // 2 for size in module.kernel_size)
                module.weight[(0, of_input if first else 0, *middle)] = 1
                first = False


@pytest.fixture
def through() -> TwoStream:
    """A model that sees pictures of 64 x 64 and answers in channel 0 to loud sounds and to change of light."""
    torch.manual_seed(0)
    model = build_model(tiny_recipe(model={"frame_size": 64}).model).eval()
    model.low_precision = False
    let_through(model.audio)
    let_through(model.video, of_input=2)
    return model


def clip_of(corpus: Corpus) -> Clip:
    return replace(corpus.clips[0], key="planted", label="planted", num_frames=96, duration_seconds=4.0)


def burst(seconds: float, *, at: float, hertz: float) -> np.ndarray:
    """A burst of 10 ms of a tone in faint noise; `at` is its middle."""
    time = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(0).normal(0, 1e-4, len(time))
    return (noise + 0.5 * np.sin(2 * np.pi * hertz * time) * (np.abs(time - at) < 0.005)).astype(np.float32)


def square(frames: int, *, at: int, top: int, left: int) -> Planes:
    """A grey film, 128 x 256, in which a white square of 1/8 of each side appears at a frame and stays."""
    luma = np.full((frames, 128, 256), 60, np.uint8)
    luma[at:, top : top + 16, left : left + 32] = 220
    grey = np.full((frames, 64, 128), 128, np.uint8)
    return Planes(luma, grey, grey)


@pytest.mark.parametrize(("at", "hertz"), [(1.005, 1000.0), (0.405, 3000.0), (2.395, 500.0)])
def test_a_burst_is_found_at_its_time_and_its_band(
    through: TwoStream, small_corpus: Corpus, at: float, hertz: float
) -> None:
    excerpt = Excerpt(clip_of(small_corpus), Span(START, START + 3), None, burst(3.0, at=at, hertz=hertz))
    found = survey(through, [excerpt])["sound"]
    assert abs(found.seconds[0, 0] - (START + at)) < 0.0101  # of three steps that pool2 takes together, the middle one
    filters = mel_filters(16)
    band = int(filters[round(hertz / (RATE / 2) * (len(filters) - 1))].argmax())
    assert abs(found.places[0, 0, 0] - band) <= 1
    assert found.responses[0, 0] > 0
    assert not found.responses[0, 1:].any()


@pytest.mark.parametrize("at", [13, 30, 60])
@pytest.mark.parametrize(("top", "left"), [(24, 56), (88, 184)])
def test_what_appears_is_found_at_its_frame_and_its_place(
    through: TwoStream, small_corpus: Corpus, at: int, top: int, left: int
) -> None:
    planes = square(72, at=at, top=top, left=left)
    found = survey(through, [Excerpt(clip_of(small_corpus), Span(START, START + 3), planes, None)])["picture"]
    assert found.seconds[0, 0] == START + at / 24
    # the tower looks at pixels 0, 16, 32 and 48 of 64: the one in the square
    row = next(pixel for pixel in (0, 16, 32, 48) if top <= pixel * 2 < top + 16)
    column = next(pixel for pixel in (0, 16, 32, 48) if left <= pixel * 4 < left + 32)
    assert found.places[0, 0].tolist() == [(row + 0.5) / 64, (column + 0.5) / 64]


def test_features_that_see_beyond_the_ends_are_left_out(through: TwoStream) -> None:
    # of 100 steps: feature i of a sound sees 2 i - 8 to 2 i + 10
    assert sound_answers(through, burst(1.0, at=0.5, hertz=1000)).whole == slice(4, 45)
    assert picture_answers(through, square(40, at=20, top=0, left=0)).whole == slice(5, 35)  # 5 frames either way
    loud_at_the_end = burst(1.0, at=0.995, hertz=1000)
    answers = sound_answers(through, loud_at_the_end)
    _, places = answers.peaks()
    assert 9 <= places[0, 0] <= 89


def test_an_excerpt_shorter_than_what_a_feature_sees_gives_what_there_is(through: TwoStream) -> None:
    answers = picture_answers(through, square(8, at=4, top=0, left=0))
    assert answers.whole == slice(0, 8)


def test_a_tower_that_strides_time_is_found_on_its_own_frames(small_corpus: Corpus) -> None:
    model = build_model(tiny_recipe(model={"video": "r3d18", "head": "global"}).model).eval()
    model.low_precision = False
    found = survey(model, [Excerpt(clip_of(small_corpus), Span(0, 3), square(72, at=30, top=0, left=0), None)])
    frames = found["picture"].seconds[0] * 24
    assert set(frames.tolist()) <= {0.0, 8.0, 16.0, 24.0, 32.0, 40.0, 48.0, 56.0, 64.0}


def test_a_model_of_single_frames_is_shown_every_sixth(small_corpus: Corpus) -> None:
    model = build_model(tiny_recipe(model={"picture_input": "still", "head": "global", "frame_size": 64}).model).eval()
    model.low_precision = False
    let_through(model.video)
    luma = np.full((72, 64, 64), 40, np.uint8)
    luma[33] = 200  # 33 = 3 + 5 * 6
    luma[40] = 230  # not looked at
    grey = np.full((72, 32, 32), 128, np.uint8)
    found = survey(model, [Excerpt(clip_of(small_corpus), Span(0, 3), Planes(luma, grey, grey), None)])["picture"]
    assert found.seconds[0, 0] == 33 / 24


def test_the_strongest_clips_come_first_and_those_without_an_answer_not_at_all(small_corpus: Corpus) -> None:
    responses = np.array([[1.0], [0.0], [3.0], [2.0]])
    made = Survey([clip_of(small_corpus)] * 4, responses, responses, responses[..., None])
    assert made.strongest(0, 2) == [2, 3]
    assert made.strongest(0, 9) == [2, 3, 0]


class Planted:
    """A corpus of one clip, as far as excerpts need it."""

    path = Path("planted")

    def __init__(self, planes: Planes, samples: np.ndarray) -> None:
        self.planes, self.samples = planes, samples

    def frames(self, _clip: Clip, _span: Span) -> Planes:
        return self.planes

    def sound(self, _clip: Clip, _span: Span) -> np.ndarray:
        return self.samples


def test_an_exhibit_shows_the_peak_in_its_middle(through: TwoStream, small_corpus: Corpus) -> None:
    # 72 of 96 frames from the middle: the excerpt begins at 0.5 s
    planes, samples = square(72, at=30, top=24, left=56), burst(3.0, at=1.205, hertz=1000)
    clip, corpus = clip_of(small_corpus), Planted(planes, samples)
    surveyed = survey(through, [Excerpt(clip, Span(START, START + 3), planes, samples)])
    options = {"each": 3, "seconds": 3.0, "on_unreadable": pytest.fail}
    (heard,) = exhibits(through, corpus, "sound", surveyed["sound"], [0], **options)[0]  # type: ignore[arg-type]
    assert isinstance(heard, HeardExhibit)
    assert heard.energies.shape == (16, 101)
    assert abs(int(np.nanmax(heard.energies, axis=0).argmax()) - 50) <= 1
    assert heard.sees.start_seconds == pytest.approx(-0.095)  # 19 steps of 10 ms, the middle one on the peak
    assert heard.sees.stop_seconds == pytest.approx(0.095)
    assert np.nanargmax(heard.course) == pytest.approx(50, abs=1)
    assert np.nanmax(heard.course) == pytest.approx(heard.response)
    (seen,) = exhibits(through, corpus, "picture", surveyed["picture"], [0], **options)[0]  # type: ignore[arg-type]
    assert isinstance(seen, SeenExhibit)
    assert (seen.frame.y == planes.y[30]).all()
    assert len(seen.course) == 25
    assert np.nanargmax(seen.course) == 12
    assert np.nanmax(seen.course) == pytest.approx(seen.response)
    y, x = np.unravel_index(seen.heat.argmax(), seen.heat.shape)
    assert abs((y + 0.5) / 128 - seen.place[0]) < 0.01
    assert abs((x + 0.5) / 256 - seen.place[1]) < 0.01
    assert seen.heat.max() <= seen.response


def test_exhibits_of_a_corpus_are_of_different_clips_and_as_surveyed(
    tiny_model: TwoStream, small_corpus: Corpus
) -> None:
    clips = small_corpus.clips[:4]
    excerpts = [
        Excerpt(clip, span, small_corpus.frames(clip, span), small_corpus.sound(clip, span))
        for clip in clips
        for span in [Span(0.5, 2.5)]
    ]
    for tower, surveyed in survey(tiny_model, excerpts).items():
        channel = int(surveyed.responses.min(0).argmax())
        found = exhibits(
            tiny_model, small_corpus, tower, surveyed, [channel], each=3, seconds=2.0, on_unreadable=pytest.fail
        )[channel]
        assert len({exhibit.clip.key for exhibit in found}) == 3
        strongest = np.sort(surveyed.responses[:, channel])[::-1][:3]
        assert [exhibit.response for exhibit in found] == strongest.tolist()
        for exhibit in found:
            if isinstance(exhibit, SeenExhibit):
                shown = Span(exhibit.seconds, exhibit.seconds + 1 / 24)
                assert (exhibit.frame.y == small_corpus.frames(exhibit.clip, shown).y).all()


def test_what_lies_beyond_an_excerpt_is_blank() -> None:
    shown = around(np.arange(5.0)[None], 1, 2)[0]
    assert np.isnan(shown[0])
    assert shown[1:].tolist() == [0, 1, 2, 3]


def test_heat_lies_where_the_features_are_centred() -> None:
    # two features at pixels 0 and 2 of 4: at rows 1 and 5 of a frame of 8 (middles of 0 to 1 and of 4 to 5)
    heat = over_frame(np.array([[0.0], [4.0]]), (Field(2, 0, 0), Field(1, 0, 0)), (4, 1), (8, 1))[:, 0]
    assert heat.tolist() == [0, 0.5, 1.5, 2.5, 3.5, 4, 4, 4]
