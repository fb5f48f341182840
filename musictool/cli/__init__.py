"""The command line: one file a command. Each parses, calls one library function, and reports."""
