"""A clip that turns unreadable after ingest: told of once, replaced by the rule, the same whoever meets it."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from avts.corpus.corpus import Corpus
from avts.corpus.ingest import ingest
from avts.errors import CorpusError
from avts.media.writer import write_video
from avts.pairs.loader import StepDataset, load_steps
from avts.pairs.negatives import POSITIVE, StepPlan, Window
from avts.settings import recipe_from
from avts.timebase import Span
from avts.training.curriculum import Curriculum

RECIPE = {"pairs": {"batch_size": 4}, "curriculum": [{"name": "easy", "epochs": 3}]}
"""Four of eight clips a step, two steps an epoch."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("eight")
    (folder / "films" / "train").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(8):
        frames = rng.integers(0, 255, (48, 8, 12, 3), np.uint8).repeat(4, 1).repeat(4, 2)
        samples = rng.uniform(-0.5, 0.5, 32_000).astype(np.float32)
        write_video(folder / "films" / "train" / f"{index}.mp4", frames, samples, options={"preset": "ultrafast"})
    ingest(folder / "films", folder / "corpus", short_side=32, workers=1)
    return folder / "corpus"


def damage(corpus: Path, indices: list[int]) -> None:
    """Zeros instead of the pictures of some clips."""
    for clip in (Corpus.open(corpus).clips[index] for index in indices):
        shard = corpus / clip.shard
        data = bytearray(shard.read_bytes())
        data[clip.video_offset + 48 : clip.video_offset + clip.video_size * 9 // 10] = bytes(
            clip.video_size * 9 // 10 - 48
        )
        shard.write_bytes(data)


@pytest.fixture
def damaged(whole: Path, tmp_path: Path) -> Path:
    copy = Path(shutil.copytree(whole, tmp_path / "corpus"))
    damage(copy, [2, 3])
    return copy


def dataset_of(folder: Path, planner: Any = None) -> StepDataset:
    corpus = Corpus.open(folder)
    durations = tuple(clip.duration_seconds for clip in corpus.clips)
    planner = planner or Curriculum(recipe_from(RECIPE, name="test"), durations)
    return StepDataset(corpus, corpus.clips, planner, clip_seconds=1.0, silence_dbfs=-60.0, colour=True)


def test_the_next_clip_of_the_list_takes_its_place_with_picture_and_sound(whole: Path, damaged: Path) -> None:
    replaced = 0
    for step in range(6):
        before, after = dataset_of(whole)[step], dataset_of(damaged)[step]
        taken = set(before.clips.tolist())
        for row, (planned, got) in enumerate(zip(before.clips.tolist(), after.clips.tolist(), strict=True)):
            if planned not in (2, 3):
                assert got == planned
                assert torch.equal(after.y[row], before.y[row])
                continue
            replaced += 1
            # by the rule: the first after it, round the end, that was not in the step and is not damaged
            around = [(planned + k) % 8 for k in range(1, 8)]
            others = [clip for clip in around if clip not in taken | {2, 3}]
            assert got in others[:2]
            window = dataset_of(whole).planner(step).pictures[row]
            span = Span(window.start_seconds, window.start_seconds + 1)
            corpus = Corpus.open(whole)
            np.testing.assert_array_equal(after.y[row], corpus.frames(corpus.clips[got], span).y)
            np.testing.assert_array_equal(after.sounds[row], corpus.sound(corpus.clips[got], span))
        assert after.kinds.tolist() == before.kinds.tolist()
        assert len(set(after.clips.tolist())) == 4
    assert replaced == 6  # each of the two once an epoch, three epochs


def test_it_is_told_once_and_the_batches_are_the_same_from_workers(damaged: Path) -> None:
    dataset = dataset_of(damaged)
    found = {}
    for workers in (0, 2):
        said: list[str] = []
        found[workers] = [
            (batch.clips.tolist(), batch.y.clone())
            for batch in load_steps(dataset, range(6), workers=workers, on_unreadable=said.append)
        ]
        assert len(said) == 2
        assert sorted(line.split("clip ")[1].split(" in ")[0] for line in said) == [
            dataset.clips[index].key for index in (2, 3)
        ]
        assert all("damaged near" in line and line.endswith("It is replaced by another clip.") for line in said)
    for (clips, y), (others, other_y) in zip(found[0], found[2], strict=True):
        assert clips == others
        assert torch.equal(y, other_y)


def test_by_default_it_is_told_on_stderr(damaged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    list(load_steps(dataset_of(damaged), range(2), workers=0))
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.startswith("avts: corpus: clip ") for line in err.splitlines()] == [True, True]


def test_a_corpus_that_is_broken_altogether_is_an_error(whole: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(whole, tmp_path / "corpus"))
    damage(copy, [0, 1, 2, 3, 4, 5])
    with pytest.raises(CorpusError, match=r"damaged near"):
        list(load_steps(dataset_of(copy), range(2), workers=0))


def test_several_windows_of_a_clip_open_it_once(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    windows = (Window(1, 0.0), Window(4, 0.5), Window(1, 0.75))
    dataset = dataset_of(whole, lambda _: StepPlan(windows, windows, ((0, 0, POSITIVE),)))
    opened: list[str] = []
    read = dataset.corpus.frames_into

    def counted(clip: Any, *rest: Any, **options: Any) -> None:
        opened.append(clip.key)
        read(clip, *rest, **options)

    monkeypatch.setattr(dataset.corpus, "frames_into", counted)
    batch = dataset[0]
    assert opened == [dataset.clips[1].key, dataset.clips[4].key]
    assert batch.clips.tolist() == [1, 4, 1]
    assert not torch.equal(batch.y[0], batch.y[2])
