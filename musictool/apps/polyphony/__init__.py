"""The published benchmark of polyphonic piano-rolls, run by its own protocol."""
