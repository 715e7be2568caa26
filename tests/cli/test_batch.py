"""Which files are meant, and where the output of each goes."""

import os
from pathlib import Path

import pytest

from avts.cli.batch import Found, fallbacks, find_files, places, targets
from avts.errors import UsageError


def films(folder: Path, *names: str) -> list[Path]:
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("film")
    return paths


def test_sub_folders_count_from_the_folder_given_or_from_the_fixed_part_of_a_pattern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    films(tmp_path, "in/a/x.mp4", "in/b/c/x.mp4")
    out = Path("out")
    for given in (Path("in"), Path("in/**/*.mp4")):
        found = find_files([given])
        assert sorted(places(found, out).values()) == [Path("out/a/x.mp4"), Path("out/b/c/x.mp4")]
    assert list(places(find_files([Path("in/a/x.mp4")]), out).values()) == [Path("out/x.mp4")]


def test_equal_names_of_files_given_by_themselves_are_kept_apart_by_their_folders(tmp_path: Path) -> None:
    first, second, third = films(tmp_path, "one/day/x.mp4", "two/x.mp4", "three/y.mp4")
    found = find_files([first, second, third])
    assert places(found, Path("out")) == {
        first: Path("out/one/day/x.mp4"),
        second: Path("out/two/x.mp4"),
        third: Path("out/y.mp4"),
    }


def test_plots_of_films_that_differ_in_their_endings_only_are_kept_apart(tmp_path: Path) -> None:
    first, second = films(tmp_path, "x.mp4", "x.mkv")
    assert places(find_files([tmp_path]), Path("out"), ending=".png") == {
        first: Path("out/x.mp4.png"),
        second: Path("out/x.mkv.png"),
    }


def test_two_outputs_of_one_path_are_refused(tmp_path: Path) -> None:
    root = tmp_path / "in"
    paths = films(tmp_path, "x.mp4", "other/x.mp4", "in/other/x.mp4")
    found = [Found(paths[0], tmp_path), Found(paths[1], paths[1].parent), Found(paths[2], root)]
    with pytest.raises(UsageError, match=r"would both be written as out/other/x\.mp4"):
        places(found, Path("out"))


def test_files_under_the_output_folder_are_no_input(tmp_path: Path) -> None:
    films(tmp_path, "x.mp4", "fixed/x.mp4")
    assert [each.path for each in find_files([tmp_path], but_not_under=tmp_path / "fixed")] == [tmp_path / "x.mp4"]
    assert len(find_files([tmp_path], but_not_under=tmp_path)) == 2


def test_pipes_and_links_to_nowhere_are_found_and_folders_named_like_films_are_not(tmp_path: Path) -> None:
    films(tmp_path, "x.mp4", "folder.mp4/notes.txt")
    os.mkfifo(tmp_path / "pipe.mp4")
    (tmp_path / "gone.mp4").symlink_to("nowhere.mp4")
    (tmp_path / "round.mp4").symlink_to("round.mp4")
    names = ["gone.mp4", "pipe.mp4", "round.mp4", "x.mp4"]
    assert [each.path.name for each in find_files([tmp_path], but_not_under=tmp_path / "out")] == names
    assert [each.path.name for each in find_files([tmp_path / "*.mp4"])] == names
    assert [each.path.name for each in find_files([tmp_path / name for name in names])] == names


@pytest.mark.parametrize(
    ("out", "names", "expected"),
    [
        ("new", ["x.mp4"], "new/x.mp4"),
        ("new.mp4", ["x.mp4"], "new.mp4"),
        ("new.v2", ["x.mp4"], "new.v2"),
        ("new.v2", ["x.mp4", "y.mp4"], "new.v2/x.mp4"),
    ],
)
def test_a_path_that_does_not_exist_is_a_folder_unless_it_is_named_like_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, names: list[str], expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [path.relative_to(tmp_path) for path in films(tmp_path, *names)]
    assert targets("--repair", Path(out), given, find_files(given))[given[0]] == Path(expected)


def test_a_fallback_is_never_what_another_film_may_be_written_as() -> None:
    names = {Path(name): Path("out") / name for name in ("a.mov", "a.mxf", "b.mov", "c.mkv", "c.mov")}
    found = {str(source): target.name for source, target in fallbacks(names).items()}
    assert found["a.mov"] == "a.mov.mkv"
    assert found["a.mxf"] == "a.mxf.mkv"
    assert found["b.mov"] == "b.mkv"
    assert found["c.mov"] == "c.mov.mkv"
