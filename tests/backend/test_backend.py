"""Where numbers are computed must not change what comes out; processes stand in for devices and machines."""

from __future__ import annotations

import csv
import os
import signal
import socket
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool import home
from musictool.backend import backend
from musictool.backend.machines import Placement
from musictool.backend.precision import chosen_precision, has_bfloat16
from musictool.dataset.encode import encode_corpus
from musictool.dataset.windows import Windows
from musictool.errors import BadOption, MusictoolError
from musictool.generation.request import Request
from musictool.generation.sample import sample
from musictool.models.model import Model
from musictool.preparation.prepare import prepare
from musictool.training.train import train

# 5 windows in a batch are not shared out evenly, nor do the windows of an epoch fill the last batch.
RUN: dict[str, Any] = {
    "epochs": 3,
    "seed": 1,
    "settings": ("width=16", "embedding=16", "layers=2", "dropout=0"),
    "window": 16,
    "batch_size": 5,
    "patience": 0,
    "precision": "float32",  # losses are compared to four places, which bfloat16 does not have
}
TWO_CPUS = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
"""


@pytest.fixture
def corpus(tunes: Path, at_new_home: Path) -> Path:
    return prepare(str(tunes), name="tunes", workers=1).corpus.folder


def losses(name: str) -> np.ndarray:
    """float64 (epochs, 4): what history.csv says of each epoch."""
    with open(home.models_folder() / name / "history.csv", encoding="utf-8") as file:
        rows = [
            [float(row[key]) for key in ("loss", "accuracy", "val_loss", "val_accuracy")]
            for row in csv.DictReader(file)
        ]
    return np.array(rows)


def run(program: str, **environment: str) -> str:
    """What a Python program printed last."""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, **environment}, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip().splitlines()[-1]


def free_addresses() -> str:
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    addresses = ",".join(f"localhost:{each.getsockname()[1]}" for each in sockets)
    for each in sockets:
        each.close()
    return addresses


def two_workers(name: str, folder: Path, *more: str, **options: Any) -> list[subprocess.Popen[str]]:
    """`musictool train` as the first and as the second of two workers; the second has a home of its own in `folder`."""
    options = {**RUN, **options}
    settings = [part for setting in options.pop("settings") for part in ("--set", setting)]
    flags = [part for key, value in options.items() for part in (f"--{key.replace('_', '-')}", str(value))]
    command = [
        sys.executable,
        "-m",
        "musictool",
        "train",
        "tunes",
        "--name",
        name,
        *settings,
        *flags,
        *more,
    ]
    command += ["--workers", free_addresses()]
    homes = [os.environ["MUSICTOOL_HOME"], str(folder / "second")]
    return [
        subprocess.Popen(
            [*command, "--worker", str(i)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "MUSICTOOL_HOME": homes[i]},
        )
        for i in range(2)
    ]


def wait_for_epochs(name: str, epochs: int, processes: list[subprocess.Popen[str]]) -> None:
    path = home.models_folder() / name / "history.csv"
    for _ in count():
        assert all(process.poll() is None for process in processes), [process.communicate()[0] for process in processes]
        if path.exists() and len(path.read_text().splitlines()) > epochs:
            return
        time.sleep(0.1)


def end(processes: list[subprocess.Popen[str]]) -> None:
    for process in processes:
        process.kill()
        process.communicate()


def test_parts_of_a_batch_make_up_the_batch(tunes: Path, at_tiny_home: Path):
    from musictool.corpus.corpus import Corpus

    windows = Windows(encode_corpus(Corpus.open("tunes"), "note-chord", (), range(-3, 4)), 16, 5, range(-3, 4))
    plan = windows.training_plan(0)
    for step in (0, windows.steps(plan) - 1):
        whole = windows.batch(plan, step)
        parts = [windows.batch(plan, step, part, 2) for part in range(2)]
        assert [len(part.x) for part in parts] == [3, 3]
        for field, of_whole in enumerate(whole):
            joined = np.concatenate([part[field] for part in parts])
            np.testing.assert_array_equal(joined[:5], of_whole)
        assert not parts[1].mask[2].any()


@pytest.mark.slow
def test_mirrored_over_two_devices_learns_what_one_device_learns(corpus: Path):
    train("tunes", name="one", strategy="one", **RUN)
    told = run(
        TWO_CPUS + f"import musictool\nprint(musictool.train('tunes', name='two', **{RUN}).model.info['provenance'])"
    )
    assert "'strategy': 'mirrored', 'replicas': 2" in told
    np.testing.assert_allclose(losses("two"), losses("one"), atol=1e-4)
    (score,) = sample(Model.open("two"), Request(length=50, seed=1))
    assert len(score.notes)


def test_mirrored_where_there_is_one_device_is_one_clear_error():
    with pytest.raises(BadOption, match="several GPUs"):
        backend.chosen_strategy(Placement("mirrored"))


def test_the_private_members_that_several_devices_need_are_there_and_a_missing_one_is_named(
    monkeypatch: pytest.MonkeyPatch,
):
    from musictool.backend import _replicas

    for owner, name in _replicas.PRIVATE_MEMBERS:
        assert hasattr(owner, name), f"{owner} has no {name}: look at {_replicas.__file__} before raising the bounds"
    assert "_all_reduce_sum_gradients" in vars(_replicas.Summed)
    monkeypatch.setattr(_replicas, "PRIVATE_MEMBERS", ((_replicas.Summed, "_gone"),))
    with pytest.raises(MusictoolError, match=r"several devices needs Summed\._gone"):
        _replicas.Mirrored([])


def test_two_workers_learn_what_one_learns_and_only_the_first_writes(corpus: Path, tmp_path: Path):
    train("tunes", name="one", strategy="one", **RUN)
    processes = two_workers("two", tmp_path)
    try:
        said = [process.communicate(timeout=300)[0] for process in processes]
    finally:
        end(processes)
    assert [process.returncode for process in processes] == [0, 0], said
    np.testing.assert_allclose(losses("two"), losses("one"), atol=1e-4)
    assert "done; the first of the workers has the model two" in said[1]
    assert not (tmp_path / "second" / "saved_models").exists()
    (score,) = sample(Model.open("two"), Request(length=50, seed=1))
    assert len(score.notes)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_worker_that_dies_ends_the_other_within_a_minute_and_the_run_can_be_resumed(
    corpus: Path, tmp_path: Path, victim: int
):
    processes = two_workers("two", tmp_path, epochs=2000)
    try:
        wait_for_epochs("two", 2, processes)
        processes[victim].kill()
        began = time.monotonic()
        said, _ = processes[1 - victim].communicate(timeout=60)
        assert time.monotonic() - began < 60
    finally:
        end(processes)
    assert processes[1 - victim].returncode == 1
    assert f"Error: worker {1 - victim} stops: another of the 2 has died" in said.splitlines()[-1]
    assert "Traceback" not in said
    done = len(losses("two"))
    train(name="two", resume=True, strategy="one", epochs=done + 1)
    train("tunes", name="one", strategy="one", **RUN | {"epochs": done + 1})
    np.testing.assert_allclose(losses("two"), losses("one"), atol=1e-3)  # a long way, in which rounding adds up


@pytest.mark.slow
def test_ctrl_c_on_one_machine_stops_all_at_the_same_step_and_they_go_on_together(corpus: Path, tmp_path: Path):
    processes = two_workers("two", tmp_path, epochs=2000)
    try:
        wait_for_epochs("two", 1, processes)
        processes[1].send_signal(signal.SIGTERM)
        said = [process.communicate(timeout=60)[0] for process in processes]
    finally:
        end(processes)
    assert [process.returncode for process in processes] == [130, 130], said
    assert all("stopped" in text for text in said)
    epochs = len(losses("two")) + 1
    processes = two_workers("two", tmp_path, "--resume", epochs=epochs)
    try:
        said = [process.communicate(timeout=300)[0] for process in processes]
    finally:
        end(processes)
    assert [process.returncode for process in processes] == [0, 0], said
    assert len(losses("two")) == epochs


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_converges(corpus: Path, precision: str):
    settings = ("width=64", "layers=1", "dropout=0.3")
    trained = train("tunes", **RUN | {"epochs": 30, "settings": settings, "precision": precision})
    assert trained.unbeaten == []


def test_auto_takes_the_smallest_numbers_that_the_device_is_built_for():
    old = "processor\t: 0\nflags\t\t: fpu avx avx2 avx512f\nbugs\t\t: amx_bf16\n"
    assert not has_bfloat16(old)
    assert not has_bfloat16("")
    assert has_bfloat16(old.replace("avx512f", "avx512f avx512_bf16"))
    assert has_bfloat16(old.replace("avx2", "amx_bf16 avx2"))
    assert chosen_precision("auto", True, old) == "mixed_float16"
    assert chosen_precision("auto", False, old) == "float32"
    assert chosen_precision("auto", False, "flags : amx_bf16") == "mixed_bfloat16"
    assert chosen_precision("float32", True, "flags : amx_bf16") == "float32"
