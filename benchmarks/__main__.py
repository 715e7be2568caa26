"""`python -m benchmarks NAME`: measure the program on this machine, beside its targets and its peers.

A benchmark NAME is the module benchmarks.NAME: `rows(**options)` measures and gives its rows; `OPTIONS`, if it has
any, are its own click options. A line in BENCHES makes it a command.
"""

from __future__ import annotations

import importlib
import json
from typing import Any, cast

import click

BENCHES = {
    "loader": "Windows out of a corpus, ingest into one, and the same work done by others.",
    "decoding": "How many windows a second a core decodes for a recipe, beside what a card would take.",
    "loader-memory": "Whether the loader's memory stays flat over a very long run.",
    "sync": "Offsets of long films: speed, memory, the distance map, and films repaired and measured again.",
    "train": "A training step: speed, where its time goes, a GPU's utilisation; how soon grid pairs have learned.",
}


class _Benches(click.Group):
    """A group whose commands are made when called, so that `python -m benchmarks --help` imports no benchmark."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(BENCHES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        return bench_command(cmd_name) if cmd_name in BENCHES else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Benchmarks"):
            formatter.write_dl(list(BENCHES.items()))


def bench_command(name: str) -> click.Command:
    """The command of one benchmark: its own options, and --json."""
    bench = importlib.import_module(f"benchmarks.{name.replace('-', '_')}")

    def run(*, as_json: bool, **options: Any) -> int:
        from benchmarks.rows import bench_table

        rows = bench.rows(**options)
        click.echo(json.dumps({"rows": [row.as_json() for row in rows]}) if as_json else bench_table(rows))
        return 0

    flag = click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object with all rows.")
    own = cast("tuple[click.Parameter, ...]", getattr(bench, "OPTIONS", ()))
    return click.Command(name, params=[*own, flag], callback=run, help=bench.rows.__doc__, short_help=BENCHES[name])


@click.group(name="benchmarks", cls=_Benches)
def command() -> None:
    """Measure the program on this machine, beside what it has to reach and beside its peers."""


if __name__ == "__main__":
    from avts.cli import main

    main(program=command, name="benchmarks")
