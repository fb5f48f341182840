"""A corpus written down in one encoding, and the windows that a network sees of it.

`encode_corpus` turns every piece into rows once and keeps them beside the corpus:

    corpora/NAME/encoded/note-chord-1f2e3d4c/
      encoded.json      encoding, its options, transpositions, the corpus's fingerprint, piece lengths, coverage
      vocabulary.json   if the encoding has one
      rows.bin          all rows of all pieces end to end; memory-mapped, never read whole

`Windows` cuts them: a window is L consecutive targets of one piece, with the L rows that stand one earlier as input
(the first input of a piece is the Spec's start row). No window crosses from one piece into the next; what is left over
behind the end of a piece is padding with mask 0.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from musictool import __version__, options
from musictool.atomic import replacing_folder, working_alone, write_json
from musictool.corpus import Corpus
from musictool.encodings import _base as encodings
from musictool.encodings._base import PADDING, Encoding, Spec
from musictool.errors import BadCorpus, MusictoolError
from musictool.registry import ENCODINGS

log = logging.getLogger(__name__)

FORMAT = 1
DEFAULT_ENCODING = "note-chord"
DEFAULT_TRANSPOSITIONS = tuple(range(-3, 4))

Split = Literal["train", "validation"]


@dataclass(frozen=True)
class Encoded:
    """Every piece of a corpus as rows of one encoding.

    Attributes:
        encoding: fitted to the training pieces.
        rows: spec.dtype (T, *spec.shape), all pieces end to end, memory-mapped.
        offsets: int64 (pieces + 1,); piece i is rows[offsets[i]:offsets[i + 1]]; a piece without such music is empty.
        is_validation: bool (pieces,).
        transpositions: the semitones that the vocabulary was fitted for.
        summary: numbers for people: symbols, vocabulary size, coverage, ...
    """

    encoding: Encoding
    rows: np.ndarray
    offsets: np.ndarray
    is_validation: np.ndarray
    transpositions: tuple[int, ...]
    summary: dict[str, Any]

    @property
    def spec(self) -> Spec:
        """The encoding's promise about `rows`."""
        return self.encoding.spec

    def pieces(self, split: Split) -> np.ndarray:
        """int64: indices of the pieces of one side that have at least one row."""
        wanted = self.is_validation == (split == "validation")
        return np.flatnonzero(wanted & (np.diff(self.offsets) > 0))

    def piece(self, index: int) -> np.ndarray:
        """The rows of one piece."""
        return self.rows[self.offsets[index] : self.offsets[index + 1]]


