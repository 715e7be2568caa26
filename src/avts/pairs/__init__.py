"""Pairing of sounds and pictures: the plan (pure) and the loader that executes it."""
