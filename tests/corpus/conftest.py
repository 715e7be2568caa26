"""Fixtures shared with other rooms."""

from fixtures_films import put, small_films, tree
from fixtures_http import serve

__all__ = ["put", "serve", "small_films", "tree"]
