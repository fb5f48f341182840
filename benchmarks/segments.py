"""Segments a second, in training and in writing: musictool's segment archs beside the same networks in PyTorch. And the
memory in which windows of a large corpus of segments are gathered.

    python benchmarks/segments.py [--torch-python PATH] [--archs melody-cnn,vae,gan,wgan] [--threads 2] [--rounds 5]
                                  [--pieces 20000]

PyTorch is no part of musictool: if this Python has none, name one that has. benchmarks/README.md has more.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from _worker import Worker, has_torch, rate, serve

HERE = Path(__file__).resolve().parent
WRITTEN = {1: 16, 64: 2}  # segments of each piece in a call, by pieces written at once
LENGTH = 30  # segments in a piece of the large corpus
MOST = 1000  # MB that it may take
KEYS = 10  # of an instrument that may sound at once, by both

Rates = dict[tuple[str, str, str], float]  # (library, arch, what is done) -> segments a second


def main() -> None:
    """Measure and print; or be a worker."""
    if sys.argv[1:2] == ["--worker"]:
        name, threads = sys.argv[2:]
        serve(measures(name, int(threads)))
        return
    if sys.argv[1:2] == ["--gather"]:
        gather(int(sys.argv[2]))
        return
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--torch-python", default=sys.executable, help="a Python that has torch  [this one]")
    arguments.add_argument("--archs", default="melody-cnn,vae,gan,wgan", help="which of the four  [all]")
    arguments.add_argument("--threads", type=int, default=2, help="that each operation may use  [2]")
    arguments.add_argument("--rounds", type=int, default=5, help="alternating rounds; medians count  [5]")
    arguments.add_argument("--pieces", type=int, default=20_000, help="of the large corpus; 0: none  [20000]")
    given = arguments.parse_args()
    if not has_torch(given.torch_python):
        raise SystemExit(f"{given.torch_python} has no torch; name a Python that has with --torch-python PATH")
    rates: Rates = {}
    for name in filter(None, given.archs.split(",")):
        rates |= compare(name, given.torch_python, given.threads, given.rounds)
    if rates:
        report(rates, given.threads, given.rounds)
    if given.pieces:
        report_memory(given.pieces)


def compare(name: str, torch_python: str, threads: int, rounds: int) -> Rates:
    """One arch by both libraries, in turns; a process for each."""
    import _table

    stages, batch = shape(name)
    commands = {
        "musictool": [sys.executable, f"{HERE}/segments.py", "--worker", name, str(threads)],
        "PyTorch": [torch_python, f"{HERE}/_torch_segments.py", name, str(batch), str(threads)],
    }
    contenders = {library: Worker(command, threads) for library, command in commands.items()}
    with ExitStack() as stack:  # both have begun to start; now each is waited for
        workers = {library: stack.enter_context(worker) for library, worker in contenders.items()}
        ours, theirs = (int(worker.measure("weights")) for worker in workers.values())
        if ours != theirs:
            raise SystemExit(f"{name} has {ours:,} weights, and PyTorch's {theirs:,}: they are not the same network")
        return _table.alternate(
            {
                (library, name, what): partial(worker.measure, what)
                for what in (*stages, *map(str, WRITTEN))
                for library, worker in workers.items()
            },
            rounds,
        )


def report(rates: Rates, threads: int, rounds: int) -> None:
    """A table and the goals."""
    import _table

    print(f"{_table.machine()}; {threads} threads; medians of {rounds} alternating rounds\n")
    if threads > 1 and hasattr(os, "getloadavg") and os.getloadavg()[0] > 2 * (os.cpu_count() or 1):
        print("Other work runs beside. PyTorch's threads wait for each other, and then stand still: try --threads 1.\n")
    ratios, rows = {}, []
    for name, what in dict.fromkeys(key[1:] for key in rates):
        ours, theirs = (rates[library, name, what] for library in ("musictool", "PyTorch"))
        label = f"{name}, {_called(what)}"
        ratios[label] = ours / theirs
        rows.append((label, f"{ours:,.0f}", f"{theirs:,.0f}", f"{ours / theirs:.2f}"))
    print(_table.table(("segments/s", "musictool", "PyTorch", "x PyTorch"), rows) + "\n")
    for label, ratio in ratios.items():
        print(_table.goal(f"{label}, against PyTorch", ratio, 1.0))


def _called(what: str) -> str:
    if what.isdigit():
        return f"writing {what} piece" + ("s at once" if what != "1" else "")
    return "training" if what == "network" else f"training, {what}"


def shape(name: str) -> tuple[list[str], int]:
    """The stages of an arch, and segments in a batch."""
    arch = small(name)
    return [stage.name for stage in arch.stages], arch.BATCH_SIZE * arch.WINDOW


def small(name: str) -> Any:
    """The arch as it is by default, weights as they begin."""
    from musictool.encoding import Spec
    from musictool.registry import ARCHS

    cells = (32, 128, 5)
    return ARCHS.get(name).sized(Spec("segments", cells, cells[0] * cells[1] * cells[2]), "small")


def measures(name: str, threads: int) -> dict[str, Callable[[], float]]:
    """musictool's side: each stage in the step that `musictool train` takes, and writing as `musictool sample` does."""
    import tensorflow as tf

    from musictool.backend import backend

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    backend.configure("float32", 0)
    arch = small(name)
    arch.network.max_polyphony.assign([float(KEYS)] * arch.spec.shape[-1])
    weights = {id(weight): weight for stage in arch.stages for weight in stage.network.trainable_variables}
    known = {"weights": lambda: float(sum(weight.value.numpy().size for weight in weights.values()))}
    for stage in arch.stages:
        known[stage.name] = rate(training(arch, stage), arch.BATCH_SIZE * arch.WINDOW)
    for pieces, length in WRITTEN.items():
        known[str(pieces)] = rate(writing(arch, pieces, length), pieces * length)
    return known


