"""How much memory measuring one film takes: `python -m benchmarks.film_memory FILM [RUN]`, a process of its own.

Prints one JSON object: peak resident memory in MB, seconds of the film, of the clock and of the processor.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path

from avts.offset.film import FileFilm
from avts.offset.measure import measure
from avts.offset.model import load_sync_model


def peak_megabytes() -> float:
    """Peak resident memory of this process.

    Linux hands a parent's peak on to getrusage of the child it starts, so /proc is asked first.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(words: list[str]) -> None:
    """Measure one film."""
    import torch

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    model = load_sync_model(words[1] if len(words) > 1 else None)
    wall, cpu = time.perf_counter(), time.process_time()
    result = measure(FileFilm(Path(words[0])), model)
    print(
        json.dumps(
            {
                "megabytes": peak_megabytes(),
                "film_seconds": float(result.scan.times_seconds[-1]) + result.scan.window_seconds,
                "wall_seconds": time.perf_counter() - wall,
                "cpu_seconds": time.process_time() - cpu,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
