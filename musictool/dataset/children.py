"""What runs in child processes: blocks of pieces -> words, ids, rows.

An encoding travels as `described`: its JSON and its vocabulary, pickled; a child builds it once and keeps it.
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
from musictool.dataset import controls
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
        """bool (stop - start,): whose words count for the vocabulary."""
        return ~_corpus(self.corpus).is_validation[self.start : self.stop]


@dataclass(frozen=True)
class Rows:
    """Encoded pieces.

    Attributes:
        data: the rows of all of them as they lie on disk (Spec.store).
        lengths: int64 (P,), rows of each piece.
        known: int64 (P,), how many of them stand for exactly what is played.
    """

    data: bytes
    lengths: np.ndarray
    known: np.ndarray


def describe(encoding: Encoding) -> bytes:
    """An encoding, for a child."""
    return pickle.dumps((encoding.to_json(), encoding.vocabulary()))


def in_child(function: str, described: bytes, pool: Pool, task: Any) -> Any:
    """A job: call one of the functions below in a child. Raises MusictoolError if the child dies of it."""
    try:
        return pool.call(f"{__name__}:{function}", described, task)
    except Died as died:
        raise MusictoolError(f"a process that encodes ended with {died}; perhaps the memory is full") from None


# ---- the child's side ----


def words(described: bytes, block: Block) -> tuple[dict[bytes, int], bytes]:
    """(how often each word stands in the training pieces, all pieces as words for `ids`)."""
    encoding: LearnedEncoding = _encoding(described)
    index: dict[bytes, int] = {}
    rows, lengths = [], []
    for score in block.scores():
        own = [index.setdefault(word, len(index)) for word in encoding.words(score)]
        rows += own
        lengths.append(len(own))
    ids = np.array(rows, np.int32)
    times = np.bincount(ids[np.repeat(block.is_training, lengths)], minlength=len(index))
    counts = {word: count for word, count in zip(index, times.tolist(), strict=True) if count}
    return counts, pickle.dumps((list(index), ids, np.array(lengths, np.int64)), protocol=5)


def ids(described: bytes, drafts: Sequence[bytes]) -> Rows:
    """What `words` wrote of some blocks, looked up in the vocabulary; the more at once, the quicker."""
    encoding: LearnedEncoding = _encoding(described)
    parts = [pickle.loads(draft) for draft in drafts]
    every = list(dict.fromkeys(chain.from_iterable(own for own, _, _ in parts)))
    table = dict(zip(every, encoding.find(every).tolist(), strict=True))
    found = np.concatenate([np.array([table[word] for word in own], np.int32)[rows] for own, rows, _ in parts])
    lengths = np.concatenate([lengths for _, _, lengths in parts])
    piece = np.repeat(np.arange(len(lengths)), lengths)
    known = np.bincount(piece[found > 0], minlength=len(lengths))
    return Rows(np.abs(found).astype(encoding.spec.dtype).tobytes(), lengths, known)


def rows(described: bytes, block: Block) -> Rows:
    """Pieces in an encoding that needs no words, or has its vocabulary."""
    encoding = _encoding(described)
    spec = encoding.spec
    data, lengths = [], []
    for score in block.scores():
        encoded = encoding.encode(score)
        lengths.append(len(encoded))
        data.append(spec.store(encoded.astype(spec.dtype, copy=False)).tobytes())
    return Rows(b"".join(data), np.array(lengths, np.int64), np.array(lengths, np.int64))


def controls_of(described: bytes, pieces: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """float16 (T, CONTROLS) beside the rows of pieces; each is (rows, tempos)."""
    encoding = _encoding(described)
    return np.concatenate([controls.controls(encoding, rows, tempos) for rows, tempos in pieces])


@lru_cache(maxsize=2)
def _corpus(pickled: bytes) -> Corpus:
    corpus: Corpus = pickle.loads(pickled)
    return corpus


@lru_cache(maxsize=2)
def _encoding(described: bytes) -> Any:
    values, vocabulary = pickle.loads(described)
    return encodings.from_json(values, vocabulary)
