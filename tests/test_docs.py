"""README and docs: every command parses, the quick ones run on small data, the Python runs, links lead somewhere."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import click
import pytest
import torch

import avts
from avts.cli import COMMANDS, group, main
from avts.corpus.ingest import ingest
from avts.model.checkpoint import build_model, save_model
from avts.world import write_world
from fixtures_features import tone, write_wav
from fixtures_scripts import script_module
from fixtures_training import tiny_recipe

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)

AWAITED: set[str] = set()
"""Commands whose pages are written ahead of them; they are checked as soon as the program has them."""

QUICK = ("doctor", "embed", "ingest", "model", "probe", "repair", "retrieve", "sync")
"""Commands that are run, not only parsed. The others train, serve a page, or take longer than a test should."""

NOT_RUN = ("--from-scratch", "--jobs", "ESC10", "ESC50", "compare", "--half", "--stage", "--pooling", "--seed", "KEY",
           "s3://bucket/corpus", "http://store:8000/corpus", "ray")  # fmt: skip
"""What is only parsed: training, data and machines that are not here, and more of what another line runs already."""

STATUSES = {"sync": (0, 3, 4), "repair": (0, 3), "doctor": (0, 3)}
"""Exit statuses that a command of the documentation may end with on the small data; 0 if not named."""


@dataclass(frozen=True)
class Line:
    """One line of a shell block."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {' '.join(self.words)}"


def text_of(page: Path) -> str:
    """The text of a page without comments; of a notebook, that of its Markdown cells."""
    text = page.read_text(encoding="utf-8")
    if page.suffix == ".ipynb":
        cells = json.loads(text)["cells"]
        text = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown") + "\n"
    return COMMENT.sub("", text)


def blocks(page: Path, *languages: str) -> list[str]:
    return [body for language, body in FENCE.findall(text_of(page)) if language in languages]


def shell_lines(page: Path) -> list[Line]:
    name = str(page.relative_to(ROOT))
    every = [shlex.split(line, comments=True) for block in blocks(page, "sh") for line in block.splitlines()]
    return [Line(name, tuple(words)) for words in every if words]


def named_inline(page: Path) -> list[Line]:
    """Commands within sentences and tables, which may hold placeholders and be cut short."""
    text = FENCE.sub("", text_of(page))
    found = [words.replace("\n", " ").replace("'", "") for words in re.findall(r"`(avts [a-z][^`]*)`", text)]
    return [Line(str(page.relative_to(ROOT)), tuple(words.split())) for words in found]


LINES = list(dict.fromkeys(line for page in [*PAGES, *NOTEBOOKS] for line in shell_lines(page)))
AVTS_LINES = [line for line in LINES if line.words[0] == "avts"]
INLINE = list(dict.fromkeys(line for page in [*PAGES, *NOTEBOOKS] for line in named_inline(page)))


def skip_if_awaited(line: Line) -> None:
    if any(word in AWAITED and word not in COMMANDS for word in line.words[1:2]):
        pytest.skip(f"avts {line.words[1]} is not there yet")


def command_of(words: tuple[str, ...]) -> tuple[click.Command, tuple[str, ...]]:
    """The command that words call, and the words left for it."""
    if words[1:3] == ("eval", "clips"):  # a command of its own behind the name of another
        from avts.cli import clips

        return clips.command, words[3:]
    command: click.Command = group
    rest = words[1:]
    context = click.Context(group)
    while isinstance(command, click.Group) and rest:
        inner = command.get_command(context, rest[0])
        assert inner is not None, f"avts has no command {' '.join(words)}"
        command, rest = inner, rest[1:]
    return command, rest


