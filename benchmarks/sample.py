"""Symbols a second: musictool's compiled loop beside re-running the window with `predict`, as the tutorials do.

    python benchmarks/sample.py [MODEL] [--rounds 5]

The network is the same for all. Without a MODEL it is the small lstm, trained on the Bach chorales for two minutes,
once, in the temporary folder. TensorFlow keeps its own choice of threads. benchmarks/README.md has more.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

WINDOW = 100  # symbols that the tutorials' networks see
PREDICTED = 30  # symbols drawn their way in a round: it is slow
RERUN = 200
WRITTEN = {1: 2000, 64: 256}  # symbols for each piece of a batch, in a round of musictool's


def musictool_sample(folder: Path, batch: int) -> Callable[[], float]:
    """`musictool.generation.sample` with the default sampler, from the model's own primers to Scores."""
    from musictool.generation import Request, sample
    from musictool.model import Model

    model = Model.open(folder)  # one for each batch size, so that each has its own compiled loop

    def measure() -> float:
        start = time.perf_counter()
        sample(model, Request(length=WRITTEN[batch], num=batch))
        return WRITTEN[batch] * batch / (time.perf_counter() - start)

    measure()  # compiles
    return measure


def rerun_window(folder: Path, count: int, wrap: Callable[[Any], Callable[[Any], Any]]) -> Callable[[], float]:
    """For each symbol run the network over the last WINDOW symbols, then draw with numpy.

    Only the last position is predicted, which is to this way's advantage.

    Args:
        count: symbols in a round.
        wrap: network -> function of int32 (1, WINDOW) that gives logits (1, V).
    """
    import keras
    import numpy as np

    from musictool.encodings._base import FIRST_SYMBOL
    from musictool.model import Model

    class LastPosition(keras.Model):
        def __init__(self, network: Any):
            super().__init__()
            self.network = network

        def call(self, tokens: Any) -> Any:
            vectors = self.network.symbols.vectors()
            features = self.network.body(self.network.symbols.embed(tokens, vectors))
            return self.network.predict_next(features[:, -1], vectors)

    model = Model.open(folder)
    predict = wrap(LastPosition(model.arch.network))
    rng = np.random.default_rng(0)
    window = rng.integers(FIRST_SYMBOL, model.spec.size, (1, WINDOW)).astype(np.int32)

    def draw() -> None:
        logits = np.asarray(predict(window), np.float64)[0]
        weights = np.exp(logits - logits.max())
        weights[:FIRST_SYMBOL] = 0
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


def command_seconds(folder: Path) -> float:
    """Wall time of `musictool sample --length 500`: starting Python, TensorFlow, compiling, writing the files."""
    command = [sys.executable, "-m", "musictool.cli._main", "sample", str(folder), "--length", "500", "--seed", "1"]
    with tempfile.TemporaryDirectory() as out:
        start = time.perf_counter()
        subprocess.run(
            [*command, "--out", f"{out}/song.mid"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True
        )
        return time.perf_counter() - start


def trained_model() -> Path:
    """The small lstm after two minutes on the Bach chorales; made on the first call, by the commands a user types."""
    home = Path(tempfile.gettempdir()) / "musictool-benchmarks"
    folder = home / "saved_models" / "sampled"
    if not (folder / "network.weights.h5").exists():
        environment = {**os.environ, "MUSICTOOL_HOME": str(home)}
        command = [sys.executable, "-m", "musictool.cli._main"]
        subprocess.run([*command, "prepare", "bach"], env=environment, check=True)
        train = ["train", "bach", "--arch", "lstm", "--name", "sampled", "--max-minutes", "2", "--seed", "1"]
        subprocess.run([*command, *train], env=environment, check=True)
    return folder


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model", nargs="?", help="name or folder of a trained token model  [a small lstm]")
    arguments.add_argument("--rounds", type=int, default=5, help="alternating rounds; medians count  [5]")
    given = arguments.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import _table

    from musictool.model import Model

    folder = Model.open(given.model).folder if given.model else trained_model()
    model = Model.open(folder)
    one, many, predict = "musictool, 1 piece", "musictool, 64 pieces at once", "keras predict for each symbol"
    rates = _table.alternate(
        {
            one: musictool_sample(folder, 1),
            predict: rerun_window(folder, PREDICTED, keras_predict),
            many: musictool_sample(folder, 64),
            "tf.function on the window for each symbol": rerun_window(folder, RERUN, tensorflow_function),
        },
        given.rounds,
    )
    cold = _table.alternate({"the command": partial(command_seconds, folder)}, 3)["the command"]
    print(f"{_table.machine()}; {model.name}: {model.info['arch']['name']} on {model.spec.size:,} symbols, ", end="")
    print(f"{model.info['metrics']['parameters']:,} parameters; medians of {given.rounds} alternating rounds\n")
    rows = [(name, f"{rate:,.0f}", f"{rate / rates[predict]:,.0f}") for name, rate in rates.items()]
    print(_table.table(("", "symbols/s", "x predict"), rows) + "\n")
    print(f"musictool sample --length 500, cold, with all that starting takes: {cold:.1f} s\n")
    print(_table.goal("one piece against predict for each symbol", rates[one] / rates[predict], 100))


if __name__ == "__main__":
    main()
