"""Layers that Keras does not have: one a file, written with `keras` and `keras.ops` only."""
