"""The parts of a table of features that grows: what is done by now, and how they become one file.

A part is a Parquet file whose schema says how it was made and which files, with their stamps, it holds. The table
itself, once it is there, is a part like the others. Each is written under another name and renamed when it is whole.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from avts.errors import UsageError
from avts.features.extract import FILES_KEY, SETTINGS_KEY
from avts.features.recordings import Recording
from avts.files import whole_file

ROWS_AT_ONCE = 4096


class Parts:
    """What there is of a table.

    Args:
        out: the table.
        settings: how its features are made.

    Raises:
        UsageError: `out` or a part of it was made with other settings, or is no table of features.
    """

    def __init__(self, out: Path, settings: dict[str, Any]) -> None:
        self.out, self.folder = out, out.with_name(out.name + ".parts")
        self._settings = settings
        self._done: dict[str, tuple[str, Path]] = {}  # stamp and part of each file
        for path in self._paths():
            self._take(path)

    def missing(self, recordings: Sequence[Recording]) -> list[Recording]:
        """Those that no part holds as they are now."""
        return [each for each in recordings if self._done.get(each.source, ("", self.out))[0] != _stamp(each)]

    def metadata(self, recording: Recording) -> dict[bytes, bytes]:
        """The schema's metadata of a part for one recording."""
        return self._metadata({recording.source: _stamp(recording)})

    def gather(self, paths: Sequence[Path]) -> None:
        """Join parts of single recordings to a larger one."""
        number = 1 + max(
            (int(path.stem.removeprefix("part-")) for path in self.folder.glob("part-*.parquet")), default=0
        )
        for path in paths:
            self._take(path)
        files = {file: stamp for path in paths for file, stamp in files_in(pq.read_schema(path)).items()}
        larger = self.folder / f"part-{number:06d}.parquet"
        self._write(larger, list(paths), files)
        self._take(larger)
        for path in paths:
            path.unlink()

    def join(self, recordings: Sequence[Recording]) -> tuple[int, dict[str, str]]:
        """Make the table of the parts, with just these recordings as far as they are done.

        Returns:
            Rows, and names and types of the vectors.
        """
        for path in self._paths():
            self._take(path)
        wanted = {each.source: _stamp(each) for each in recordings}
        kept = {file: stamp for file, (stamp, _) in self._done.items() if wanted.get(file) == stamp}
        sources = list(dict.fromkeys(self._done[file][1] for file in wanted if file in kept))
        if sources != [self.out] or files_in(pq.read_schema(self.out)) != kept:
            self._write(self.out, sources, kept)
        shutil.rmtree(self.folder, ignore_errors=True)
        schema = pq.read_schema(self.out)
        vectors = {each.name: str(each.type) for each in schema if pa.types.is_fixed_size_list(each.type)}
        return pq.read_metadata(self.out).num_rows, vectors

    def _paths(self) -> Iterator[Path]:
        """The table, then larger parts, then single recordings: of two with one file the later counts."""
        if self.out.exists():
            yield self.out
        yield from sorted(self.folder.glob("part-*.parquet"))
        yield from sorted(path for path in self.folder.glob("[!.]*.parquet") if not path.name.startswith("part-"))

    def _take(self, path: Path) -> None:
        schema = features_schema(path)
        got = settings_in(schema)
        other = [
            f"{key} {got.get(key)} instead of {value}" for key, value in self._settings.items() if got.get(key) != value
        ]
        if other:
            raise UsageError(
                f"{path}: was made with other settings ({', '.join(other)}). Use these settings, or another --out."
            )
        for file, stamp in files_in(schema).items():
            self._done[file] = (stamp, path)

    def _metadata(self, files: dict[str, str]) -> dict[bytes, bytes]:
        return {SETTINGS_KEY: json.dumps(self._settings).encode(), FILES_KEY: json.dumps(files).encode()}

    def _write(self, target: Path, sources: Sequence[Path], files: dict[str, str]) -> None:
        """Write the rows of some files, each from the part that holds it, in the order of the parts."""
        schemas = [pq.read_schema(path).remove_metadata() for path in sources]
        names = list(dict.fromkeys(name for schema in schemas for name in schema.names))
        fields = [next(schema.field(name) for schema in schemas if name in schema.names) for name in names]
        schema = pa.schema(fields, metadata=self._metadata(files))
        with whole_file(target) as waiting, pq.ParquetWriter(waiting, schema) as writer:
            for path in sources:
                for rows in self._rows(path, files, schema):
                    writer.write_table(rows)

    def _rows(self, path: Path, files: dict[str, str], schema: pa.Schema) -> Iterator[pa.Table]:
        with pq.ParquetFile(path) as part:
            own = pa.array([file for file in files if self._done.get(file, (None, path))[1] == path], pa.string())
            for batch in part.iter_batches(ROWS_AT_ONCE):
                table = pa.table(batch)
                table = table.filter(pc.is_in(table["file"], value_set=own))
                columns = [
                    table[field.name] if field.name in table.column_names else pa.nulls(len(table), field.type)
                    for field in schema
                ]
                if len(table):
                    yield pa.table(columns, schema=schema)


def features_schema(path: Path) -> pa.Schema:
    """The schema of a table of features.

    Raises:
        UsageError: no such file, or no table of features.
    """
    try:
        schema = pq.read_schema(path)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file. Make it with 'avts embed ... --out {path}'.") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise UsageError(f"{path}: not a Parquet table ({error}). Give an output of 'avts embed'.") from None
    if SETTINGS_KEY not in (schema.metadata or {}):
        raise UsageError(f"{path}: a Parquet table, but not an output of 'avts embed'. Give another name.")
    return schema


def settings_in(schema: pa.Schema) -> dict[str, Any]:
    """How features were made, from their schema."""
    settings: dict[str, Any] = json.loads(schema.metadata[SETTINGS_KEY])
    return settings


def files_in(schema: pa.Schema) -> dict[str, str]:
    """Files of a part, with their stamps."""
    files: dict[str, str] = json.loads(schema.metadata[FILES_KEY])
    return files


def _stamp(recording: Recording) -> str:
    """What tells whether rows are still those of a recording: its file, and what is known of it."""
    return " | ".join(map(str, (recording.stamp, recording.label, recording.split, recording.fold)))
