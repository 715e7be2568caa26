"""The command line: thin layers over the library, one file per command.

`avts NAME` runs `avts.cli.NAME.command`. Modules are imported only when their
command is called, so `avts --help` is fast.
stdout receives only the result; progress, warnings and automatic choices go to stderr.
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
    "synth": "Generate videos whose sound is produced by their motion.",
    "ingest": "Convert videos (a folder, list, tars, a public data set) to a corpus.",
    "doctor": "Check a folder of videos or a corpus before an overnight run.",
    "show": "Plot a clip of a corpus (frames, filterbank, windows), or the progress of a training run.",
    "model": "Print the layers of a network: shapes, parameters, multiply-adds.",
    "recipe": "List the bundled recipes, or print one in full with every key explained.",
    "overfit": "Overfit one batch: the first check on new data.",
    "train": "Train both towers on a corpus, as a recipe specifies.",
    "eval": "Measure AVTS accuracy and AUC on a corpus.",
    "finetune": "Train and test a classifier of actions, sounds or both on labels, from a run or from scratch.",
    "embed": "Write the towers' features for files or a corpus as a Parquet table.",
    "probe": "Evaluate frozen features: classify sounds with a linear classifier on one stage.",
    "retrieve": "Retrieve sounds by pictures and pictures by sounds from a table of features.",
    "inspect": "Write a page that shows what each channel responds to most, and a map of the embeddings by class.",
    "sync": "Measure by how much the sound of each file is early or late; report, check limits, repair.",
    "repair": "Write files with their sound in sync, by a measured or a given offset.",
    "app": "Serve a web page that measures films, many at once, and repairs them, to watch and download.",
    "export": "Export both towers as ONNX or torch.export files.",
    "demo": "Run the whole pipeline on a small scale: generate, ingest, train, evaluate, estimate offsets, report.",
}


class _LazyGroup(click.Group):
    """A group whose commands are imported when called; COMMANDS holds their one-line help."""

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
    """Learn from unlabelled videos which sound belongs to which picture and when, and use it to repair A/V sync.

    Add --debug to any command to see the traceback of an error.
    """


def main(arguments: Sequence[str] | None = None, *, program: click.Group = group, name: str = "avts") -> None:
    """Run a command line and exit: 0 success, 2 wrong usage or settings, 3 unusable input, 4 a limit exceeded."""
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
