"""How far is the sound of a film off: read it, map it, estimate the offset, repair the file."""
