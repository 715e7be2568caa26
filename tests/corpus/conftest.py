"""Fixtures shared with other rooms."""

from fixtures_films import put, small_films, tree

__all__ = ["put", "small_films", "tree"]
