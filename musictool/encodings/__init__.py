"""Ways of writing music down as arrays: one file each, found by name. `_base` says what an encoding promises."""
