"""How good a model's music is, beside that of people."""
