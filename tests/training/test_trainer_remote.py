"""Training from a corpus over HTTP: the bits of training from its folder, whatever the server does that may pass."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from avts.corpus import remote, store
from avts.corpus.corpus import Corpus
from avts.errors import CorpusError
from avts.training.trainer import Trainer
from fixtures_http import CUT, Serve
from fixtures_training import tiny_recipe

STAGES = [{"name": "mixed", "epochs": 1, "easy": 0.5, "hard": 0.5}]
AUGMENT = {"least_crop": 0.7, "picture_noise": 0.05, "sound_noise": 0.7}


def trained(corpus: Corpus, run: Path, *, workers: int = 0) -> tuple[dict[str, torch.Tensor], list[dict[str, Any]]]:
    """Weights and log after the two steps of an epoch of eight clips."""
    recipe = tiny_recipe(curriculum=STAGES, augment=AUGMENT, training={"workers": workers})
    trainer = Trainer(corpus, recipe, run, device="cpu", say=lambda _: None)
    trainer.train()
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    kept = ("step", "loss", "positive_distance", "hard_distance")
    return trainer.model.state_dict(), [{key: row[key] for key in kept} for row in rows]


@pytest.mark.parametrize("case", ["whole clips", "ranges of clips", "a server without ranges", "failures that pass"])
def test_two_steps_over_http_end_with_the_bits_of_the_folder(
    case: str, small_corpus: Corpus, serve: Serve, tmp_path: Path, one_thread: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve(small_corpus.path)
    opened = Corpus.open(served.url)
    if case == "ranges of clips":
        monkeypatch.setattr(store, "WHOLE_CLIP_BYTES", 0)
    served.ranges = case != "a server without ranges"
    if case == "failures that pass":
        monkeypatch.setattr(remote, "WAITS_SECONDS", (0.0,) * 6)
        served.faults[:] = [503, CUT, 429, CUT, 500, 503]
    served.asked.clear()
    weights, rows = trained(opened, tmp_path / "remote")
    expected, expected_rows = trained(small_corpus, tmp_path / "local")
    assert [row["step"] for row in rows] == [0, 1]
    assert rows == expected_rows
    assert all(torch.equal(expected[name], weights[name]) for name in expected)
    assert len(served.asked) >= 8, "every clip was fetched"
    assert not served.faults


def test_worker_processes_fetch_the_same(small_corpus: Corpus, serve: Serve, tmp_path: Path, one_thread: None) -> None:
    weights, rows = trained(Corpus.open(serve(small_corpus.path).url), tmp_path / "remote", workers=1)
    expected, expected_rows = trained(small_corpus, tmp_path / "local")
    assert rows == expected_rows
    assert all(torch.equal(expected[name], weights[name]) for name in expected)


def test_a_server_that_is_gone_ends_the_training_with_its_address(
    small_corpus: Corpus, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = serve(small_corpus.path)
    opened = Corpus.open(served.url)
    monkeypatch.setattr(remote, "WAITS_SECONDS", (0.0,))
    served.faults[:] = [503] * 1000
    with pytest.raises(CorpusError, match=rf"^{served.url}: its shard shard-000000.tar cannot be read \(503"):
        trained(opened, tmp_path / "run")
