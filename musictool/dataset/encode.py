"""Corpus -> data set: every piece in one encoding, once; kept beside the corpus.

A block of pieces at a time is encoded in a process of its own (worker_tasks.py), and what comes back is written in its
place, so that the bytes depend on the corpus and the encoding alone, not on how many processes there are.

An encoding that learns its vocabulary needs two passes: the first writes the pieces as token bytes and counts them, the
second looks them up in the vocabulary that the counts gave.
"""

from __future__ import annotations

import hashlib
import json
import logging
import pickle
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from musictool import __version__, options
from musictool.atomic import replacing, replacing_folder, waiting_turn, write_json
from musictool.corpus.corpus import Corpus
from musictool.dataset.conditions import CONTROLS
from musictool.dataset.dataset import MARKER, ROWS_FILE, VOCABULARY_FILE, Encoded, open_encoded
from musictool.dataset.rows_file import fill, mapped, write_rows
from musictool.dataset.worker_tasks import Block, Rows, in_worker, serialised
from musictool.encoding import Encoding
from musictool.errors import BadCorpus, MusictoolError
from musictool.music.key import NO_KEY
from musictool.music.score import Score
from musictool.progress import Progress
from musictool.registry import ENCODINGS
from musictool.strict.hdf5 import new_file
from musictool.vocabulary import LearnedEncoding
from musictool.workers.processes import LocalWorkers, Workers, cores

log = logging.getLogger(__name__)

