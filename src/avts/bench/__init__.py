"""Benchmarks: what the program has to reach, measured on this machine beside its peers. `avts bench NAME` prints one.

loader (windows out of a corpus, beside peers), endurance (memory over a long run), sync (offsets of long films).
"""
