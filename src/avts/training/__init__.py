"""The curriculum, the training loop, and its monitoring."""
