"""What a user may name as the place of a corpus."""

from pathlib import Path

import pytest

from avts.corpus.corpus import Corpus
from avts.corpus.place import place_of
from avts.corpus.target import target_of
from avts.errors import UsageError


@pytest.mark.parametrize(
    ("named", "place"),
    [
        ("corpus", Path("corpus")),
        ("a/b:c", Path("a/b:c")),
        (Path("/a/corpus"), Path("/a/corpus")),
        ("file:///a/corpus", Path("/a/corpus")),
        ("http://host:8000/corpus/", "http://host:8000/corpus"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("s3://bucket/corpus", "s3://bucket/corpus"),
        ("simplecache::s3://bucket/corpus", "simplecache::s3://bucket/corpus"),
        ("slow:///a/corpus", "slow:///a/corpus"),
    ],
)
def test_a_place_is_a_path_or_a_url(named: Path | str, place: Path | str) -> None:
    assert place_of(named) == place
    assert place_of(place) == place


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("http:/host/corpus", r"^http:/host/corpus: neither a folder nor a URL\. Give http://host/corpus, as text\.$"),
        (Path("s3://bucket/x"), r"^s3:/bucket/x: neither a folder nor a URL\. Give s3://bucket/x, as text\.$"),
        ("host:8000/corpus", r"^host:8000/corpus: neither .* begins with its protocol: http://host:8000/corpus\.$"),
        ("http://", r"^http://: a URL without a place\. Give one such as http://HOST/FOLDER\.$"),
    ],
)
def test_what_is_neither_is_told_how_to_write_it(named: Path | str, message: str) -> None:
    for use in (place_of, Corpus.open, target_of):
        with pytest.raises(UsageError, match=message):
            use(named)


def test_a_folder_that_looks_like_a_url_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("http:/host").mkdir(parents=True)
    Path("host:80").mkdir()
    assert (place_of("http:/host"), place_of("host:80")) == (Path("http:/host"), Path("host:80"))
