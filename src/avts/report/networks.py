"""Cost of networks as text. Input: networks with counted layers. Output: a text table, or plain values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from avts.model.cost import Layer, Network
from avts.report.tables import text_table

HEADERS = ("layer", "", "kernel", "stride", "output", "parameters", "GMAC")


def networks_text(networks: Sequence[Network]) -> str:
    """The layer tables that `avts model` prints, with totals."""
    tables = [f"{network.name}, input {_shape(network.input)}\n{_table(network)}" for network in networks]
    if len(networks) > 1:
        parameters = sum(network.parameters for network in networks)
        multiply_adds = sum(network.multiply_adds for network in networks)
        tables.append(f"together: {parameters / 1e6:.2f} M parameters, {_giga(multiply_adds)} GMAC")
    return "\n\n".join(tables)


def network_values(network: Network) -> dict[str, Any]:
    """The JSON object that `avts model --json` prints for a network."""
    return {
        "name": network.name,
        "input": network.input,
        "output": network.output,
        "parameters": network.parameters,
        "multiply_adds": network.multiply_adds,
        "layers": [vars(layer) for layer in network.layers],
    }


def _table(network: Network) -> str:
    total = ("together", "", "", "", "", f"{network.parameters:,}", _giga(network.multiply_adds))
    return text_table(HEADERS, [*map(_cells, network.layers), *([total] if len(network.layers) > 1 else [])])


def _cells(layer: Layer) -> tuple[str, ...]:
    counts = f"{layer.parameters:,}", _giga(layer.multiply_adds)
    return layer.name, layer.kind, _shape(layer.kernel), _shape(layer.stride), _shape(layer.output), *counts


def _shape(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))


def _giga(multiply_adds: int) -> str:
    return f"{multiply_adds / 1e9:.3f}"
