"""The table of formats in words. Input: rows. Output: Markdown."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

import av

from benchmarks.formats.cases import CONTAINERS, codec_name
from benchmarks.formats.trial import NOT_A_CASE, Row

COMMAND = "python -m benchmarks.formats --out docs"

WORDS = {
    "read": "read in the standard form",
    "moved": "sound moved, streams copied, same container",
    "into": "sound moved into the other container (.mkv; of .mkv: .mp4)",
    "resampled": "drift repaired, sound resampled, same container",
}
ACTIONS = tuple(WORDS)

ALIKE = (
    (r"^.*?(\.\w+|\.EXT): ", ""),
    (r"(film|out)?(\.\w+)(?=[:, ])", "FILE"),
    (r"\b(video|audio) \w+", r"\1 CODEC"),
    (r"(taken for|decodes to|not to) \w+( \w+)?", r"\1 SOME"),
    (r"-?\d+(\.\d+)?", "N"),
)
"""What differs between refusals of the same reason, and what stands for it."""

LEFT_OUT = (
    "PCM in program streams, which FFmpeg stamps 10 ms off its samples; encrypted films; codecs that FFmpeg reads and "
    "does not write (VC-1, RealVideo 3 and 4, DTS-HD, TrueHD)"
)

KNOWN = {
    "edit list of two parts": "FFmpeg begins the second edit with a whole frame or packet wherever in it the edit "
    "begins; `avts doctor` notes such films, and a repair keeps their edits and says so",
}
"""Faults that are not mended, by a part of the structure's name, and where they come from."""

USUAL = {each.ending: codec_name(each.video) for each in CONTAINERS}


