"""A corpus written down in one encoding.

`encode_corpus` turns every piece into rows once and keeps them beside the corpus:

    corpora/NAME/encoded/note-chord-1f2e3d4c/
      encoded.json      encoding, its options, transpositions, the corpus's fingerprint, coverage; written last
      vocabulary.json   if the encoding has one
      rows.h5           `rows`: all rows of all pieces end to end, 0/1 numbers as bits; `lengths`: of each piece
      controls.h5       `rows`: what is to come beside each row (musictool/controls.py), once somebody has asked

The rows are memory-mapped and never read whole, and while they are made they go through memory a block at a time: each
block is encoded in a process of its own, and written in its place. So the bytes hang on the corpus and the encoding
alone, not on how many processes there are.
"""

from __future__ import annotations

import hashlib
import json
import logging
import pickle
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from musictool import __version__, options
from musictool.atomic import replacing, replacing_folder, working_alone, write_json
from musictool.controls import CONTROLS
from musictool.corpus import Corpus
from musictool.encoding_work import Block, Rows, describe, in_child
from musictool.encodings import _base as encodings
from musictool.encodings._base import Encoding, Spec
from musictool.encodings._learned import LearnedEncoding
from musictool.errors import BadCorpus, MusictoolError
from musictool.registry import ENCODINGS
from musictool.workers import LocalWorkers, Workers, cores

log = logging.getLogger(__name__)

FORMAT = 2
DEFAULT_ENCODING = "note-chord"
DEFAULT_TRANSPOSITIONS = tuple(range(-3, 4))
ROWS_FILE = "rows.h5"
CONTROLS_FILE = "controls.h5"
COUNTED_WORDS = 1_000_000  # different words of a corpus, beyond which those met once are forgotten (some 200 MB)
DRAFTS = 4  # blocks of words that become ids at once
COPIED_BYTES = 1 << 24

Split = Literal["train", "validation"]
Progress = Callable[[int, int], object]


