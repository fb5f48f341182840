"""What can be drawn of pieces, models and corpora: one file a plot (see _base.py)."""
