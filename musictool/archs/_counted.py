"""What archs without a network share: the pieces that they are fitted to."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from musictool.dataset.dataset import Encoded


def training_pieces(encoded: Encoded, most_rows: int) -> Iterator[np.ndarray]:
    """int32 (T,): the training pieces, each at every transposition; of too many, some at random, but at least one."""
    pieces = np.random.default_rng(0).permutation(encoded.pieces("train"))
    lengths = np.diff(encoded.offsets)[pieces] * len(encoded.transpositions)
    for index in pieces[: max(1, np.searchsorted(np.cumsum(lengths), most_rows, "right"))]:
        rows = np.asarray(encoded.piece(index))
        for semitones in encoded.transpositions:
            yield encoded.encoding.transpose(rows, semitones)
