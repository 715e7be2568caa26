"""GRID: folders s1 to s34, one a speaker, of .mpg named by a code of the sentence's six words, such as bbaf2n.mpg.

The archives hold s1/bbaf2n.mpg, or s1/video/mpg_6000/bbaf2n.mpg in the larger of the two sizes; the folder of a single
speaker will do. Source: Cooke, Barker, Cunningham & Shao, JASA 120, 2006; CC BY 4.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from avts.corpus.clip import Split, hash_of
from avts.corpus.folder import is_video_name
from avts.corpus.item import Item
from avts.corpus.sources.tree import Tree
from avts.errors import UsageError

SENTENCE = re.compile(r"[bpls][bgrw][abiw][a-vx-z][1-9z][anps]")
"""Command, colour, preposition, letter, digit and adverb: "bin blue at f 2 now" is bbaf2n."""

SPEAKER = re.compile(r"(s[1-9]\d?)(?:\D.*)?", re.IGNORECASE)
"""A folder's name that begins with a speaker's: s1, s1.mpg_6000.part1, s1_processed."""

HELD_OUT_SHARE = 0.1
"""Share of the speakers that test, and that validate."""


class Grid:
    """Sentences by speaker. Whole speakers test and validate; of a single speaker, single sentences do."""

    def __init__(self, folder: Path, lists: Sequence[Path] = ()) -> None:
        self._tree = Tree(folder, lists)
        self._clips: dict[tuple[str, str], Path] = {}
        # a sentence that is there in both sizes is taken once, in the larger
        for path in sorted(self._tree.media, key=lambda path: "mpg_6000" not in path.as_posix()):
            speaker, code = _speaker_of(path, folder), path.stem.lower()
            if speaker and is_video_name(path.name) and SENTENCE.fullmatch(code):
                self._clips.setdefault((speaker, code), path)
        if not self._clips:
            raise UsageError(
                f"{folder}: no video of the GRID corpus in it (looked for s1/bbaf2n.mpg, "
                "s1/video/mpg_6000/bbaf2n.mpg). Give the folder that holds s1 to s34, or one of these."
            )

    def items(self) -> Iterator[Item]:
        """A clip a sentence of a speaker."""
        speakers = {speaker for speaker, _ in self._clips}
        splits = splits_of(speakers)
        for (speaker, code), path in sorted(self._clips.items(), key=lambda clip: (int(clip[0][0][1:]), clip[0][1])):
            group = speaker if len(speakers) > 1 else None
            yield Item(self._tree.name_of(path), path, (code,), split=splits.get(speaker), group=group)


def splits_of(speakers: set[str]) -> dict[str, Split]:
    """Split of each speaker, the same on every machine; none for a single one.

    Of two speakers one tests; from three on a tenth test and a tenth validate, one of each at least.
    """
    if len(speakers) < 2:
        return {}
    held_out = max(1, round(HELD_OUT_SHARE * len(speakers)))
    found: dict[str, Split] = {}
    for place, speaker in enumerate(sorted(speakers, key=hash_of)):
        validates = len(speakers) > 2 and place < 2 * held_out
        found[speaker] = "test" if place < held_out else "validation" if validates else "train"
    return found


def _speaker_of(path: Path, folder: Path) -> str | None:
    """Speaker whose folder holds a file: the innermost that is named so, at most the data set's own folder."""
    inside = path.parent.relative_to(folder).parts
    for name in reversed((folder.resolve().name, *inside)):
        named = SPEAKER.fullmatch(name)
        if named:
            return named[1].lower()
    return None
