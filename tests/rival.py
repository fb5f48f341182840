"""Another process that is at work in a folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = (
    "import sys, time; from pathlib import Path; from musictool.atomic import working_alone\n"
    "with working_alone(Path(sys.argv[1]), 'rival'):\n    print('mine', flush=True); time.sleep(600)"
)


@contextmanager
def at_work(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """One holds the lock of `folder` meanwhile, and then is killed."""
    folder.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(folder)], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "mine\n"
            yield other
        finally:
            other.kill()
