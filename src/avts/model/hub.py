"""Models on the Hugging Face hub. Input: a model, a run or a repository. Output: a repository, or a model.

A repository holds what a run holds, model.safetensors and model.json, and a model card. A local folder needs no extra.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from avts import __version__
from avts.errors import CheckpointError, UsageError
from avts.model.checkpoint import load_model, read_header, save_model
from avts.model.extras import need_extra
from avts.model.two_stream import TwoStream
from avts.timebase import FRAME_RATE, SAMPLE_RATE

if TYPE_CHECKING:
    from avts.settings import ModelSettings, Recipe

FILES = ("model.safetensors", "model.json")
"""What a model consists of; nothing else is fetched."""

REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*", re.ASCII)

CARD = """---
library_name: avts
{license}tags:
- audio-visual
- synchronization
- self-supervised
---

# {title}

Two towers, trained without labels to tell which sound goes with which picture, and when. Made with avts {version}.

```python
import avts

model = avts.load("{repo_id}").network
pictures = model.embed_pictures({planes})  # planes, uint8 [B, {frames}, H, W]
sounds = model.embed_sounds(samples)  # float32 [B, {samples}]
```

| | |
|---|---|
{rows}

{comparison}

{numbers}

<details><summary>The recipe that it was trained with</summary>

```json
{recipe}
```

