"""A corpus: videos taken in once, in the standard form, read by windows without scanning or waiting.

ingest (any folder -> corpus), corpus (open and read one), shards (its tar files), quality (which clips are of use).
"""
