"""The saved model: a folder that explains itself."""
