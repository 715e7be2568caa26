"""The command line: thin layers over the library, one file a command.

`avts NAME` runs `avts.cli.NAME.command`. Modules are imported only when their
command is called, so `avts --help` is quick.
stdout holds the result only; progress, warnings and automatic choices go to stderr.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from typing import cast

import click

from avts import __version__
from avts.errors import AvtsError

COMMANDS = {
    "synth": "Write a world of generated videos whose motion makes their sound.",
    "ingest": "Take videos (a folder, list, tars, a public data set) into a corpus.",
    "doctor": "Tell what is wrong with a folder of videos or a corpus, before a night is spent on it.",
    "show": "Draw a clip of a corpus, frames over filterbank with windows; or the course of a training run.",
    "model": "Print the layers of a network: shapes, parameters, multiply-adds.",
    "recipe": "List the recipes of the package; print one whole, every key explained.",
    "overfit": "Learn one batch by heart: the first thing to run on new data.",
    "train": "Train both towers on a corpus from a recipe.",
    "eval": "Measure AVTS accuracy and AUC on a corpus.",
    "finetune": "Train a classifier of actions, sounds or both on labels, from a run or from scratch, and test it.",
    "embed": "Write the towers' features of files or a corpus as a Parquet table.",
    "probe": "Measure what the features are worth: classes of sounds by a linear classifier on a frozen stage.",
    "retrieve": "Find sounds by pictures and pictures by sounds in a table of features.",
    "inspect": "Show what each channel answers to most, and a map of the embeddings by class, as a page.",
    "sync": "Measure by how much the sound of each file is early or late; report, gate, repair.",
    "repair": "Write files with their sound in sync, by a measured offset or one that you know.",
    "app": "Serve a page to drop a film on: its offset, the repaired film to watch and take away.",
    "export": "Write both towers as ONNX or torch.export files.",
    "demo": "Do the main job once, small: generate, ingest, train, evaluate, estimate offsets, report.",
}


class _LazyGroup(click.Group):
    """A group whose commands are imported when called; their one-line helps are listed in COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        return cast(click.Command, importlib.import_module(f"avts.cli.{cmd_name}").command)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="avts")
def group() -> None:
    """Learn from unlabelled videos which sound goes with which picture, and when; then use it.

    --debug anywhere in a command shows the traceback of an error.
    """


def main(arguments: Sequence[str] | None = None, *, program: click.Group = group, name: str = "avts") -> None:
    """Run a command line and exit: 0 done, 2 usage or settings, 3 some input unusable, 4 a limit exceeded."""
    # Threads that wait by spinning make a training step several times slower as soon as another process wants a core;
    # waiting asleep costs 7 % on a quiet machine.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        status = program.main(words, prog_name=name, standalone_mode=False)
    except AvtsError as error:
        if debug:
            traceback.print_exc()
        click.echo(f"{name}: {error}", err=True)
        status = error.exit_status
    except click.ClickException as error:
        error.show()
        status = 2
    except OSError as error:  # no rights, no space, a file where a folder should be
        if debug:
            traceback.print_exc()
        click.echo(f"{name}: {error}", err=True)
        status = 3
    except (click.Abort, KeyboardInterrupt):
        click.echo("avts: stopped", err=True)
        status = 130
    sys.exit(status if isinstance(status, int) else 0)
