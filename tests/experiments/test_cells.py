"""Jobs that need each other: each is done once, after what it needs, and what is done is left alone."""

from functools import partial
from pathlib import Path

import pytest

from cells import Job, has_result, missing, put_between_marks, run_jobs, write_result
from fixtures_jobs import fails, leave


def job(folder: Path, name: str, *needs: Job) -> Job:
    path = folder / name
    return Job(name, partial(leave, path, tuple(folder / need.name for need in needs)), path.exists, needs)


def test_jobs_are_done_once_and_after_what_they_need(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = job(tmp_path, "first")
    second, third = job(tmp_path, "second", first), job(tmp_path, "third", first)
    run_jobs([third, second, job(tmp_path, "last", second, third)], at_a_time=2)
    assert {path.name for path in tmp_path.iterdir()} == {"first", "second", "third", "last"}
    assert "1 of 4, first: first\n" in capsys.readouterr().err


def test_what_is_done_is_not_missing_and_neither_is_what_only_it_needs(tmp_path: Path) -> None:
    first = job(tmp_path, "first")
    second = job(tmp_path, "second", first)
    (tmp_path / "second").write_text("done before")
    assert list(missing([job(tmp_path, "third", second)])) == ["third"]
    assert list(missing([job(tmp_path, "fourth", first)])) == ["first", "fourth"]


def test_a_job_that_fails_ends_the_experiment_with_its_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no luck"):
        run_jobs([Job("failing", fails, tmp_path.is_file)], at_a_time=1)


def test_a_result_is_one_of_its_recipe_only(tmp_path: Path) -> None:
    path = tmp_path / "results" / "one.json"
    assert not has_result(path, "abc")
    write_result(path, {"recipe": "abc", "accuracy": 0.5})
    assert has_result(path, "abc")
    assert not has_result(path, "abd")


def test_only_what_stands_between_its_marks_is_replaced(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- one -->\nold\n<!-- /one -->\nafter <!-- two -->\n")
    put_between_marks(page, "one", "new\n")
    assert page.read_text() == "before\n<!-- one -->\nnew\n<!-- /one -->\nafter <!-- two -->\n"