</details>
"""

COMPARISONS = {
    "unit": "An embedding has length 1; the distance of two is `sqrt(2 - 2 * dot) / 2`, 0 where picture and sound fit.",
    "any": "An embedding keeps its own length; the distance of two is `norm(picture - sound)`, 0 where they fit.",
    "fused": "`model.pair_distances(pictures, sounds)` is the probability that they are not in sync, by a classifier.",
}

NO_NUMBERS = """What it was trained on, and how well it does, is for whoever trained it to say here:
`avts eval` and `avts eval clips` measure it."""


BOX_NAME, BOX = "box", Path(__file__).parents[1] / "weights"
"""The model in the box, as `from_pretrained` and `avts.load` know it, and where it is."""


def from_pretrained(name: str | Path, *, revision: str | None = None) -> TwoStream:
    """Load a trained model, ready to embed (evaluation mode).

    Args:
        name: as for `fetch`.
        revision: as for `fetch`.

    Raises:
        UsageError: as `fetch`.
        CheckpointError: the repository cannot be fetched, or holds no avts model.
    """
    return load_model(fetch(name, revision=revision))


def fetch(name: str | Path, *, revision: str | None = None) -> Path:
    """The local folder of a trained model; a repository's is downloaded, or taken from the cache.

    Args:
        name: a folder that 'avts train' made, or a repository such as 'someone/their-model'; or 'box', the
            model in the box. A folder that exists wins.
        revision: branch, tag or commit of the repository.

    Raises:
        UsageError: neither a folder nor the name of a repository, or huggingface_hub is not installed.
        CheckpointError: the repository cannot be fetched, or holds no model of ours.
    """
    folder = BOX if str(name) == BOX_NAME and not Path(name).is_dir() else Path(name)
    if folder.is_dir():
        if revision is not None:
            raise UsageError(f"{name}: revision '{revision}' was asked for, but this is a folder here. Leave it out.")
        return folder
    if not REPOSITORY.fullmatch(str(name)):
        raise UsageError(
            f"{name}: no such folder, and no repository's name. Give a folder, or a name like 'owner/model'."
        )
    need_extra("hub", f"fetching {name}")
    return _fetched(str(name), revision)


def save_pretrained(model: TwoStream, folder: Path) -> None:
    """Write a model that was loaded, with the weights it has now, where `from_pretrained` finds it.

    Args:
        model: from `from_pretrained` or `load_model`.
        folder: made if missing; a model in it is replaced.

    Raises:
        UsageError: the model was not loaded, so that nothing tells how it was trained.
    """
    if model.header is None:
        raise UsageError(
            "a model is saved with the recipe it was trained with; this one was not loaded from a run or a "
            "repository. Use avts.model.checkpoint.save_model, which takes a recipe"
        )
    recipe, progress = model.header
    save_model(folder, model, recipe, progress)


def push_to_hub(
    source: TwoStream | Path,
    repo_id: str,
    *,
    private: bool = False,
    license: str | None = None,
    revision: str | None = None,
    token: str | None = None,
    message: str | None = None,
) -> str:
    """Put a trained model into a repository of the hub, which is made if it does not exist, in one commit.

    Args:
        source: a model that was loaded, with the weights it has now; or the folder that 'avts train' made, where a
            README.md becomes the model card. Otherwise a card is written.
        repo_id: 'owner/model'.
        private: whether a new repository is private.
        license: of the model, as the hub names it, for the written card: 'apache-2.0'.
        revision: branch to commit to.
        token: the right to write; the one saved by 'hf auth login' if None.
        message: title of the commit.

    Returns:
        The address of the commit.

    Raises:
        UsageError: no such run, a model that was not loaded, a repository's name that cannot be one, or
            huggingface_hub is not installed.
        CheckpointError: the run holds no whole model, or the hub refused it.
    """
    if not REPOSITORY.fullmatch(repo_id):
        raise UsageError(f"repo_id '{repo_id}' is no repository's name. Give 'owner/model'.")
    need_extra("hub", f"pushing to {repo_id}")
    with TemporaryDirectory() as folder:
        if isinstance(source, TwoStream):
            save_pretrained(source, Path(folder))
        run = Path(folder) if isinstance(source, TwoStream) else source
        load_model(run)  # nothing broken is published
        return _pushed(run, repo_id, private=private, license=license, revision=revision, token=token, message=message)


def _pushed(
    run: Path,
    repo_id: str,
    *,
    private: bool,
    license: str | None,
    revision: str | None,
    token: str | None,
    message: str | None,
) -> str:
    """Push a run's files and its card in one commit; returns the commit's address."""
    own_card = run / "README.md"
    card = own_card.read_text(encoding="utf-8") if own_card.is_file() else model_card(run, repo_id, license=license)

    from huggingface_hub import CommitOperationAdd, HfApi

    api = HfApi(token=token, library_name="avts", library_version=__version__)
    contents: dict[str, Any] = {name: str(run / name) for name in FILES} | {"README.md": card.encode()}
    added = [CommitOperationAdd(path_in_repo=name, path_or_fileobj=content) for name, content in contents.items()]
    try:
        api.create_repo(repo_id, private=private, exist_ok=True)
        title = message or f"A model made with avts {__version__}"
        commit = api.create_commit(repo_id, added, commit_message=title, revision=revision)
    except (OSError, ValueError) as error:  # every error of huggingface_hub is one of them
        raise CheckpointError(
            f"{repo_id}: could not be pushed to ({_first_line(error)}). Log in with 'hf auth login' or give a token "
            "that may write there"
        ) from error
    return str(commit.commit_url)


def model_card(run: Path, repo_id: str, *, license: str | None = None) -> str:
    """A model card in Markdown, from what model.json says.

    Args:
        run: the folder that 'avts train' made.
        repo_id: the repository that it is for.
        license: as the hub names it; None leaves it open.
    """
    recipe, progress = read_header(run)
    seconds = recipe.pairs.clip_seconds
    return CARD.format(
        license=f"license: {license}\n" if license else "",
        title=repo_id.split("/")[-1],
        version=__version__,
        repo_id=repo_id,
        planes="y, u, v" if recipe.model.picture_input != "change" else "y",
        frames=round(seconds * FRAME_RATE),
        samples=round(seconds * SAMPLE_RATE),
        rows="\n".join(f"| {name} | {value} |" for name, value in _facts(recipe, progress).items()),
        comparison=COMPARISONS[_comparison(recipe.model)],
        numbers=NO_NUMBERS,
        recipe=json.dumps(recipe.model_dump(), indent=1),
    )


def _comparison(model: ModelSettings) -> str:
    if model.comparison == "fused":
        return "fused"
    return "unit" if model.unit_vectors else "any"


def _facts(recipe: Recipe, progress: dict[str, Any]) -> dict[str, str]:
    """What a reader of the card wants to know first."""
    model, seconds = recipe.model, recipe.pairs.clip_seconds
    inputs = {"rgb": "colours", "change": "luminance and its change", "still": "colours of a window's middle frame"}
    size = f"{model.frame_size} x {model.frame_size} pixels"
    stages = ", ".join(f"{stage.name} ({stage.length})" for stage in recipe.curriculum)
    return {
        "pictures": f"{inputs[model.picture_input]}, {FRAME_RATE} frames a second, {size}",
        "sound": f"{SAMPLE_RATE / 1000:g} kHz, mono, {model.filter_bands} filter bands",
        "window": f"{seconds:g} s",
        "towers": f"{model.video} of width {model.video_width}, and a VGG-like one of width {model.audio_width}",
        "embedding": f"{model.embedding} numbers, {model.head} head",
        "curriculum": stages,
        "steps trained": str(progress.get("step", "not recorded")),
    }


def _fetched(repo_id: str, revision: str | None) -> Path:
    """The local copy of a repository's model."""
    from huggingface_hub import HfApi

    at = f"{repo_id} at {revision}" if revision else repo_id
    try:
        api = HfApi(library_name="avts", library_version=__version__)
        folder = Path(str(api.snapshot_download(repo_id, revision=revision, allow_patterns=list(FILES))))
    except (OSError, ValueError) as error:  # every error of huggingface_hub is one of them
        raise CheckpointError(
            f"{at}: no such folder, and as a repository it could not be fetched ({_first_line(error)}). Check the name "
            "and the network"
        ) from error
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(f"{at}: an avts model was asked for, it has no {missing[0]}. Give one of push_to_hub's")
    return folder


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
