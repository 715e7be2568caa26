"""`avts train`: what it says, what it refuses, and that Ctrl-C and --resume lose nothing."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from avts.cli import main
from avts.corpus.corpus import Corpus
from avts.model.checkpoint import load_model
from avts.offset.model import SHIPPED
from avts.training.checkpoints import checkpoints
from fixtures_training import TINY_TOML

QUICK = TINY_TOML.replace("epochs = 2", "epochs = 1")


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["train", *map(str, words)])
    return int(stopped.value.code or 0)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(QUICK)
    return tmp_path / "tiny.toml"


def test_training_says_its_choices_on_stderr_and_its_result_on_stdout(
    recipe: Path, small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str], one_thread: None
) -> None:
    out = tmp_path / "run"
    assert run(recipe, "--data", small_corpus.path, "--out", out, "--device", "cpu") == 0
    said = capsys.readouterr()
    assert said.out == f"{out}: trained 4 steps on 8 videos\n"
    assert "device: cpu (as asked)\nprecision: fp32 (as asked)\n" in said.err
    assert (
        "steps: 4 in total (easy 2, 75/25 2); 8 training clips give 2 per epoch\nwarning: 4 steps are few: " in said.err
    )
    assert re.search(r"time: \d.* s for 4 steps: compute \d+% \(forward", said.err)
    assert f"'avts show {out}' plots the progress\n" in said.err
    assert (out / "model.safetensors").is_file()
    assert run(recipe, "--data", small_corpus.path, "--out", out) == 2
    said = capsys.readouterr()
    assert said.err == (
        f"avts: {out}: already holds a finished run. Choose another --out; --start {out} starts from its weights\n"
    )


@pytest.mark.parametrize(
    ("recipe_text", "status", "message"),
    [
        (None, 2, "no such recipe. Give a TOML file, or a name: adapt, box, demo, l3net-still, paper"),
        ("Dear diary,\n", 2, "not a valid TOML recipe ("),
        (
            QUICK.replace("batch_size", "batch_sise"),
            2,
            "unknown key 'batch_sise' in [pairs]; did you mean 'batch_size'?",
        ),
        (QUICK.replace("easy = 0.75", "easy = 0.85"), 2, "easy + hard + super_hard of stage '75/25' is 1.1"),
    ],
)
def test_a_wrong_recipe_ends_with_2_and_one_line(
    recipe_text: str | None,
    status: int,
    message: str,
    small_corpus: Corpus,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "r.toml"
    if recipe_text is not None:
        path.write_text(recipe_text)
    assert run(path, "--data", small_corpus.path, "--out", tmp_path / "run") == status
    said = capsys.readouterr()
    assert not said.out
    assert said.err.startswith(f"avts: {path}: ")
    assert message in said.err
    assert said.err.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_what_is_missing_is_told_in_one_line(
    recipe: Path, small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone, out = tmp_path / "gone", tmp_path / "run"
    assert run(recipe, "--data", gone, "--out", out) == 3
    assert capsys.readouterr().err == f"avts: {gone}: no such corpus. Make one with `avts ingest FOLDER {gone}`.\n"
    assert run(recipe, "--data", tmp_path, "--out", out) == 3
    assert "not a corpus (no corpus.json)" in capsys.readouterr().err
    assert run(recipe, "--data", small_corpus.path, "--out", out, "--resume") == 3
    assert capsys.readouterr().err.endswith(f"avts: {out}: no checkpoint to resume from. Remove --resume to start\n")
    assert run(recipe, "--data", small_corpus.path, "--out", out, "--device", "nonsense") == 2
    assert "avts: device 'nonsense' cannot be used (" in capsys.readouterr().err
    assert run(recipe, "--data", small_corpus.path, "--out", recipe) == 2
    assert capsys.readouterr().err == f"avts: {recipe}: is a file, not a folder. Choose another --out\n"
    assert not out.exists()


def test_a_finished_run_is_not_trained_again(
    recipe: Path, small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str], one_thread: None
) -> None:
    out = tmp_path / "run"
    recipe.write_text(QUICK + "checkpoint_every_steps = 3\n")
    words = ["--data", small_corpus.path, "--out", out, "--device", "cpu"]
    assert run(recipe, *words) == 0
    assert [path.name for path in checkpoints(out)] == ["step-000003"]
    made = {path: path.stat().st_mtime_ns for path in sorted(out.rglob("*")) if path.is_file()}
    capsys.readouterr()
    assert run(recipe, *words, "--resume") == 0
    assert capsys.readouterr().out == f"{out}: all 4 steps are already trained. Nothing to resume\n"
    assert {path: path.stat().st_mtime_ns for path in sorted(out.rglob("*")) if path.is_file()} == made
    recipe.write_text(QUICK.replace("epochs = 1", "epochs = 5", 1))
    assert run(recipe, *words, "--resume") == 3
    said = capsys.readouterr().err
    assert (
        f"{out}: is finished and was trained with another recipe. To continue training, start a new run from its "
        f"weights: --start {out}"
    ) in said


def test_a_run_with_its_best_model_only_is_given_true_advice(
    recipe: Path, small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str], one_thread: None
) -> None:
    out = tmp_path / "run"
    words = ["--data", small_corpus.path, "--device", "cpu"]
    assert run(recipe, *words, "--out", out) == 0
    (out / "model.json").unlink()  # as if it was killed before its end and its first checkpoint
    (best,) = (out / "checkpoints").iterdir()
    capsys.readouterr()
    assert run(recipe, *words, "--out", out, "--resume") == 3
    said = capsys.readouterr().err
    assert f"no checkpoint to resume from. Its best model, {best.name}, has no optimiser state" in said
    assert f"--start {best} and another --out" in said
    assert run(recipe, *words, "--out", tmp_path / "next", "--start", best) == 0, "as advised"
    assert run(recipe, *words, "--out", out) == 0, "as advised"


def test_a_run_starts_from_another_one_and_resumes_without_it(
    recipe: Path, small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str], one_thread: None
) -> None:
    words = ["--data", small_corpus.path, "--device", "cpu"]
    assert run(recipe, *words, "--out", tmp_path / "first") == 0
    after = tmp_path / "after.toml"
    after.write_text(
        QUICK.replace("[pairs]", 'comparison = "fused"\nfused_hidden = 8\n[loss]\nname = "bce"\n[pairs]').replace(
            "[training]", "[training]\nfreeze_towers = true\ncheckpoint_every_steps = 3"
        )
    )
    capsys.readouterr()
    assert run(after, *words, "--out", tmp_path / "second") == 2
    told = capsys.readouterr().err
    assert "freeze_towers needs trained towers; give a run that has them with --start RUN" in told
    assert run(after, *words, "--out", tmp_path / "second", "--start", tmp_path / "first") == 0
    assert f"start: the weights of {tmp_path / 'first'} (its fused classifier is new)" in capsys.readouterr().err
    (tmp_path / "second" / "model.json").unlink()
    assert run(after, *words, "--out", tmp_path / "second", "--start", tmp_path / "gone", "--resume") == 0
    assert "resume: continuing after step 3\n" in capsys.readouterr().err
    assert run(after, *words, "--out", tmp_path / "third", "--start", tmp_path / "gone") == 2
    assert "gone: no such model folder" in capsys.readouterr().err


def test_the_model_in_the_box_can_be_fine_tuned(
    small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str], one_thread: None
) -> None:
    nets = json.loads((SHIPPED / "model.json").read_text())["recipe"]["model"]
    table = "\n".join(f"{key} = {json.dumps(value)}" for key, value in nets.items())
    rest = '[pairs]\nbatch_size = 8\n[[curriculum]]\nname = "easy"\nepochs = 1\n[training]\nworkers = 0\n'
    (tmp_path / "r.toml").write_text(f"[model]\n{table}\n{rest}")
    words = ["--data", small_corpus.path, "--out", tmp_path / "run", "--start", "box", "--device", "cpu"]
    assert run(tmp_path / "r.toml", *words) == 0
    assert f"start: the weights of {SHIPPED}\n" in capsys.readouterr().err


def test_ctrl_c_ends_with_130_and_a_checkpoint_and_resume_finishes(
    small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str], one_thread: None
) -> None:
    recipe, out = tmp_path / "long.toml", tmp_path / "run"
    recipe.write_text(TINY_TOML.replace("epochs = 2", "epochs = 12"))
    words = ["train", str(recipe), "--data", str(small_corpus.path), "--out", str(out), "--device", "cpu"]
    process = subprocess.Popen(
        [sys.executable, "-c", "from avts.cli import main; main()", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        patience = time.monotonic() + 240
        while not (out / "log.jsonl").is_file() or not (out / "log.jsonl").read_text():
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < patience
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        stdout, stderr = process.communicate(timeout=240)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130, stderr
    assert not stdout
    assert "Traceback" not in stderr
    checkpoint = checkpoints(out)
    assert len(checkpoint) == 1
    step = int(checkpoint[0].name.removeprefix("step-"))
    assert f"avts: stopped after step {step}; continue with --resume" in stderr
    assert not (out / "model.json").exists()
    assert run(*words[1:], "--resume") == 0
    said = capsys.readouterr()
    assert f"resume: continuing after step {step}\n" in said.err
    assert said.out == f"{out}: trained 48 steps on 8 videos\n"
    assert [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()] == list(range(48))


def test_killed_at_a_random_step_and_resumed_ends_with_the_same_bits(
    small_corpus: Corpus, tmp_path: Path, one_thread: None
) -> None:
    settings = "checkpoint_every_steps = 1\nema_decay = 0.9\naccumulate_steps = 2"
    recipe, out = tmp_path / "averaged.toml", tmp_path / "run"
    text = TINY_TOML.replace("epochs = 2", "epochs = 9").replace("batch_size = 4", "batch_size = 2")
    recipe.write_text(text.replace("log_every_steps = 1", f"log_every_steps = 1\n{settings}"))
    words = ["train", str(recipe), "--data", str(small_corpus.path), "--device", "cpu", "--out"]
    process = subprocess.Popen(
        [sys.executable, "-m", "avts", *words, str(out)],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    lines, patience = random.Random().randint(1, 20), time.monotonic() + 240
    try:
        while not (out / "log.jsonl").is_file() or (out / "log.jsonl").read_text().count("\n") < lines:
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < patience
            time.sleep(0.002)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not (out / "model.json").exists()
    if checkpoints(out):  # else the first was still being written, and the run begins anew
        assert run(*words[1:], out, "--resume") == 0
    else:
        assert run(*words[1:], out) == 0
    assert run(*words[1:], tmp_path / "whole") == 0
    whole, found = (load_file(folder / "model.safetensors") for folder in (tmp_path / "whole", out))
    assert all(torch.equal(whole[name], found[name]) for name in whole), f"killed after {lines} lines of the log"


def test_two_processes_of_a_launcher_train_one_run_and_tell_it_once(small_corpus: Corpus, tmp_path: Path) -> None:
    recipe, out = tmp_path / "tiny.toml", tmp_path / "run"
    recipe.write_text(QUICK)
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    words = ["train", str(recipe), "--data", str(small_corpus.path), "--out", str(out), "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, *launcher, "-m", "avts", *words, "--track", "tensorboard"],
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{out}: trained 4 steps on 8 videos\n"
    assert done.stderr.count("device: cpu (as asked)\n") == 1
    assert done.stderr.count("processes: 2, each with 2 of a batch of 4 (as launched)\n") == 1
    assert [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()] == [0, 1, 2, 3]
    assert len(list((out / "trackers" / "avts").glob("events.*"))) == 1
    load_model(out)


def test_a_launcher_that_starts_one_process_of_several_is_told_of(small_corpus: Corpus, tmp_path: Path) -> None:
    recipe, out = tmp_path / "tiny.toml", tmp_path / "run"
    recipe.write_text(QUICK)
    words = ["train", str(recipe), "--data", str(small_corpus.path), "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "-m", "avts", *words],
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    assert "processes: 1, although several seem to have been requested" in done.stderr
    assert "torchrun --standalone --nproc_per_node 2 -m avts train ... --device cpu" in done.stderr


def test_an_unknown_tracker_ends_with_2_before_anything_is_made(
    recipe: Path, small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(recipe, "--data", small_corpus.path, "--out", tmp_path / "run", "--track", "paper") == 2
    assert capsys.readouterr().err.startswith("avts: unknown tracker 'paper'; known trackers: ")
    assert not (tmp_path / "run").exists()


def test_a_branch_takes_over_the_first_stage_of_another_run(
    small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str], one_thread: None
) -> None:
    easy, mixed = tmp_path / "easy.toml", tmp_path / "mixed.toml"
    text = QUICK.replace('schedule = "plateau"', 'schedule = "constant"') + "checkpoint_every_steps = 2\n"
    mixed.write_text(text)
    easy.write_text(text.replace("easy = 0.75\nhard = 0.25", "easy = 1.0"))
    given = ("--data", small_corpus.path, "--device", "cpu")
    assert run(easy, *given, "--out", tmp_path / "easy") == 0
    assert run(mixed, *given, "--out", tmp_path / "mixed", "--branch", tmp_path / "easy") == 0
    assert "resume: continuing after step 2\n" in capsys.readouterr().err
    assert run(mixed, *given, "--out", tmp_path / "whole", "--branch", tmp_path / "nothing") == 2
    assert "nothing: none of its 0 checkpoint(s)" in capsys.readouterr().err