FORMAT = 2
DEFAULT_ENCODING = "note-chord"
DEFAULT_TRANSPOSITIONS = tuple(range(-3, 4))
CONTROLS_FILE = f"controls-{CONTROLS}.h5"
MAX_COUNTED = 1_000_000  # different token bytes of a corpus, beyond which those met once are forgotten (some 200 MB)
CHUNKS = 4  # blocks of token bytes that are looked up at once


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
            has the shifted tokens too.
        to_c: move every piece, of either side, to C major or A minor first, by way of its estimated key.
        base: a vocabulary of the same encoding and options whose tokens shall stay; it grows by what it lacks.
        workers: who encodes; by default one process per core.
        progress: called with how many pieces are encoded and how many there are.

    Where another process encodes the same corpus this one waits, and uses what it has made if it is the same encoding.

    Raises:
        BadCorpus: if no piece has music that this encoding can write down; with to_c, if none has a key.
    """
    cls = ENCODINGS.get(encoding_name)
    encoding: Encoding = cls(options.from_settings(cls.Options, settings))
    content = {
        "encoding": encoding.to_json(),
        "transpositions": sorted({0, *transpositions}),
        "to_c": to_c,
        "where": list(corpus.where),
    }
    if base is not None:
        encoding.load_vocabulary(base)
        content["base"] = hashlib.sha256(json.dumps(base, sort_keys=True).encode()).hexdigest()
    identity = {"format": FORMAT, "musictool": __version__, "corpus": corpus.fingerprint, **content}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    folder = corpus.folder / "encoded" / f"{encoding_name}-{digest[:8]}"
    if to_c and (corpus.keys == NO_KEY).all():
        raise BadCorpus(
            f"no piece of {corpus.name} has a key, so none can be moved to C; prepare it again without --no-key"
        )
    if encoded := _cached(folder, corpus, identity):
        return encoded
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _encoding_alone(folder.parent, corpus):
        if encoded := _cached(folder, corpus, identity, quiet=True):  # made since, by whoever was before us
            return encoded
        with replacing_folder(folder) as growing, _or_local(workers) as workers:
            _sweep(folder.parent, growing)
            CorpusEncoder(growing, corpus, encoding, identity, workers, progress).run()
    encoded = open_encoded(folder, corpus, identity)
    assert encoded is not None  # it has just been made
    return encoded


def encode_controls(
    encoded: Encoded,
    corpus: Corpus,
    *,
    to_c: bool = False,
    workers: Workers | None = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """float16 (T, CONTROLS) beside `encoded.stored`, memory-mapped, from the cache or made now.

    Args:
        encoded: of `corpus`, tokens or frames.
        to_c: whether its pieces were moved to C major or A minor.
        progress: called with how many pieces are done and how many there are.

    Where another process makes them this one waits for it. Those of an older version, which lack some, are removed.
    """
    path = encoded.folder / CONTROLS_FILE
    rows = int(encoded.offsets[-1])
    if not path.exists():
        with _encoding_alone(encoded.folder, corpus):
            if not path.exists():
                with replacing(path) as growing, _or_local(workers) as workers:
                    job = partial(in_worker, "controls", serialised(encoded.encoding))
                    tasks = _with_scores(encoded, corpus, to_c)
                    made = _reported(workers.map(job, tasks, ordered=True), len(corpus), progress)
                    with new_file(growing, locking=False) as file:
                        fill(file.create_dataset("rows", (rows, CONTROLS), np.float16), made)
                for old in encoded.folder.glob("controls-*.h5"):
                    if old != path:
                        old.unlink(missing_ok=True)
    return mapped(path, (rows, CONTROLS), np.dtype(np.float16))


def _cached(folder: Path, corpus: Corpus, identity: dict[str, Any], quiet: bool = False) -> Encoded | None:
    """What lies in the cache; None where it has to be made, or made again, with a warning unless `quiet`."""
    try:
        return open_encoded(folder, corpus, identity)
    except (MusictoolError, OSError, ValueError, KeyError, TypeError) as error:
        if not quiet:
            log.warning("%s is damaged (%s); encoding %s again", folder, error, corpus.name)
        return None


def _with_scores(encoded: Encoded, corpus: Corpus, to_c: bool) -> Iterator[list[tuple[np.ndarray, Score]]]:
    """Blocks of (rows of a piece, what they were made of)."""
    pickled = pickle.dumps(corpus)
    for start, stop in corpus.blocks():
        scores = Block(pickled, start, stop, to_c).scores()
        yield [(encoded.piece(index), score) for index, score in enumerate(scores, start)]


def _reported(
    answers: Iterable[tuple[list[Any], np.ndarray]], pieces: int, progress: Progress | None
) -> Iterator[np.ndarray]:
    """The answer to each block of pieces; once one is stored, its pieces are done."""
    done = 0
    for block, answer in answers:
        yield answer
        done += len(block)
        if progress is not None:
            progress(done, pieces)


def _encoding_alone(folder: Path, corpus: Corpus) -> AbstractContextManager[None]:
    """No other process encodes music into `folder` meanwhile; one that does is waited for."""
    return waiting_turn(folder, lambda: log.warning("another process is encoding %s; waiting for it", corpus.name))


def _sweep(folder: Path, growing: Path) -> None:
    """Remove what killed runs that nobody repeated have left half done."""
    for path in folder.glob(".*.partial"):
        if path != growing:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _or_local(workers: Workers | None) -> Iterator[Workers]:
    """These workers; without any, one process per core."""
    if workers is not None:
        yield workers
    else:
        with LocalWorkers(cores()) as local:
            yield local


class CorpusEncoder:
    """Encoding a corpus into an empty folder.

    An encoding that has a vocabulary keeps its tokens: it grows by the corpus's own if it learns them, and else
    stays as it is.
    """

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
        self._is_fitted = "base" in identity
        self._workers, self._progress = workers, progress or (lambda done, total: None)

    def run(self) -> None:
        """Raises BadCorpus if there is no such music."""
        if isinstance(self.encoding, LearnedEncoding):
            lengths, covered = self._learn(self.encoding)
        else:
            if not self._is_fitted:
                self.encoding.fit(self._training_scores(), self.identity["transpositions"])
            lengths, covered = self._write(self._in_workers("rows", self._blocks()))
        if not lengths.sum():
            raise BadCorpus(
                f"no piece of {self.corpus.name} has music that the encoding {self.encoding.name} can write down"
            )
        vocabulary = self.encoding.vocabulary()
        if vocabulary is not None:
            write_json(self.folder / VOCABULARY_FILE, vocabulary)
        summary = _summary(self.encoding, lengths, covered, self.corpus.is_validation)
        write_json(self.folder / MARKER, {**self.identity, "summary": summary})

    def _learn(self, encoding: LearnedEncoding) -> tuple[np.ndarray, np.ndarray]:
        """Token bytes first, into a file; then the vocabulary; then tokens."""
        counts: Counter[bytes] = Counter()
        unfinished = self.folder / "words"
        sizes = []
        with open(unfinished, "wb") as file:
            for counted, chunk in self._in_workers("token_bytes", self._blocks()):
                counts.update(counted)
                if len(counts) > MAX_COUNTED:
                    counts = Counter({item: count for item, count in counts.items() if count > 1})
                sizes.append(file.write(chunk))
        (encoding.grow if self._is_fitted else encoding.learn)(counts, self.identity["transpositions"])
        del counts
        with open(unfinished, "rb") as file:
            chunks = ([file.read(size) for size in sizes[i : i + CHUNKS]] for i in range(0, len(sizes), CHUNKS))
            result = self._write(self._in_workers("tokens", chunks))
        unfinished.unlink()
        return result

    def _in_workers(self, function: str, tasks: Iterable[Any]) -> Iterator[Any]:
        """What a function of worker_tasks.py makes of each task, in order."""
        job = partial(in_worker, function, serialised(self.encoding))
        return (answer for _, answer in self._workers.map(job, tasks, ordered=True))

    def _blocks(self) -> Iterator[Block]:
        corpus = pickle.dumps(self.corpus)
        return (Block(corpus, start, stop, self.identity["to_c"]) for start, stop in self.corpus.blocks())

    def _training_scores(self) -> Iterator[Any]:
        for block in self._blocks():
            scores = zip(block.scores(), block.is_training.tolist(), strict=True)
            yield from (score for score, is_training in scores if is_training)

    def _write(self, answers: Iterator[Rows]) -> tuple[np.ndarray, np.ndarray]:
        """Put the rows into rows.h5. (lengths, covered rows) of each piece, int64 (pieces,)."""
        lengths, covered, done = [], [], 0
        left_out: list[str] = []
        plain = self.folder / "rows"
        with open(plain, "wb") as file:
            for answer in answers:
                file.write(answer.data)
                lengths.append(answer.lengths)
                covered.append(answer.covered)
                left_out += answer.left_out
                done += len(answer.lengths)
                self._progress(done, len(self.corpus))
        every = np.concatenate(lengths)
        write_rows(self.folder / ROWS_FILE, plain, every, self.encoding.spec)
        plain.unlink()
        if left_out:
            log.warning("%d of %d pieces are left out; of the first: %s", len(left_out), len(every), left_out[0])
        return every, np.concatenate(covered)


def _summary(encoding: Encoding, lengths: np.ndarray, covered: np.ndarray, is_validation: np.ndarray) -> dict[str, Any]:
    """`coverage`: the share of validation rows (without any, of training rows) that mean exactly what is played."""
    train, validation = (int(lengths[is_validation == side].sum()) for side in (False, True))
    side = bool(validation)
    coverage = int(covered[is_validation == side].sum()) / max(1, validation if side else train)
    return {"size": encoding.spec.size, "train_rows": train, "validation_rows": validation, "coverage": coverage}
