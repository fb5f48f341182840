"""Many pieces as batches, so that memory does not grow with how many are asked for.

The first batch has the seed of the request: a few pieces are the same however many follow them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from musictool.engine.choice import name_of
from musictool.generation.request import Request
from musictool.generation.sample import engine_of, rows_foreseen
from musictool.models.model import Model

AT_ONCE = 64  # pieces
MOST_BYTES = 1 << 28  # of the rows of all pieces of a batch


def batches(model: Model, request: Request, at_once: int = AT_ONCE) -> Iterator[Request]:
    """The request as several, of at most `at_once` pieces each, in the order of the pieces; all by one engine."""
    first = 0
    while first < request.num:
        batch = batch_of(model, request, first + 1, at_once)[0]
        yield batch
        first += batch.num


def batch_of(model: Model, request: Request, number: int, at_once: int = AT_ONCE) -> tuple[Request, int]:
    """The batch that a piece (1..request.num) is written in, and which piece of the batch it is, counted from 0."""
    row_bytes = max(1, int(np.prod(model.spec.shape))) * np.dtype(model.spec.dtype).itemsize
    most = min(at_once, max(1, int(MOST_BYTES / (rows_foreseen(model, request) * row_bytes))))
    if request.num <= most:
        return request, number - 1
    batch, within = divmod(number - 1, most)
    seed = int(np.random.SeedSequence((request.seed, batch)).generate_state(1)[0]) if batch else request.seed
    num = min(most, request.num - batch * most)
    return replace(request, num=num, seed=seed, engine=name_of(engine_of(model, request))), within
