"""Embeddings and conv stages of both towers as tables, one row a window; retrieval of sounds by pictures and back."""
