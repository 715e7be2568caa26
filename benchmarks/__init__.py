"""Benchmarks: what the program has to reach, measured on this machine beside its peers: `python -m benchmarks NAME`.

loader (windows out of a corpus, beside peers), loader-memory (over a long run), sync (offsets of long films),
train (a training step, and how soon grid pairs have learned).
`benchmarks.formats` and `benchmarks.endurance` are commands of their own.
"""
