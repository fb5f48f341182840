"""The parent's side of encoding a corpus: blocks are handed out, and what comes back is put in its place."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from musictool.atomic import write_json
from musictool.corpus.corpus import Corpus
from musictool.dataset.children import Block, Rows, describe, in_child
from musictool.dataset.rows_file import write_rows
from musictool.encoding import Encoding
from musictool.errors import BadCorpus
from musictool.progress import Progress
from musictool.vocabulary import LearnedEncoding
from musictool.workers.processes import Workers

ROWS_FILE = "rows.h5"
VOCABULARY_FILE = "vocabulary.json"
MARKER = "encoded.json"
COUNTED_WORDS = 1_000_000  # different words of a corpus, beyond which those met once are forgotten (some 200 MB)
DRAFTS = 4  # blocks of words that become ids at once


class Making:
    """Encoding a corpus into an empty folder.

    An encoding that has a vocabulary keeps its ids: it grows by the corpus's own words if it learns words, and else
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

    def make(self) -> None:
        """Raises BadCorpus if there is no such music."""
        if isinstance(self.encoding, LearnedEncoding):
            lengths, known = self._learn(self.encoding)
        else:
            if not self._is_fitted:
                self.encoding.fit(self._training_scores(), self.identity["transpositions"])
            lengths, known = self._write(self._in_children("rows", self._blocks()))
        if not lengths.sum():
            raise BadCorpus(
                f"no piece of {self.corpus.name} has music that the encoding {self.encoding.name} can write down"
            )
        vocabulary = self.encoding.vocabulary()
        if vocabulary is not None:
            write_json(self.folder / VOCABULARY_FILE, vocabulary)
        summary = _summary(self.encoding, lengths, known, self.corpus.is_validation)
        write_json(self.folder / MARKER, {**self.identity, "summary": summary})

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
        (encoding.grow if self._is_fitted else encoding.learn)(counts, self.identity["transpositions"])
        del counts
        with open(drafts, "rb") as file:
            some = ([file.read(size) for size in sizes[i : i + DRAFTS]] for i in range(0, len(sizes), DRAFTS))
            result = self._write(self._in_children("ids", some))
        drafts.unlink()
        return result

    def _in_children(self, function: str, tasks: Iterable[Any]) -> Iterator[Any]:
        """What a function of children.py makes of each task, in order."""
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
        write_rows(self.folder / ROWS_FILE, plain, every, self.encoding.spec)
        plain.unlink()
        return every, np.concatenate(known)


def _summary(encoding: Encoding, lengths: np.ndarray, known: np.ndarray, is_validation: np.ndarray) -> dict[str, Any]:
    """`coverage`: which part of the validation rows (without any: of the training rows) is exactly what is played."""
    train, validation = (int(lengths[is_validation == side].sum()) for side in (False, True))
    side = bool(validation)
    coverage = int(known[is_validation == side].sum()) / max(1, validation if side else train)
    return {"size": encoding.spec.size, "train_rows": train, "validation_rows": validation, "coverage": coverage}
