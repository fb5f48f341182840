"""Pictures: the piano-roll and what all plots share, with matplotlib."""
