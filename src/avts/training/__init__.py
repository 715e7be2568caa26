"""The curriculum, the loop, and what watches over it."""
