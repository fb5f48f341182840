"""A real Dask scheduler and two worker processes on loopback make the corpus that one process here makes."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from musictool.errors import BadOption, MusictoolError
from musictool.preparation.prepare import prepare
from tests.preparation import wicked_reader as wicked

pytestmark = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="Dask is not installed")
ROOT = Path(__file__).parents[2]


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_TEMPORARY_DIRECTORY": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a scheduler with two workers, each a process of its own."""
    folder = tmp_path_factory.mktemp("cluster")
    described = folder / "scheduler.json"
    local = ("--no-dashboard", "--host", "127.0.0.1")
    processes = [start(folder, "dask_scheduler", *local, "--port", "0", "--scheduler-file", str(described))]
    try:
        wait_for(described)
        processes += [
            start(folder, "dask_worker", *local, "--no-nanny", "--nthreads", "1", "--scheduler-file", str(described))
            for _ in range(2)
        ]
        address = _address(described)
        _wait_for_workers(address, 2)
        yield address
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def _address(described: Path) -> str:
    import json

    return json.loads(described.read_text())["address"]


def _wait_for_workers(address: str, count: int) -> None:
    from distributed import Client

    with Client(address, timeout=60, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


def everything(folder: Path) -> dict[str, bytes]:
    """The bytes of every file of a corpus but its lock; corpus.json is compared without times, for it has none."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_the_cluster_makes_the_same_bytes(scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    words = ["PLAIN"] * 90 + ["REFUSE", "CRASH", "MENDED"]
    for i, word in enumerate(words):
        wicked.write(tmp_path / "music" / f"{i:03}.mid", word, 30 + i, 60, 64)
    contents = {}
    for name, how in (("here", {"workers": 1}), ("there", {"dask": scheduler})):
        monkeypatch.setenv("MUSICTOOL_HOME", str(tmp_path / name))
        prepared = prepare(tmp_path / "music", read=wicked.READ, **how)
        assert prepared.corpus.info["files"]["read"] == 91
        assert prepared.encoded["train_rows"] > 200
        contents[name] = everything(prepared.corpus.folder)
    assert contents["here"] == contents["there"]
    assert "notes.h5" in contents["there"]


def test_no_scheduler_is_told_in_a_line(tmp_path: Path, at_new_home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("musictool.workers.dask.CONNECT_SECONDS", 1)
    wicked.write(tmp_path / "music" / "a.mid", "PLAIN", 60)
    with pytest.raises(BadOption, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        prepare(tmp_path / "music", read=wicked.READ, dask="tcp://127.0.0.1:9")


@pytest.mark.parametrize("address", ["", "nonsense", "tcp://127.0.0.1", "foo://127.0.0.1:8786", "tcp://127.0.0.1:x"])
def test_what_is_no_address_is_refused_at_once(address: str, tmp_path: Path, at_new_home: Path):
    wicked.write(tmp_path / "music" / "a.mid", "PLAIN", 60)
    with pytest.raises(BadOption, match=f"--dask '{address}' is not the address of a scheduler, such as tcp://"):
        prepare(tmp_path / "music", read=wicked.READ, dask=address)


def test_a_worker_with_another_version_is_refused(scheduler: str, monkeypatch: pytest.MonkeyPatch):
    from musictool.workers.dask import ClusterWorkers

    monkeypatch.setattr("musictool.__version__", "99")
    with pytest.raises(MusictoolError, match=r"has musictool .*, this is 99"):
        ClusterWorkers(scheduler)


def test_a_cluster_that_goes_away_is_told_in_a_line():
    from concurrent.futures import CancelledError, Future

    from musictool.workers.dask import ClusterWorkers

    class Gone(ClusterWorkers):
        def __init__(self) -> None:
            self._waiting = 2

        def submit(self, job, task):
            future: Future = Future()
            future.set_exception(CancelledError("scheduler"))
            return future

    with pytest.raises(MusictoolError, match=r"the Dask cluster is gone \(scheduler\); what was done is kept"):
        list(Gone().map(lambda pool, task: task, [1, 2, 3]))
