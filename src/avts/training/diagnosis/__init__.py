"""Whether training learns, and if not why: separation of distances, probes of a step, likely causes, the alarm."""
