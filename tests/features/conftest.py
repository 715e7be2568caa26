"""Fixtures shared with other rooms."""

from fixtures_features import tiny_model, tiny_run, write_film, write_sound
from fixtures_training import one_thread, small_corpus

__all__ = ["one_thread", "small_corpus", "tiny_model", "tiny_run", "write_film", "write_sound"]
