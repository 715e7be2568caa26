"""What comes from outside (names, tags, lists, checkpoints, playlists) neither runs nor is written anywhere else."""

import csv
import io
import os
import pickle
import socket
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from avts.corpus.corpus import Corpus
from avts.corpus.ingest import ingest
from avts.corpus.listing import ListSource
from avts.errors import CheckpointError, MediaError
from avts.jobs.refusal import Refusal, write_refusals
from avts.media.standard import read_standard
from avts.model.checkpoint import build_model, save_model
from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import estimate
from avts.offset.measure import result_of
from avts.offset.repair import repair
from avts.report.page import html_page, table
from avts.report.sync_page import sync_page
from avts.report.sync_text import CSV_COLUMNS, csv_row, failure_record, result_record, sync_line
from avts.training.checkpoints import load_state, save_state
from fixtures_training import tiny_recipe

SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'.mp4"


def everything_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def made_scan() -> OffsetScan:
    offsets = np.arange(-24, 25) / 24
    row = (0.6 - 0.3 * np.exp(-0.5 * ((offsets - 0.25) / 0.1) ** 2)).astype(np.float32)
    return OffsetScan(np.arange(0, 5, 0.25), offsets, np.tile(row, (20, 1)), 1.0)


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_the_csv_is_a_formula(sign: str) -> None:
    name = f'{sign}HYPERLINK("http://x","y").mp4'
    scan = made_scan()
    rows = [csv_row(failure_record(Path(name), MediaError(f"{name}: no audio stream.")), None)]
    rows.append(csv_row(result_record(Path(name), result_of(name, scan, estimate(scan))), None))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, CSV_COLUMNS)
    writer.writerows(rows)
    cells = [cell for line in csv.reader(io.StringIO(text.getvalue(), newline="")) for cell in line]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t", "\r", "-HYPERLINK"))]
    assert Path(rows[0]["file"]) == Path(name)


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_the_refused_files_is_a_formula(tmp_path: Path, sign: str) -> None:
    name = f'{sign}HYPERLINK("http://x","y").mp4'
    write_refusals(tmp_path / "refused.csv", [Refusal(name, "no_audio", f"{name}: no audio stream.")])
    with (tmp_path / "refused.csv").open(newline="") as file:
        header, (source, reason, message) = csv.reader(file)
    assert header == ["source", "reason", "message"]
    assert Path(source) == Path(name)
    assert (source, reason, message) == (f"./{name}", "no_audio", f"'{name}: no audio stream.")


def test_a_negative_number_in_the_csv_stays_a_number() -> None:
    row = csv_row({"file": "a.mp4", "offset_seconds": -0.25}, None)
    assert row["offset_seconds"] == -0.25


