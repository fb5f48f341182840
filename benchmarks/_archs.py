"""How fast each token arch writes: small, weights as they begin, no corpus."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from _worker import Worker, rate

VOCABULARY = 4096
WRITTEN = {1: 512, 64: 128}  # tokens of each piece in a call, by pieces; whole chunks of the compiled loop
SECONDS = 1.0  # that a round takes, at least
CONTEXTS = (64, 128, 256, 512, 1024)
TORCH = ("lstm", "transformer")  # what _torch.py has


def names() -> list[str]:
    """Every arch that writes tokens with a network that can be built without training."""
    from musictool.registry import ARCHS

    tokens = [name for name in ARCHS.names() if ARCHS.get(name).kind == "tokens"]
    return [name for name in tokens if all(not stage.counting for stage in small(name).stages)]


def small(name: str, *settings: str) -> Any:
    """The arch on VOCABULARY tokens."""
    from musictool.encoding import Spec
    from musictool.registry import ARCHS

    return ARCHS.get(name).sized(Spec("tokens", (), VOCABULARY), "small", settings)


def small_in_numpy(name: str) -> Any:
    """The same arch, computed by numpy, with random weights."""
    from musictool.engine.current import within

    rng = np.random.default_rng(0)
    with within("numpy"):
        arch = small(name)
        for stage in arch.stages:
            for weight in stage.network.trainable_variables:
                weight[...] = rng.normal(0, weight.shape[0] ** -0.5, weight.shape)
    return arch


def megabytes(arch: Any) -> float:
    """Of the weights, in float32."""
    return sum(stage.network.count_params() for stage in arch.stages) * 4 / 1e6


def writing(arch: Any, batch: int) -> Callable[[], float]:
    """Tokens per second of one long continuation, drawn as `musictool sample` draws."""
    from musictool.sampling.sampler import Sampler

    drawn = arch.continuation(np.tile(arch.spec.start, (batch, 1)), Sampler(), 1)

    def write() -> None:
        rows = 0
        while rows < WRITTEN[batch]:
            rows += next(drawn).shape[1]

    return rate(write, WRITTEN[batch] * batch, SECONDS)


def torch_loop(python: str, name: str, batch: int, threads: int) -> Worker:
    """PyTorch's, in a process of its own: `WRITTEN` tokens with the state carried."""
    script = str(Path(__file__).with_name("_torch.py"))
    shape = [str(VOCABULARY), str(batch), str(WRITTEN[batch]), str(threads)]
    return Worker([python, script, "sample", name, *shape], threads)


def bandwidth() -> float:
    """MB a second that one thread reads and writes when it copies what no cache holds."""
    source = np.ones(64_000_000, np.float32)
    target = np.empty_like(source)
    return rate(lambda: np.copyto(target, source), 2 * source.nbytes / 1e6, SECONDS)()


def contexts() -> dict[int, Callable[[], float]]:
    """Transformers that look back this many tokens -> tokens per second, one piece."""
    return {context: writing(small("transformer", f"context={context}"), 1) for context in CONTEXTS}


COLD = """
import sys, time
begin = time.time()
marks = []
def mark(what): marks.append((what, time.time()))
from musictool.cli._main import main
mark("musictool's commands")
from musictool.generation.request import Request
from musictool.generation.sample import sample
from musictool.models.model import Model
from musictool.writing import write
mark("numpy, h5py and what writes")
model = Model.open(sys.argv[1])
model.player("numpy")
mark("opening the model")
score = sample(model, Request(length=500, seed=1, engine="numpy"))[0]
mark("drawing 500 tokens")
write(score, sys.argv[2])
mark("writing the file")
print(begin, *(f"{what}={at}" for what, at in marks), sep=";")
"""


def cold(folder: Path, out: Path) -> list[tuple[str, float]]:
    """What `musictool sample` does, from a fresh Python, and the seconds that each part takes."""
    start = time.time()
    done = subprocess.run(
        [sys.executable, "-c", COLD, str(folder), str(out)], capture_output=True, text=True, check=True
    )
    begin, *marks = done.stdout.strip().splitlines()[-1].split(";")
    parts, last = [("starting Python", float(begin) - start)], float(begin)
    for mark in marks:
        what, at = mark.split("=")
        parts.append((what, float(at) - last))
        last = float(at)
    return [*parts, ("leaving", time.time() - last)]
