import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from avts.corpus.corpus import Corpus
from avts.corpus.ingest import ingest
from avts.corpus.item import Member
from avts.corpus.tars import TarSource
from avts.errors import CorpusError, UsageError


def pack(path: Path, members: list[tuple[str, bytes]], mode: str = "w") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def about(**fields: Any) -> bytes:
    return json.dumps(fields).encode()


def test_shards_of_video2dataset(tmp_path: Path) -> None:
    """As it writes them: consecutive KEY.json, KEY.mp4, KEY.txt; clips of one video have its URL."""
    members = []
    for key in ("0000000_00000", "0000000_00001", "0000001"):
        url = f"https://videos.example/{key[:7]}"
        members += [(f"{key}.json", about(key=key, url=url, caption="a dog", status="success"))]
        members += [(f"{key}.mp4", key.encode()), (f"{key}.txt", b"a dog")]
    pack(tmp_path / "train" / "00000.tar", members)
    pack(tmp_path / "val" / "00001.tar", [("0000009.mp4", b"x")])
    (tmp_path / "train" / "00000.parquet").write_bytes(b"")
    (tmp_path / "train" / "00000_stats.json").write_text("{}")
    items = list(TarSource(tmp_path).items())
    assert [(item.source, item.split, item.labels) for item in items] == [
        ("train/00000.tar/0000000_00000.mp4", "train", ()),
        ("train/00000.tar/0000000_00001.mp4", "train", ()),
        ("train/00000.tar/0000001.mp4", "train", ()),
        ("val/00001.tar/0000009.mp4", "validation", ()),
    ]
    assert [item.group for item in items[:3]] == [
        f"https://videos.example/{n}" for n in ("0000000",) * 2 + ("0000001",)
    ]
    member = items[1].media
    assert isinstance(member, Member)
    with (tmp_path / "train" / "00000.tar").open("rb") as tar:
        tar.seek(member.offset)
        assert tar.read(member.size) == b"0000000_00001"


def test_labels_of_webdataset_shards(tmp_path: Path) -> None:
    members = [("a.mp4", b"a"), ("a.cls", b"7"), ("b.json", about(label="dog")), ("b.mp4", b"b")]
    members += [("c.json", about(labels=["x", "y"])), ("c.webm", b"c"), ("d.json", b"{torn"), ("d.mp4", b"d")]
    items = list(TarSource(pack(tmp_path / "s.tar", members)).items())
    assert [item.labels for item in items] == [("7",), ("dog",), ("x", "y"), ()]


@pytest.mark.parametrize("glob", ["*.tar", "shard-1.tar"])
def test_tars_at_urls(tmp_path: Path, glob: str) -> None:
    for index in range(2):
        pack(tmp_path / f"shard-{index}.tar", [("a.mp4", b"a")])
    items = list(TarSource(f"local://{tmp_path}/{glob}").items())
    assert [item.source for item in items] == [f"shard-{i}.tar/a.mp4" for i in range(2)][-len(items) :]
    assert len(items) == (2 if "*" in glob else 1)


def test_what_is_no_tar(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"gone.tar: no such tar"):
        TarSource(tmp_path / "gone.tar")
    (tmp_path / "set").mkdir()
    with pytest.raises(UsageError, match=r"set: no tar file found"):
        TarSource(tmp_path / "set")
    with pytest.raises(UsageError, match=r"a.tar.gz: a compressed tar has no random access"):
        TarSource(pack(tmp_path / "a.tar.gz", [("a.mp4", b"a")], "w:gz"))


HOSTILE = [
    "../../escaped.mp4",
    "/absolute.mp4",
    "..\\..\\windows.mp4",
    "C:\\drive.mp4",
    "new\nline,\x1b[31mred.mp4",
    "x" * 300 + "/" + "y" * 3000 + ".mp4",
    "Case.mp4",
    "case.mp4",
    "twice.mp4",
    "twice.mp4",
    "nul\u0000byte.mp4".replace("\u0000", "%00"),
    "shard-000000.tar.mp4",
    "日本.mp4",
    "CON.mp4",
    "corpus.json/.hidden.mp4",
]


def test_hostile_names_write_nothing_outside_the_corpus(tmp_path: Path, small_films: dict[str, bytes]) -> None:
    members = [(name, small_films["both"] + b"\0\0\0\x10free" + bytes([n] * 8)) for n, name in enumerate(HOSTILE)]
    tar = pack(tmp_path / "in" / "hostile.tar", members)
    with tarfile.open(tar, "a") as appended:  # neither is a file
        for kind, name in ((tarfile.SYMTYPE, "link.mp4"), (tarfile.FIFOTYPE, "pipe.mp4")):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            appended.addfile(member)
    before = sorted(path for path in tmp_path.rglob("*"))
    summary = ingest(tar, tmp_path / "corpus", short_side=16, workers=2)
    after = sorted(path for path in tmp_path.rglob("*") if tmp_path / "corpus" not in (path, *path.parents))
    assert after == before
    clips = Corpus.open(tmp_path / "corpus").clips
    assert summary.taken == len(HOSTILE) - 1
    assert [(refusal.reason, refusal.message) for refusal in summary.refused] == [
        ("duplicate", "hostile.tar/twice.mp4: listed more than once. Taken once.")
    ]
    keys = [clip.key.lower() for clip in clips]
    assert len(set(keys)) == len(keys)
    assert all(len(clip.key) <= 80 and clip.key.isascii() and set(clip.key) & set("./\\\n") == set() for clip in clips)
    assert sorted(path.name for path in (tmp_path / "corpus").iterdir()) == sorted(
        ["refused.csv", "shard-000000.tar", "corpus.json", "ingest.journal.jsonl", "manifest.parquet"]
    )
    assert not (tmp_path.parent / "escaped.mp4").exists()


def test_a_broken_tar_and_a_cut_one_cost_themselves(tmp_path: Path, put: Callable[..., Path]) -> None:
    films = [put(tmp_path / f"{n}.mp4").read_bytes() for n in range(3)]
    pack(tmp_path / "in" / "good.tar", [("a.mp4", films[0])])
    (tmp_path / "in" / "noise.tar").write_bytes(os.urandom(5000))
    cut = pack(tmp_path / "in" / "cut.tar", [("b.mp4", films[1]), ("c.mp4", films[2])])
    cut.write_bytes(cut.read_bytes()[: 512 + len(films[1]) + 2000])
    summary = ingest(tmp_path / "in", tmp_path / "corpus", short_side=16, workers=2)
    assert [clip.source for clip in Corpus.open(tmp_path / "corpus").clips] == ["cut.tar/b.mp4", "good.tar/a.mp4"]
    assert {refusal.source: refusal.reason for refusal in summary.refused} == {
        "cut.tar": "unreadable", "cut.tar/c.mp4": "fetch", "noise.tar": "unreadable"
    }  # fmt: skip
    messages = {refusal.source: refusal.message for refusal in summary.refused}
    assert messages["cut.tar/c.mp4"].startswith("c.mp4: its tar is truncated, ")
