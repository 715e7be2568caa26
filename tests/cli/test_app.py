"""`avts app` where it does not get as far as serving; tests/app/test_page.py has the rest."""

import socket
from pathlib import Path

import pytest

from avts.cli import main
from avts.model import extras


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["app", *map(str, arguments)])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_without_gradio_the_extra_is_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.PACKAGES, "app", ("gradio_that_is_not_there",))
    assert run() == 2
    assert capsys.readouterr().err == (
        "avts: avts app needs gradio_that_is_not_there, not installed here. Install it, in "
        f"{Path(__file__).parents[2]}: pip install -e '.[app]'\n"
    )


def test_a_run_that_is_not_there_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(extras.PACKAGES, "app", ())
    assert run("--model", tmp_path / "none") == 2
    assert "none: no such model folder" in capsys.readouterr().err


def test_motion_takes_no_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(extras.PACKAGES, "app", ())
    assert run("--model", tmp_path, "--method", "motion") == 2
    assert f"--model {tmp_path} with --method motion, which uses no model. Leave one" in capsys.readouterr().err


def test_a_port_that_is_taken_is_a_usage_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(extras.PACKAGES, "app", ())
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run("--port", port) == 2
    assert f"avts: port {port} on 127.0.0.1 cannot be had (Address already in use). Name" in capsys.readouterr().err
