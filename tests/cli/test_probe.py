"""`avts probe sounds` on a tree of ESC-10's layout: tones of three heights, told apart by any sound features."""

import json
import re
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from avts.cli import main
from avts.media.writer import pcm_of
from avts.model.checkpoint import build_model, save_model
from avts.probe.protocol import SoundProbe, layout_of
from avts.probe.scratch import ScratchSettings
from fixtures_training import tiny_recipe

HERTZ = {"001 - Low": 200, "002 - Middle": 900, "003 - High": 4_000}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = tiny_recipe()
    torch.manual_seed(1)
    folder = tmp_path_factory.mktemp("run")
    save_model(folder, build_model(recipe.model), recipe, {"step": 0})
    return folder


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tones")
    random = np.random.default_rng(0)
    at = np.arange(24_000) / 16_000
    for label, hertz in HERTZ.items():
        (folder / label).mkdir()
        for index in range(10):
            pitch = hertz * random.uniform(0.8, 1.2)
            samples = 0.3 * np.sin(2 * np.pi * pitch * at) + random.normal(0, 0.02, len(at))
            with wave.open(str(folder / label / f"{1 + index % 5}-{index}-A.wav"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(16_000)
                file.writeframes(pcm_of(samples).tobytes())
    return folder


def asked(capsys: Any, *words: str) -> list[dict[str, Any]]:
    with pytest.raises(SystemExit) as ended:
        main(["probe", "sounds", *words, "--json"])
    assert ended.value.code == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("features", [("--features", "mfcc"), ("--model", "random"), ()])
def test_tones_of_three_heights_are_told_apart(tones: Path, run: Path, capsys: Any, features: tuple[str, ...]) -> None:
    words = [*features] if "random" in features else ["--model", str(run), *features]
    recipe = ["--like", str(write_recipe(run))] if "random" in features else []
    (found,) = asked(capsys, str(tones), *words, *recipe, "--windows", "3", "--pooling", "4xsd")
    assert found["accuracy"] > 0.9
    assert (found["folds"], found["num_recordings"], found["windows"]) == ("5 official folds", 30, 3)
    assert found["classes"] == ["High", "Low", "Middle"]
    assert np.sum(found["confusion"]) == 30


def write_recipe(folder: Path) -> Path:
    from fixtures_training import TINY_TOML

    path = folder / "tiny.toml"
    path.write_text(TINY_TOML)
    return path


def test_label_counts_text_and_plot(tones: Path, run: Path, tmp_path: Path, capsys: Any) -> None:
    words = [str(tones), "--model", str(run), "--windows", "2", "--plot", str(tmp_path / "confusion.png")]
    with pytest.raises(SystemExit) as ended:
        main(["probe", "sounds", *words, "--labels-per-class", "1", "--labels-per-class", "all"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert "1 labels per class, 30 recordings" in printed
    assert "all labels, 30 recordings" in printed
    assert "2 windows of 1 s per recording; svm, C of 1e-05, 0.0001" in printed
    assert "chosen within the training folds by 4 inner folds" in printed
    assert "folds: 5 official folds; seed 0" in printed
    assert (tmp_path / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_a_net_learns_the_tones_from_scratch(tones: Path, run: Path, tmp_path: Path, capsys: Any) -> None:
    short = tmp_path / "short.toml"
    short.write_text("[features]\nwindows = 2\npoolings = ['4x1']\n[scratch]\nepochs = 8\nleast_steps = 1\n")
    (found,) = asked(capsys, str(tones), "--recipe", str(short), "--from-scratch", "--like", str(write_recipe(run)))
    assert found["accuracy"] > 0.6  # chance is a third
    assert all(re.fullmatch(r"learning rate 0.00[14], held-out .*; 24 steps", chosen) for chosen in found["chosen"])
    assert found["classifier"].startswith("softmax, 8 epochs of 2 windows per recording, learning rate of 0.001, 0.004")


def test_folds_from_scratch_share_the_threads_and_give_them_back() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    scratch = SoundProbe(1.0, 10, scratch=ScratchSettings())
    with scratch.sharing_threads(2) as at_a_time:
        assert (at_a_time, torch.get_num_threads()) == (2, 2)
    with scratch.sharing_threads(5) as at_a_time:
        assert (at_a_time, torch.get_num_threads()) == (4, 1)
    with SoundProbe(1.0, 10).sharing_threads(5) as at_a_time:
        assert (at_a_time, torch.get_num_threads()) == (1, 4)
    assert torch.get_num_threads() == 4
    torch.set_num_threads(before)


def test_options_go_before_the_recipe_and_stand_beside_the_figure(
    tones: Path, run: Path, tmp_path: Path, capsys: Any
) -> None:
    recipe = tmp_path / "mine.toml"
    recipe.write_text("[features]\nwindows = 3\n[classifier]\nstrengths = [0.01, 0.1]\ninner_folds = 2\n")
    words = [str(tones), "--model", str(run), "--recipe", str(recipe), "--pooling", "2x1", "--pooling", "2xsd"]
    (found,) = asked(capsys, *words, "--windows", "2")
    assert (found["recipe"], found["windows"], found["features"]) == ("mine.toml", 2, "conv5, 2x1 or 2xsd")
    assert found["classifier"] == "svm, C of 0.01, 0.1 chosen within the training folds by 2 inner folds"
    assert all(re.fullmatch(r"C 0.01?, pooling 2x(1|sd)", chosen) for chosen in found["chosen"])
    (other,) = asked(capsys, *words, "--classifier", "knn")
    assert other["classifier"].startswith("knn, k of 1, 3, 5"), "the C of a recipe is no number of neighbours"


def test_each_seed_gives_a_figure_and_files_of_figures_are_compared(
    tones: Path, run: Path, tmp_path: Path, capsys: Any
) -> None:
    words = [str(tones), "--windows", "2", "--labels-per-class", "1", "--labels-per-class", "3"]
    both = ["--seed", "0", "--seed", "1"]
    random = asked(capsys, *words, "--model", "random", "--like", str(write_recipe(run)), *both)
    assert [(each["seed"], each["labels_per_class"]) for each in random] == [(0, 1), (0, 3), (1, 1), (1, 3)]
    for name, lines in (("random", random), ("mfcc", asked(capsys, *words, "--features", "mfcc"))):
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, lines)))
    files = [str(tmp_path / f"{name}.jsonl") for name in ("random", "mfcc")]
    with pytest.raises(SystemExit) as ended:
        main(["probe", "compare", *files, "--plot", str(tmp_path / "labels.png")])
    assert ended.value.code == 0
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split()[:2] for row in rows] == [["1", "random"], ["1", "mfcc"], ["3", "random"], ["3", "mfcc"]]
    assert (tmp_path / "labels.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--labels-per-class", "few"], "--labels-per-class 'few': give a positive integer, or all"),
        (["--like", "a.toml"], "--like a.toml: only valid with --model random or --from-scratch"),
        (["--from-scratch"], "with --from-scratch: its weights would not be used. Give --like"),
        (["--stage", "conv9"], "stage 'conv9': the audio tower has conv1, conv2"),
        (["--pooling", "4"], "pooling '4': give parts of space"),
    ],
)
def test_what_cannot_be_asked_is_said(tones: Path, run: Path, capsys: Any, words: list[str], said: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["probe", "sounds", str(tones), "--model", str(run), *words])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_layouts_are_recognised_by_their_files(tmp_path: Path, tones: Path) -> None:
    assert layout_of(str(tones)) == "esc10"
    for name, layout in (
        ("meta/esc50.csv", "esc50"),
        ("scenes_stereo/bus01.wav", "dcase2014"),
        ("rain/a.wav", None),
        ("book/2-18-1-18-B-13.ogg", "kitchen20"),
    ):
        folder = tmp_path / str(layout)
        (folder / name).parent.mkdir(parents=True)
        (folder / name).touch()
        assert layout_of(str(folder)) == layout
    assert layout_of("s3://somewhere/list.csv") is None
