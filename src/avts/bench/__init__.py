"""Benchmarks: what the program has to reach, measured on this machine beside its peers. `avts bench NAME` prints one.

row (one line of a result), loader (windows out of a corpus), peers (decoders and loaders of others).
"""