@dataclass(frozen=True)
class Encoded:
    """Every piece of a corpus as rows of one encoding.

    Attributes:
        encoding: fitted to the training pieces.
        stored: (T, *spec.stored_shape), the rows of all pieces end to end as they lie on disk, memory-mapped.
        offsets: int64 (pieces + 1,); piece i is rows offsets[i]..offsets[i + 1]; a piece without such music is empty.
        is_validation: bool (pieces,).
        transpositions: the semitones that the vocabulary was fitted for.
        summary: numbers for people: symbols, vocabulary size, coverage, ...
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
        wanted = self.is_validation == (split == "validation")
        return np.flatnonzero(wanted & (np.diff(self.offsets) > 0))

    def rows(self, index: np.ndarray | slice) -> np.ndarray:
        """spec.dtype (..., *spec.shape): the rows of these numbers, counted over all pieces."""
        return self.spec.restore(np.asarray(self.stored[index]))

    def piece(self, index: int) -> np.ndarray:
        """The rows of one piece."""
        return self.rows(slice(self.offsets[index], self.offsets[index + 1]))


def encode_corpus(
    corpus: Corpus,
    encoding_name: str = DEFAULT_ENCODING,
    settings: Iterable[str] = (),
    transpositions: Sequence[int] = DEFAULT_TRANSPOSITIONS,
    *,
    to_c: bool = False,
    workers: Workers | None = None,
    progress: Progress | None = None,
) -> Encoded:
    """The rows of `corpus`, from the cache beside it if they are there, else encoded now.

    Args:
        settings: "key=value" options of the encoding.
        transpositions: semitones, 0 among them, that the training pieces will be shifted by, so that the vocabulary
            knows the shifted symbols too.
        to_c: move every piece, of either side, to C major or A minor first, by way of its estimated key.
        workers: who encodes; by default a process a core.
        progress: called with how many pieces are encoded and how many there are.

    Raises:
        BadCorpus: if no piece has music that this encoding can write down.
    """
    cls = ENCODINGS.get(encoding_name)
    encoding: Encoding = cls(options.from_settings(cls.Options, settings))
    identity = {
        "format": FORMAT,
        "musictool": __version__,
        "corpus": corpus.fingerprint,
        "encoding": encoding.to_json(),
        "transpositions": sorted({0, *transpositions}),
        "to_c": to_c,
        "where": list(corpus.where),
    }
    what = {key: value for key, value in identity.items() if key not in ("format", "musictool", "corpus")}
    how = json.dumps(what, sort_keys=True)
    folder = corpus.folder / "encoded" / f"{encoding_name}-{hashlib.sha256(how.encode()).hexdigest()[:8]}"
    try:
        if encoded := _open(folder, corpus, identity):
            return encoded
    except (MusictoolError, OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s is damaged (%s); encoding %s again", folder, error, corpus.name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with working_alone(folder.parent, "encoding"), replacing_folder(folder) as growing, _or_own(workers) as hands:
        _Making(growing, corpus, encoding, identity, hands, progress).make()
    encoded = _open(folder, corpus, identity)
    assert encoded is not None  # it has just been made
    return encoded


def encode_controls(
    encoded: Encoded, corpus: Corpus, *, workers: Workers | None = None, progress: Progress | None = None
) -> np.ndarray:
    """float16 (T, CONTROLS) beside `encoded.stored`, memory-mapped, from the cache or made now.

    Args:
        encoded: tokens, of `corpus`.
    """
    path = encoded.folder / CONTROLS_FILE
    rows = int(encoded.offsets[-1])
    if not path.exists():
        with working_alone(encoded.folder, "encoding"), replacing(path) as growing, _or_own(workers) as hands:
            job = partial(in_child, "controls_of", describe(encoded.encoding))
            tasks = _with_tempos(encoded, corpus)
            made = (answer for _, answer in hands.map(job, tasks, ordered=True))
            with h5py.File(growing, "w", locking=False) as file:
                _fill(file.create_dataset("rows", (rows, CONTROLS), np.float16), made, progress)
    return _mapped(path, (rows, CONTROLS), np.dtype(np.float16))


def _with_tempos(encoded: Encoded, corpus: Corpus) -> Iterator[list[tuple[np.ndarray, np.ndarray]]]:
    """Blocks of (rows of a piece, its tempos)."""
    for start, stop in corpus.cuts():
        pieces = corpus.packed(start, stop)
        yield [(encoded.piece(index), score.tempos) for index, score in enumerate(pieces, start)]


@contextmanager
def _or_own(workers: Workers | None) -> Iterator[Workers]:
    """These workers, or for want of any a process a core."""
    if workers is not None:
        yield workers
    else:
        with LocalWorkers(cores()) as own:
            yield own


class _Making:
    """Encoding a corpus into an empty folder."""

    def __init__(
        self,
        folder: Path,
        corpus: Corpus,
        encoding: Encoding,
        identity: dict[str, Any],
        workers: Workers,
        progress: Progress | None,
    ):
        self.folder, self.corpus, self.encoding, self.identity = folder, corpus, encoding, identity
        self._workers, self._progress = workers, progress or (lambda done, total: None)

    def make(self) -> None:
        if isinstance(self.encoding, LearnedEncoding):
            lengths, known = self._learn(self.encoding)
        else:
            self.encoding.fit(self._training_scores(), self.identity["transpositions"])
            lengths, known = self._write(self._in_children("rows", self._blocks()))
        if not lengths.sum():
            raise BadCorpus(
                f"no piece of {self.corpus.name} has music that the encoding {self.encoding.name} can write down"
            )
        vocabulary = self.encoding.vocabulary()
        if vocabulary is not None:
            write_json(self.folder / "vocabulary.json", vocabulary)
        summary = _summary(self.encoding, lengths, known, self.corpus.is_validation)
        write_json(self.folder / "encoded.json", {**self.identity, "summary": summary})

    def _learn(self, encoding: LearnedEncoding) -> tuple[np.ndarray, np.ndarray]:
        """Words first, into a file; then the vocabulary; then ids."""
        counts: Counter[bytes] = Counter()
        drafts = self.folder / "words"
        sizes = []
        with open(drafts, "wb") as file:
            for some, draft in self._in_children("words", self._blocks()):
                counts.update(some)
                if len(counts) > COUNTED_WORDS:
                    counts = Counter({word: count for word, count in counts.items() if count > 1})
                sizes.append(file.write(draft))
        encoding.learn(counts, self.identity["transpositions"])
        del counts
        with open(drafts, "rb") as file:
            some = ([file.read(size) for size in sizes[i : i + DRAFTS]] for i in range(0, len(sizes), DRAFTS))
            result = self._write(self._in_children("ids", some))
        drafts.unlink()
        return result

    def _in_children(self, function: str, tasks: Iterable[Any]) -> Iterator[Any]:
        """What a function of encoding_work makes of each task, in order."""
        job = partial(in_child, function, describe(self.encoding))
        return (answer for _, answer in self._workers.map(job, tasks, ordered=True))

    def _blocks(self) -> Iterator[Block]:
        corpus = pickle.dumps(self.corpus)
        return (Block(corpus, start, stop, self.identity["to_c"]) for start, stop in self.corpus.cuts())

    def _training_scores(self) -> Iterator[Any]:
        for block in self._blocks():
            scores = zip(block.scores(), block.is_training.tolist(), strict=True)
            yield from (score for score, is_training in scores if is_training)

    def _write(self, answers: Iterator[Rows]) -> tuple[np.ndarray, np.ndarray]:
        """Put the rows into rows.h5. (lengths, known rows) of each piece, int64 (pieces,)."""
        lengths, known, done = [], [], 0
        plain = self.folder / "rows"
        with open(plain, "wb") as file:
            for answer in answers:
                file.write(answer.data)
                lengths.append(answer.lengths)
                known.append(answer.known)
                done += len(answer.lengths)
                self._progress(done, len(self.corpus))
        every = np.concatenate(lengths)
        _write_rows(self.folder / ROWS_FILE, plain, every, self.encoding.spec)
        plain.unlink()
        return every, np.concatenate(known)


def _mapped(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """The `rows` of an HDF5 file, which lie in one run. Raises ValueError where they are of another shape or dtype."""
    with h5py.File(path, "r", locking=False) as file:
        rows = file["rows"]
        if rows.shape != shape or rows.dtype != dtype:
            raise ValueError(f"{path.name} holds other rows")
        begin = rows.id.get_offset()
    return np.memmap(path, dtype, "r", begin, shape)


def _fill(rows: h5py.Dataset, parts: Iterable[np.ndarray], progress: Progress | None = None) -> None:
    """Put arrays into a dataset, one behind the other."""
    first = 0
    for part in parts:
        rows[first : first + len(part)] = part
        first += len(part)
        if progress is not None:
            progress(first, len(rows))


def _write_rows(path: Path, plain: Path, lengths: np.ndarray, spec: Spec) -> None:
    """An HDF5 file whose `rows` lie in one run, so that they can be memory-mapped."""
    with h5py.File(path, "w", locking=False) as file, open(plain, "rb") as source:
        file["lengths"] = lengths
        rows = file.create_dataset("rows", (int(lengths.sum()), *spec.stored_shape), spec.dtype)
        row_bytes = spec.dtype.itemsize * int(np.prod(spec.stored_shape))
        read = partial(source.read, max(1, COPIED_BYTES // row_bytes) * row_bytes)
        _fill(rows, (np.frombuffer(some, spec.dtype).reshape(-1, *spec.stored_shape) for some in iter(read, b"")))


def _summary(encoding: Encoding, lengths: np.ndarray, known: np.ndarray, is_validation: np.ndarray) -> dict[str, Any]:
    """`coverage`: which part of the validation rows (without any: of the training rows) is exactly what is played."""
    train, validation = (int(lengths[is_validation == side].sum()) for side in (False, True))
    side = bool(validation)
    coverage = int(known[is_validation == side].sum()) / max(1, validation if side else train)
    return {"size": encoding.spec.size, "train_rows": train, "validation_rows": validation, "coverage": coverage}


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
    with h5py.File(folder / ROWS_FILE, "r", locking=False) as file:
        lengths = file["lengths"][:]
    stored = _mapped(folder / ROWS_FILE, (int(lengths.sum()), *spec.stored_shape), spec.dtype)
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    transpositions = tuple(values["transpositions"])
    return Encoded(encoding, stored, offsets, corpus.is_validation, transpositions, values["summary"], folder)
