"""Each encoding on real music: vocabulary, rows per second, coverage, files per second.

    python benchmarks/encodings.py SOURCE... [--encodings note-chord,performance] [--home FOLDER]

A SOURCE is whatever `musictool prepare` takes. Each is prepared once (kept in --home, if that is given), then encoded
cold with one worker. `exact` is the part of the validation rows that the vocabulary of the training pieces, at every
transposition from -3 to 3, holds; the others become their nearest neighbour. A row is a token, a step of a roll or a
segment; `seconds` of music are those of all pieces.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import _table


def measure(source: str, name: str, transpositions: range) -> tuple[str, ...]:
    """The line of one source in one encoding."""
    from musictool.corpus.corpus import Corpus
    from musictool.dataset.encode import encode_corpus
    from musictool.errors import MusictoolError
    from musictool.workers.processes import LocalWorkers

    corpus = Corpus.open(source)
    shutil.rmtree(corpus.folder / "encoded", ignore_errors=True)
    start = time.perf_counter()
    try:
        with LocalWorkers(1) as workers:
            encoded = encode_corpus(corpus, name, transpositions=transpositions, workers=workers)
    except MusictoolError as error:
        return name, corpus.name, str(error), "", "", ""
    seconds = time.perf_counter() - start
    rows = int(encoded.offsets[-1])
    return (
        name,
        corpus.name,
        f"{encoded.spec.size:,}",
        f"{rows / corpus.info['seconds']:.3g}",
        f"{encoded.summary['coverage']:.1%}",
        f"{len(corpus) / seconds:,.0f}",
    )


def main() -> None:
    """Measure and print."""
    from musictool.preparation.prepare import prepare
    from musictool.registry import ENCODINGS

    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("sources", nargs="+")
    arguments.add_argument("--encodings", default=",".join(ENCODINGS.names()))
    arguments.add_argument("--home", type=Path)
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MUSICTOOL_HOME"] = str(given.home or folder)
        names = [prepare(source, encode=False).corpus.name for source in given.sources]
        rows = [measure(source, name, range(-3, 4)) for name in given.encodings.split(",") for source in names]
    print(f"{_table.machine()}\n")
    print(_table.table(("encoding", "corpus", "vocabulary", "rows/s of music", "exact", "pieces/s"), rows))


if __name__ == "__main__":
    main()
