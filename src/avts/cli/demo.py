"""`avts demo`: the main job once, small, from nothing to a report."""

from __future__ import annotations

from pathlib import Path

import click

from avts.cli.progress import progress_bar


@click.command(name="demo")
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/demo"), show_default=True, help="Folder.")
@click.option("--recipe", type=click.Path(path_type=Path), help="Recipe; the demo's own if not given.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0, 10_000_000), help="Which worlds.")
@click.option("--scale", default=1.0, show_default=True, type=click.FloatRange(0.01, 100), help="Videos, times this.")
def command(out: Path, recipe: Path | None, seed: int, scale: float) -> int:
    """Generate a world, ingest it, train, evaluate, estimate offsets, and write a report.

    A second run reuses what is there.
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
