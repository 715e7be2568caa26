"""Two processes that share each step: they make what one process makes, row by row and step by step."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import two_processes as script
from avts.corpus.corpus import Corpus
from avts.errors import CheckpointError
from avts.model.checkpoint import load_model, read_header
from avts.pairs.ranks import Part, Rows
from avts.training.checkpoints import checkpoints
from avts.training.distributed import Share, StepShare
from fixtures_processes import Pair

STEPS = {"grid": 6, "fused": 6, "pairs": 6, "spans": 3}  # 8 clips, 3 epochs, batches of 4; of spans two batches a step


def log_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def left(pair: Pair, name: str) -> list[dict[str, torch.Tensor]]:
    return [load_file(pair.out / f"{name}-{rank}.safetensors") for rank in range(2)]


@pytest.mark.parametrize("name", script.RECIPES)
def test_two_processes_give_the_loss_curve_and_the_weights_of_one(
    name: str, pair: Pair, small_corpus: Corpus, tmp_path: Path, one_thread: None
) -> None:
    alone = script.DoubleTrainer(small_corpus, script.RECIPES[name], tmp_path, device="cpu", say=lambda _: None)
    alone.train()
    expected, found = log_of(tmp_path), log_of(pair.out / name)
    assert [row["step"] for row in found] == list(range(STEPS[name]))
    for key in ("loss", "positive_distance", "easy_distance", "hard_distance"):
        assert [row[key] for row in found] == [
            value if value is None else pytest.approx(value, rel=1e-9) for value in (row[key] for row in expected)
        ], key
    first, second = left(pair, f"weights-{name}")
    for key, value in alone.model.state_dict().items():
        assert torch.equal(first[key], second[key]), f"{key} differs between the two"
        torch.testing.assert_close(first[key], value, rtol=1e-9, atol=1e-11)


def test_only_the_first_process_writes_and_tells(pair: Pair) -> None:
    trained = len(script.RECIPES) + 4
    assert pair.said.count("device: cpu (as asked)") == trained
    assert pair.said.count("processes: 2, each with 2 of a batch of 4 (as launched)") == trained - 1
    for name in script.RECIPES:
        load_model(pair.out / name)
        assert read_header(pair.out / name)[1]["num_processes"] == 2


def test_a_signal_in_one_process_stops_all_after_the_same_step_and_they_go_on_exactly(pair: Pair) -> None:
    assert all(f"process {rank} stopped after step 3" in pair.said for rank in range(2))
    assert [path.name for path in checkpoints(pair.out / "stopped")] == ["step-000003"]
    whole, resumed = (load_file(pair.out / name / "model.safetensors") for name in ("grid", "stopped"))
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)
    assert [row["loss"] for row in log_of(pair.out / "stopped")] == [row["loss"] for row in log_of(pair.out / "grid")]


def test_two_processes_train_the_same_from_a_folder_and_over_http(pair: Pair) -> None:
    local, remote = (load_file(pair.out / name / "model.safetensors") for name in ("grid", "remote"))
    assert all(torch.equal(local[key], remote[key]) for key in local)
    assert [row["loss"] for row in log_of(pair.out / "remote")] == [row["loss"] for row in log_of(pair.out / "grid")]


def test_a_batch_that_two_processes_cannot_share_evenly_is_refused_in_both(pair: Pair) -> None:
    for rank in range(2):
        assert f"process {rank} refused: batch_size 5 for 2 processes: the batch must be divisible" in pair.said
    assert not (pair.out / "refused").exists()


def test_a_run_of_two_processes_does_not_go_on_in_one(pair: Pair, small_corpus: Corpus) -> None:
    alone = script.DoubleTrainer(
        small_corpus, script.RECIPES["grid"], pair.out / "stopped", device="cpu", say=lambda _: None
    )
    with pytest.raises(CheckpointError, match=r"was started with 2 process\(es\), but now there are 1\. Resume with 2"):
        alone.resume()


def test_the_rows_of_all_are_put_in_their_places_and_gradients_go_back_to_their_owners(pair: Pair) -> None:
    everything = torch.arange(20.0).reshape(5, 4)
    for (first, stop), found in zip(script.ROWS, left(pair, "shares"), strict=True):
        assert torch.equal(found["whole"], everything)
        assert torch.equal(found["twice"], everything.repeat_interleave(2, 0))
        assert found["heard"].tolist() == [False, False, True, True, True]
        # each of the two made the loss of all rows: a row's gradient comes from both
        assert torch.equal(found["gradient"], 2 * everything[first:stop])


def test_every_process_sees_a_cut_of_a_row_that_one_holds(pair: Pair) -> None:
    assert [found["cut"].tolist() for found in left(pair, "shares")] == [[13.0, 14.0]] * 2  # row 3 is 12 13 14 15


def test_sums_and_flags_are_of_all_processes(pair: Pair) -> None:
    for found in left(pair, "shares"):
        assert found["sum"].tolist() == [3.0]
        assert found["true"].tolist() == [True, False, False]


def test_who_is_alone_holds_everything() -> None:
    share, rows = Share.all_of(3), torch.arange(6.0).reshape(3, 2)
    assert share.whole(rows) is rows
    assert torch.equal(share.own(rows), rows)
    cut = share.part_of_row(rows, 1, slice(1, 2))
    rows[1, 1] = 7
    assert cut.tolist() == [3.0], "a cut is a copy: it may be put into the rows that it came from"


def test_a_batch_without_a_part_is_all_of_its_step() -> None:
    class Whole:
        y, sounds, part = torch.zeros(3, 1), torch.zeros(5, 1), None

    batch: Any = Whole()
    assert StepShare.of(batch) == StepShare(Share.all_of(3), Share.all_of(5))
    batch.part = Part(Rows(0, 3, 6), Rows(5, 10, 10))
    assert StepShare.of(batch).sounds.rows == Rows(5, 10, 10)
