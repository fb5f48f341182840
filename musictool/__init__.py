"""musictool: turn a folder of music into a model that writes more of it."""

__version__ = "0.1.0"
