"""Segments as pitch classes, which stand on a circle of twelve."""

from __future__ import annotations

from typing import Any

from keras import ops

OCTAVE = 12


def chroma(segments: Any) -> Any:
    """Float (N, S, P, I) -> (N, S, 12, I): how many keys of each pitch class sound."""
    shape = segments.shape
    octaves = -(-shape[2] // OCTAVE)
    whole = ops.pad(segments, ((0, 0), (0, 0), (0, octaves * OCTAVE - shape[2]), (0, 0)))
    return ops.sum(ops.reshape(whole, (-1, shape[1], octaves, OCTAVE, shape[3])), axis=2)


def around(classes: Any) -> Any:
    """(..., 12, C) -> (..., 23, C): once round the circle from each class, for filters of twelve."""
    return ops.concatenate([classes, classes[..., :-1, :]], axis=-2)
