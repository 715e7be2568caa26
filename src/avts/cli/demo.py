"""`avts demo`: the whole pipeline once on a small generated world, with a report."""

from __future__ import annotations

from pathlib import Path

import click

from avts.cli.progress import progress_bar


@click.command(name="demo")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("runs/demo"), show_default=True, help="Output folder."
)
@click.option("--recipe", type=click.Path(path_type=Path), help="Recipe.  [default: the demo's own]")
@click.option(
    "--seed", default=1, show_default=True, type=click.IntRange(0, 10_000_000), help="Seed of the generated worlds."
)
@click.option(
    "--scale", default=1.0, show_default=True, type=click.FloatRange(0.01, 100), help="Factor on the number of videos."
)
def command(out: Path, recipe: Path | None, seed: int, scale: float) -> int:
    """Generate a world, ingest it, train, evaluate, estimate offsets, and write a report.

    A second run reuses the outputs that exist.
    """
    from avts.demo import Demo, DemoSize
    from avts.report.targets import targets_table

    full = DemoSize()
    videos = {name: max(round(getattr(full, name) * scale), 4) for name in ("train", "validation", "test", "shifted")}
    size = DemoSize(**videos, seed=seed)
    demo = Demo(out, recipe=recipe, size=size, bar=progress_bar, say=lambda line: click.echo(line, err=True))
    result = demo.run()
    click.echo(targets_table(result))
    click.echo(f"\nreport: {out / 'report.html'}\nnumbers: {out / 'result.json'}\nmodel: {out / 'run'}")
    return 0
