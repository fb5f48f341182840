"""What runs in worker processes: blocks of pieces -> token bytes, tokens, rows.

An encoding travels `serialised`: its JSON and its vocabulary, pickled; a worker builds it once and keeps it.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np

from musictool import encoding as encodings
from musictool.corpus.corpus import Corpus
from musictool.dataset.conditions import controls_of
from musictool.encoding import Encoding
from musictool.errors import MusictoolError
from musictool.music.key import semitones_to_c
from musictool.music.score import Score
from musictool.vocabulary import LearnedEncoding
from musictool.workers.processes import Died, Pool


@dataclass(frozen=True)
class Block:
    """Some pieces to encode.

    Attributes:
        corpus: a Corpus, pickled.
        start, stop: its pieces start..stop - 1.
        to_c: whether to move each piece to C major or A minor first, by way of its estimated key.
    """

    corpus: bytes
    start: int
    stop: int
    to_c: bool = False

    def scores(self) -> list[Score]:
        """The pieces, transposed if they are to be."""
        pieces = _corpus(self.corpus).packed(self.start, self.stop)
        if not self.to_c:
            return list(pieces)
        keys = pieces.pieces["key"].tolist()
        return [score.transpose(semitones_to_c(key)) for score, key in zip(pieces, keys, strict=True)]

    @property
    def is_training(self) -> np.ndarray:
        """bool (stop - start,): whose tokens count for the vocabulary."""
        return ~_corpus(self.corpus).is_validation[self.start : self.stop]


@dataclass(frozen=True)
class Rows:
    """Encoded pieces.

    Attributes:
        data: the rows of all of them as they lie on disk (Spec.store).
        lengths: int64 (P,), rows of each piece.
        covered: int64 (P,), how many of them mean exactly what is played, not the nearest token.
        left_out: why some pieces have none, for each that has a reason.
    """

    data: bytes
    lengths: np.ndarray
    covered: np.ndarray
    left_out: tuple[str, ...] = ()


def serialised(encoding: Encoding) -> bytes:
    """An encoding, for a worker process."""
    return pickle.dumps((encoding.to_json(), encoding.vocabulary()))


def in_worker(function: str, encoding: bytes, pool: Pool, task: Any) -> Any:
    """A job: call one of the functions below in a worker process. Raises MusictoolError if it dies of it."""
    try:
        return pool.call(f"{__name__}:{function}", encoding, task)
    except Died as died:
        raise MusictoolError(f"a process that encodes ended with {died}; perhaps the memory is full") from None


# ---- in the worker process ----


def token_bytes(serialised: bytes, block: Block) -> tuple[dict[bytes, int], bytes]:
    """(how often each token bytes stand in the training pieces, all pieces as a chunk for `tokens`)."""
    encoding: LearnedEncoding = _encoding(serialised)
    index: dict[bytes, int] = {}  # the different token bytes of the block, numbered as they come
    numbers, lengths = [], []
    for score in block.scores():
        piece = [index.setdefault(item, len(index)) for item in encoding.token_bytes(score)]
        numbers += piece
        lengths.append(len(piece))
    rows = np.array(numbers, np.int32)
    times = np.bincount(rows[np.repeat(block.is_training, lengths)], minlength=len(index))
    counts = {item: count for item, count in zip(index, times.tolist(), strict=True) if count}
    return counts, pickle.dumps((list(index), rows, np.array(lengths, np.int64)), protocol=5)


def tokens(serialised: bytes, chunks: Sequence[bytes]) -> Rows:
    """What `token_bytes` wrote of some blocks, looked up in the vocabulary; the more at once, the quicker."""
    encoding: LearnedEncoding = _encoding(serialised)
    parts = [pickle.loads(chunk) for chunk in chunks]
    every = list(dict.fromkeys(chain.from_iterable(items for items, _, _ in parts)))
    table = dict(zip(every, encoding.find(every).tolist(), strict=True))
    signed = np.concatenate([np.array([table[item] for item in items], np.int32)[rows] for items, rows, _ in parts])
    lengths = np.concatenate([lengths for _, _, lengths in parts])
    piece = np.repeat(np.arange(len(lengths)), lengths)
    covered = np.bincount(piece[signed > 0], minlength=len(lengths))  # a negative one is the nearest
    return Rows(np.abs(signed).astype(encoding.spec.dtype).tobytes(), lengths, covered)


def rows(serialised: bytes, block: Block) -> Rows:
    """Pieces in an encoding whose vocabulary is fixed, or fitted already."""
    encoding = _encoding(serialised)
    spec = encoding.spec
    data, lengths, left_out = [], [], []
    for score in block.scores():
        encoded = encoding.encode(score)
        lengths.append(len(encoded))
        data.append(spec.store(encoded.astype(spec.dtype, copy=False)).tobytes())
        left_out.append(encoding.why_not(score))
    reasons = tuple(filter(None, left_out))
    return Rows(b"".join(data), np.array(lengths, np.int64), np.array(lengths, np.int64), reasons)


def controls(serialised: bytes, pieces: list[tuple[np.ndarray, Score]]) -> np.ndarray:
    """float16 (T, CONTROLS) beside the rows of pieces; each is (rows, what they were made of)."""
    encoding = _encoding(serialised)
    return np.concatenate([controls_of(encoding, rows, score) for rows, score in pieces])


@lru_cache(maxsize=2)
def _corpus(pickled: bytes) -> Corpus:
    corpus: Corpus = pickle.loads(pickled)
    return corpus


@lru_cache(maxsize=2)
def _encoding(serialised: bytes) -> Any:
    values, vocabulary = pickle.loads(serialised)
    return encodings.from_json(values, vocabulary)
