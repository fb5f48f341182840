"""Reading what may come from a stranger: regular files of bounded size, JSON of known types, arrays of HDF5."""
