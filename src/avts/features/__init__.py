"""Embeddings and conv stages of both towers as tables, one row per window; cross-modal retrieval."""
