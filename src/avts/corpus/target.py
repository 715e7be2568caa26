"""The target of a corpus: a local folder, or any location that fsspec can write to.

A remote corpus is made in a temporary folder and sent shard by shard, the journal after each, corpus.json last. A
killed run loses the current shard, never one that was sent.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import fsspec

from avts.corpus.fetch import check_protocol, reason_of
from avts.corpus.manifest import CORPUS_NAME, JOURNAL_NAME, MANIFEST_NAME
from avts.corpus.place import place_of
from avts.errors import CorpusError
from avts.jobs.refusal import MISSING_NAME, REFUSED_NAME

BROKEN = {errno.EPIPE, errno.ECONNRESET, errno.ECONNABORTED, errno.ECONNREFUSED}
"""Numbers of errors of a connection; aiohttp's are OSErrors with them, but no ConnectionError."""


class FolderTarget:
    """A local folder; the extra steps of a remote target are not needed."""

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self.place: Path | str = folder
        self.folder = folder
        self.is_remote = False
        self.stored: dict[str, int] = {}

    def __enter__(self) -> FolderTarget:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def names(self) -> set[str]:
        """Names of the existing files."""
        return {path.name for path in self.folder.iterdir()} if self.folder.is_dir() else set()

    def keep_shard(self, path: Path) -> None:
        """Store a complete shard; the journal names all its clips."""

    def finish(self) -> None:
        """Finish the corpus."""


class StoreTarget(FolderTarget):
    """A remote target given by a URL; `folder` is a local temporary folder while it is open."""

    def __init__(self, url: str) -> None:
        """Open the file system.

        Raises:
            UsageError: no file system for such URLs.
        """
        check_protocol(url)
        self._files, self._root = fsspec.core.url_to_fs(url)
        super().__init__(Path())
        self.name, self.place, self.is_remote = url, url, True

    def __enter__(self) -> StoreTarget:
        self._temporary = tempfile.TemporaryDirectory(prefix="avts-ingest-")
        self.folder = Path(self._temporary.name)
        names = self.names()
        if JOURNAL_NAME in names:
            shards = [name for name in names if name.startswith("shard-")]
            with self._one_error():
                self._files.get_file(self._at(JOURNAL_NAME), str(self.folder / JOURNAL_NAME))
                self.stored = {name: int(self._files.size(self._at(name)) or 0) for name in shards}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._temporary.cleanup()

    def names(self) -> set[str]:
        """Names of the existing files."""
        with self._one_error():
            if not self._files.exists(self._root):
                return set()
            self._files.invalidate_cache(self._root)
            return {str(name).rstrip("/").rsplit("/", 1)[-1] for name in self._files.ls(self._root, detail=False)}

    def keep_shard(self, path: Path) -> None:
        """Send a shard, then the journal that names its clips."""
        self.stored[path.name] = path.stat().st_size
        for sent in (path, self.folder / JOURNAL_NAME):
            self._send(sent)
        path.unlink()

    def finish(self) -> None:
        """Send the rest, corpus.json last."""
        for name in (REFUSED_NAME, MISSING_NAME, JOURNAL_NAME, MANIFEST_NAME, CORPUS_NAME):
            if (self.folder / name).exists():
                self._send(self.folder / name)

    def _send(self, path: Path) -> None:
        with self._one_error():
            self._files.makedirs(self._root, exist_ok=True)
            self._files.put_file(str(path), self._at(path.name))

    @contextmanager
    def _one_error(self) -> Iterator[None]:
        """Errors of a file system's own and of its connection become one error; any other OSError is one already."""
        try:
            yield
        except Exception as error:
            if isinstance(error, OSError) and error.errno not in BROKEN:
                raise
            raise CorpusError(
                f"{self.name}: cannot be written ({reason_of(error)}). Check the address and your permissions: "
                "http:// and https:// are for reading."
            ) from error

    def _at(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"


def target_of(out: Path | str) -> FolderTarget:
    """The target for a path or URL.

    Raises:
        UsageError: neither a path nor a URL, or no file system for such URLs.
    """
    place = place_of(out)
    return StoreTarget(place) if isinstance(place, str) else FolderTarget(place)
