"""Tar shards as video2dataset and webdataset write them, as a collection: KEY.mp4 with KEY.json, KEY.cls, KEY.txt.

Only headers and descriptions are read here; workers copy one member at a time for decoding.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import fsspec

from avts.corpus.clip import folder_split
from avts.corpus.fetch import FetchError, check_protocol, open_url
from avts.corpus.folder import is_video_name
from avts.corpus.item import Item, Member, Wants
from avts.errors import CorpusError, UsageError

LARGEST_DESCRIPTION = 2**20
"""Maximum size of a description in bytes; larger ones are not read."""

BROKEN = (tarfile.TarError, OSError, EOFError)
"""Exceptions from reading a damaged tar."""

LABEL_FIELDS = ("labels", "label", "class", "category")
"""Fields of a JSON description that hold labels; the first existing one is used. A caption is not a label."""


class TarSource:
    """The videos in tar files; label and group from the description of each, split from the top-level folder's name."""

    def __init__(self, where: Path | str, *, wants: Wants = "both") -> None:
        """Find the tars.

        Args:
            where: a tar, a folder of tars, or a URL of one or, with '*', of several.
            wants: see Item.

        Raises:
            UsageError: there is no tar, or one is compressed.
        """
        self._wants: Wants = wants
        self._tars = dict(_tars(where))
        if not self._tars:
            raise UsageError(f"{where}: no tar file found. Give a tar, or a folder of tars.")
        for name in self._tars:
            if not name.endswith(".tar"):
                raise UsageError(f"{name}: a compressed tar has no random access. Decompress it to .tar.")

    def items(self) -> Iterator[Item]:
        """One clip for each video member, in the order of tars and members.

        A tar that cannot be read completely becomes one more item, which is refused; others are not affected.
        """
        for name, tar in self._tars.items():
            try:
                with open_url(tar) as file, tarfile.open(fileobj=file, mode="r:") as members:
                    yield from self._members(name, tar, members)
            except (*BROKEN, FetchError):
                yield Item(name, tar)

    def _members(self, name: str, tar: Path | str, members: tarfile.TarFile) -> Iterator[Item]:
        broken = False

        def readable() -> Iterator[tarfile.TarInfo]:
            nonlocal broken
            try:
                yield from (member for member in members if member.isreg())
            except BROKEN:
                broken = True

        for _, group in groupby(readable(), key=lambda member: _sample_key(member.name)):
            about: dict[str, Any] = {}
            videos: list[tarfile.TarInfo] = []
            for member in group:
                if is_video_name(member.name.rsplit("/", 1)[-1].lstrip(".")):
                    videos.append(member)
                elif member.size <= LARGEST_DESCRIPTION:
                    about |= _description(members, member)
            for video in videos:
                yield Item(
                    f"{name}/{video.name}",
                    Member(tar, video.offset_data, video.size, video.name, int(video.mtime * 10**9)),
                    about.get("labels", ()),
                    split=folder_split(name),
                    group=about.get("group"),
                    wants=self._wants,
                )
        if broken:
            yield Item(name, tar)


def _sample_key(name: str) -> str:
    """The common name of the members of one sample, up to the first dot, as in webdataset."""
    folder, _, base = name.rpartition("/")
    return f"{folder}/{base.split('.', 1)[0]}"


def _description(members: tarfile.TarFile, member: tarfile.TarInfo) -> dict[str, Any]:
    """Labels and group from a member next to the video."""
    ending = member.name.rsplit(".", 1)[-1]
    if ending not in ("json", "cls"):
        return {}
    content = members.extractfile(member)
    data = content.read() if content else b""
    if ending == "cls":
        return {"labels": (data.decode("utf-8", "replace").strip(),)}
    try:
        about = json.loads(data)
    except ValueError:
        return {}
    if not isinstance(about, dict):
        return {}
    found: dict[str, Any] = {}
    if labels := _labels(about):
        found["labels"] = labels
    if isinstance(about.get("url"), str):
        found["group"] = about["url"]
    return found


def _labels(about: dict[str, Any]) -> tuple[str, ...]:
    value = next((about[name] for name in LABEL_FIELDS if about.get(name) not in (None, "", [])), ())
    values = value if isinstance(value, list | tuple) else [value]
    return tuple(str(label) for label in values if isinstance(label, str | int))


def _tars(where: Path | str) -> Iterator[tuple[str, Path | str]]:
    """Relative names and locations of the tars."""
    if isinstance(where, str):
        check_protocol(where)
        if "*" not in where:
            yield where.rsplit("/", 1)[-1], where
            return
        files, pattern = fsspec.core.url_to_fs(where)
        root = pattern.split("*", 1)[0].rpartition("/")[0]
        for path in sorted(files.glob(pattern)):
            yield path.removeprefix(root).lstrip("/"), files.unstrip_protocol(path)
    elif where.is_dir():
        for path in sorted(where.rglob("*.tar")):
            yield path.relative_to(where).as_posix(), path
    elif where.is_file():
        yield where.name, where
    else:
        raise CorpusError(f"{where}: no such tar.")
