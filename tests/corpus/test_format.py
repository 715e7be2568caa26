"""docs/corpus-format.md says what the code does."""

import re
from pathlib import Path

from avts.corpus.manifest import FORMAT, FORMAT_VERSION, READABLE_VERSIONS, SCHEMA, settings_of
from avts.corpus.shards import SHARD_BYTES, WAV_HEADER_BYTES
from avts.corpus.store import WHOLE_CLIP_BYTES
from avts.media.writer import GOP_FRAMES
from avts.timebase import FRAME_RATE, SAMPLE_RATE

TEXT = (Path(__file__).parents[2] / "docs" / "corpus-format.md").read_text(encoding="utf-8")
TYPES = {"string": "string", "double": "double", "int32": "int32", "int64": "int64"}


def rows_of(title: str) -> list[list[str]]:
    section = re.split(r"^## ", TEXT, flags=re.MULTILINE)
    lines = next(part for part in section if part.startswith(title)).splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| `")]


def test_the_columns_are_the_manifests_in_order_with_their_types() -> None:
    documented = []
    for name, kind, _ in rows_of("manifest.parquet"):
        plain = kind.removesuffix(", may be null")
        is_list = plain.startswith("list of ")
        inner = TYPES[plain.removeprefix("list of ")]
        documented.append((name.strip("`"), f"list<element: {inner}>" if is_list else inner, kind.endswith("null")))
    schema = [(f.name, str(f.type).replace("list<item: ", "list<element: "), f.nullable) for f in SCHEMA]
    assert documented == schema


def test_the_settings_are_those_of_corpus_json() -> None:
    documented = {name.strip("`"): meaning.strip("`") for name, meaning in rows_of("corpus.json")}
    settings = settings_of(128)
    assert set(documented) == set(settings)
    for name in ("format", "format_version", "frames_per_second", "sample_rate"):
        assert documented[name] == str(settings[name])


def test_numbers_in_the_text_are_the_codes() -> None:
    assert TEXT.splitlines()[0] == f"# The corpus format, version {FORMAT_VERSION}"
    assert f"`{FORMAT}`" in TEXT
    assert f"{WAV_HEADER_BYTES} bytes of header" in TEXT
    assert f"a key frame every {GOP_FRAMES}" in TEXT
    assert f"{FRAME_RATE} frames a second" in TEXT
    assert f"{SAMPLE_RATE:,} samples a second" in TEXT
    assert f"reached {SHARD_BYTES // 2**20} MB" in TEXT
    assert f"up to {WHOLE_CLIP_BYTES // 2**20} MiB" in TEXT
    assert f"versions {' and '.join(map(str, READABLE_VERSIONS))}" in TEXT
