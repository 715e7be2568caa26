"""Fixtures shared with other rooms."""

from fixtures_training import one_thread, small_corpus

__all__ = ["one_thread", "small_corpus"]
