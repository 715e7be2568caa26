"""What the program reaches: measurements and proofs, apart from what is installed."""
