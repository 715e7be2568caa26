"""Both towers together against each alone: three studies on the same clips, with the same recipe and budget."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from avts.downstream.actions import Bar, Study, check_out, run_study
from avts.downstream.recipe import Senses
from avts.model.checkpoint import write_whole

ORDER: tuple[Senses, ...] = ("both", "picture", "sound")


def run_comparison(
    study: Study, out: Path, *, resume: bool, bar: Bar, say: Callable[[str], None] = print
) -> dict[str, Any]:
    """Train and test both towers together, the picture alone and the sound alone; arguments and errors of `run_study`.

    Returns:
        What OUT/result.json holds: by 'both', 'picture' and 'sound' what `run_study` returns.
    """
    check_out(out, resume=resume)
    results: dict[str, Any] = {}
    for senses in ORDER:
        say(f"senses: {senses}")
        one = replace(study, senses=senses, needs_both=True)
        results[senses] = run_study(one, out / senses, resume=resume, bar=bar, say=say)
    text = json.dumps(results, indent=1)
    write_whole(out / "result.json", lambda path: path.write_text(text, encoding="utf-8"))
    return results
