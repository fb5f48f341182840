"""Damaged files, prepared under a limit of memory: no crash, no hang, and every file accounted for."""

from __future__ import annotations

import csv
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from tests.campaign.mutate import mutated
from tests.campaign.sound_files import sound_files

MEMORY_BYTES = 4 << 30  # address space of each process
TIME_LIMIT_SECONDS = 60  # of a file
STATUSES = {"ok", "salvaged", "skipped", "duplicate"}
FAULTS = ("reader crashed", "out of memory", "timed out")  # reasons that no file may give


def make(folder: Path, files: int, seed: int) -> None:
    """Fill a folder with damaged files, of each format about as many."""
    working = folder.with_name("sound")
    working.mkdir()
    sound = sound_files(working, seed)
    folder.mkdir()
    suffixes = sorted(sound)
    for number in range(files):
        rng = random.Random(f"{seed} {number}")
        suffix = suffixes[number % len(suffixes)]
        data = mutated(rng.choice(sound[suffix]), suffix, rng)
        (folder / f"{number:06}{suffix}").write_bytes(data)


def campaign(work: Path, files: int, seed: int) -> list[str]:
    """Make damaged files, prepare them, and print what became of them; what went wrong, if anything.

    Args:
        work: an empty folder; files that are at fault are kept in its folder "found".
    """
    folder = work / "damaged"
    make(folder, files, seed)
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "musictool", "prepare", str(folder), "--time-limit", str(TIME_LIMIT_SECONDS)],
        env={**os.environ, "MUSICTOOL_HOME": str(work)},
        capture_output=True,
        text=True,
        preexec_fn=_limit_memory,
    )
    seconds = time.monotonic() - begin
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    wrong = []
    if done.returncode or "Traceback" in done.stderr:
        wrong.append(f"prepare ended with {done.returncode}: {done.stderr[-500:]}")
    rows = _rows(work / "corpora" / folder.name / "files.csv")
    wrong += _unaccounted(rows, sorted(path.name for path in folder.iterdir()))
    kept = work / "found"
    for row in rows:
        if row["reason"].startswith(FAULTS):
            kept.mkdir(exist_ok=True)
            shutil.copy(folder / row["path"], kept)
            wrong.append(f"{row['path']}: {row['reason']} (kept in {kept})")
    statuses = Counter(row["status"] for row in rows)
    print(f"{files:,} damaged files in {seconds:.0f} s: {_counted(statuses)}; the largest process: {peak >> 20} MB")
    skipped = Counter(row["reason"].partition(":")[0] for row in rows if row["status"] == "skipped")
    print(f"    skipped: {_counted(skipped)}")
    return wrong


def _rows(table: Path) -> list[dict[str, str]]:
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _unaccounted(rows: list[dict[str, str]], names: list[str]) -> list[str]:
    wrong = []
    if sorted(row["path"] for row in rows) != names:
        wrong.append(f"files.csv has {len(rows)} rows for {len(names)} files, or other names")
    for row in rows:
        if row["status"] not in STATUSES or (row["status"] != "ok" and not row["reason"]):
            wrong.append(f"{row['path']}: status {row['status']!r} for the reason {row['reason']!r}")
    return wrong


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {what}" for what, count in counts.most_common())


def _limit_memory() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