@pytest.mark.parametrize("line", AVTS_LINES, ids=str)
def test_every_command_of_the_documentation_parses(line: Line, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skip_if_awaited(line)
    monkeypatch.chdir(place)
    command, rest = command_of(line.words)
    command.make_context(" ".join(line.words), list(rest))


@pytest.mark.parametrize("line", INLINE, ids=str)
def test_every_option_named_in_a_sentence_exists(line: Line) -> None:
    skip_if_awaited(line)
    command, _ = command_of(tuple(word for word in line.words if word[:1].islower() or word.startswith("--")))
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    asked = {word.partition("=")[0].strip("[]") for word in line.words if word.startswith(("--", "[--"))}
    assert asked <= known


@pytest.mark.parametrize("line", [line for line in LINES if line.words[0] != "avts"], ids=str)
def test_other_lines_call_what_is_there(line: Line) -> None:
    words = line.words
    if words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert words[1] in targets
    elif words[:2] == ("python", "-m"):
        if not (ROOT / words[2]).is_dir():
            pytest.skip(f"{words[2]}/ is not there yet")
        said = subprocess.run(
            [sys.executable, "-m", *words[2:4], "--help"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert all(word in said.stdout for word in words if word.startswith("--"))
    elif words[0] == "python":
        assert (ROOT / words[1]).is_file()
    else:
        assert words in {(".", ".venv/bin/activate"), ("pip", "install", ".")}


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the documentation names: films, a corpus, a run, sounds by class, recipes."""
    folder = tmp_path_factory.mktemp("docs")
    for index, (split, count) in enumerate({"train": 2, "test": 1}.items()):
        out, kinds = folder / "videos" / split, ["hammer", "clap", "drumstick"]
        write_world(out, videos=count, seed=40 + index, size=64, seconds=3.0, kinds=kinds, workers=1)
    write_world(folder / "made", videos=1, seed=9, size=64, seconds=5.0, kinds=["drumstick"], max_shift_seconds=0.5)
    talk = next((folder / "made").glob("*.mp4"))
    for name in ("talk.mp4", "film.mkv", "videos/talk.mp4"):
        shutil.copy(talk, folder / name)
    shutil.rmtree(folder / "made")
    ingest(folder / "videos", folder / "corpus", workers=1)
    shutil.copytree(folder / "corpus", folder / "labelled")
    for hertz in (300, 1200):
        for seed in range(6):
            write_wav(folder / "sounds" / f"tone{hertz}" / f"{seed}.wav", tone(hertz, 2.0, seed))
    torch.manual_seed(0)
    recipe = tiny_recipe()
    save_model(folder / "runs" / "mine", build_model(recipe.model), recipe, {"step": 0})
    (folder / "recipes").symlink_to(ROOT / "recipes")
    for name in ("box.jsonl", "random.jsonl", "mfcc.jsonl"):
        (folder / name).touch()
    return folder


def by_page(lines: list[Line]) -> list[list[Line]]:
    """The lines of each page; what another page shows too is run once."""
    once: dict[tuple[str, ...], Line] = {}
    for line in lines:
        once.setdefault(line.words, line)  # at its first place, or a page would run it after what needs it
    pages = dict.fromkeys(line.page for line in lines)
    found = [[line for line in once.values() if line.page == page] for page in pages]
    return [each for each in found if each]


def is_run(line: Line) -> bool:
    of_a_run = line.words[1] in ("embed", "retrieve", "show") and "runs/mine" in line.words
    return line.words[1] in QUICK and not of_a_run and not set(NOT_RUN) & set(line.words)


RUN = [line for line in AVTS_LINES if is_run(line)]


def test_each_quick_command_has_a_line_that_is_run() -> None:
    assert {line.words[1] for line in RUN} == set(QUICK)


@pytest.mark.parametrize("lines", by_page(RUN), ids=lambda lines: lines[0].page)
def test_the_commands_of_a_page_run_one_after_the_other(
    lines: list[Line], place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(place, tmp_path / "here", symlinks=True)
    monkeypatch.chdir(tmp_path / "here")
    for line in lines:
        name = line.words[1]
        if name in AWAITED and name not in COMMANDS:
            continue
        with pytest.raises(SystemExit) as stopped:
            main(line.words[1:])
        assert int(stopped.value.code or 0) in STATUSES.get(name, (0,)), line


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name)
def test_the_python_of_a_page_runs_from_top_to_bottom(
    page: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(place, tmp_path / "here", symlinks=True)
    monkeypatch.chdir(tmp_path / "here")
    if page.name == "features.md":
        with pytest.raises(SystemExit):
            main(["embed", "talk.mp4", "--out", "features.parquet"])
    names: dict[str, object] = {"__name__": page.stem}
    for block in blocks(page, "python"):
        if any(f"avts.{name}(" in block and not hasattr(avts, name) for name in AWAITED):
            continue
        exec(compile(block, str(page), "exec"), names)


def test_the_readme_is_read_in_three_minutes() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_links_of_the_readme_lead_to_files() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)]+)\)", text) + re.findall(r'src="([^"]+)"', text)
    assert len(targets) > 10
    gone = [target for target in targets if not (ROOT / target.partition("#")[0]).exists()]
    assert not gone


def test_the_citation_names_this_version_and_the_paper() -> None:
    import yaml

    found = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert found["version"] == avts.__version__
    assert {"cff-version", "message", "title", "authors"} <= set(found)
    assert [author["family-names"] for author in found["references"][0]["authors"]] == ["Korbar", "Tran", "Torresani"]


@pytest.fixture(scope="session")
def docs_site() -> ModuleType:
    """What MkDocs runs while it builds the site."""
    return script_module("docs_site")


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://elsewhere.org/a.js"></script>',
        "<img alt='' src=//elsewhere.org/a.png>",
        '<link rel="stylesheet" href="https://elsewhere.org/a.css">',
        '<link href="https://elsewhere.org" rel="preconnect">',
    ],
)
def test_a_page_that_loads_from_elsewhere_is_refused(docs_site: ModuleType, html: str) -> None:
    with pytest.raises(Exception, match=r"page\.md: loads from elsewhere: .*elsewhere\.org"):
        docs_site.refuse_what_is_fetched(f"<p>{html}</p>", "page.md")


def test_a_page_may_link_elsewhere_and_load_its_own_files(docs_site: ModuleType) -> None:
    html = '<a href="https://elsewhere.org">x</a><script src="a.js"></script><link rel="stylesheet" href="a.css">'
    docs_site.refuse_what_is_fetched(html, "page.md")


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_every_cell_of_a_notebook_is_on_its_page(docs_site: ModuleType, notebook: Path) -> None:
    shown = docs_site.on_page_markdown(notebook.with_suffix(".md").read_text(encoding="utf-8"))
    places = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        text = "".join(cell["source"])
        places.append(shown.index(f"```python\n{text}\n```" if cell["cell_type"] == "code" else text))
    assert places == sorted(places)
    assert notebook.with_suffix(".md").relative_to(ROOT / "docs").as_posix() in (ROOT / "mkdocs.yml").read_text()


def test_the_command_page_has_every_command_and_its_options(docs_site: ModuleType) -> None:
    text = docs_site.commands_text()
    assert [name for name in COMMANDS if f"## avts {name}\n" not in text] == []
    assert "### avts probe compare" in text
    assert "--max-early" in text


def test_the_recipe_page_has_every_key_with_its_default(docs_site: ModuleType) -> None:
    text = docs_site.settings_text()
    assert "## [[curriculum]]" in text
    assert (
        "| `margin` | number, more than 0, at most 2 | `0.99` | distance beyond which a negative has no loss |" in text
    )
    assert '| `video` | `"mc2"`, `"mc3"`' in text
    assert text.count("\n| `") == sum(len(_table(field).model_fields) for field in _recipe_fields())


def _recipe_fields() -> list[object]:
    from avts.settings import Recipe

    return list(Recipe.model_fields.values())


def _table(field: object) -> type:
    from typing import get_args

    return next(iter(get_args(field.annotation)), field.annotation)


def test_an_equation_becomes_a_picture_that_needs_no_script(docs_site: ModuleType) -> None:
    page = docs_site.on_page_markdown("before\n\n```math\n\\dfrac{a}{b}\n```\n\nafter")
    assert page.startswith("before")
    assert page.endswith("after")
    assert '<svg role="img" aria-label="\\dfrac{a}{b}"' in page
    assert "```" not in page
    assert "<script" not in page
