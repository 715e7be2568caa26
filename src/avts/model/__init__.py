"""The networks: frontend (bytes to tensors), two towers, heads, losses, checkpoints."""
