"""A corpus: videos converted once to the standard form, read by windows without scanning or waiting.

ingest (any folder -> corpus), corpus (open and read one), shards (its tar files), quality (which clips are usable).
"""
