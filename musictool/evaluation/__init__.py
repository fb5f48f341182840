"""Measures of the music that a model writes, beside those of human pieces."""
