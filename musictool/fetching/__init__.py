"""Public collections: which there are, and how one comes from the web to a folder that `prepare` can read."""
