"""What makes each kind of action."""

from __future__ import annotations

from avts.world import faces, impacts, individuals, machines, players, puppets, shapes, swung, textures, voices
from avts.world.stage import Builder

BUILDERS: dict[str, Builder] = {
    **impacts.BUILDERS,
    **swung.BUILDERS,
    **machines.BUILDERS,
    **voices.BUILDERS,
    **textures.BUILDERS,
    **shapes.BUILDERS,
    **faces.BUILDERS,
    **puppets.BUILDERS,
    **players.BUILDERS,
    **individuals.BUILDERS,
}
"""The builder of each kind of all worlds."""
