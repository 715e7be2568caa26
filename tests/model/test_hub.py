"""Models to and from a hub: a stand-in for it on this machine, which keeps commits and serves files."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

import avts
from avts.errors import CheckpointError, UsageError
from avts.model import extras
from avts.model.checkpoint import build_model, load_model, save_model
from avts.model.hub import from_pretrained, model_card, push_to_hub, save_pretrained
from avts.offset.model import SHIPPED
from avts.settings import Recipe, recipe_from


def small_recipe(picture_input: str = "change", *, loss: str = "contrastive", **changes: Any) -> Recipe:
    model: dict[str, Any] = {"video_width": 4, "audio_width": 8, "frame_size": 32, "hidden": 16, "embedding": 8}
    model |= {"picture_input": picture_input, "head": "temporal", **changes}
    curriculum = [{"name": "easy", "epochs": 3}, {"name": "hard", "epochs": 2, "easy": 0.75, "hard": 0.25}]
    values = {"model": model, "pairs": {"clip_seconds": 0.5}, "loss": {"name": loss}, "curriculum": curriculum}
    return recipe_from(values, name="test")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    torch.manual_seed(5)
    save_model(tmp_path / "run", build_model(small_recipe().model), small_recipe(), {"step": 1234})
    return tmp_path / "run"


class StandIn(BaseHTTPRequestHandler):
    """The little of a hub that one repository needs."""

    files: dict[str, bytes]
    made: list[dict[str, Any]]
    commits: list[str]
    revisions: list[str]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/api/repos/create":
            self.made.append(json.loads(body))
            self._json({"url": "http://127.0.0.1/someone/model", "name": "someone/model"})
        elif "/preupload/" in self.path:
            asked = json.loads(body)["files"]
            self._json({"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in asked]})
        elif "/commit/" in self.path:
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "header":
                    self.commits.append(line["value"]["summary"])
                else:
                    self.files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self._json({"commitUrl": "http://127.0.0.1/someone/model/commit/abc", "commitOid": "a" * 40})
        else:
            self._json({})

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        if match := re.match(r"/someone/model/resolve/[^/]+/(.+)", self.path):
            content = self.files[match[1]]
            etag = hashlib.sha1(content).hexdigest()
            self._reply(content, {"ETag": f'"{etag}"', "X-Repo-Commit": "a" * 40})
        elif match := re.match(r"/api/models/someone/model(?:/revision/([^?]+))?", self.path):
            self.revisions.append(match[1])
            siblings = [{"rfilename": name, "size": len(content)} for name, content in self.files.items()]
            if "/tree/" in self.path:
                tree = [{"type": "file", "path": n, "size": len(c), "oid": "b" * 40} for n, c in self.files.items()]
                self._json(tree)
            else:
                self._json({"id": "someone/model", "sha": "a" * 40, "siblings": siblings, "private": False})
        else:
            self._reply(b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"}, status=404)

    def _json(self, value: Any) -> None:
        self._reply(json.dumps(value).encode(), {"Content-Type": "application/json"})

    def _reply(self, content: bytes, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[StandIn]]:
    constants = pytest.importorskip("huggingface_hub.constants")
    kept = type("Kept", (StandIn,), {"files": {}, "made": [], "commits": [], "revisions": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), kept)
    server.daemon_threads = True
    address = f"http://127.0.0.1:{server.server_port}"
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("HF_TOKEN", "hf_made_up")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield kept
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_model_pushed_is_the_model_that_comes_back(run: Path, hub: type[StandIn]) -> None:
    address = push_to_hub(run, "someone/model", private=True, message="First words")
    assert address == "http://127.0.0.1/someone/model/commit/abc"
    assert hub.made == [{"name": "model", "organization": "someone", "visibility": "private"}]
    assert hub.commits == ["First words"]
    assert sorted(hub.files) == ["README.md", "model.json", "model.safetensors"]
    again = from_pretrained("someone/model", revision="v1").state_dict()
    assert "v1" in hub.revisions
    wanted = load_model(run).state_dict()
    assert again.keys() == wanted.keys()
    assert all(torch.equal(again[name], tensor) for name, tensor in wanted.items())


def test_the_model_in_the_box_is_known_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = from_pretrained("box")
    assert model.header is not None
    found, wanted = model.state_dict(), load_model(SHIPPED).state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in wanted.items())
    with pytest.raises(UsageError, match="revision 'v1' was asked for, but this is a folder here"):
        from_pretrained("box", revision="v1")


def test_a_model_in_memory_is_pushed_with_the_weights_it_has_now(run: Path, hub: type[StandIn]) -> None:
    model = from_pretrained(run)
    with torch.no_grad():
        model.fc6[0].bias.fill_(0.25)
    assert push_to_hub(model, "someone/model", license="mit") == "http://127.0.0.1/someone/model/commit/abc"
    again = from_pretrained("someone/model")
    assert (again.fc6[0].bias == 0.25).all()
    assert again.header == (small_recipe(), {"step": 1234})
    assert b"license: mit\n" in hub.files["README.md"]


def test_load_fetches_a_repository_by_its_name(run: Path, hub: type[StandIn]) -> None:
    push_to_hub(run, "someone/model")
    loaded = avts.load("someone/model", revision="v1")
    assert loaded.name == "someone/model"
    assert "v1" in hub.revisions
    assert torch.equal(loaded.network.fc6[0].weight, load_model(run).fc6[0].weight)


def test_a_revision_without_a_repository_is_refused() -> None:
    with pytest.raises(UsageError, match=r"^revision 'v1' was asked for, but no repository"):
        avts.load(revision="v1")


def test_a_model_saved_is_the_model_loaded(run: Path, tmp_path: Path) -> None:
    save_pretrained(from_pretrained(run), tmp_path / "copy")
    for name in ("model.safetensors", "model.json"):
        assert (tmp_path / "copy" / name).read_bytes() == (run / name).read_bytes()


def test_a_model_that_was_not_loaded_has_no_recipe_to_save(hub: type[StandIn]) -> None:
    model = build_model(small_recipe().model)
    with pytest.raises(UsageError, match=r"^a model is saved with the recipe it was trained with; this one was not lo"):
        push_to_hub(model, "someone/model")
    assert not hub.made


def test_a_card_of_ones_own_wins(run: Path, hub: type[StandIn]) -> None:
    (run / "README.md").write_text("# My own words\n")
    push_to_hub(run, "someone/model")
    assert hub.files["README.md"] == b"# My own words\n"


def test_a_repository_that_is_not_there_or_holds_something_else(hub: type[StandIn]) -> None:
    with pytest.raises(
        CheckpointError, match=r"^no/body at v2: no such folder, and as a .+ not be fetched \(.+\). Check"
    ):
        from_pretrained("no/body", revision="v2")
    hub.files["README.md"] = b"nothing else"
    with pytest.raises(CheckpointError, match=r"^someone/model: an avts model was asked for, it has no model.safe"):
        from_pretrained("someone/model")


def test_a_hub_that_refuses_is_one_line(run: Path, hub: type[StandIn], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "do_POST", lambda self: self._reply(b'{"error": "no"}', {}, status=403))
    with pytest.raises(CheckpointError, match=r"^someone/model: could not be pushed to \(.*403.*\). Log in with"):
        push_to_hub(run, "someone/model")


def test_a_local_folder_needs_no_package(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(extras.PACKAGES, "hub", ("hub_that_is_not_there",))
    assert from_pretrained(run).frame_size == 32
    with pytest.raises(UsageError, match=r"run: revision 'v1' was asked for, but this is a folder here"):
        from_pretrained(run, revision="v1")
    message = r"needs hub_that_is_not_there, not installed here\. Install it, in .*: pip install -e '\.\[hub\]'"
    with pytest.raises(UsageError, match=f"fetching someone/model {message}"):
        from_pretrained("someone/model")
    with pytest.raises(UsageError, match=f"pushing to someone/model {message}"):
        push_to_hub(run, "someone/model")


@pytest.mark.parametrize("name", ["./missing", "a/b/c", "missing", "some one/model"])
def test_a_name_that_is_neither_folder_nor_repository(name: str, run: Path) -> None:
    with pytest.raises(UsageError, match=rf"^{re.escape(name)}: no such folder, and no repository's name"):
        from_pretrained(name)
    with pytest.raises(UsageError, match=rf"^repo_id '{re.escape(name)}' is no repository's name"):
        push_to_hub(run, name)


def test_a_broken_run_is_not_pushed(run: Path, hub: type[StandIn]) -> None:
    weights = run / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match=r"model.safetensors: not whole"):
        push_to_hub(run, "someone/model")
    assert not hub.made


def test_the_card_says_what_model_json_says(run: Path) -> None:
    card = model_card(run, "someone/model", license="apache-2.0")
    front = card.split("---\n")[1]
    assert front.startswith("library_name: avts\nlicense: apache-2.0\ntags:\n")
    assert "license" not in model_card(run, "someone/model").split("---\n")[1]
    assert "# model\n" in card
    assert 'avts.load("someone/model")' in card
    assert "model.embed_pictures(y)  # planes, uint8 [B, 12, H, W]" in card
    assert "| pictures | luminance and its change, 24 frames a second, 32 x 32 pixels |" in card
    assert "| curriculum | easy (3 epochs), hard (2 epochs) |" in card
    assert "| steps trained | 1234 |" in card
    assert json.loads(card.split("```json\n")[1].split("```")[0]) == json.loads(json.dumps(small_recipe().model_dump()))


def test_the_card_of_a_model_of_stills_says_so(tmp_path: Path) -> None:
    recipe = small_recipe("still", head="global")
    save_model(tmp_path, build_model(recipe.model), recipe, {"step": 1})
    card = model_card(tmp_path, "someone/model")
    assert "| pictures | colours of a window's middle frame, 24 frames a second, 32 x 32 pixels |" in card
    assert "model.embed_pictures(y, u, v)" in card


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        (small_recipe(), "An embedding has length 1; the distance of two is `sqrt(2 - 2 * dot) / 2`"),
        (small_recipe(unit_vectors=False), "keeps its own length; the distance of two is `norm(picture - sound)`"),
        (small_recipe(loss="bce", comparison="fused"), "`model.pair_distances(pictures, sounds)` is the probability"),
    ],
)
def test_the_card_says_how_embeddings_are_compared(tmp_path: Path, recipe: Recipe, sentence: str) -> None:
    save_model(tmp_path, build_model(recipe.model), recipe, {"step": 1})
    assert sentence in model_card(tmp_path, "someone/model")
