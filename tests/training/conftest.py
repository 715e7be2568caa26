"""Fixtures of the training room; some are shared with other rooms."""

from fixtures_http import serve
from fixtures_processes import pair
from fixtures_training import one_thread, small_corpus

__all__ = ["one_thread", "pair", "serve", "small_corpus"]
