"""From Scores to files: one module per kind of output, with the contract of musictool/writing.py."""
