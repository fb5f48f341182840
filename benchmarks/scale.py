"""Twenty thousand files: files per second and peak memory of `prepare` and of each encoding, with one worker and two.

    python benchmarks/scale.py [FOLDER] [--files 20000] [--encodings note-chord,performance] [--workers 1,2]

The files are copies of real ones (FOLDER; without one, the Bach chorales as MIDI), each with other content:
transposed, and with its first notes cut off. They are made once, into the temporary folder, and not timed. Each line is
a process of its own; memory is the most that the process, and any one of the children it starts, held at a time.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

import _table
from _music import HERE, chorales, copies, midi_files
from _table import THREADS


def preparing(home: Path, folder: Path, workers: int) -> tuple[float, float, float]:
    """Reading only. Files per second; MB of this process and of its largest child."""
    from musictool.preparation.prepare import prepare

    os.environ["MUSICTOOL_HOME"] = str(home)
    start = time.perf_counter()
    prepared = prepare(folder, name="scale", workers=workers, encode=False, fresh=True)
    return prepared.corpus.info["files"]["found"] / (time.perf_counter() - start), *peaks()


def encoding(home: Path, name: str, workers: int) -> tuple[float, float, float]:
    """From notes.h5 to rows.h5. The same."""
    from musictool.corpus.corpus import Corpus
    from musictool.dataset.encode import encode_corpus
    from musictool.workers.processes import LocalWorkers

    os.environ["MUSICTOOL_HOME"] = str(home)
    corpus = Corpus.open("scale")
    shutil.rmtree(corpus.folder / "encoded", ignore_errors=True)
    start = time.perf_counter()
    with LocalWorkers(workers) as hands:
        encode_corpus(corpus, name, workers=hands)
        rate = len(corpus) / (time.perf_counter() - start)
    shutil.rmtree(corpus.folder / "encoded")
    return rate, *peaks()


def peaks() -> tuple[float, float]:
    """MB that this process held at most, and that the largest of its children did."""
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return tuple(resource.getrusage(each).ru_maxrss / 1024 for each in who)  # type: ignore[return-value]


def main() -> None:
    """Measure and print."""
    from musictool.registry import ENCODINGS

    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder", nargs="?", type=Path, help="MIDI files, at any depth  [the Bach chorales]")
    arguments.add_argument("--files", type=int, default=20_000)
    arguments.add_argument("--encodings", default=",".join(ENCODINGS.names()))
    arguments.add_argument("--workers", default="1,2")
    given = arguments.parse_args()
    os.environ.update(dict.fromkeys(THREADS, "1"))
    originals = midi_files(given.folder or chorales())
    folder = copies(originals, given.files)
    print(f"{_table.machine()}; {given.files:,} files, copies of {len(originals)}\n")
    rows = []
    with tempfile.TemporaryDirectory(dir=HERE) as home:
        for count in map(int, given.workers.split(",")):
            rows.append(_row("prepare (reading)", count, preparing, Path(home), folder, count))
        for name in given.encodings.split(","):
            for count in map(int, given.workers.split(",")):
                rows.append(_row(name, count, encoding, Path(home), name, count))
    print(_table.table(("", "workers", "files/s", "MB, parent", "MB, largest child"), rows))


def _row(what: str, workers: int, measure: object, *arguments: object) -> tuple[str, ...]:
    with get_context("spawn").Pool(1) as pool:
        rate, own, child = pool.apply(measure, arguments)  # type: ignore[arg-type]
    return what, str(workers), f"{rate:,.0f}", f"{own:,.0f}", f"{child:,.0f}"


if __name__ == "__main__":
    main()
