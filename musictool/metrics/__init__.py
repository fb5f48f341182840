"""Numbers that say whether a model is any good: one family a file."""
