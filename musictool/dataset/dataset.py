"""A corpus written down in one encoding.

`encode_corpus` turns every piece into rows once and keeps them beside the corpus:

    corpora/NAME/encoded/note-chord-1f2e3d4c/
      encoded.json      encoding, its options, transpositions, the corpus's fingerprint, coverage; written last
      vocabulary.json   if the encoding has one
      rows.h5           `rows`: all rows of all pieces end to end, 0/1 numbers as bits; `lengths`: of each piece
      controls.h5       `rows`: what is to come beside each row (musictool/dataset/controls.py), once somebody has asked

The rows are memory-mapped and never read whole, and while they are made they go through memory a block at a time: each
block is encoded in a process of its own, and written in its place. So the bytes hang on the corpus and the encoding
alone, not on how many processes there are.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from musictool import __version__, options
from musictool import encoding as encodings
from musictool.atomic import replacing, replacing_folder, working_alone
from musictool.corpus.corpus import Corpus
from musictool.dataset.children import describe, in_child
from musictool.dataset.controls import CONTROLS
from musictool.dataset.making import MARKER, ROWS_FILE, VOCABULARY_FILE, Making
from musictool.dataset.rows_file import fill, lengths_of, mapped
from musictool.encoding import Encoding, Spec
from musictool.errors import BadCorpus, MusictoolError
from musictool.music.key import NO_KEY
from musictool.progress import Progress
from musictool.registry import ENCODINGS
from musictool.workers.processes import LocalWorkers, Workers, cores

log = logging.getLogger(__name__)

FORMAT = 2
DEFAULT_ENCODING = "note-chord"
DEFAULT_TRANSPOSITIONS = tuple(range(-3, 4))
CONTROLS_FILE = "controls.h5"

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


def encode_corpus(
    corpus: Corpus,
    encoding_name: str = DEFAULT_ENCODING,
    settings: Iterable[str] = (),
    transpositions: Sequence[int] = DEFAULT_TRANSPOSITIONS,
    *,
    to_c: bool = False,
    base: dict[str, Any] | None = None,
    workers: Workers | None = None,
    progress: Progress | None = None,
) -> Encoded:
    """The rows of `corpus`, from the cache beside it if they are there, else encoded now.

    Args:
        settings: "key=value" options of the encoding.
        transpositions: semitones, 0 among them, that the training pieces will be shifted by, so that the vocabulary
            knows the shifted symbols too.
        to_c: move every piece, of either side, to C major or A minor first, by way of its estimated key.
        base: a vocabulary of the same encoding and options whose ids shall stay; it grows by what it lacks.
        workers: who encodes; by default a process a core.
        progress: called with how many pieces are encoded and how many there are.

    Raises:
        Busy: if another process encodes the same corpus.
        BadCorpus: if no piece has music that this encoding can write down; with to_c, if none has a key.
    """
    cls = ENCODINGS.get(encoding_name)
    encoding: Encoding = cls(options.from_settings(cls.Options, settings))
    what = {
        "encoding": encoding.to_json(),
        "transpositions": sorted({0, *transpositions}),
        "to_c": to_c,
        "where": list(corpus.where),
    }
    if base is not None:
        encoding.load_vocabulary(base)
        what["base"] = hashlib.sha256(json.dumps(base, sort_keys=True).encode()).hexdigest()
    identity = {"format": FORMAT, "musictool": __version__, "corpus": corpus.fingerprint, **what}
    digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()
    folder = corpus.folder / "encoded" / f"{encoding_name}-{digest[:8]}"
    if to_c and (corpus.keys == NO_KEY).all():
        raise BadCorpus(
            f"no piece of {corpus.name} has a key, so none can be moved to C; prepare it again without --no-key"
        )
    try:
        if encoded := _open(folder, corpus, identity):
            return encoded
    except (MusictoolError, OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s is damaged (%s); encoding %s again", folder, error, corpus.name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _encoding_alone(folder.parent), replacing_folder(folder) as growing, _or_own(workers) as hands:
        _sweep(folder.parent, growing)
        Making(growing, corpus, encoding, identity, hands, progress).make()
    encoded = _open(folder, corpus, identity)
    assert encoded is not None  # it has just been made
    return encoded


def encode_controls(
    encoded: Encoded, corpus: Corpus, *, workers: Workers | None = None, progress: Progress | None = None
) -> np.ndarray:
    """float16 (T, CONTROLS) beside `encoded.stored`, memory-mapped, from the cache or made now.

    Args:
        encoded: tokens, of `corpus`.
        progress: called with how many pieces are done and how many there are.

    Raises:
        Busy: if another process makes them.
    """
    path = encoded.folder / CONTROLS_FILE
    rows = int(encoded.offsets[-1])
    if not path.exists():
        with _encoding_alone(encoded.folder), replacing(path) as growing, _or_own(workers) as hands:
            job = partial(in_child, "controls_of", describe(encoded.encoding))
            tasks = _with_tempos(encoded, corpus)
            made = _told(hands.map(job, tasks, ordered=True), len(corpus), progress)
            with h5py.File(growing, "w", locking=False) as file:
                fill(file.create_dataset("rows", (rows, CONTROLS), np.float16), made)
    return mapped(path, (rows, CONTROLS), np.dtype(np.float16))


def _with_tempos(encoded: Encoded, corpus: Corpus) -> Iterator[list[tuple[np.ndarray, np.ndarray]]]:
    """Blocks of (rows of a piece, its tempos)."""
    for start, stop in corpus.cuts():
        pieces = corpus.packed(start, stop)
        yield [(encoded.piece(index), score.tempos) for index, score in enumerate(pieces, start)]


def _told(
    answers: Iterable[tuple[list[Any], np.ndarray]], pieces: int, progress: Progress | None
) -> Iterator[np.ndarray]:
    """The answer to each block of pieces; once one is taken care of, its pieces are done."""
    done = 0
    for block, answer in answers:
        yield answer
        done += len(block)
        if progress is not None:
            progress(done, pieces)


def _encoding_alone(folder: Path) -> AbstractContextManager[None]:
    """No other process writes encoded music into `folder`; whatever it is called, a model needs it."""
    return working_alone(folder, "encoding", "wait for it")


def _sweep(folder: Path, growing: Path) -> None:
    """Remove what killed runs that nobody repeated have left half done."""
    for path in folder.glob(".*.partial"):
        if path != growing:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _or_own(workers: Workers | None) -> Iterator[Workers]:
    """These workers, or for want of any a process a core."""
    if workers is not None:
        yield workers
    else:
        with LocalWorkers(cores()) as own:
            yield own


def _open(folder: Path, corpus: Corpus, identity: dict[str, Any]) -> Encoded | None:
    """What lies in the cache; None if nothing does, or it was made of something else or otherwise."""
    if not (folder / MARKER).exists():
        return None
    values = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    if any(values[key] != value for key, value in identity.items()):
        return None
    vocabulary = folder / VOCABULARY_FILE
    encoding = encodings.from_json(
        values["encoding"], json.loads(vocabulary.read_text(encoding="utf-8")) if vocabulary.exists() else None
    )
    spec = encoding.spec
    lengths = lengths_of(folder / ROWS_FILE)
    stored = mapped(folder / ROWS_FILE, (int(lengths.sum()), *spec.stored_shape), spec.dtype)
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    transpositions = tuple(values["transpositions"])
    return Encoded(encoding, stored, offsets, corpus.is_validation, transpositions, values["summary"], folder)
