"""The campaign against `prepare` and `train`: damaged files by the thousand, and killed runs (make campaign)."""
