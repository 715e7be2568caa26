"""Fixtures shared with other rooms."""

from fixtures_sync import made_model, repaired
from fixtures_training import one_thread, small_corpus

__all__ = ["made_model", "one_thread", "repaired", "small_corpus"]
