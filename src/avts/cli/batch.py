"""The input files of a command, and the output path of each.

Input: the arguments as given: files, folders, patterns. Output: the media files, and a path for each output, under the
same sub-folders as its source.
"""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from avts.errors import UsageError

FILE_ENDINGS = frozenset({".png", ".jpg", ".svg", ".pdf"})
"""Suffixes, besides those of videos, by which a path that does not exist yet is taken for a file."""


@dataclass(frozen=True)
class Found:
    """A media file, and the folder that its output path is relative to."""

    path: Path
    root: Path


def find_files(given: Sequence[Path], *, but_not_under: Path | None = None) -> list[Found]:
    """Expand files, folders and patterns into media files, without duplicates.

    Named pipes, devices and broken links are included: each is refused with its own error when it is processed.

    Args:
        given: files, folders, patterns.
        but_not_under: a folder to skip if it lies inside a given folder: the outputs of an earlier run.

    Raises:
        UsageError: one of them is not a file, a folder or a pattern that matches.
    """
    found: list[Found] = []
    for path in given:
        if path.is_dir():
            found += _in_folder(path, but_not_under)
        elif os.path.lexists(path):
            found.append(Found(path, path.parent))
        else:
            matches = sorted(Path(name) for name in glob.glob(str(path), recursive=True) if not os.path.isdir(name))
            if not matches:
                raise UsageError(f"{path}: no such file. Give media files, a folder of them, or a pattern in quotes.")
            found += [Found(match, _fixed_part(path)) for match in matches]
    return list({each.path: each for each in reversed(found)}.values())[::-1]


def _in_folder(folder: Path, but_not_under: Path | None) -> list[Found]:
    from avts.corpus.folder import is_video_name

    inside = sorted(each for each in folder.rglob("*") if is_video_name(each.name) and not each.is_dir())
    if but_not_under is not None and _real(folder) in _real(but_not_under).parents:
        inside = [each for each in inside if not _real(each).is_relative_to(_real(but_not_under))]
    if not inside:
        raise UsageError(f"{folder}: a folder with no video file in it. Give media files or their folder.")
    return [Found(each, folder) for each in inside]


def _real(path: Path) -> Path:
    """A path with links resolved; a circular link is left unchanged."""
    return Path(os.path.realpath(path))


def _fixed_part(pattern: Path) -> Path:
    """The parent folder of the first path component that contains a wildcard."""
    parts = []
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts)


def targets(
    option: str, out: Path, given: Sequence[Path], found: Sequence[Found], *, ending: str | None = None
) -> dict[Path, Path]:
    """Output path of each file: the path itself if it is a file, a path below it if it is a folder.

    Args:
        option: the option that the path was given with, for messages.
        out: the path.
        given: the arguments that the files were found from.
        found: the files.
        ending: of the outputs; None keeps that of each file.

    Raises:
        UsageError: the path is a file, or named like one, but there are several files.
    """
    if _is_folder(option, out, given, found):
        return places(found, out, ending=ending)
    return {each.path: out for each in found}


def _is_folder(option: str, out: Path, given: Sequence[Path], found: Sequence[Found]) -> bool:
    """Whether a path is a folder, or does not exist and is not named like a file."""
    from avts.corpus.folder import VIDEO_ENDINGS

    if out.is_dir():
        return True
    named_as_file = out.exists() or out.suffix.lower() in FILE_ENDINGS | set(VIDEO_ENDINGS.split())
    if len(found) > 1 and named_as_file:
        raise UsageError(f"{option} {out}: not a folder, but there are {len(found)} files. Name a folder.")
    several = len(found) > 1 or any(path.is_dir() for path in given)
    return not named_as_file and (several or not out.suffix)


def places(found: Sequence[Found], folder: Path, *, ending: str | None = None) -> dict[Path, Path]:
    """Output path of each file under a folder, keeping the sub-folders of its source.

    Outputs that would get the same path keep the full folder and suffix of their sources, so that they differ.

    Args:
        found: the files.
        folder: where the outputs go.
        ending: of the outputs; None keeps that of each file.

    Raises:
        UsageError: two outputs would still have the same path.
    """

    def named(relative: Path, *, whole: bool = False) -> Path:
        if ending is None:
            return folder / relative
        return folder / relative.with_name(f"{relative.name if whole else relative.stem}{ending}")

    out = {each.path: named(each.path.relative_to(each.root)) for each in found}
    twice = {target for target, number in Counter(out.values()).items() if number > 1}
    for target in twice:
        alike = [path for path, each in out.items() if each == target]
        top = Path(os.path.commonpath([path.absolute().parent for path in alike]))
        out.update({path: named(path.absolute().relative_to(top), whole=True) for path in alike})
    for target, number in Counter(out.values()).items():
        if number > 1:
            names = " and ".join(str(path) for path, each in out.items() if each == target)
            raise UsageError(f"{names} would both be written as {target}. Give them in two calls.")
    return out


def fallbacks(targets: Mapping[Path, Path], ending: str = ".mkv") -> dict[Path, Path]:
    """Output path of each file if the container of its target cannot hold it; never the target of another file.

    Args:
        targets: the target of each file.
        ending: of the container to fall back to.
    """
    stems = Counter(target.with_suffix("") for target in targets.values())
    return {
        path: target.with_suffix(ending)
        if stems[target.with_suffix("")] == 1
        else target.with_name(target.name + ending)
        for path, target in targets.items()
    }


def check_reports(reports: Iterable[tuple[str, Path | None]]) -> None:
    """Raise UsageError, with the name of the option, if a report cannot be written."""
    for option, out in reports:
        if out is not None and (out.is_dir() or not out.parent.is_dir()):
            raise UsageError(f"{option} {out}: a folder, or in a folder that is not there. Name a file to write.")
