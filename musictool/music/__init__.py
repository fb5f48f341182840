"""What music is here: a piece in memory, its grid, its instruments, its key."""
