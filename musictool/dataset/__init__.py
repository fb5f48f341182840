"""Writing a corpus down in one encoding, in any number of processes: what `musictool.dataset.dataset` is made of.

children     what runs in child processes: blocks of pieces -> words, ids, rows
making       the parent's side, in the order of the pieces
rows_file    arrays on disk that are memory-mapped
"""
