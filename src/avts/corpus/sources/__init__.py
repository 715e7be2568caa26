"""The layouts of public data sets, one file each, and the selection among all kinds of collections.

A layout reads the data set's own lists and finds their files; a listed file that does not exist is reported as missing
and is not an error. docs/data-sets.md has a table of them. Nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from avts.corpus.folder import FolderSource, is_video_name
from avts.corpus.item import Source, Wants
from avts.corpus.listing import LIST_ENDINGS, ListSource
from avts.corpus.sources.audioset import AudioSet
from avts.corpus.sources.dcase2014 import Dcase2014
from avts.corpus.sources.esc10 import Esc10
from avts.corpus.sources.esc50 import Esc50
from avts.corpus.sources.grid import Grid
from avts.corpus.sources.hmdb51 import Hmdb51
from avts.corpus.sources.kinetics import Kinetics
from avts.corpus.sources.kitchen20 import Kitchen20
from avts.corpus.sources.soundnet import SoundNet
from avts.corpus.sources.ucf101 import Ucf101
from avts.corpus.sources.vggsound import VggSound
from avts.corpus.tars import TarSource
from avts.errors import UsageError

LAYOUTS: dict[str, Callable[[Path, Sequence[Path]], Source]] = {
    "kinetics": Kinetics,
    "audioset": AudioSet,
    "soundnet": SoundNet,
    "vggsound": VggSound,
    "ucf101": Ucf101,
    "hmdb51": Hmdb51,
    "grid": Grid,
    "esc50": Esc50,
    "esc10": Esc10,
    "dcase2014": Dcase2014,
    "kitchen20": Kitchen20,
}
"""Layouts by name."""


def source_of(
    collection: Path | str, *, layout: str | None = None, lists: Sequence[Path] = (), wants: Wants = "both"
) -> Source:
    """The collection at a path or URL.

    Args:
        collection: a folder, a CSV or Parquet list, a tar or a folder of tars; the last three also as URLs.
        layout: a key of LAYOUTS; None to detect the kind of collection.
        lists: the data set's own lists, if they are not in the folder; without a layout, one list of files whose
            paths are relative to the folder.
        wants: 'picture' keeps videos without sound; layouts set this themselves.

    Raises:
        UsageError: no such collection or layout, or no list of the layout is found.
    """
    if isinstance(collection, str) and "://" in collection:
        if layout or lists:
            raise UsageError(f"{collection}: a layout needs a local folder. Copy or mount it.")
        return _at_url(collection, wants)
    path = Path(collection)
    if layout is not None:
        if layout not in LAYOUTS:
            raise UsageError(f"no layout {layout!r}. The layouts are {', '.join(LAYOUTS)}.")
        if not path.is_dir():
            raise UsageError(f"{path}: no such folder. Give the folder that holds the data set.")
        return LAYOUTS[layout](path, tuple(map(Path, lists)))
    if lists:
        if len(lists) > 1:
            raise UsageError(f"{len(lists)} lists without a layout: give a layout, or merge the lists.")
        return ListSource(Path(lists[0]), base=path, wants=wants)
    if path.suffix in LIST_ENDINGS:
        return ListSource(path, wants=wants)
    if path.is_file():
        return TarSource(path, wants=wants)
    return TarSource(path, wants=wants) if _holds_tars_only(path) else FolderSource(path, wants=wants)


def _at_url(url: str, wants: Wants) -> Source:
    if url.endswith(LIST_ENDINGS):
        return ListSource(url, wants=wants)
    if _names_tars(url):
        return TarSource(url, wants=wants)
    raise UsageError(f"{url}: neither a list (.csv, .parquet) nor a tar. List its files in a CSV with a column 'path'.")


def is_collection(url: str) -> bool:
    """True if a URL names a list or tars."""
    return url.endswith(LIST_ENDINGS) or _names_tars(url)


def _names_tars(url: str) -> bool:
    return ".tar" in url.rsplit("/", 1)[-1]


def _holds_tars_only(folder: Path) -> bool:
    """True if there are tars somewhere below a folder and no video files."""
    has_tars = False
    for path in folder.rglob("*"):
        if is_video_name(path.name):
            return False
        has_tars = has_tars or path.suffix == ".tar"
    return has_tars
