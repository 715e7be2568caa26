"""avts: learn from unlabelled videos which sound goes with which picture, and when; then use it.

The way of the data, one package a stage; imports only point back along it:
    media, world -> corpus -> pairs -> model -> training -> evaluation, sync -> report -> cli

Shape letters, the same everywhere:
    B batch, T frames, C channels, H W pixels, N samples, M filter bands, S spectrogram steps, D embedding

Importing avts does nothing: no logging set-up, no device choice, no heavy import.
"""

__version__ = "0.1.0"
