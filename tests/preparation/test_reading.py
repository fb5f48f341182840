from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

import pytest

from musictool.preparation.reading import ReadSettings, allowed_seconds, read_safely
from musictool.workers.processes import LocalWorkers
from tests.preparation import wicked_reader as wicked


def reading(limit: float = 60.0) -> partial:
    """The job of reading with the wicked reader."""
    return partial(read_safely, ReadSettings("symusic", limit, wicked.READ))


def read(folder: Path, *words: str, limit: float = 20.0, workers: int = 1) -> list[str]:
    """What becomes of files that are read in one batch, each holding another pitch."""
    paths = [wicked.write(folder / f"{i}.mid", word, 60 + i) for i, word in enumerate(words)]
    with LocalWorkers(workers) as workers:
        ((task, batch),) = workers.map(reading(limit), [paths])
    assert task == paths
    ok = [60 + i for i, outcome in enumerate(batch.records) if outcome.pieces]
    assert batch.pieces.columns["notes"]["pitch"].tolist() == ok
    return [outcome.detail or outcome.status for outcome in batch.records]


def test_a_batch_gives_a_record_for_each_file_and_their_pieces_in_order(tmp_path):
    assert read(tmp_path, "PLAIN", "MENDED", "REFUSE", "FAIL", "PLAIN") == [
        "ok",
        "salvaged: so it says",
        "truncated: after 12 bytes",
        "unreadable: KeyError: 'no such thing'",
        "ok",
    ]


@pytest.mark.parametrize("word", ["HANG", "HANGINC"])
def test_a_reader_that_hangs_is_stopped_and_costs_its_own_file_only(tmp_path, word):
    start = time.monotonic()
    assert read(tmp_path, "PLAIN", word, "PLAIN", limit=0.5) == ["ok", "timed out after 0.5 s", "ok"]
    assert time.monotonic() - start < 15


def test_a_large_file_has_more_time_but_not_for_ever(tmp_path):
    (tmp_path / "tunes.abc").write_bytes(b"X:1\n" * (32 << 10))
    (tmp_path / "bomb.npz").write_bytes(bytes(8 << 20))
    limits = [allowed_seconds(tmp_path / name, 60) for name in ("none", "tunes.abc", "bomb.npz")]
    assert limits == [60, 120, 600]


def test_a_reader_that_crashes_costs_its_own_file_only(tmp_path):
    assert read(tmp_path, "PLAIN", "CRASH", "PLAIN", "EXIT", "PLAIN") == [
        "ok",
        "reader crashed: SIGSEGV",
        "ok",
        "reader crashed: status 0",
        "ok",
    ]


def test_a_file_is_given_a_second_chance_after_a_crash(tmp_path):
    assert read(tmp_path, "PLAIN", "CRASHONCE") == ["ok", "ok"]


def test_a_reader_that_eats_all_memory_costs_its_own_file_only(tmp_path):
    assert read(tmp_path, "PLAIN", "MEMORY", "PLAIN") == ["ok", "out of memory: needs more than 4 GB", "ok"]


def test_what_a_library_prints_does_no_harm(tmp_path):
    assert read(tmp_path, "PRINT", "PLAIN") == ["ok", "ok"]


def test_children_import_nothing_heavy(tmp_path):
    assert read(tmp_path, "MODULES") == ["none"]


def test_many_batches_go_through_few_children(tmp_path, monkeypatch):
    monkeypatch.setenv("WICKED_LOG", str(tmp_path / "log"))
    tasks = [[wicked.write(tmp_path / f"{i}.mid", "PLAIN", i)] for i in range(100)]
    with LocalWorkers(2) as workers:
        done = {task[0]: batch for task, batch in workers.map(reading(), tasks)}
    assert {path.name: int(batch.pieces.score(0).notes["pitch"][0]) for path, batch in done.items()} == {
        f"{i}.mid": i for i in range(100)
    }
    assert len({line.split()[0] for line in (tmp_path / "log").read_text().splitlines()}) <= 2


def test_leaving_ends_the_children_at_once_even_where_one_hangs(tmp_path, monkeypatch):
    monkeypatch.setenv("WICKED_LOG", str(tmp_path / "log"))
    tasks = [[wicked.write(tmp_path / "a.mid", "PLAIN", 60)], [wicked.write(tmp_path / "b.mid", "HANG", 60)]]
    with LocalWorkers(2) as workers:
        next(workers.map(reading(), tasks))
        while "b.mid" not in (tmp_path / "log").read_text():
            time.sleep(0.01)
        start = time.monotonic()
    assert time.monotonic() - start < 5
    assert not [pid for pid in _pids(tmp_path / "log") if Path(f"/proc/{pid}").exists()]


def test_a_child_that_was_ended_while_it_had_nothing_to_do_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setenv("WICKED_LOG", str(tmp_path / "log"))
    paths = [wicked.write(tmp_path / f"{i}.mid", "PLAIN", 60) for i in range(2)]
    with LocalWorkers(1) as workers:
        list(workers.map(reading(), [paths[:1]]))
        os.kill(_pids(tmp_path / "log")[0], 9)
        ((_, batch),) = workers.map(reading(), [paths[1:]])
    assert batch.records[0].status == "ok"


def _pids(log: Path) -> list[int]:
    return [int(line.split()[0]) for line in log.read_text().splitlines()]
