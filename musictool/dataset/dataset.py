"""A corpus written down in one encoding.

`encode_corpus` (encode.py) turns every piece into rows once and keeps them beside the corpus:

    corpora/NAME/encoded/note-chord-1f2e3d4c/
      encoded.json      encoding, its options, transpositions, the corpus's fingerprint, coverage; written last
      vocabulary.json   if the encoding has one
      rows.h5           `rows`: all rows of all pieces end to end, 0/1 numbers as bits; `lengths`: of each piece
      controls-16.h5    `rows`: the controls beside each row (conditions.py), once a model needs them

The rows are memory-mapped and never read whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from musictool import encoding as encodings
from musictool.corpus.corpus import Corpus
from musictool.dataset.rows_file import lengths_of, mapped
from musictool.encoding import Encoding, Spec
from musictool.strict import json as strict_json

MARKER = "encoded.json"
VOCABULARY_FILE = "vocabulary.json"
ROWS_FILE = "rows.h5"

Split = Literal["train", "validation"]


@dataclass(frozen=True)
class Encoded:
    """Every piece of a corpus as rows of one encoding.

    Attributes:
        encoding: fitted to the training pieces.
        stored: (T, *spec.stored_shape), the rows of all pieces end to end as they lie on disk, memory-mapped.
        offsets: int64 (pieces + 1,); piece i is rows offsets[i]..offsets[i + 1]; a piece without such music is empty.
        is_validation: bool (pieces,).
        transpositions: the semitones that the vocabulary was fitted for.
        summary: numbers for people: size, train_rows, validation_rows, coverage.
        folder: where all this lies.
    """

    encoding: Encoding
    stored: np.ndarray
    offsets: np.ndarray
    is_validation: np.ndarray
    transpositions: tuple[int, ...]
    summary: dict[str, Any]
    folder: Path

    @property
    def spec(self) -> Spec:
        """The encoding's promise about the rows."""
        return self.encoding.spec

    def pieces(self, split: Split) -> np.ndarray:
        """int64: indices of the pieces of one side that have at least one row."""
        is_chosen = self.is_validation == (split == "validation")
        return np.flatnonzero(is_chosen & (np.diff(self.offsets) > 0))

    def held_out(self) -> np.ndarray:
        """int64: the validation pieces; where there are none, the training pieces."""
        pieces = self.pieces("validation")
        return pieces if len(pieces) else self.pieces("train")

    def rows(self, index: np.ndarray | slice) -> np.ndarray:
        """spec.dtype (..., *spec.shape): the rows of these numbers, counted over all pieces."""
        return self.spec.restore(np.asarray(self.stored[index]))

    def piece(self, index: int) -> np.ndarray:
        """The rows of one piece."""
        return self.rows(slice(self.offsets[index], self.offsets[index + 1]))


def open_encoded(folder: Path, corpus: Corpus, identity: dict[str, Any]) -> Encoded | None:
    """What lies in the cache; None if nothing does, or it was made of something else or otherwise."""
    if not (folder / MARKER).exists():
        return None
    values = strict_json.read(folder / MARKER, {})
    if any(values[key] != value for key, value in identity.items()):
        return None
    vocabulary = folder / VOCABULARY_FILE
    encoding = encodings.from_json(values["encoding"], strict_json.read(vocabulary) if vocabulary.exists() else None)
    spec = encoding.spec
    lengths = lengths_of(folder / ROWS_FILE)
    stored = mapped(folder / ROWS_FILE, (int(lengths.sum()), *spec.stored_shape), spec.dtype)
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    transpositions = tuple(values["transpositions"])
    return Encoded(encoding, stored, offsets, corpus.is_validation, transpositions, values["summary"], folder)
