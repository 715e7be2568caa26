"""`avts finetune`: what it prints and writes, what it refuses, and the recipes of public data sets on tiny trees."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest

from avts.cli import main
from avts.corpus.corpus import Corpus
from avts.corpus.ingest import ingest
from avts.corpus.sources import source_of
from avts.finetune.recipe import default_recipe, read_finetune_recipe
from avts.media.writer import write_video

NETS = """
[model]
video_width = 4
audio_width = 8
picture_input = "change"
frame_size = 32
filter_bands = 16
"""
TINY = f"""{NETS}
[clips]
clip_frames = 12
[training]
batch_size = 4
epochs = 1
workers = 0
precision = "fp32"
[test]
windows = 2
"""

RECIPES = sorted((Path(__file__).parents[2] / "recipes" / "finetune").glob("*.toml"))


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["finetune", *map(str, words)])
    return int(stopped.value.code or 0)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(TINY)
    return tmp_path / "tiny.toml"


def test_actions_prints_a_table_and_draws_confusion_and_curve(
    recipe: Path, small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str], one_thread: None
) -> None:
    out = tmp_path / "out"
    words = ["actions", recipe, "--data", small_corpus.path, "--out", out, "--start", "scratch", "--device", "cpu"]
    assert run(*words, "--labels-per-class", "1,all") == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert lines[0].split("  ")[0] == "labels per class"
    assert [line.split()[0] for line in lines[2:4]] == ["1", "all"]
    assert "start: scratch; 2 clips of 0.50 s per video, scores averaged" in said.out
    for name in ("confusion-1.png", "confusion-all.png", "labels.png", "manifest/labels-1/model.safetensors"):
        assert (out / name).is_file()
    assert run(*words, "--labels-per-class", "1,all", "--resume", "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads((out / "result.json").read_text())
    assert run(*words) == 2
    assert "is not empty. Add --resume" in capsys.readouterr().err


def test_multimodal_prints_both_towers_beside_each_alone(
    recipe: Path, small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str], one_thread: None
) -> None:
    words = ["--data", small_corpus.path, "--out", tmp_path / "out", "--start", "scratch", "--device", "cpu"]
    assert run("multimodal", recipe, *words) == 0
    out = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[0] for line in out[2:5]] == ["picture and sound", "picture only", "sound only"]
    assert (tmp_path / "out" / "sound" / "confusion.png").is_file()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--start", "gone"], "gone: no such run to start from. Give scratch, box, or the folder of a run"),
        (["--start", "scratch", "--labels-per-class", "1,few"], "'few' is neither a number of labels nor 'all'"),
        (["--start", "scratch", "--labels-per-class", "0"], "'0' is neither a number of labels nor 'all'"),
        (["--start", "box", "--like", "box"], "--like box with --start box: a start defines its own networks"),
        (["--start", "scratch", "--split", "split-1"], "no split 'split-1'; the splits are manifest"),
        ([], "Missing option '--start'"),
    ],
)
def test_a_wrong_call_ends_with_2_and_the_reason(
    recipe: Path, small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str], words, message: str
) -> None:
    assert run("actions", recipe, "--data", small_corpus.path, "--out", tmp_path / "out", *words) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_start_of_other_networks_is_refused_with_the_reason(
    recipe: Path, small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--data", small_corpus.path, "--out", tmp_path / "out", "--start", "box"]
    assert run("actions", recipe, *words) == 3
    assert "its video_width is 16, but [model] of the recipe sets 4" in capsys.readouterr().err


def test_a_wrong_recipe_names_the_nearest_key(
    small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.toml").write_text("[clips]\nclip_frame = 8\n")
    words = ["--data", small_corpus.path, "--out", tmp_path / "out", "--start", "scratch"]
    assert run("actions", tmp_path / "r.toml", *words) == 2
    assert "unknown key 'clip_frame' in [clips]; did you mean 'clip_frames'?" in capsys.readouterr().err
    (tmp_path / "r.toml").write_text("[optimizer]\ndrops = [0.5, 0.25]\n")
    assert run("actions", tmp_path / "r.toml", *words) == 2
    assert "drops [0.5, 0.25] are not in ascending order" in capsys.readouterr().err


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_are_read_and_found_by_name(path: Path) -> None:
    assert read_finetune_recipe(path).test.windows == 10
    assert default_recipe(path.stem).samefile(path)


def shrunk(name: str, folder: Path) -> Path:
    """A recipe of the package with a tiny net and few steps; the rest as it is."""
    text = default_recipe(name).read_text()
    values = tomllib.loads(text)
    small = text.replace(f"batch_size = {values['training']['batch_size']}", "batch_size = 2\nleast_steps = 2")
    small = small.replace("epochs = 8", "epochs = 0.1").replace("workers = 4", "workers = 0")
    (folder / f"{name}.toml").write_text(small + NETS)
    return folder / f"{name}.toml"


def film(path: Path, number: int) -> None:
    """Half a second of noise; every third has no sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(number)
    sound = rng.normal(0, 0.1, 8_000).astype(np.float32) if number % 3 else None
    write_video(path, rng.integers(0, 255, (12, 32, 64, 3), np.uint8), sound, video_codec="mpeg4")


