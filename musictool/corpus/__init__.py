"""A prepared corpus on disk: its pieces, its notes, and which of them are chosen."""
