"""`prepare` and `train`, killed at random moments: the same command goes on, and ends with the same bytes."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.campaign.damaged import make

FILES = 120  # prepared by each run
MOST_IN_A_ROW = 5  # kills of one run, before it may end
CHECKPOINT = "last.h5"  # says how long the epochs took
HISTORY, TIMES = "history.csv", {"seconds", "rows_per_second"}  # a table, and its columns that are times
FINISHED = "its run is finished"  # what train says then
PREPARE = ["prepare", "songs"]
TRAIN = [
    *["train", "songs", "--name", "killed", "--arch", "lstm", "--set", "width=32", "--set", "layers=1"],
    *["--window", "32", "--epochs", "4", "--seed", "1"],
]


def campaign(work: Path, kills: int, seed: int) -> list[str]:
    """Kill either command so often, and print how it went; what went wrong, if anything.

    Args:
        work: an empty folder.
    """
    make(work / "songs", FILES, seed)
    wrong = _killed(work, "prepare", PREPARE, lambda home: home / "corpora", kills, seed)
    return wrong + _killed(work, "train", TRAIN, lambda home: home / "saved_models", kills, seed)


def _killed(
    work: Path, name: str, command: list[str], results: Callable[[Path], Path], kills: int, seed: int
) -> list[str]:
    rng, wrong = random.Random(f"{seed} {name}"), []
    undisturbed = _home(work, f"{name}-undisturbed")
    begin = time.monotonic()
    error = _run(work, undisturbed, command)
    seconds = time.monotonic() - begin
    if error:
        return [f"{name}: {error}"]
    expected = _sums(results(undisturbed))
    left, runs = kills, 0
    while left and not wrong:
        home = _home(work, f"{name}-{runs}")
        runs += 1
        moments: list[float] = []
        error = None
        while left and len(moments) < MOST_IN_A_ROW:
            moments.append(rng.uniform(0, seconds))
            error = _kill(work, home, command, moments[-1])
            if error is not None:
                break  # it has ended before
            left -= 1
        error = _run(work, home, command) if error is None else error
        error = "" if FINISHED in error else error  # it was killed when all was done
        if error:
            wrong.append(f"{name} after kills at {_listed(moments)}: {error}")
        elif _sums(results(home)) != expected:
            other = [path for path, checksum in _sums(results(home)).items() if expected.get(path) != checksum]
            wrong.append(
                f"{name} after kills at {_listed(moments)}: other bytes in {', '.join(other) or 'fewer files'}"
            )
    print(
        f"{name} killed {kills - left} times in {runs} runs of {seconds:.1f} s: {'; '.join(wrong) or 'the same bytes'}"
    )
    return wrong


def _home(work: Path, name: str) -> Path:
    """A new home; where there is the corpus that is trained, with it."""
    home = work / name
    home.mkdir()
    prepared = work / "prepare-undisturbed" / "corpora"
    if name.startswith("train"):
        (home / "corpora").symlink_to(prepared)
    return home


def _start(work: Path, home: Path, command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "musictool", *command],
        cwd=work,
        env={**os.environ, "MUSICTOOL_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def _run(work: Path, home: Path, command: list[str]) -> str:
    """Run a command to its end; what it says if it fails."""
    process = _start(work, home, command)
    return _failure(process, process.communicate()[1])


def _kill(work: Path, home: Path, command: list[str], after_seconds: float) -> str | None:
    """Kill a command after some time; None if that was so, and as `_run` if it had ended before."""
    process = _start(work, home, command)
    try:
        return _failure(process, process.communicate(timeout=after_seconds)[1])
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return None


def _failure(process: subprocess.Popen[str], error: str) -> str:
    return error.strip()[-500:] or f"status {process.returncode}" if process.returncode else ""


def _sums(folder: Path) -> dict[str, str]:
    """Path -> sha256 of every file of a result but the checkpoint; of the history without its times."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != CHECKPOINT)
    return {str(path.relative_to(folder)): hashlib.sha256(_without_times(path)).hexdigest() for path in files}


def _without_times(path: Path) -> bytes:
    data = path.read_bytes()
    if path.name != HISTORY:
        return data
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    return repr([{name: value for name, value in row.items() if name not in TIMES} for row in rows]).encode()


def _listed(moments: list[float]) -> str:
    return ", ".join(f"{moment:.2f} s" for moment in moments)