def ucf101_tree(folder: Path) -> None:
    """Ten videos of two classes by five groups; split n tests group n."""
    names = [(label, f"v_{label}_g{group:02}_c01") for label in ("Archery", "Biking") for group in range(1, 6)]
    for number, (label, stem) in enumerate(names):
        film(folder / "UCF-101" / label / f"{stem}.avi", number)
    for split in (1, 2, 3):
        tested = [f"{label}/{stem}.avi" for label, stem in names if f"_g{split:02}_" in stem]
        others = [f"{label}/{stem}.avi 1" for label, stem in names if f"_g{split:02}_" not in stem]
        lists = folder / "ucfTrainTestlist"
        lists.mkdir(exist_ok=True)
        (lists / f"testlist0{split}.txt").write_text("\n".join(tested))
        (lists / f"trainlist0{split}.txt").write_text("\n".join(others))


def hmdb51_tree(folder: Path) -> None:
    """Ten videos of two classes; split n tests the n-th of each and leaves the fifth out."""
    for label in ("brush_hair", "wave"):
        stems = [f"Film{index}_{label}_u_nm_np1_ba_goo_0" for index in range(5)]
        for index, stem in enumerate(stems):
            film(folder / label / f"{stem}.avi", 5 * (label == "wave") + index)
        for split in (1, 2, 3):
            marks = [2 if index == split - 1 else 0 if index == 4 else 1 for index in range(5)]
            rows = [f"{stem}.avi {mark}" for stem, mark in zip(stems, marks, strict=True)]
            (folder / f"{label}_test_split{split}.txt").write_text("\n".join(rows))


@pytest.mark.parametrize(
    ("name", "make", "trained"), [("ucf101", ucf101_tree, 8), ("hmdb51", hmdb51_tree, 6)], ids=["ucf101", "hmdb51"]
)
def test_the_recipe_of_a_data_set_runs_over_its_three_splits(
    name: str, make, trained: int, tmp_path: Path, capsys: pytest.CaptureFixture[str], one_thread: None
) -> None:
    make(tmp_path / "set")
    ingest(source_of(tmp_path / "set", layout=name), tmp_path / "c", short_side=32, workers=1)
    words = ["--data", tmp_path / "c", "--out", tmp_path / "out", "--start", "scratch", "--device", "cpu", "--json"]
    assert run("actions", shrunk(name, tmp_path), *words) == 0
    (found,) = json.loads(capsys.readouterr().out)["results"]
    assert [part["partition"] for part in found["parts"]] == ["split-1", "split-2", "split-3"]
    assert [(part["num_train"], part["num_test"]) for part in found["parts"]] == [(trained, 2)] * 3
    assert found["top1"]["value"] == pytest.approx(np.mean([part["top1"] for part in found["parts"]]))
    assert np.sum(found["confusion"]) == 6


def test_the_multimodal_recipe_of_ucf101_runs_on_its_videos_with_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], one_thread: None
) -> None:
    ucf101_tree(tmp_path / "set")
    ingest(source_of(tmp_path / "set", layout="ucf101"), tmp_path / "c", short_side=32, workers=1)
    small = "[clips]\nclip_frames = 12\n[training]\nbatch_size = 2\nepochs = 0.1\nworkers = 0\n"
    (tmp_path / "small.toml").write_text(f'extends = "{default_recipe("ucf101-multimodal")}"\n{NETS}{small}')
    words = ["--data", tmp_path / "c", "--out", tmp_path / "out", "--start", "scratch", "--device", "cpu", "--json"]
    assert run("multimodal", tmp_path / "small.toml", *words) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == ["both", "picture", "sound"]
    for result in found.values():
        parts = result["results"][0]["parts"]
        # mute are groups 1 and 4 of Archery, 2 and 5 of Biking: six videos are left, and split n tests group n
        assert [(part["num_train"], part["num_test"]) for part in parts] == [(5, 1), (5, 1), (4, 2)]
