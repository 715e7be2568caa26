"""Which sound with which picture: the plan (pure) and the loader that carries it out."""
