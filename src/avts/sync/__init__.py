"""How far is the sound of a file off: scan a file, estimate the offset, repair the file."""
