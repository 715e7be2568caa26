"""The command group: light to start, one line for an error, the exit status of each."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from avts import cli
from avts.cli import COMMANDS, main
from avts.errors import InputError, LimitError, UsageError


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(words)
    return int(stopped.value.code or 0)


@pytest.mark.parametrize("words", [["--help"], ["--version"], []])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys\nfrom avts.cli import main\n"
        f"try:\n    main({words})\nexcept SystemExit:\n    pass\n"
        "print(sorted({'torch', 'cv2', 'av', 'numpy', 'pydantic', 'matplotlib'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert found.stdout.splitlines()[-1] == "[]", found.stderr


@pytest.mark.parametrize("name", ["train", "eval", "demo"])
def test_help_of_a_command_imports_no_torch(name: str) -> None:
    code = (
        "import sys\nfrom avts.cli import main\n"
        f"try:\n    main(['{name}', '--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'torch', 'cv2', 'av'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert found.stdout.splitlines()[-1] == "[]", found.stderr


def test_sync_without_a_repair_imports_nothing_heavy_before_its_worker_processes_start(tmp_path: Path) -> None:
    (tmp_path / "talk.mp4").write_text("film")
    code = (
        "import sys\nfrom avts.cli import main, sync\n"
        "heavy = {'torch', 'cv2', 'av', 'numpy', 'pydantic', 'matplotlib'}\n"
        "sync.answers_to = lambda *_, **__: print(sorted(heavy & set(sys.modules))) or iter(())\n"
        f"main(['sync', {str(tmp_path / 'talk.mp4')!r}])\n"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert found.stdout.splitlines() == ["[]"], found.stderr


def test_what_measures_an_offset_imports_no_scipy_and_no_matplotlib() -> None:
    code = (
        "import sys\nfrom avts.cli.sync_file import Options, make_worker\n"
        "import avts.offset.measure, avts.report.sync_text\n"
        "make_worker(Options(None))\n"
        "print(sorted({'scipy', 'matplotlib', 'pandas', 'torchvision', 'torch._dynamo'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert found.stdout.splitlines() == ["[]"], found.stderr


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    said = capsys.readouterr().out
    assert all(f"  {name} " in said for name in COMMANDS)


@pytest.mark.parametrize(
    "words", [("trian",), ("train",), ("train", "--nonsense"), ("eval", "x", "--data"), ("--nope",)]
)
def test_a_wrong_call_ends_with_2_and_says_usage(words: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*words) == 2
    said = capsys.readouterr()
    assert not said.out
    assert "Error: " in said.err
    assert "Traceback" not in said.err


def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    run("trian")
    assert "No such command 'trian'" in capsys.readouterr().err


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """A command 'train' that raises what is put into the list."""
    errors: list[BaseException] = []

    @click.command()
    def command() -> None:
        raise errors[0]

    monkeypatch.setattr(cli._LazyGroup, "get_command", lambda *_: command)
    return errors


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (UsageError("no such thing: x"), 2, "avts: no such thing: x\n"),
        (InputError("x: damaged"), 3, "avts: x: damaged\n"),
        (LimitError("x: over 5"), 4, "avts: x: over 5\n"),
        (PermissionError(13, "Permission denied", "/x"), 3, "avts: [Errno 13] Permission denied: '/x'\n"),
        (KeyboardInterrupt(), 130, "avts: stopped\n"),
    ],
)
def test_an_error_is_one_line_and_its_status(
    error: BaseException, status: int, message: str, failing: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(error)
    assert run("train") == status
    said = capsys.readouterr()
    assert said.err.lstrip("\n") == message
    assert not said.out


@pytest.mark.parametrize("words", [("train", "--debug"), ("--debug", "train")])
@pytest.mark.parametrize("error", [InputError("x: damaged"), PermissionError(13, "Permission denied", "/x")])
def test_debug_shows_the_traceback_too(
    words: tuple[str, ...], error: Exception, failing: list[BaseException], capsys: pytest.CaptureFixture[str]
) -> None:
    failing.append(error)
    assert run(*words) == 3
    said = capsys.readouterr().err
    assert "Traceback (most recent call last)" in said
    assert said.endswith(f"avts: {error}\n")
