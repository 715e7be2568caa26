"""SoundNet (videos of Flickr): lists of URLs, one per line; files named by the number at the end of the URL."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from avts.corpus.clip import Split
from avts.corpus.item import Item
from avts.corpus.sources.tree import Tree, none_found, text_lines

VIDEO_ID = re.compile(r"/(\d{6,})(?:[/_.?#]|$)")
"""Flickr's number of a video as a path component: .../photos/OWNER/NUMBER/, or .../NUMBER.mp4."""


class SoundNet:
    """Videos by the lists, without labels. The split is from 'train' or 'val' in a list's name, else a hash."""

    def __init__(self, folder: Path, lists: Sequence[Path] = ()) -> None:
        self._tree = Tree(folder, lists)
        self._lists = [path for path in self._tree.lists if any(map(_id_of, text_lines(path)))]
        if not self._lists:
            raise none_found(folder, "SoundNet", "text files of URLs")

    def items(self) -> Iterator[Item]:
        """One clip per video."""
        seen: set[str] = set()
        for path in self._lists:
            for line in text_lines(path):
                video = _id_of(line)
                if video is None or video in seen:
                    continue
                seen.add(video)
                found = self._tree.find([video])
                name = self._tree.name_of(found) if found else f"{video}.mp4"
                yield Item(name, found, split=_split(path), group=video)


def _id_of(line: str) -> str | None:
    """The last number in a URL that can be a video's."""
    found = VIDEO_ID.findall(line)
    return found[-1] if found else None


def _split(path: Path) -> Split | None:
    name = path.name.lower()
    return "train" if "train" in name else "validation" if "val" in name else "test" if "test" in name else None
