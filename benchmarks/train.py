"""Tokens per second in training: musictool's networks beside PyTorch's own layers in the same shapes.

    python benchmarks/train.py [--torch-python PATH] [--networks lstm,transformer] [--vocabulary 512,4096] [--threads 2]
                               [--rounds 5]

PyTorch is no part of musictool: if this Python has none, name one that has. benchmarks/README.md has more.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from _worker import Worker, has_torch, rate, serve

HERE = Path(__file__).resolve().parent
BATCH, LENGTH = 64, 100


def main() -> None:
    """Measure and print; or be a worker."""
    if sys.argv[1:2] == ["--worker"]:
        what, vocabulary, threads, precision = sys.argv[2:]
        work(what, int(vocabulary), int(threads), precision)
        return
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--torch-python", default=sys.executable, help="a Python that has torch  [this one]")
    arguments.add_argument("--networks", default="lstm,transformer", help="which of the two  [both]")
    arguments.add_argument("--vocabulary", default="512,4096", help="sizes of the vocabulary  [512,4096]")
    arguments.add_argument("--threads", type=int, default=2, help="that each operation may use  [2]")
    arguments.add_argument("--rounds", type=int, default=5, help="alternating rounds; medians count  [5]")
    given = arguments.parse_args()
    if not has_torch(given.torch_python):
        raise SystemExit(f"{given.torch_python} has no torch; name a Python that has with --torch-python PATH")
    sizes = [int(size) for size in given.vocabulary.split(",")]
    shapes = [(name, size) for name in given.networks.split(",") for size in sizes]
    report(shapes, given.torch_python, given.threads, given.rounds)


def report(shapes: list[tuple[str, int]], torch_python: str, threads: int, rounds: int) -> None:
    """All contenders in turns, then a table and the goals."""
    import _table

    ours, theirs = [sys.executable, f"{HERE}/train.py", "--worker"], [torch_python, f"{HERE}/_torch.py"]
    count = str(threads)
    workers = {
        ("musictool", "peak", 0): Worker([*ours, "peak", "0", count, "float32"], threads),
        ("PyTorch", "peak", 0): Worker([*theirs, "peak", count], threads),
    }
    for name, vocabulary in shapes:
        shape = [str(vocabulary), str(BATCH), str(LENGTH), count]
        for library, precision in (("musictool", "float32"), ("musictool as it chooses", "auto")):
            workers[library, name, vocabulary] = Worker([*ours, name, str(vocabulary), count, precision], threads)
        workers["PyTorch", name, vocabulary] = Worker([*theirs, "train", name, *shape], threads)
    with ExitStack() as stack:  # all have begun to start; now each is waited for
        rates = _table.alternate({key: stack.enter_context(worker).measure for key, worker in workers.items()}, rounds)
    peak = max(rates.pop(("musictool", "peak", 0)), rates.pop(("PyTorch", "peak", 0)))
    print(
        f"{_table.machine()}; {threads} threads, B {BATCH}, T {LENGTH}; medians of {rounds} alternating rounds; ",
        end="",
    )
    print(f"matrix peak {peak:,.0f} GFLOP/s (float32)\n")
    rows = []
    for (library, name, vocabulary), speed in rates.items():
        ratio = speed / rates["PyTorch", name, vocabulary]
        share = speed * flops(name, vocabulary) / 1e9 / peak
        rows.append((f"{name}, {vocabulary:,} tokens, {library}", f"{speed:,.0f}", f"{ratio:.2f}", f"{share:.0%}"))
    print(_table.table(("", "tokens/s", "x PyTorch", "of the peak"), rows) + "\n")
    for name, vocabulary in shapes:
        for library in ("musictool", "musictool as it chooses"):
            ratio = rates[library, name, vocabulary] / rates["PyTorch", name, vocabulary]
            print(_table.goal(f"{name}, {vocabulary:,} tokens, {library}, against PyTorch", ratio, 1.0))


def flops(name: str, vocabulary: int) -> int:
    """Operations of matrix products that a symbol in training needs: two a weight, forward and twice that backward."""
    if name == "lstm":
        return 6 * (1024 * (128 + 256) + 1024 * (256 + 256) + 256 * 128 + 128 * vocabulary)
    seen = LENGTH // 2  # rows that a row hears, on average
    return 6 * (4 * (12 * 128 * 128 + 2 * seen * 128) + 128 * vocabulary)


def work(name: str, vocabulary: int, threads: int, precision: str) -> None:
    """musictool's side: one training step, as `musictool train` takes it, again and again."""
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    if name == "peak":
        a, b = tf.random.normal((2, 2048, 2048))
        serve(rate(lambda: tf.matmul(a, b).numpy(), 2 * 2048**3 / 1e9))
        return
    step = training_step(name, vocabulary, precision)
    serve(rate(step, BATCH * LENGTH))


def training_step(name: str, vocabulary: int, precision: str) -> Callable[[], object]:
    """On one batch of random tokens."""
    import keras
    import numpy as np
    import tensorflow as tf

    from musictool.backend import backend
    from musictool.dataset.windows import Batch
    from musictool.encoding import Spec
    from musictool.registry import ARCHS

    backend.configure(precision, 0)
    arch = ARCHS.get(name).sized(Spec("tokens", (), vocabulary), "small")
    tokens = np.random.default_rng(0).integers(0, vocabulary, (BATCH, LENGTH + 1)).astype(np.int32)
    side_inputs = np.ones((BATCH, LENGTH), np.float32), np.zeros((BATCH, LENGTH, 0), np.float32)
    batch = Batch(*map(tf.constant, (tokens[:, :-1], tokens[:, 1:], *side_inputs)))
    (stage,), place = arch.stages, backend.one_device()
    step = place.training_step(stage, place.optimizers_for(stage, 1e-3))
    return lambda: keras.ops.convert_to_numpy(step(batch))


if __name__ == "__main__":
    main()
