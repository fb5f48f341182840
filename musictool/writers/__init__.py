"""From Scores to files: one file a kind of output, found by name; `_base` finds the writer of a suffix."""
