"""From files to Scores: one file a way of reading, found by name; `_base` says what a reader is."""
