"""How well a model separates matching from non-matching sound."""
