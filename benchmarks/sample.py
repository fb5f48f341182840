"""Tokens per second: musictool's compiled loop beside re-running the window with `predict`, as the tutorials do.

    python benchmarks/sample.py [MODEL] [--rounds 5] [--threads 2] [--torch-python PATH]

The first table has one network for all: without a MODEL the small lstm, trained on the Bach chorales for two minutes,
once, in the temporary folder. Then every token arch, small and untrained, by TensorFlow and in numpy, beside PyTorch's
own layers in a plain loop that carries the state; for those, name a Python that has torch if this one has none. Last
the command, cold, with small models trained for half a minute. benchmarks/README.md has more.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

WINDOW = 100  # tokens that the tutorials' networks see
PREDICTED = 30  # tokens drawn their way in a round: it is slow
RERUN = 200
WRITTEN = {1: 2000, 64: 256}  # tokens for each piece of a batch, in a round of musictool's
AGAINST_TORCH = {"lstm": 2.0, "transformer": 1.5}  # times PyTorch's loop, by whichever engine is the faster

# The command, cold: arch, encoding, its options, the seconds that it may take on a quiet machine.
COMMANDS = (
    ("lstm", "note-chord", ("--length", "500"), 1.0),
    ("transformer", "note-chord", ("--length", "500"), 1.5),
    ("chain", "piano-roll", ("--bars", "16"), 3.0),
    ("vae", "segments", ("--bars", "16"), 1.5),
)
CPU_SECONDS, MEGABYTES = 1.0, 150  # that each may take besides


def musictool_sample(folder: Path, batch: int) -> Callable[[], float]:
    """`musictool.generation.sample.sample` with the default sampler, from the model's own primers to Scores."""
    from musictool.generation.request import Request
    from musictool.generation.sample import sample
    from musictool.models.model import Model

    model = Model.open(folder)  # one for each batch size, so that each has its own compiled loop

    def measure() -> float:
        start = time.perf_counter()
        sample(model, Request(length=WRITTEN[batch], num=batch))
        return WRITTEN[batch] * batch / (time.perf_counter() - start)

    measure()  # compiles
    return measure


def rerun_window(folder: Path, count: int, wrap: Callable[[Any], Callable[[Any], Any]]) -> Callable[[], float]:
    """For each token run the network over the last WINDOW tokens, then draw with numpy.

    Only the last position is predicted, which is to this way's advantage.

    Args:
        count: tokens in a round.
        wrap: network -> function of int32 (1, WINDOW) that gives logits (1, V).
    """
    import keras
    import numpy as np

    from musictool.encoding import FIRST_TOKEN
    from musictool.models.model import Model

    class LastPosition(keras.Model):
        def __init__(self, network: Any):
            super().__init__()
            self.network = network

        def call(self, tokens: Any) -> Any:
            matrix = self.network.constants()
            features = self.network.body(self.network.embedding.embed(tokens, matrix))
            return self.network.logits(features[:, -1], matrix)

    model = Model.open(folder)
    predict = wrap(LastPosition(model.arch.network))
    rng = np.random.default_rng(0)
    window = rng.integers(FIRST_TOKEN, model.spec.size, (1, WINDOW)).astype(np.int32)

    def draw() -> None:
        logits = np.asarray(predict(window), np.float64)[0]
        weights = np.exp(logits - logits.max())
        weights[:FIRST_TOKEN] = 0
        window[0, :-1] = window[0, 1:]
        window[0, -1] = rng.choice(len(weights), p=weights / weights.sum())

    def measure() -> float:
        start = time.perf_counter()
        for _ in range(count):
            draw()
        return count / (time.perf_counter() - start)

    draw()  # compiles
    return measure


def keras_predict(network: Any) -> Callable[[Any], Any]:
    """The tutorials' call."""
    return partial(network.predict, verbose=0)


def tensorflow_function(network: Any) -> Callable[[Any], Any]:
    """What a careful user of TensorFlow writes instead."""
    import tensorflow as tf

    return tf.function(lambda tokens: network(tf.convert_to_tensor(tokens)))


