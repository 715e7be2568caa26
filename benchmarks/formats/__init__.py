"""The table of formats: containers, codecs and structures, each read, repaired and resampled against the truth."""
