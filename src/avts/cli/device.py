"""The option of all commands that run networks: on which device."""

from __future__ import annotations

import click

device_option = click.option(
    "--device",
    default="auto",
    show_default=True,
    metavar="DEVICE",
    help="Where the networks run: auto (the first CUDA device, else the CPU), cpu, cuda, cuda:1 ... or mps.",
)
