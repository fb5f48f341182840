"""Published benchmarks, run by their own protocols: one family of files each."""
