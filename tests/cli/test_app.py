"""`avts app` where it does not get as far as serving; tests/app has the rest."""

import socket
import tempfile
from pathlib import Path

import pytest

from avts.cli import main


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["app", *map(str, arguments)])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_a_run_that_is_not_there_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert run("--model", tmp_path / "none") == 2
    assert "none: no such model folder" in capsys.readouterr().err
    assert not list(tmp_path.iterdir()), "a temporary folder was left behind"


def test_motion_takes_no_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--model", tmp_path, "--method", "motion") == 2
    assert f"--model {tmp_path} with --method motion, which uses no model. Leave one" in capsys.readouterr().err


def test_a_port_that_is_taken_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run("--port", port) == 2
    assert f"avts: port {port} on 127.0.0.1 cannot be had (Address already in use). Name" in capsys.readouterr().err
