"""Batches: the right frames with the right sound, silence left out, sizes aligned, any number of workers alike."""

import multiprocessing
import os
import signal
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.corpus.ingest import ingest
from avts.errors import CorpusError
from avts.media.reader import Target
from avts.model.scaling import crop_and_resize, resize_packed
from avts.pairs.loader import Batch, StepDataset, load_steps
from avts.pairs.negatives import EASY, HARD, POSITIVE, StepPlan, Window
from avts.timebase import Span
from avts.training.augment import BoxesOfBatch
from avts.training.curriculum import Curriculum
from fixtures_training import tiny_recipe

TENSORS = ("y", "sounds", "picture_rows", "sound_rows", "kinds", "valid", "clips")


def equal(one: Batch, other: Batch) -> bool:
    return all(torch.equal(getattr(one, name), getattr(other, name)) for name in TENSORS)


def curriculum_of(corpus: Corpus) -> Curriculum:
    return Curriculum(tiny_recipe(), tuple(clip.duration_seconds for clip in corpus.select("train")))


def dataset_of(corpus: Corpus, planner: Any, *, colour: bool = False, clips: Any = None) -> StepDataset:
    clips = corpus.select("train") if clips is None else clips
    return StepDataset(corpus, clips, planner, clip_seconds=1.0, silence_dbfs=-55.0, colour=colour)


def test_batches_are_the_same_with_any_number_of_workers(small_corpus: Corpus) -> None:
    dataset = dataset_of(small_corpus, curriculum_of(small_corpus))
    alone = list(load_steps(dataset, range(8), workers=0))
    assert len(alone) == 8
    for workers in (1, 2):
        found = list(load_steps(dataset, range(8), workers=workers))
        assert all(equal(one, other) for one, other in zip(alone, found, strict=True))


@pytest.mark.parametrize("workers", [0, 1])
def test_a_batch_tells_how_long_its_process_took_to_decode_it(small_corpus: Corpus, workers: int) -> None:
    started = time.perf_counter()
    (batch,) = load_steps(dataset_of(small_corpus, curriculum_of(small_corpus)), range(1), workers=workers)
    assert 0 < batch.decode_seconds < time.perf_counter() - started
    assert batch.to(torch.device("cpu")).decode_seconds == batch.decode_seconds


def test_a_resumed_loader_goes_on_with_the_very_batches_that_were_left(small_corpus: Corpus) -> None:
    dataset = dataset_of(small_corpus, curriculum_of(small_corpus))
    whole = list(load_steps(dataset, range(8), workers=0))
    resumed = list(load_steps(dataset, range(3, 8), workers=0))
    assert all(equal(one, other) for one, other in zip(whole[3:], resumed, strict=True))
    assert not equal(whole[0], whole[1])


@pytest.mark.parametrize("workers", [0, 1])
def test_a_clip_that_cannot_be_read_is_one_error_of_one_line(small_corpus: Corpus, workers: int) -> None:
    clips = [replace(clip, shard="gone.tar") for clip in small_corpus.select("train")]
    dataset = dataset_of(small_corpus, curriculum_of(small_corpus), clips=clips)
    with pytest.raises(CorpusError, match=r"its shard gone\.tar cannot be read") as error:
        next(load_steps(dataset, range(8), workers=workers))
    assert len(str(error.value).splitlines()) == 1


@pytest.fixture
def counted(films: Any, tmp_path: Path) -> Corpus:
    """A film that counts its frames, with a click in the middle of each of its first frames, then near silence."""
    clicks = tuple(0.25 + 0.25 * index for index in range(8))
    films.write("train/a.mp4", frames_per_second=Fraction(24), seconds=4.0, clicks_seconds=clicks, audio_codec="aac")
    ingest(films.folder, tmp_path / "corpus", short_side=64, workers=1)
    return Corpus.open(tmp_path / "corpus")


def test_a_window_holds_the_frames_and_the_sound_of_its_time(counted: Corpus, films: Any) -> None:
    starts = [0.0, 5 / 24, 19 / 24, 1.0]
    windows = tuple(Window(0, start) for start in starts)
    pairs = tuple((index, index, POSITIVE) for index in range(4))
    batch = dataset_of(counted, lambda _: StepPlan(windows, windows, pairs))[0]
    assert batch.y.shape == (4, 24, 64, 128)
    assert batch.sounds.shape == (4, 16_000)
    for start, picture, sound in zip(starts, batch.y.numpy(), batch.sounds.numpy(), strict=True):
        assert films.shown_indices(picture).tolist() == list(range(round(start * 24), round(start * 24) + 24))
        inside = [0.25 + 0.25 * k - start for k in range(8) if 0.05 < 0.25 + 0.25 * k - start < 0.95]
        assert len(inside) >= 3
        assert np.abs(films.click_errors_seconds(inside, sound)).max() < 0.005


