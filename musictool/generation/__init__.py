"""From a model to music."""
