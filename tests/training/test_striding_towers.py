"""Towers that stride time, from training to offsets: every path that takes a feature for a frame has to know them."""

from pathlib import Path

import pytest

from avts.corpus.corpus import Corpus
from avts.evaluation.evaluate import evaluate
from avts.model.checkpoint import load_model
from avts.training.trainer import Trainer
from fixtures_training import tiny_recipe


@pytest.mark.parametrize(
    ("video", "sampling", "head"),
    [("r3d18", "grid", "temporal"), ("r2plus1d18", "pairs", "global"), ("i3d", "grid", "temporal")],
)
def test_a_tower_that_strides_time_trains_is_saved_and_is_evaluated(
    small_corpus: Corpus, tmp_path: Path, one_thread: None, video: str, sampling: str, head: str
) -> None:
    recipe = tiny_recipe(
        model={"video": video, "head": head, "head_steps": 3},
        pairs={"sampling": sampling, "batch_size": 8},
        curriculum=[{"name": "easy", "epochs": 2}],
    )
    trainer = Trainer(small_corpus, recipe, tmp_path, device="cpu", say=lambda _: None)
    trainer.train()
    assert trainer.step == 2
    loaded = load_model(tmp_path)
    assert loaded.video.time_stride == 8
    found = evaluate(loaded, small_corpus, recipe.pairs, rounds=1, workers=0)
    assert 0 <= found["kinds"]["easy"]["auc"]["value"] <= 1
