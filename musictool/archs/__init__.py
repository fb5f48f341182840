"""Model families: one file each, found by name. `_base` says what an arch is; `_tokens` what all token archs share."""
