"""How well a model tells sound that belongs from sound that does not."""
