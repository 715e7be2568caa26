"""Fixtures shared with other rooms."""

import pytest

from avts.cli.sync_processes import HERE
from fixtures_http import serve
from fixtures_sync import made_model, repaired
from fixtures_training import one_thread, small_corpus

__all__ = ["made_model", "one_thread", "repaired", "serve", "small_corpus"]


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are answered in the tests' own process, where stand-ins are; test_sync_processes holds the others."""
    monkeypatch.setenv(HERE, "1")