def trained_model(arch: str = "lstm", encoding: str = "note-chord", name: str = "sampled", minutes: float = 2) -> Path:
    """A small model after some minutes on the Bach chorales; made on the first call, by the commands a user types."""
    from musictool.models.info import is_trained, read_info

    home = Path(tempfile.gettempdir()) / "musictool-benchmarks"
    folder = home / "saved_models" / name
    if not folder.exists() or not is_trained(read_info(folder)):
        environment = {**os.environ, "MUSICTOOL_HOME": str(home)}
        command = [sys.executable, "-m", "musictool"]
        subprocess.run([*command, "prepare", "bach"], env=environment, check=True)
        train = ["train", "bach", "--arch", arch, "--encoding", encoding, "--name", name, "--seed", "1"]
        subprocess.run([*command, *train, "--max-minutes", str(minutes)], env=environment, check=True)
    return folder


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", nargs="?", help="name or folder of a trained token model  [a small lstm]")
    arguments.add_argument("--rounds", type=int, default=5, help="alternating rounds; medians count  [5]")
    arguments.add_argument("--threads", type=int, default=2, help="that each operation may use  [2]")
    arguments.add_argument("--torch-python", default=sys.executable, help="a Python that has torch  [this one]")
    given = arguments.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import _table
    import tensorflow as tf

    from musictool.models.model import Model

    tf.config.threading.set_intra_op_parallelism_threads(given.threads)
    model = Model.open(given.model or trained_model())
    print(f"{_table.machine()}, {given.threads} threads; medians of {given.rounds} alternating rounds\n")
    goals = [
        report_ways(model, given.rounds),
        *report_archs(given.rounds, given.threads, given.torch_python),
        report_contexts(given.rounds),
        *report_commands(given.rounds),
    ]
    report_parts(model.folder)
    print("\n".join(goals))


def report_ways(model: Any, rounds: int) -> str:
    """One network, drawn from in each of the ways; returns the goal's line."""
    import _table

    one, many, predict = "musictool, 1 piece", "musictool, 64 pieces at once", "keras predict for each token"
    rates = _table.alternate(
        {
            one: musictool_sample(model.folder, 1),
            predict: rerun_window(model.folder, PREDICTED, keras_predict),
            many: musictool_sample(model.folder, 64),
            "tf.function on the window for each token": rerun_window(model.folder, RERUN, tensorflow_function),
        },
        rounds,
    )
    print(f"{model.name}: {model.info['arch']['name']} on {model.spec.size:,} tokens, ", end="")
    print(f"{model.info['metrics']['parameters']:,} parameters\n")
    rows = [(name, f"{rate:,.0f}", f"{rate / rates[predict]:,.0f}") for name, rate in rates.items()]
    print(_table.table(("", "tokens/s", "x predict"), rows) + "\n")
    return _table.goal("one piece against predict for each token", rates[one] / rates[predict], 100)


def report_archs(rounds: int, threads: int, torch_python: str) -> list[str]:
    """Every token arch, 1 piece and 64; returns the goals' lines."""
    import _archs
    import _table
    from _worker import has_torch

    archs = {name: _archs.small(name) for name in _archs.names()}
    in_numpy = {name: _archs.small_in_numpy(name) for name in archs}
    engines = {"TensorFlow": archs, "numpy": in_numpy}
    loops: dict[tuple[str, str, int], Callable[[], float]] = {
        (engine, name, batch): _archs.writing(by_name[name], batch)
        for name in archs
        for engine, by_name in engines.items()
        for batch in (1, 64)
    }
    torch = _archs.TORCH if has_torch(torch_python) else ()
    with ExitStack() as stack:
        workers = {(name, n): _archs.torch_loop(torch_python, name, n, threads) for name in torch for n in (1, 64)}
        for (name, batch), worker in workers.items():
            loops["PyTorch", name, batch] = stack.enter_context(worker).measure
        rates = _table.alternate({("memory", "", 0): _archs.bandwidth, **loops}, rounds)
    memory = rates.pop(("memory", "", 0))
    rows = []
    for library, name in dict.fromkeys(key[:2] for key in rates):
        one, many = (rates[library, name, batch] for batch in (1, 64))
        bound = memory / _archs.megabytes(archs[name])
        rows.append((f"{name}, {library}", f"{one:,.0f}", f"{many:,.0f}", f"{one / bound:.0%}"))
    print(f"small, vocabulary {_archs.VOCABULARY:,}, untrained; memory {memory / 1000:.1f} GB/s\n")
    print(_table.table(("", "tokens/s, 1 piece", "64 pieces", "of memory / model"), rows) + "\n")
    if not torch:
        return [
            f"not measured: PyTorch's loop: {torch_python} has no torch; name a Python that has: --torch-python PATH"
        ]
    goals = []
    for name in torch:
        for n in (1, 64):
            fastest = max(rates[engine, name, n] for engine in engines)
            ratio = fastest / rates["PyTorch", name, n]
            goals.append(_table.goal(f"{name}, {n} at once, against PyTorch's loop", ratio, AGAINST_TORCH[name]))
    return goals


