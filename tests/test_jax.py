"""KERAS_BACKEND=jax, in processes of their own that cannot import TensorFlow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from musictool.preparation.prepare import prepare

RUN: dict[str, Any] = {
    "epochs": 3,
    "seed": 1,
    "settings": ("width=16", "embedding=16", "layers=2", "dropout=0.2"),
    "window": 16,
    "batch_size": 5,
    "patience": 0,
}
JAX = """
import os
import signal
import sys
sys.modules["tensorflow"] = None  # as if it were not installed
import musictool
from musictool.errors import BadOption, Stopped
from musictool.generation.request import Request
from musictool.generation.sample import sample
from musictool.training.reporter import Reporter

RUN = {run}

class Stop(Reporter):
    def epoch_begins(self, epoch, step, steps):
        self.epoch = epoch
    def progress(self, step, loss, rows_per_second):
        if self.epoch == 2:
            self.epoch = 0
            os.kill(os.getpid(), signal.SIGINT)

first = musictool.train("tunes", name="first", **RUN).model
try:
    musictool.train("tunes", name="stopped", reporter=Stop(), **RUN)
except Stopped:
    stopped = musictool.train(name="stopped", resume=True).model
assert first.checksum == stopped.checksum
assert [score.notes.tolist() for score in sample(first, Request(length=50, seed=1))]
assert first.arch.surprisal(first.primers[0]).min() >= 0
try:
    musictool.train("tunes", strategy="mirrored", **RUN)
except BadOption as error:
    print(error)
"""


def test_without_tensorflow_it_trains_resumes_samples_and_repeats_itself(tunes: Path, at_new_home: Path):
    pytest.importorskip("jax", reason="JAX is not installed: pip install 'musictool[jax]'")
    prepare(str(tunes), name="tunes", workers=1)
    # Each run compiles the same programs anew; from a cache they come at once.
    cache = {"JAX_COMPILATION_CACHE_DIR": str(at_new_home / "jax"), "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", JAX.replace("{run}", repr(RUN))],
        capture_output=True,
        text=True,
        env={**os.environ, "KERAS_BACKEND": "jax", **cache},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "needs TensorFlow" in done.stdout