def formats_page(rows: Sequence[Row]) -> str:
    """The whole page."""
    used = [row for row in rows if row.action != "made"]
    matrix = [row for row in used if row.group == "matrix"]
    refused = [row for row in used if row.verdict.status == "refused"]
    odd = [row for row in used if row.verdict.status in ("wrong", "failed")]
    files = len({row.case for row in used})
    lines = [
        "# Formats",
        "",
        "What of a film is kept when it is read, when its sound is moved, and when its sound is resampled, container",
        "by container and codec by codec. A repair that is refused leaves nothing behind, and `avts repair` then",
        "writes a `.mkv`: the column *into another* says what becomes of that.",
        "",
        *_summary(used),
        "",
        f"Made by `{COMMAND}` with PyAV {av.__version__}: {files} films of 2.4 s",
        f"whose pictures show their number and whose sound clicks, {len(used)} answers. A reader that shares no code",
        "with avts holds what was read and written against what the film plays. **Right** means: read within 5 ms;",
        "sound moved by what was asked within 3 ms, resampled within 5 ms; every picture in its place and at its time",
        "within 2 ms; packets of copied streams the same bytes (between containers: the same number); no stream,",
        "chapter or tag gone without a warning. Errors are between sound and picture, the greatest of all clicks.",
        "",
        "Films from FFmpeg's own writers are cleaner than those of cameras and of the internet; the structures below",
        "are the faults that such films have.",
        "",
        "## By container",
        "",
        *_counted(matrix, lambda row: row.ending, "container"),
        "",
        "## By sound codec",
        "",
        *_counted(matrix, lambda row: row.about.split(", ")[1], "sound"),
        "",
        "## By picture codec",
        "",
        *_counted(matrix, lambda row: row.about.split(", ")[0], "picture"),
        "",
        "## By structure",
        "",
        "Offsets in ms; a cell is the greatest error in ms, a letter the reason of a refusal (below).",
        "",
        *_structures([row for row in rows if row.group == "structure"], _letters(refused)),
        "",
        "## Refused, and why",
        "",
        *_reasons(refused),
        "",
        "## Wrong",
        "",
        *(_fault(row) for row in odd),
        *(["Nothing."] if not odd else []),
        "",
        "## Files that were not tried",
        "",
        *_absent(rows),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _summary(rows: Sequence[Row]) -> list[str]:
    """A line for each kind of request."""
    lines = ["| asked for | right | refused | wrong | failed | greatest error, ms |", "|---|--:|--:|--:|--:|--:|"]
    for action in ACTIONS:
        some = [row for row in rows if row.action == action]
        counts = Counter(row.verdict.status for row in some)
        cells = " | ".join(str(counts[status]) for status in ("right", "refused", "wrong", "failed"))
        lines.append(f"| {WORDS[action]} | {cells} | {_greatest(some)} |")
    return lines


def _greatest(rows: Iterable[Row]) -> str:
    """The greatest error of what was right, in ms; of what was wrong the page lists each."""
    errors = [row.verdict.error_seconds for row in rows if row.verdict.status == "right"]
    known = [error for error in errors if error is not None]
    return f"{1000 * max(known):.1f}" if known else "-"


def _counted(rows: Sequence[Row], key: Callable[[Row], str], name: str) -> list[str]:
    """A table with a line for each value of a key: for each request how many were right, and the greatest error."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    head = " | ".join(("read", "ms", "moved", "ms", "into another", "ms", "resampled", "ms"))
    lines = [f"| {name} | files | {head} |", "|---|--:|" + "--:|" * 8]
    for value, some in groups.items():
        cells = []
        for action in ACTIONS:
            mine = [row for row in some if row.action == action]
            cells += [_share(mine), _greatest(mine)]
        lines.append(f"| {value} | {len({row.case for row in some})} | {' | '.join(cells)} |")
    return lines


def _share(rows: Sequence[Row]) -> str:
    """'12 of 14, 2 refused': how many answers were right, and what became of the others."""
    counts = Counter(row.verdict.status for row in rows)
    rest = [f"{counts[status]} {status}" for status in ("refused", "wrong", "failed") if counts[status]]
    if not rest:
        return f"{counts['right']}"
    return ", ".join([f"{counts['right']} of {len(rows)}", *rest])


def _structures(rows: Sequence[Row], letters: dict[str, str]) -> list[str]:
    by_case: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_case[row.case].append(row)
    offsets = sorted({row.offset_seconds for row in rows if row.action == "moved"})
    head = " | ".join(f"{1000 * offset:+.0f}" for offset in offsets)
    lines = [
        f"| structure | container | read | {head} | into | resampled | of the file itself |",
        "|---|---|--:|" + "--:|" * len(offsets) + "--:|--:|---|",
    ]
    for some in by_case.values():
        made = next(row for row in some if row.action == "made")
        if made.verdict.words.startswith(NOT_A_CASE):
            continue
        moved = {row.offset_seconds: row for row in some if row.action == "moved"}
        cells = [_cell([row for row in some if row.action == "read"], letters)]
        cells += [_cell([moved[offset]] if offset in moved else [], letters) for offset in offsets]
        cells += [_cell([row for row in some if row.action == action], letters) for action in ("into", "resampled")]
        lines.append(f"| {some[0].about} | {some[0].ending} | {' | '.join(cells)} | {made.verdict.words} |")
    return lines


def _cell(rows: Sequence[Row], letters: dict[str, str]) -> str:
    if not rows:
        return ""
    verdict = rows[0].verdict
    if verdict.status == "refused":
        return letters[reason(rows[0])]
    if verdict.status == "right":
        return "0.0" if verdict.error_seconds is None else f"{1000 * verdict.error_seconds:.1f}"
    return f"**{verdict.status}**"


def reason(row: Row) -> str:
    """The reason of a refusal without the names, codecs and numbers of the film, to count those that are alike."""
    words = row.verdict.words.replace(row.target, ".EXT") if row.target else row.verdict.words
    for pattern, plain in ALIKE:
        words = re.sub(pattern, plain, words)
    return words.replace("\n", " ")


def _letters(rows: Sequence[Row]) -> dict[str, str]:
    reasons = list(dict.fromkeys(reason(row) for row in rows))
    return {each: chr(97 + index % 26) * (1 + index // 26) for index, each in enumerate(reasons)}


def _reasons(rows: Sequence[Row]) -> list[str]:
    """Each reason with an example in full, how often it was given, and for which files."""
    letters, lines = _letters(rows), ["| | reason, of one of them | answers | files |", "|---|---|--:|---|"]
    for each, letter in letters.items():
        some = [row for row in rows if reason(row) == each]
        names = list(dict.fromkeys(row.case for row in some))
        shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
        lines.append(f"| {letter} | {_plain(some[0].verdict.words)} | {len(some)} | {_plain(shown)} |")
    return lines if rows else ["Nothing."]


def _fault(row: Row) -> str:
    asked = WORDS[row.action]
    offset = "" if row.action == "read" else f" by {1000 * row.offset_seconds:+.0f} ms"
    why = "".join(f" ({cause})" for part, cause in KNOWN.items() if part in row.about)
    words = f"{_plain(row.verdict.words)}{why}"
    return f"- {_plain(row.case)} ({row.about}), {asked}{offset}: **{row.verdict.status}**: {words}"


def _absent(rows: Sequence[Row]) -> list[str]:
    """Combinations that FFmpeg does not write, or does not read back as they were; folded, for they are many."""
    gone = [row for row in rows if row.action == "made" and row.verdict.words.startswith(NOT_A_CASE)]
    by_ending: dict[str, list[str]] = defaultdict(list)
    for row in gone:
        by_ending[row.ending].append(_what(row))
    return [
        f"FFmpeg's encoders and muxers do not write {len(gone)} combinations, or do not read them back as written.",
        f"Also left out: {LEFT_OUT}.",
        "",
        f'??? note "The {len(gone)} combinations"',
        "",
        *(f"    - {ending}: {', '.join(dict.fromkeys(names))}" for ending, names in by_ending.items()),
    ]


def _what(row: Row) -> str:
    """What is unusual in a film: its structure, its picture or its sound."""
    if row.group == "structure":
        return row.about
    picture, sound = row.about.split(", ")
    return sound if picture == USUAL[row.ending] else picture


def _plain(text: str) -> str:
    """Text for one cell of a table."""
    return text.replace("\n", " ").replace("|", "\\|").encode("utf-8", "backslashreplace").decode()
