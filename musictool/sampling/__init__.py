"""From what a network predicts to the next row."""
