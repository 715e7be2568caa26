"""What a run needs to begin and to go on: each refusal, with its figures."""

from pathlib import Path
from typing import Any

import pytest

from avts.corpus.corpus import Corpus
from avts.errors import CheckpointError, CorpusError, UsageError
from avts.training.checks import check_clips, check_same_run, check_sharing, clips_digest, plan_lines
from fixtures_training import tiny_recipe

BY_FOUR = tiny_recipe(pairs={"batch_size": 4}, training={"accumulate_steps": 3})


def test_a_step_of_added_up_batches_needs_as_many_clips() -> None:
    check_clips("c", 12, BY_FOUR)
    with pytest.raises(
        CorpusError,
        match=r"c: 11 training clips of .*; a step of accumulate_steps = 3 batches of 4 needs 12\. Lower \[training\]",
    ):
        check_clips("c", 11, BY_FOUR)


def test_a_batch_that_no_corpus_fills_is_refused() -> None:
    check_clips("c", 4, tiny_recipe(pairs={"batch_size": 4}))
    with pytest.raises(CorpusError) as error:
        check_clips("c", 50, tiny_recipe(pairs={"batch_size": 4096}))
    assert str(error.value) == (
        "c: 50 training clips of at least 2.5 s; a step of batch_size = 4096 needs 4096. Lower it to 50 or less, or "
        "ingest more"
    )


def test_the_plan_is_told_and_few_steps_are_warned_of() -> None:
    recipe = tiny_recipe(pairs={"batch_size": 32}, optimizer={"warmup_steps": 20})
    few, warning = plan_lines(recipe, 64)
    assert few == "steps: 8 in total (easy 4, 75/25 4); 64 training clips give 2 per epoch"
    assert warning.startswith("warning: 8 steps are few: a run may need 120 (sampling 'grid')")
    (enough,) = plan_lines(recipe, 32 * 30 + 5)
    assert enough == "steps: 120 in total (easy 60, 75/25 60); 965 training clips give 30 per epoch"
    assert len(plan_lines(recipe, 32 * 29)) == 2, "116 of 120"
    assert "may need 500 (sampling 'pairs')" in plan_lines(tiny_recipe(pairs={"sampling": "pairs"}), 64)[1]
    steps = tiny_recipe(curriculum=[{"name": "all", "steps": 120}], optimizer={"warmup_steps": 20})
    assert plan_lines(steps, 8) == ["steps: 120 in total (all 120); 8 training clips give 2 per epoch"]


@pytest.mark.parametrize(("processes", "right"), [(1, True), (2, True), (3, False), (4, True), (8, False)])
def test_processes_share_a_batch_evenly(processes: int, right: bool) -> None:
    if right:
        check_sharing(BY_FOUR, 12, processes)
        return
    with pytest.raises(UsageError, match=rf"batch_size 4 for {processes} processes: .* a multiple of {processes}"):
        check_sharing(BY_FOUR, 12, processes)


def test_every_process_needs_a_clip() -> None:
    with pytest.raises(UsageError, match=r"3 training clips for 4 processes: each process needs one\. Start fewer"):
        check_sharing(BY_FOUR, 3, 4)


def goes_on(corpus: Corpus, progress: dict[str, Any], clips: Any = None, processes: int = 1) -> None:
    chosen = corpus.select("train") if clips is None else clips
    check_same_run(Path("run"), progress, corpus="c", clips=chosen, num_processes=processes)


def begun_with(corpus: Corpus) -> dict[str, Any]:
    clips = corpus.select("train")
    return {"num_clips": len(clips), "clips_digest": clips_digest(clips), "num_processes": 1}


def test_as_many_other_clips_or_another_order_are_not_the_same_corpus(small_corpus: Corpus) -> None:
    progress, clips = begun_with(small_corpus), list(small_corpus.select("train"))
    goes_on(small_corpus, progress)
    digest = clips_digest(clips)
    for others in ([*clips[:-1], small_corpus.select("test")[0]], clips[::-1]):
        with pytest.raises(CheckpointError, match=rf"run: .* other clips \(digest {digest}\) than the 8 of c \("):
            goes_on(small_corpus, progress, others)


def test_fewer_clips_are_told_by_their_number(small_corpus: Corpus) -> None:
    with pytest.raises(CheckpointError, match=r"run: was started with 8 clips, but c has 5\. Resume"):
        goes_on(small_corpus, begun_with(small_corpus), small_corpus.select("train")[:5])


def test_another_number_of_processes_is_refused(small_corpus: Corpus) -> None:
    with pytest.raises(
        CheckpointError, match=r"was started with 1 process\(es\), but now there are 2\. Resume with 1: another"
    ):
        goes_on(small_corpus, begun_with(small_corpus), processes=2)


def test_a_checkpoint_from_before_there_were_digests_goes_on(small_corpus: Corpus) -> None:
    goes_on(small_corpus, {"num_clips": 8})