def encode_corpus(
    corpus: Corpus,
    encoding_name: str = DEFAULT_ENCODING,
    settings: Iterable[str] = (),
    transpositions: Sequence[int] = DEFAULT_TRANSPOSITIONS,
) -> Encoded:
    """The rows of `corpus`, from the cache beside it if they are there, else encoded now.

    Args:
        settings: "key=value" options of the encoding.
        transpositions: semitones, 0 among them, that the training pieces will be shifted by, so that the vocabulary
            knows the shifted symbols too.

    Raises:
        BadCorpus: if no piece has music that this encoding can write down.
    """
    cls = ENCODINGS.get(encoding_name)
    encoding: Encoding = cls(options.from_settings(cls.Options, settings))
    transpositions = tuple(sorted({0, *transpositions}))
    identity = {
        "format": FORMAT,
        "musictool": __version__,
        "corpus": corpus.fingerprint,
        "encoding": encoding.to_json(),
        "transpositions": list(transpositions),
    }
    how = json.dumps([identity["encoding"], identity["transpositions"]], sort_keys=True)
    folder = corpus.folder / "encoded" / f"{encoding_name}-{hashlib.sha256(how.encode()).hexdigest()[:8]}"
    try:
        if encoded := _open(folder, corpus, identity):
            return encoded
    except (MusictoolError, OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s is damaged (%s); encoding %s again", folder, error, corpus.name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with working_alone(folder.parent, "encoding"):
        _encode_into(folder, corpus, encoding, identity)
    encoded = _open(folder, corpus, identity)
    assert encoded is not None  # it has just been made
    return encoded


def _encode_into(folder: Path, corpus: Corpus, encoding: Encoding, identity: dict[str, Any]) -> None:
    encoding.fit(corpus.scores("train"), identity["transpositions"])
    lengths = []
    with replacing_folder(folder) as partial:
        with open(partial / "rows.bin", "wb") as file:
            for score in corpus.scores():
                rows = encoding.encode(score)
                lengths.append(len(rows))
                file.write(rows.astype(encoding.spec.dtype).tobytes())
        if not sum(lengths):
            raise BadCorpus(f"no piece of {corpus.name} has music that the encoding {encoding.name} can write down")
        vocabulary = encoding.vocabulary()
        if vocabulary is not None:
            write_json(partial / "vocabulary.json", vocabulary)
        values = {"lengths": lengths, "summary": _summary(encoding, lengths, corpus)}
        write_json(partial / "encoded.json", {**identity, **values})


def _summary(encoding: Encoding, lengths: Sequence[int], corpus: Corpus) -> dict[str, Any]:
    train, validation = (int(np.sum(np.array(lengths)[corpus.is_validation == side])) for side in (False, True))
    return {"size": encoding.spec.size, "train_rows": train, "validation_rows": validation, **encoding.report()}


def _open(folder: Path, corpus: Corpus, identity: dict[str, Any]) -> Encoded | None:
    """What lies in the cache; None if nothing does, or it was made of something else or otherwise."""
    if not (folder / "encoded.json").exists():
        return None
    values = json.loads((folder / "encoded.json").read_text(encoding="utf-8"))
    if any(values[key] != value for key, value in identity.items()):
        return None
    vocabulary = folder / "vocabulary.json"
    encoding = encodings.from_json(
        values["encoding"], json.loads(vocabulary.read_text(encoding="utf-8")) if vocabulary.exists() else None
    )
    spec = encoding.spec
    offsets = np.concatenate([[0], np.cumsum(values["lengths"], dtype=np.int64)])
    rows = np.memmap(folder / "rows.bin", dtype=spec.dtype, mode="r", shape=(int(offsets[-1]), *spec.shape))
    return Encoded(encoding, rows, offsets, corpus.is_validation, tuple(values["transpositions"]), values["summary"])


@dataclass(frozen=True)
class Plan:
    """The windows of one pass, in the order in which they are seen.

    Attributes:
        piece: int64 (W,), which piece.
        start: int64 (W,), first target within the piece.
        semitones: int64 (W,), how far the window is transposed.
    """

    piece: np.ndarray
    start: np.ndarray
    semitones: np.ndarray


@dataclass(frozen=True)
class Batch:
    """B windows: x and y spec.dtype (B, L, *spec.shape), mask float32 (B, L), 0 where y is padding."""

    x: np.ndarray
    y: np.ndarray
    mask: np.ndarray


class Windows:
    """The windows of an encoded corpus, gathered by index.

    Args:
        encoded: the corpus.
        length: L, targets in a window.
        batch_size: B.
        transpositions: semitones drawn from for each training window; validation is never shifted.
        seed: fixes the order and the draws of every epoch.
    """

    def __init__(
        self, encoded: Encoded, length: int, batch_size: int, transpositions: Sequence[int] = (0,), seed: int = 0
    ):
        self.encoded = encoded
        self.length = length
        self.batch_size = batch_size
        self.transpositions = np.array(sorted(transpositions))
        self.seed = seed

    def training_plan(self, epoch: int) -> Plan:
        """One pass over the training pieces, shuffled.

        Each piece is cut from its beginning, from a cut drawn anew for every epoch, and up to its very end, so that its
        first and last targets are always met and the cuts between never stand in the same place.
        """
        rng = np.random.default_rng((self.seed, epoch))
        pieces = self.encoded.pieces("train")
        rows = np.diff(self.encoded.offsets)[pieces]
        cut = rng.integers(1, self.length + 1, len(pieces))
        piece, nth = _one_by_one(np.where(rows <= self.length, 1, 1 + -(-(rows - cut) // self.length)))
        start = np.where(nth == 0, 0, cut[piece] + (nth - 1) * self.length)
        start = np.minimum(start, np.maximum(rows[piece] - self.length, 0))
        order = rng.permutation(len(piece))
        return Plan(pieces[piece][order], start[order], rng.choice(self.transpositions, len(piece)))

    def validation_plan(self) -> Plan:
        """Every validation target exactly once, in order, not transposed."""
        pieces = self.encoded.pieces("validation")
        piece, nth = _one_by_one(-(-np.diff(self.encoded.offsets)[pieces] // self.length))
        return Plan(pieces[piece], nth * self.length, np.zeros(len(piece), np.int64))

    def steps(self, plan: Plan) -> int:
        """Batches in a pass."""
        return -(-len(plan.piece) // self.batch_size)

    def batch(self, plan: Plan, step: int) -> Batch:
        """One batch of a pass; all have B windows, the last is filled up with mask 0."""
        at = np.arange(step * self.batch_size, (step + 1) * self.batch_size)
        exists = at < len(plan.piece)
        at = np.where(exists, at, 0)
        begin = self.encoded.offsets[plan.piece[at]][:, None]  # (B, 1)
        end = self.encoded.offsets[plan.piece[at] + 1][:, None]
        row = begin + plan.start[at][:, None] + np.arange(-1, self.length)  # (B, L + 1): one before, then the targets
        window = self.encoded.rows[np.clip(row, begin, end - 1)]
        for semitones in np.unique(plan.semitones[at]):
            if semitones:
                shifted = plan.semitones[at] == semitones
                window[shifted] = self.encoded.encoding.transpose(window[shifted], int(semitones))
        window[row < begin] = self.encoded.spec.start
        window[row >= end] = PADDING
        mask = (row[:, 1:] < end) & exists[:, None]
        return Batch(window[:, :-1], window[:, 1:], mask.astype(np.float32))


def _one_by_one(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[2, 0, 3] -> [0, 0, 2, 2, 2] and [0, 1, 0, 1, 2]: which one each of them belongs to, and its place there."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
