"""What was done already: a line a piece of work, so that a run that was stopped goes on, and the table made of them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any


class Journal:
    """A file of JSON lines; a torn last line, of a process that was killed, counts for nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.lines: list[dict[str, Any]] = []
        if path.exists():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    self.lines.append(json.loads(line))
                except ValueError:
                    continue
            whole = "".join(json.dumps(line) + "\n" for line in self.lines)
            path.write_text(whole, encoding="utf-8")

    def add(self, line: dict[str, Any]) -> None:
        """Note a piece of work that is done."""
        self.lines.append(line)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def chunks(self) -> set[int]:
        """First numbers of the handfuls of damaged files that are done."""
        return {line["first"] for line in self.lines if line["kind"] == "damaged"}

    def kills(self, what: str) -> int:
        """Kills of a kind that are done."""
        return sum(line["kills"] for line in self.lines if line["kind"] == "kills" and line["what"] == what)


def summary(lines: list[dict[str, Any]]) -> str:
    """All that was done, as text: files by what came of them, kills, faults."""
    damaged = [line for line in lines if line["kind"] == "damaged"]
    kills = [line for line in lines if line["kind"] == "kills"]
    counts: Counter[str] = Counter()
    for line in damaged:
        counts.update(line["counts"])
    num_files = sum(line["files"] for line in damaged)
    faults = [fault for line in damaged for fault in line["faults"]]
    out = [
        f"{num_files} damaged files through ingest, sync and repair; {sum(line['seconds'] for line in damaged):.0f} s"
    ]
    out += [f"  {name}: {count}" for name, count in sorted(counts.items())]
    out.append(f"  greatest memory of a process: {max((line['peak_mb'] for line in damaged), default=0):.0f} MB")
    by_kind = Counter((fault["step"], fault["words"].splitlines()[0][:100]) for fault in faults)
    out.append(f"  faults: {len(faults)}")
    out += [f"    {count} x {step}: {words}" for (step, words), count in by_kind.most_common()]
    for what in dict.fromkeys(line["what"] for line in kills):
        some = [line for line in kills if line["what"] == what]
        wrong = [fault for line in some for fault in line["faults"]]
        done, whole = (sum(line[name] for line in some) for name in ("kills", "whole"))
        out.append(f"{done} kills of {what}, {whole} runs then finished and compared; faults: {len(wrong)}")
        out += [f"    {fault}" for fault in wrong[:20]]
    return "\n".join(out)


def num_faults(lines: list[dict[str, Any]]) -> int:
    """Faults of all kinds."""
    return sum(len(line["faults"]) for line in lines)
