from pathlib import Path

import pytest

from avts.corpus.corpus import Corpus
from avts.doctor.corpus import examine_corpus
from avts.doctor.speed import LoaderSpeed, StepSpeed, loader_speed, step_speed
from avts.errors import CorpusError
from avts.settings import recipe_from


def test_a_whole_corpus_has_nothing_against_it(made_corpus: Path) -> None:
    corpus = Corpus.open(made_corpus)
    found = examine_corpus(corpus, every_clip=True)
    assert (found.num_items, found.num_decoded, found.faults, found.is_usable) == (4, 4, [], True)
    assert found.splits == {"train": 4}
    assert found.durations_usable == [3.0] * 4


def test_a_damaged_clip_is_found_wherever_it_is_damaged(corpus_copy: Path) -> None:
    corpus = Corpus.open(corpus_copy)
    clip = corpus.clips[2]
    shard = corpus_copy / clip.shard
    data = bytearray(shard.read_bytes())
    at = clip.video_offset + clip.video_size // 2
    data[at : at + clip.video_size // 4] = bytes(clip.video_size // 4)
    shard.write_bytes(data)
    found = examine_corpus(Corpus.open(corpus_copy), every_clip=True)
    assert [key for key, _ in found.faults] == [clip.key]
    assert "damaged near" in found.faults[0][1]
    assert not found.is_usable


def test_speed_is_measured_on_the_corpus_itself(made_corpus: Path) -> None:
    corpus = Corpus.open(made_corpus)
    speed = loader_speed(corpus, corpus.clips, clip_seconds=1.0)
    assert speed.windows_per_second > 10
    with pytest.raises(CorpusError, match=r"no usable clip of at least 9 s"):
        loader_speed(corpus, corpus.clips, clip_seconds=9.0)


def test_cores_needed_follow_from_both_speeds() -> None:
    step = StepSpeed(seconds=0.5, windows=100, device="cpu")
    assert step.windows_per_second == 200
    assert step.cores_needed(LoaderSpeed(400)) == 0.5


def test_a_step_of_a_recipe_is_measured(made_corpus: Path) -> None:
    recipe = recipe_from(
        {
            "model": {"video_width": 4, "audio_width": 8, "frame_size": 32, "hidden": 8, "embedding": 8},
            "pairs": {"batch_size": 2},
            "curriculum": [{"name": "easy", "epochs": 1}],
        },
        name="tiny",
    )
    step = step_speed(recipe, Corpus.open(made_corpus).clips)
    assert step.windows == 2
    assert 0 < step.seconds < 60
