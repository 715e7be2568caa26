"""A process that runs commands of avts one after the other, so that its start is paid once; it may die.

Input: a JSON object a line on stdin: {"words": [...]} for the command line, or {"repair": [source, target, offset]}.
Output: a JSON object a line on the descriptor given as the first argument: exit status, or the exception; peak memory.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import traceback
from pathlib import Path
from typing import Any

ADDRESS_SPACE_BYTES = 24 * 2**30
"""Keeps a runaway allocation from taking the machine along; what is held is measured, not this."""


def serve(replies: int, log: Path) -> None:
    """Answer requests until stdin ends; what commands print goes to a file."""
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    for line in sys.stdin:
        request = json.loads(line)
        given = answer(request)
        peaks = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        os.write(replies, (json.dumps({**given, "peak_mb": max(peaks)}) + "\n").encode())


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The exit status of a command or a repair, or the traceback of an exception that nothing caught."""
    try:
        if "words" in request:
            return {"status": _command(request["words"])}
        source, target, offset = request["repair"]
        return {"status": _repaired(Path(source), Path(target), offset)}
    except BaseException:
        return {"exception": traceback.format_exc(limit=-6)}


def _command(words: list[str]) -> int:
    from avts.cli import main

    try:
        main(words)
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


def _repaired(source: Path, target: Path, offset_seconds: float) -> int:
    """Exit status that a command would have; of the function, whose exceptions would be lost in a command's line."""
    from avts.errors import AvtsError
    from avts.offset.repair import repair

    try:
        repair(source, target, offset_seconds=offset_seconds)
    except AvtsError as error:
        print(f"avts: {error}", flush=True)
        return error.exit_status
    return 0


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