def report_contexts(rounds: int) -> str:
    """The time of a token, against how far back a transformer looks; returns the goal's line."""
    import _archs
    import _table

    rates = _table.alternate(_archs.contexts(), rounds)
    times = {context: 1e6 / rate for context, rate in rates.items()}
    first, last = _archs.CONTEXTS[0], _archs.CONTEXTS[-1]
    rows = [(f"{context:,}", f"{time:,.0f}", f"{time / times[first]:.2f}") for context, time in times.items()]
    print(_table.table(("transformer, context", "microseconds per token", f"x context {first}"), rows) + "\n")
    grown = times[last] / times[first]
    return _table.goal(f"context {last:,} against {first}: {last / first:g} / {grown:.3g}", last / first / grown, 1)


def report_commands(rounds: int) -> list[str]:
    """`musictool sample`, from the prompt to the file, in numpy; returns the goals' lines."""
    import _table

    rows, goals = [], []
    for arch, encoding, options, most_seconds in COMMANDS:
        folder = trained_model(arch, encoding, f"sampled-{arch}", 0.5)
        runs = [_cold(folder, options) for _ in range(rounds)]
        seconds, cpu, megabytes = (statistics.median(values) for values in zip(*runs, strict=True))
        what = f"{arch} {' '.join(options)}"
        rows.append((what, f"{seconds:.2f}", f"{cpu:.2f}", f"{megabytes:.0f}"))
        goals += [
            _table.goal(f"{what}, cold: {most_seconds:g} s / {seconds:.2f} s", most_seconds / seconds, 1),
            _table.goal(f"{what}, cold: {CPU_SECONDS:g} s of CPU / {cpu:.2f} s", CPU_SECONDS / cpu, 1),
            _table.goal(f"{what}, cold: {MEGABYTES} MB / {megabytes:.0f} MB", MEGABYTES / megabytes, 1),
        ]
    print(_table.table(("musictool sample, cold", "s", "s of CPU", "MB"), rows) + "\n")
    return goals


def _cold(folder: Path, options: Sequence[str]) -> tuple[float, float, float]:
    """Seconds, seconds of CPU and MB at the most of one run of the command."""
    with tempfile.TemporaryDirectory() as out:
        command = ["sample", str(folder), *options, "--seed", "1", "--engine", "numpy", "--out", f"{out}/song.mid"]
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", COLD, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True
        )
        seconds = time.perf_counter() - start
    cpu, kilobytes = done.stderr.split()[-2:]
    return seconds, float(cpu), float(kilobytes) / 1024


# The peak is that of its memory since it was executed: ru_maxrss counts what it was forked from, too.
COLD = """
import resource, sys
from musictool.cli._main import main
main(sys.argv[1:], standalone_mode=False)
used = resource.getrusage(resource.RUSAGE_SELF)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(used.ru_utime + used.ru_stime, peak, file=sys.stderr)
"""


def report_parts(folder: Path) -> None:
    """Where the time of the command goes."""
    import _archs
    import _table

    with tempfile.TemporaryDirectory() as out:
        parts = _archs.cold(folder, Path(out) / "song.mid")
    rows = [*((what, f"{took:.2f}") for what, took in parts), ("together", f"{sum(t for _, t in parts):.2f}")]
    print(_table.table(("musictool sample --length 500 in numpy, cold", "s"), rows) + "\n")


if __name__ == "__main__":
    main()
