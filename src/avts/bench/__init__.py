"""Benchmarks: what the program has to reach, measured on this machine beside its peers. `avts bench NAME` prints one.

loader (windows out of a corpus, beside peers), endurance (memory over a long run), sync (offsets of long films),
train (a training step, and how soon grid pairs have learned).
"""
