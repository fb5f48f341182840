from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaign import kills
from tests.campaign.kills import _sums

HEADER = "epoch,loss,seconds,rows_per_second\n"


def result(folder: Path, history: str, checkpoint: bytes = b"", weights: bytes = b"weights") -> dict[str, str]:
    folder.mkdir()
    (folder / "history.csv").write_text(HEADER + history)
    (folder / "last.h5").write_bytes(checkpoint)
    (folder / "network.weights.h5").write_bytes(weights)
    return _sums(folder)


def test_results_are_compared_but_for_the_time(tmp_path: Path):
    one = result(tmp_path / "one", "1,2.5,30.1,5586\n", b"30.1")
    assert set(one) == {"history.csv", "network.weights.h5"}
    assert one == result(tmp_path / "slower", "1,2.5,60.7,2793\n", b"60.7")
    assert one != result(tmp_path / "worse", "1,2.6,30.1,5586\n")
    assert one != result(tmp_path / "longer", "1,2.5,30.1,5586\n2,2.1,30.1,5586\n")
    assert one != result(tmp_path / "other", "1,2.5,30.1,5586\n", weights=b"others")


def test_a_command_that_ends_before_it_is_killed_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    program = "import sys, pathlib; pathlib.Path(sys.argv[1]).open('a').write('run\\n')"
    monkeypatch.setattr(kills, "_start", lambda work, home, command: start(*command, str(home / "runs")))
    assert kills._kill(tmp_path, tmp_path, [program], 60) == ""
    assert (tmp_path / "runs").read_text() == "run\n"
    assert kills._kill(tmp_path, tmp_path, ["import time; time.sleep(60)"], 0.1) is None
    assert kills._kill(tmp_path, tmp_path, ["import sys; sys.exit('oh')"], 60) == "oh"


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", *arguments], stderr=subprocess.PIPE, text=True)