CLICKS, SILENT = Window(0, 0.5), Window(0, 2.5)


@pytest.mark.parametrize(
    ("pictures", "sounds", "pairs", "passed_over", "valid"),
    [
        ((CLICKS, SILENT), (CLICKS, SILENT), ((0, 0, POSITIVE), (1, 1, POSITIVE)), (), [True, False]),
        ((CLICKS, SILENT), (CLICKS, CLICKS), ((0, 0, HARD), (1, 1, HARD)), (), [True, False]),
        ((CLICKS, CLICKS), (SILENT, CLICKS), ((0, 0, EASY), (1, 1, EASY)), (), [False, True]),
        ((CLICKS, CLICKS), (CLICKS, CLICKS), ((0, 0, POSITIVE), (1, 1, POSITIVE)), ((1, SILENT),), [True, False]),
    ],
)
def test_a_pair_is_valid_if_nothing_about_it_is_silent(
    counted: Corpus, pictures: Any, sounds: Any, pairs: Any, passed_over: Any, valid: list[bool]
) -> None:
    batch = dataset_of(counted, lambda _: StepPlan(pictures, sounds, pairs, passed_over))[0]
    assert batch.valid.tolist() == valid


def test_silence_is_told_by_the_level_in_the_settings() -> None:
    quiet = made_batch(loudness=10 ** (-54.0 / 20))
    assert quiet.valid.all()
    assert not made_batch(loudness=10 ** (-56.0 / 20)).valid.any()


class MadeCorpus:
    """Two clips of different sizes whose pixels say where they are; chroma is every second pixel of the luminance."""

    sizes = ((20, 34), (26, 30))
    url = None

    def __init__(self, loudness: float) -> None:
        self.loudness = loudness

    @property
    def clips(self) -> list[Any]:
        return [SimpleNamespace(height=h, width=w, key=f"{h}x{w}", duration_seconds=1.0) for h, w in self.sizes]

    def frames_into(self, clip: Any, _: Any, targets: list[Target]) -> None:
        picture = ((np.arange(clip.height)[:, None] * 8 + np.arange(clip.width)) % 251).astype(np.uint8)
        for target in targets:
            planes, (top, left), (half_top, half_left) = target.planes, target.corner, target.chroma_corner
            planes.y[:] = picture[top : top + planes.height, left : left + planes.width]
            if planes.u.size:
                planes.u[:] = picture[::2, ::2][half_top:, half_left:][: planes.u.shape[1], : planes.u.shape[2]]
                planes.v[:] = 255 - planes.u

    def sound(self, *_: Any) -> np.ndarray:
        return np.full(16_000, self.loudness, np.float32)


def made_batch(*, loudness: float = 0.1, colour: bool = True) -> Batch:
    windows = (Window(0, 0.0), Window(1, 0.0))
    plan = StepPlan(windows, windows, ((0, 0, POSITIVE), (0, 1, EASY), (1, 0, EASY), (1, 1, POSITIVE)))
    corpus: Any = MadeCorpus(loudness)
    return dataset_of(corpus, lambda _: plan, colour=colour, clips=corpus.clips)[0]


def test_clips_of_different_sizes_are_cut_around_the_middle_with_colour_in_place() -> None:
    batch = made_batch()
    assert batch.y.shape == (2, 24, 20, 30)
    assert batch.u is not None
    assert batch.v is not None
    assert torch.equal(batch.y[:, :, ::2, ::2], batch.u)
    assert torch.equal(255 - batch.u, batch.v)
    # by hand: 34 wide leaves 4, so 2 go on the left; 26 high leaves 6, so 3 would go, but chroma takes even numbers
    assert batch.y[0, 0, 0, 0] == 0 * 8 + 2
    assert batch.y[1, 0, 0, 0] == 2 * 8 + 0


def test_colour_planes_are_there_only_when_asked_for() -> None:
    batch = made_batch(colour=False)
    assert batch.u is None
    assert batch.v is None
    assert batch.to(torch.device("cpu")).u is None


def test_a_batch_says_whose_pictures_they_are_and_how_they_are_paired() -> None:
    batch = made_batch()
    assert batch.clips.tolist() == [0, 1]
    assert list(zip(batch.picture_rows.tolist(), batch.sound_rows.tolist(), batch.kinds.tolist(), strict=True)) == [
        (0, 0, POSITIVE), (0, 1, EASY), (1, 0, EASY), (1, 1, POSITIVE),
    ]  # fmt: skip


