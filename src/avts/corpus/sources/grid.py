"""GRID: folders s1 to s34, one per speaker, of .mpg files named by a code of the six words, such as bbaf2n.mpg.

The archives contain s1/bbaf2n.mpg, or s1/video/mpg_6000/bbaf2n.mpg in the larger of the two sizes; the folder of a
single speaker is accepted too. Source: Cooke, Barker, Cunningham & Shao, JASA 120, 2006; CC BY 4.0.
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

SPEAKER = re.compile(r"(?:.*[^a-z0-9])?(s[1-9]\d?)(?:\D.*)?", re.IGNORECASE)
"""A folder name with the name of a speaker as a word: s1, s1.mpg_6000.part1, s1_processed, grid_s1."""

HELD_OUT_SHARE = 0.1
"""Share of the speakers for testing, and for validation."""


class Grid:
    """Sentences by speaker. The splits are by speaker; with a single speaker, by sentence."""

    def __init__(self, folder: Path, lists: Sequence[Path] = ()) -> None:
        self._tree = Tree(folder, lists)
        self._clips: dict[tuple[str, str], Path] = {}
        # a sentence that exists in both sizes is taken once, in the larger size
        for path in sorted(self._tree.media, key=lambda path: "mpg_6000" not in path.as_posix()):
            speaker, code = _speaker_of(path, folder), path.stem.lower()
            if speaker and is_video_name(path.name) and SENTENCE.fullmatch(code):
                self._clips.setdefault((speaker, code), path)
        if not self._clips:
            raise UsageError(
                f"{folder}: contains no video of the GRID corpus (s1/bbaf2n.mpg, "
                "s1/video/mpg_6000/bbaf2n.mpg). Give the folder that contains s1 to s34, or one of these."
            )

    def items(self) -> Iterator[Item]:
        """One clip per sentence and speaker."""
        speakers = {speaker for speaker, _ in self._clips}
        splits = splits_of(speakers)
        for (speaker, code), path in sorted(self._clips.items(), key=lambda clip: (int(clip[0][0][1:]), clip[0][1])):
            group = speaker if len(speakers) > 1 else None
            yield Item(self._tree.name_of(path), path, (code,), split=splits.get(speaker), group=group)


def splits_of(speakers: set[str]) -> dict[str, Split]:
    """Split of each speaker, the same on every machine; empty for a single speaker.

    Of two speakers one is for testing; of three or more a tenth each for testing and validation, at least one each.
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
    """Speaker of a file, from the innermost folder with such a name, up to the data set's own folder."""
    inside = path.parent.relative_to(folder).parts
    for name in reversed((folder.resolve().name, *inside)):
        named = SPEAKER.fullmatch(name)
        if named:
            return named[1].lower()
    return None
