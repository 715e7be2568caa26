"""Windows of both towers and their map."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from avts.corpus.corpus import Corpus
from avts.errors import CorpusError
from avts.inspection.embedding_map import Windows, embed_windows, embedding_map, perplexity_for, project
from avts.inspection.excerpts import Excerpt, read_excerpts
from avts.model.checkpoint import build_model
from avts.model.two_stream import TwoStream
from avts.timebase import Span
from fixtures_training import tiny_recipe


def windows_of(corpus: Corpus, vectors: np.ndarray) -> Windows:
    clips = [
        replace(corpus.clips[0], key=f"clip {row}", label="even" if row % 2 == 0 else "odd")
        for row in range(len(vectors))
    ]
    return Windows(list(vectors.astype(np.float32)), clips, [0.0] * len(vectors))


def test_windows_are_embedded_with_the_times_of_their_clip(tiny_model: TwoStream, small_corpus: Corpus) -> None:
    excerpts = read_excerpts(small_corpus, small_corpus.clips[:2], seconds=2.0, on_unreadable=pytest.fail)
    found = embed_windows(tiny_model, excerpts, window_seconds=1.0, hop_seconds=0.5)
    for tower in ("picture", "sound"):
        assert np.array(found[tower].vectors).shape == (6, 8)
        assert found[tower].starts_seconds == [0.5, 1.0, 1.5] * 2
        assert [clip.key for clip in found[tower].clips] == [small_corpus.clips[row].key for row in (0, 0, 0, 1, 1, 1)]
    clip = small_corpus.clips[1]
    with torch.inference_mode():
        alone = tiny_model.embed_sounds(torch.from_numpy(small_corpus.sound(clip, Span(0.5, 2.5)))[None, :16_000])
    assert np.abs(found["sound"].vectors[3] - alone[0].numpy()).max() < 0.5  # its edges hear what lies beyond them


def test_a_model_of_single_frames_embeds_the_middle_of_each_window(small_corpus: Corpus) -> None:
    model = build_model(tiny_recipe(model={"picture_input": "still", "head": "global"}).model).eval()
    model.low_precision = False
    clip = small_corpus.clips[0]
    planes = small_corpus.frames(clip, Span(0, 2))
    found = embed_windows(model, [Excerpt(clip, Span(0, 2), planes, None)], window_seconds=1.0, hop_seconds=1.0)
    with torch.inference_mode():
        second = (torch.from_numpy(plane[None, 24:]) for plane in (planes.y, planes.u, planes.v))
        assert np.abs(found["picture"].vectors[1] - model.embed_pictures(*second)[0].numpy()).max() < 1e-5
    assert not found["sound"].vectors


def test_a_map_is_the_same_with_the_same_seed_and_keeps_two_heaps_apart() -> None:
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(0, 0.1, (20, 6)), rng.normal(3, 0.1, (20, 6))]).astype(np.float32)
    first = project(vectors, seed=4)
    assert (first == project(vectors, seed=4)).all()
    assert np.abs(first).max() == pytest.approx(1)
    distances = np.linalg.norm(first[:, None] - first, axis=-1)
    np.fill_diagonal(distances, np.inf)
    assert ((distances.argmin(1) < 20) == (np.arange(40) < 20)).all()


def test_perplexity_is_30_or_a_third_of_the_others() -> None:
    assert perplexity_for(385) == 30
    assert perplexity_for(31) == 10


def test_towers_share_a_map_only_where_their_embeddings_can_be_compared(small_corpus: Corpus) -> None:
    rng = np.random.default_rng(1)
    windows = {tower: windows_of(small_corpus, rng.normal(size=(12, 5))) for tower in ("picture", "sound")}
    joint = embedding_map(windows, comparable=True, seed=0)
    assert joint["joint"]
    assert [(row["asking"], row["searched"]) for row in joint["agreement"]] == [
        ("picture", "picture"),
        ("sound", "sound"),
        ("picture", "sound"),
        ("sound", "picture"),
    ]
    assert joint["perplexity"] == {"picture": 23 / 3, "sound": 23 / 3}
    assert [point["tower"] for point in joint["points"]] == ["picture"] * 12 + ["sound"] * 12
    apart = embedding_map(windows, comparable=False, seed=0)
    assert not apart["joint"]
    assert len(apart["agreement"]) == 2
    assert apart["perplexity"] == {"picture": 11 / 3, "sound": 11 / 3}


def test_agreement_is_measured_among_embeddings_not_in_the_map(small_corpus: Corpus) -> None:
    heaps = np.random.default_rng(2).normal(0, 0.01, (16, 5))
    heaps[::2] += 1
    windows = {"picture": windows_of(small_corpus, heaps), "sound": Windows()}
    found = embedding_map(windows, comparable=True, seed=0)
    assert [row["share"] for row in found["agreement"]] == [1.0]
    assert found["agreement"][0]["chance"] == pytest.approx(7 / 15)
    assert not found["joint"]


def test_too_few_windows_are_refused_with_their_number(small_corpus: Corpus) -> None:
    windows = {"picture": windows_of(small_corpus, np.zeros((3, 5))), "sound": Windows()}
    with pytest.raises(CorpusError, match=r"needs 4 windows of each tower; there are 3 of picture, 0 of sound\."):
        embedding_map(windows, comparable=True, seed=0)
    with pytest.raises(CorpusError, match="0 of picture, 0 of sound"):
        embedding_map({"picture": Windows(), "sound": Windows()}, comparable=True, seed=0)