def test_clips_are_named_by_the_list_planned_for(small_corpus: Corpus) -> None:
    clips: list[Clip] = list(reversed(small_corpus.select("train")))
    batch = dataset_of(small_corpus, curriculum_of(small_corpus), clips=clips)[0]
    first = clips[int(batch.clips[0])]
    start = curriculum_of(small_corpus)(0).pictures[0].start_seconds
    expected = small_corpus.frames(first, Span(start, start + 1.0)).y
    margin = (expected.shape[-1] - batch.y.shape[-1]) // 2
    assert np.array_equal(batch.y[0].numpy(), expected[..., margin : margin + batch.y.shape[-1]])


def test_ctrl_c_is_for_the_training_loop_and_leaves_workers_alone(small_corpus: Corpus) -> None:
    dataset = dataset_of(small_corpus, curriculum_of(small_corpus))
    batches = load_steps(dataset, range(8), workers=1)
    found = [next(batches)]
    for worker in multiprocessing.active_children():
        os.kill(worker.pid or 0, signal.SIGINT)
    found += batches
    assert all(equal(one, other) for one, other in zip(load_steps(dataset, range(8), workers=0), found, strict=True))


def boxes_of(step: int, num_clips: int) -> np.ndarray:
    return BoxesOfBatch(3, 0.5)(step, num_clips)


@pytest.mark.parametrize("colour", [True, False])
@pytest.mark.parametrize("workers", [0, 1])
def test_boxes_are_cut_out_before_a_batch_leaves_the_loader_and_the_pictures_stay_the_same(
    small_corpus: Corpus, colour: bool, workers: int
) -> None:
    clips, planner = small_corpus.select("train"), curriculum_of(small_corpus)
    settings: Any = {"clip_seconds": 1.0, "silence_dbfs": -55.0, "colour": colour}
    whole = StepDataset(small_corpus, clips, planner, **settings)
    cutting = StepDataset(small_corpus, clips, planner, boxes=BoxesOfBatch(3, 0.5), **settings)
    for step, batch in enumerate(load_steps(cutting, range(4), workers=workers)):
        full, boxes = whole[step], boxes_of(step, 4)
        assert batch.cut is not None
        assert batch.y.numel() == pytest.approx(
            full.y.numel() * np.prod(boxes[:, 2:4] - boxes[:, :2], 1).mean(), rel=0.1
        )
        crops = (batch.cut.luminance, batch.cut.chroma, batch.cut.chroma)
        for name, each in zip("yuv", crops, strict=True):
            before, after = getattr(full, name), getattr(batch, name)
            assert (before is None) == (after is None) == (not colour and name != "y")
            if before is not None:
                assert torch.equal(resize_packed(after, each, 24, 32), crop_and_resize(before, boxes, 32))
        assert torch.equal(batch.sounds, full.sounds)


def test_clips_of_different_sizes_are_cut_around_the_middle_before_their_boxes() -> None:
    windows = (Window(0, 0.0), Window(1, 0.0))
    corpus: Any = MadeCorpus(0.1)
    plan = StepPlan(windows, windows, ((0, 0, POSITIVE), (1, 1, POSITIVE)))
    dataset = dataset_of(corpus, lambda _: plan, colour=True, clips=corpus.clips)
    whole = dataset[0]
    dataset.boxes = lambda *_: np.array([[0.25, 0.5, 0.75, 0.9, 0], [0, 0.1, 0.5, 0.3, 1]])
    batch = dataset[0]
    assert batch.cut is not None
    assert batch.u is not None
    assert whole.u is not None
    first, second = batch.cut.luminance.pieces(batch.y, 24)
    assert torch.equal(first, whole.y[0, :, 5:15, 15:27])  # 20 x 30
    assert torch.equal(second, whole.y[1, :, 0:10, 3:9])
    first, second = batch.cut.chroma.pieces(batch.u, 24)
    assert torch.equal(first, whole.u[0, :, 2:7, 7:13])  # 10 x 15, rounded by itself
    assert torch.equal(second, whole.u[1, :, 0:5, 1:4])


def test_each_of_two_processes_cuts_its_own_pictures_by_the_boxes_of_the_whole_step(small_corpus: Corpus) -> None:
    clips, planner = small_corpus.select("train"), curriculum_of(small_corpus)
    settings: Any = {"clip_seconds": 1.0, "silence_dbfs": -55.0, "colour": False, "boxes": BoxesOfBatch(3, 0.5)}
    whole = StepDataset(small_corpus, clips, planner, **settings)[2]
    parts = [StepDataset(small_corpus, clips, planner, rank=rank, num_ranks=2, **settings)[2] for rank in range(2)]
    assert torch.equal(torch.cat([part.y for part in parts]), whole.y)
