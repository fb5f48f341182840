from __future__ import annotations

import os
from pathlib import Path

import pytest

from genres.lilypond import as_midi
from musictool.errors import MusictoolError
from musictool.fetching.sums import sha256_of

FAKE = """#!/bin/sh
echo run >> {log}
[ "$1" = -e ] || {{ cp score.ly score.midi; cp score.ly score-1.midi; }}
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "ly" / "waltz.ly"
    path.parent.mkdir()
    path.write_text("{ c4 }")
    return path


def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *names: str) -> Path:
    """Stand-ins for LilyPond's programs on the PATH; returns the file that has a line for each that ran."""
    folder, log = tmp_path / "bin", tmp_path / "log"
    folder.mkdir()
    log.touch(mode=0o666)
    for name in names:
        (folder / name).write_text(FAKE.format(log=log))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH'] if names else ''}")
    return log


def test_without_lilypond_one_line_says_what_is_missing(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    programs(tmp_path, monkeypatch)
    with pytest.raises(MusictoolError, match=r"^1 pieces are LilyPond sources, and lilypond is not installed; .*$"):
        as_midi([source], tmp_path / "cache", source.parent)


def test_midi_files_that_lie_beside_a_source_are_taken_and_lilypond_is_not_missed(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    programs(tmp_path, monkeypatch)
    for name in ("waltz.mid", "waltz-1.midi", "waltz-sax.mid", "waltzes.mid"):
        (source.parent / name).touch()
    midi = as_midi([source], tmp_path / "cache", source.parent)
    assert [path.name for path in midi[source]] == ["waltz-1.midi", "waltz.mid"]


def test_every_score_of_a_source_is_made_once(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)  # nobody, whom root lets run it, may not enter a test's folder
    log = programs(tmp_path, monkeypatch, "lilypond", "convert-ly")
    for _ in range(2):
        midi = as_midi([source], tmp_path / "cache", source.parent)
    place = tmp_path / "cache" / sha256_of(source)
    assert midi == {source: [place / "score-1.midi", place / "score.midi"]}
    assert log.read_text() == "run\nrun\n"
