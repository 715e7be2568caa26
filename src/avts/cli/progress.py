"""One progress bar with an ETA on stderr for each stage; library code only calls `on_progress(done, total)`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tqdm import tqdm

OnProgress = Callable[[int, int], None]


@contextmanager
def progress_bar(title: str, unit: str) -> Iterator[OnProgress]:
    """Show a bar while the block runs; gives the function to call with (done, total)."""
    with tqdm(desc=title, unit=f" {unit}", file=sys.stderr, dynamic_ncols=True, mininterval=0.5) as bar:

        def on_progress(done: int, total: int) -> None:
            if bar.total != total:
                bar.total = total
                if done:  # work that was already there does not count for the speed
                    bar.initial = bar.n = done
            bar.update(done - bar.n)

        yield on_progress


def tell(line: str) -> None:
    """Say something on stderr, above a bar if there is one."""
    tqdm.write(line, file=sys.stderr)