def training(arch: Any, stage: Any) -> Callable[[], object]:
    """A step on one batch of random cells, one in fifty of which sounds."""
    import keras
    import numpy as np
    import tensorflow as tf

    from musictool.backend import backend
    from musictool.dataset.windows import Batch

    shape = (arch.BATCH_SIZE, arch.WINDOW)
    cells = (np.random.default_rng(0).random((2, *shape, *arch.spec.shape)) < 0.02).astype(np.uint8)
    nothing = np.zeros((*shape, arch.numbers_beside if arch.kind == "frames" else 0), np.float32)
    batch = Batch(*map(tf.constant, (*cells, np.ones(shape, np.float32), nothing)))
    optimizers = backend.one_device().optimizers_for(stage, arch.LEARNING_RATE, arch.CLIP_NORM)
    step = backend.one_device().training_step(stage, optimizers)
    return lambda: keras.ops.convert_to_numpy(step(batch))


def writing(arch: Any, pieces: int, length: int) -> Callable[[], object]:
    """So many segments of each piece."""
    import numpy as np

    from musictool.sampling.sampler import Sampler

    written = arch.continuation(np.zeros((pieces, 1, *arch.spec.shape), np.uint8), Sampler(), 1)

    def write() -> None:
        rows = 0
        while rows < length:
            rows += next(written).shape[1]

    return write


def report_memory(pieces: int) -> None:
    """What a pass over a large corpus takes, in a fresh process, all included; and how long."""
    import _table

    printed = subprocess.run(
        [sys.executable, f"{HERE}/segments.py", "--gather", str(pieces)], capture_output=True, text=True, check=True
    )
    stored, floats, start, peak, rate = map(float, printed.stdout.split())
    print(f"\n{pieces:,} pieces of {LENGTH} segments, random bits; one pass of training windows\n")
    rows = [
        ("stored, as bits", f"{stored:,.0f}"),
        ("they would be, as float32", f"{floats:,.0f}"),
        ("held, TensorFlow having started", f"{start:,.0f}"),
        ("held at most, in the pass", f"{peak:,.0f}"),
    ]
    print(_table.table(("", "MB"), rows) + f"\n\n{rate:,.0f} segments/s gathered\n")
    print(_table.goal(f"{MOST:,} MB against what is held", MOST / peak, 1.0))


def gather(pieces: int) -> None:
    """Print MB stored, the same as float32, held at the beginning and at most, and segments/s: of one pass, through the
    stream that `musictool train` takes its batches from."""
    import numpy as np

    from musictool.backend import backend
    from musictool.dataset.windows import Windows

    backend.configure("float32", 0)
    arch = small("melody-cnn")
    with large_corpus(pieces) as encoded:
        windows = Windows(encoded, arch.WINDOW, arch.BATCH_SIZE)
        start, seen, begin = held(), 0, time.perf_counter()
        for batch in backend.one_device().stream(windows, windows.training_plan(0)):
            seen += int(np.sum(batch.mask))
        rate = seen / (time.perf_counter() - begin)
        megabytes = encoded.stored.nbytes / 1e6
    print(megabytes, 32 * megabytes, start, held(), rate)


def held() -> float:
    """MB that this process has held at most."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@contextmanager
def large_corpus(pieces: int) -> Iterator[Any]:
    """An Encoded of random bits in a temporary file, a tenth of the pieces for validation."""
    import numpy as np

    from musictool.dataset.dataset import Encoded
    from musictool.dataset.rows_file import mapped, write_rows
    from musictool.encodings.segments import Segments

    encoding, rng = Segments(), np.random.default_rng(0)
    (row_bytes,) = encoding.spec.stored_shape
    lengths = np.full(pieces, LENGTH)
    offsets = np.arange(pieces + 1) * LENGTH
    with tempfile.TemporaryDirectory() as folder:
        plain, path = Path(folder) / "rows", Path(folder) / "rows.h5"
        with open(plain, "wb") as file:
            for _ in range(pieces):
                file.write(rng.bytes(LENGTH * row_bytes))
        write_rows(path, plain, lengths, encoding.spec)
        plain.unlink()
        stored = mapped(path, (pieces * LENGTH, row_bytes), encoding.spec.dtype)
        yield Encoded(encoding, stored, offsets, np.arange(pieces) % 10 == 0, (0,), {}, Path(folder))


if __name__ == "__main__":
    main()