class Tags(HTMLParser):
    """The elements of a page and the names of their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: set[str] = set()
        self.handlers: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


def test_names_and_reasons_make_no_element_of_a_page() -> None:
    scan = made_scan()
    records = [
        failure_record(Path(SCRIPT), MediaError(f"{SCRIPT}: {SCRIPT}")),
        {**result_record(Path(SCRIPT), result_of(SCRIPT, scan, estimate(scan))), "reason": SCRIPT},
    ]
    page = sync_page(records, ["<svg></svg>", "<svg></svg>"], [None, None])
    found = Tags(page)
    assert not found.elements & {"script", "img", "iframe", "object", "a", "link"}
    assert not found.handlers
    assert page.count("&lt;script&gt;") >= 4


def test_a_name_that_is_not_utf8_can_be_written_to_a_page_and_a_table() -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    html_page(name, [table(("file",), [(name,)])]).encode("utf-8")
    str(csv_row(failure_record(Path(name), MediaError(f"{name}: x")), None)["file"]).encode("utf-8")


def test_a_line_of_the_result_is_one_line_without_terminal_codes() -> None:
    scan = made_scan()
    name = "a\nb\x1b[2J\x07.mp4"
    line = sync_line(Path(name), result_of(name, scan, estimate(scan)))
    assert line.startswith("a\\nb\\x1b[2J\\x07.mp4: sound")
    assert line.isprintable()


def test_attached_names_and_tags_write_nothing_beside_the_target(films: Any, tmp_path: Path) -> None:
    """Attachments named '../../x' and tags with markup are copied as data."""
    source = films.write("plain.mkv", seconds=1.5, clicks_seconds=(0.4, 0.9), width=64, height=32)
    hostile = films.folder / "hostile.mkv"
    with av.open(str(source)) as container, av.open(str(hostile), "w") as output:
        output.metadata["title"] = SCRIPT
        copies = [output.add_stream_from_template(stream, opaque=True) for stream in container.streams]
        output.add_attachment("../../../escaped.ttf", "application/x-truetype-font", b"font" * 20)
        output.add_attachment("/tmp/escaped.ttf", "application/x-truetype-font", b"font" * 20)
        for packet in container.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                output.mux_one(packet)
    out = tmp_path / "out"
    out.mkdir()
    before = everything_below(tmp_path)
    repair(hostile, out / "repaired.mkv", offset_seconds=0.1)
    assert everything_below(tmp_path) == before | {"out/repaired.mkv"}
    with av.open(str(out / "repaired.mkv")) as container:
        assert container.metadata["title"] == SCRIPT
    assert ingest(films.folder, tmp_path / "corpus", short_side=32, workers=1).taken == 2
    assert {name.split("/")[0] for name in everything_below(tmp_path)} == {"out", "films", "corpus"}
    assert not Path("/tmp/escaped.ttf").exists()


def test_paths_of_a_list_are_only_read(films: Any, tmp_path: Path) -> None:
    """Absolute ones, ones that go up, and URLs."""
    small = {"seconds": 1.5, "width": 64, "height": 32, "audio_codec": "aac"}
    names = ["../films/a.mp4", str(films.folder / "b.mp4"), f"file://{films.folder / 'c.mp4'}"]
    for index, name in enumerate("abc"):
        films.write(f"{name}.mp4", clicks_seconds=(0.3 + index / 10,), **small)
    (tmp_path / "list").mkdir()
    table = tmp_path / "list" / "films.csv"
    table.write_text("path\n" + "\n".join(names) + "\n", encoding="utf-8")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    summary = ingest(ListSource(table), tmp_path / "corpus", short_side=32, workers=1)
    assert summary.taken == 3
    after = {path for path in tmp_path.rglob("*") if path.is_file() and tmp_path / "corpus" not in path.parents}
    assert after == before.keys()
    assert all(path.read_bytes() == content for path, content in before.items())
    assert all(set(clip.key) & set("/\\.") == set() for clip in Corpus.open(tmp_path / "corpus").clips)


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.safetensors", "optimizer.json", "model.json"])
def test_no_file_of_a_checkpoint_is_unpickled(tmp_path: Path, name: str) -> None:
    class Payload:
        def __reduce__(self) -> tuple[Any, ...]:
            return (tmp_path.joinpath("unpickled").mkdir, ())

    recipe = tiny_recipe()
    model = build_model(recipe.model)
    optimizer = torch.optim.AdamW(model.parameters())
    save_state(tmp_path / "run", model, optimizer, recipe, {"step": 1}, keep=1)
    save_model(tmp_path / "run", model, recipe, {"step": 1})
    (tmp_path / "run" / "checkpoints" / "step-000001" / name).write_bytes(pickle.dumps(Payload()))
    with pytest.raises(CheckpointError):
        load_state(tmp_path / "run", model, optimizer, recipe)
    assert not (tmp_path / "unpickled").exists()


PLAYLISTS = {
    "hls.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n",
    "hls.m3u8.mkv": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{film}\n#EXT-X-ENDLIST\n",
    "concat.mp4": "ffconcat version 1.0\nfile http://127.0.0.1:{port}/a.mp4\n",
    "concat.mkv": "ffconcat version 1.0\nfile {film}\n",
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_a_playlist_under_the_name_of_a_film_opens_nothing(films: Any, tmp_path: Path, name: str) -> None:
    film = films.write("private.ts", seconds=1.5, clicks_seconds=(0.4, 0.9), width=64, height=32)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        port = listener.getsockname()[1]
        path = tmp_path / name
        path.write_text(PLAYLISTS[name].format(port=port, film=film), encoding="utf-8")
        with pytest.raises(MediaError):
            read_standard(path)
        with pytest.raises(MediaError):
            repair(path, tmp_path / "repaired.mkv", offset_seconds=0.1)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert not (tmp_path / "repaired.mkv").exists()
