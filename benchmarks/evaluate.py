"""How long evaluation takes: `musictool evaluate` on 100 samples, and finding copies in 10,000 pieces.

    python benchmarks/evaluate.py [MODEL] [--rounds 3] [--pieces 10000]

Without a MODEL the small lstm, trained on the Bach chorales for two minutes, once, in the temporary folder. The index
is built from its pieces, transposed and cut at the beginning until there are enough; a piece of 16 bars that is in it
is looked up, one that is not, and 100 samples.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

SAMPLES = 100


def varied(scores: list[Any], count: int) -> Iterator[Any]:
    """`count` different pieces, made of some."""
    for index in range(count):
        number, original = divmod(index, len(scores))
        score = scores[original].transpose(number % 11 - 5)
        yield replace(score, notes=score.notes[number // 11 :])


def seconds(work: Callable[[], object], times: int = 1) -> Callable[[], float]:
    """Measures how long one call takes."""

    def measure() -> float:
        start = time.perf_counter()
        for _ in range(times):
            work()
        return (time.perf_counter() - start) / times

    return measure


def report_parts(model: Any, rounds: int) -> str:
    """Where the time of evaluating 100 samples goes; returns the line of the goal."""
    import _table

    from musictool.evaluation import likelihood
    from musictool.evaluation.evaluate import evaluate, written_by
    from musictool.evaluation.page import page
    from musictool.evaluation.reference import Measures, Reference
    from musictool.metrics.told_apart import told_apart
    from musictool.training.workers import corpus_of

    reference = Reference(corpus_of(model.info, model.name), SAMPLES, 1)
    samples = written_by(model, reference.scores[:20], SAMPLES, 16, 1.0, 1)
    evaluation = evaluate(model, num=SAMPLES, bars=16)

    def measured() -> None:
        measures = Measures.of([""] * SAMPLES, samples, reference.copies)
        for values in (measures.musical, measures.band, measures.distribution, measures.loops, measures.distances):
            assert len(values)

    parts = {
        f"writing {SAMPLES} pieces of 16 bars": lambda: written_by(model, reference.scores[:20], SAMPLES, 16, 1.0, 1),
        f"the likelihood of {SAMPLES} samples": lambda: likelihood.of_model(model, samples),
        f"all features and copies of {SAMPLES} samples": measured,
        "the distances of the features": lambda: type(evaluation).agreements.func(evaluation),
        "telling the samples from the validation pieces": lambda: told_apart(samples, reference.scores),
        "the page with its plots": lambda: page(evaluation),
        "evaluate as a whole, all warm": lambda: evaluate(model, num=SAMPLES, bars=16),
    }
    took = _table.alternate({name: seconds(work) for name, work in parts.items()}, rounds)
    print(_table.table((model.name, "s"), [(name, f"{time:.2f}") for name, time in took.items()]) + "\n")
    whole = took["evaluate as a whole, all warm"]
    return _table.goal(f"{SAMPLES} samples evaluated: 10 s / {whole:.1f} s", 10 / whole, 1)


def report_index(scores: list[Any], count: int, rounds: int) -> str:
    """Building, opening and searching an index of many pieces; returns the line of the goal."""
    import _table
    import numpy as np

    from musictool.metrics.copying import CopyIndex

    pieces = list(varied(scores, count))
    index = CopyIndex.of(pieces)
    arrays = {name: getattr(index, name) for name in ("values", "lowest", "starts", "windows", "places")}
    copy = pieces[count // 2].until(pieces[count // 2].bar_line_ticks(16)).transpose(1)
    rng = np.random.default_rng(1)
    notes = copy.notes.copy()
    notes["pitch"] = rng.integers(40, 80, len(notes))
    other = replace(copy, notes=notes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index.npz"
        np.savez(path, **arrays)
        took = _table.alternate(
            {
                "building it (once for a corpus)": seconds(lambda: CopyIndex.of(pieces)),
                "opening it from disk": seconds(lambda: CopyIndex(**dict(np.load(path)))),
                "a piece that is in it": seconds(lambda: index.find(copy), 20),
                "a piece that is not": seconds(lambda: index.find(other), 20),
                f"{SAMPLES} pieces that are": seconds(lambda: [index.find(piece) for piece in pieces[:SAMPLES]]),
            },
            rounds,
        )
    megabytes = sum(array.nbytes for array in arrays.values()) / 1e6
    head = (f"index of {count:,} pieces, {len(index.windows):,} windows, {megabytes:,.0f} MB", "s")
    print(_table.table(head, [(name, f"{time:.4f}") for name, time in took.items()]) + "\n")
    slowest = took["opening it from disk"] + max(took["a piece that is in it"], took["a piece that is not"])
    return _table.goal(f"opened and searched,  {count:,} pieces: 1 s / {slowest:.3f} s", 1 / slowest, 1)


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", nargs="?", help="name or folder of a trained model  [a small lstm]")
    arguments.add_argument("--rounds", type=int, default=3, help="alternating rounds; medians count  [3]")
    arguments.add_argument("--pieces", type=int, default=10_000, help="in the index of copies  [10000]")
    given = arguments.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import _table
    from sample import trained_model

    from musictool.models.model import Model
    from musictool.training.workers import corpus_of

    model = Model.open(given.model or trained_model())
    corpus = corpus_of(model.info, model.name)
    print(f"{_table.machine()}; medians of {given.rounds} alternating rounds\n")
    goals = [report_parts(model, given.rounds), report_index(list(corpus.scores("train")), given.pieces, given.rounds)]
    print("\n".join(goals))


if __name__ == "__main__":
    main()
