"""A look inside a model: what its channels respond to, how selective they are, and a map of its embeddings."""
