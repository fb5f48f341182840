from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from musictool import home
from musictool.corpus.corpus import Corpus
from musictool.errors import BadCorpus, BadOption, Busy, UnknownName
from musictool.preparation import cache, new_files
from musictool.preparation import prepare as preparation
from musictool.preparation.prepare import Prepared
from tests.preparation import wicked_reader as wicked

RESULTS = ("notes.h5", "files.csv", "corpus.json")


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv(home.HOME_VARIABLE, str(tmp_path / "home"))


@pytest.fixture
def songs(tmp_path) -> Path:
    """A folder of thirty sound files."""
    for i in range(30):
        wicked.write(tmp_path / "songs" / f"{i:02}.mid", "PLAIN", *range(30 + i, 50 + i))
    return tmp_path / "songs"


def prepare(source: Path, **options) -> Prepared:
    return preparation.prepare(source, **{"read": wicked.READ, "encode": False, "workers": 1, **options})


def table(corpus: Corpus) -> dict[str, dict[str, str]]:
    with open(corpus.folder / "files.csv", encoding="utf-8", newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def results(corpus: Corpus) -> dict[str, bytes]:
    return {name: (corpus.folder / name).read_bytes() for name in RESULTS}


def everything(corpus: Corpus) -> dict[str, bytes]:
    """The bytes of every file below a corpus but its locks."""
    files = (path for path in corpus.folder.rglob("*") if path.is_file() and path.name != ".lock")
    return {str(path.relative_to(corpus.folder)): path.read_bytes() for path in files}


def test_a_folder_becomes_a_corpus_of_its_name(songs, tmp_path):
    prepared = prepare(songs)
    assert prepared.corpus.folder == tmp_path / "home" / "corpora" / "songs"
    assert sorted(path.name for path in prepared.corpus.folder.iterdir()) == sorted([".lock", *RESULTS])
    assert (len(prepared.corpus), prepared.fresh, prepared.sentence) == (30, 30, "read 30")
    info = prepared.corpus.info
    assert info["pieces"]["all"] == info["pieces"]["train"] + info["pieces"]["validation"] == 30
    assert info["notes"] == 600
    assert info["seconds"] == pytest.approx(300)
    assert info["instruments"] == {"Violin": 30}
    assert info["source"] == {"kind": "folder", "name": str(songs), "path": str(songs)}


def test_one_bad_file_costs_itself_only_and_has_its_reason(songs):
    wicked.write(songs / "bad/refused.mid", "REFUSE")
    wicked.write(songs / "bad/refused too.mid", "REFUSE", 1)
    wicked.write(songs / "bad/failed.mid", "FAIL")
    wicked.write(songs / "bad/hung.mid", "HANG")
    wicked.write(songs / "bad/crashed.mid", "CRASH")
    wicked.write(songs / "bad/silent.mid", "PLAIN")
    wicked.write(songs / "mended.mid", "MENDED", 60)
    (songs / "gone.mid").symlink_to(songs / "nowhere")
    prepared = prepare(songs, time_limit_seconds=0.5)
    rows = table(prepared.corpus)
    assert len(prepared.corpus) == 31
    assert prepared.sentence == (
        "read 31 (1 salvaged), skipped 7: 2 truncated, 1 reader crashed, 1 unreadable, 1 timed out, 1 no notes, "
        "1 cannot be opened"
    )
    assert {path: row["reason"] for path, row in rows.items() if row["reason"]} == {
        "bad/refused.mid": "truncated: after 12 bytes",
        "bad/refused too.mid": "truncated: after 12 bytes",
        "bad/failed.mid": "unreadable: KeyError: 'no such thing'",
        "bad/hung.mid": "timed out after 0.5 s",
        "bad/crashed.mid": "reader crashed: SIGSEGV",
        "bad/silent.mid": "no notes",
        "mended.mid": "salvaged: so it says",
        "gone.mid": "cannot be opened: No such file or directory",
    }


def test_the_table_says_what_each_file_holds(songs):
    (songs / "tunes.mid").write_text("PLAIN 60 62 64 65 67 69 71 72 / 60 / " + " / ".join(map(str, range(20, 60))))
    rows = table(prepare(songs).corpus)
    assert list(rows) == sorted(rows)
    assert list(rows["00.mid"]) == (
        ["path", "status", "reason", "pieces", "notes", "bars", "seconds", "instruments", "key", "split", "sha256"]
        + ["label"]
    )
    assert {**rows["00.mid"], "split": "", "sha256": "", "key": ""} == {
        "path": "00.mid",
        "status": "ok",
        "reason": "",
        "pieces": "1",
        "notes": "20",
        "bars": "5",
        "seconds": "10.000",
        "instruments": "Violin",
        "key": "",
        "split": "",
        "sha256": "",
        "label": "",
    }
    assert rows["tunes.mid"]["pieces"] == "42"
    assert rows["tunes.mid"]["split"].startswith("train ")
    assert ", validation " in rows["tunes.mid"]["split"]
    assert rows["tunes.mid"]["key"] == "F major 4, Db major 4, D major 4, Eb major 4, ..."


def test_the_same_content_counts_once(songs):
    wicked.write(songs / "99.mid", "PLAIN", *range(30, 50))
    wicked.write(songs / "x1.mid", "REFUSE", 5)
    wicked.write(songs / "x2.mid", "REFUSE", 5)
    prepared = prepare(songs)
    rows = table(prepared.corpus)
    assert len(prepared.corpus) == 30
    assert (rows["99.mid"]["status"], rows["99.mid"]["reason"]) == ("duplicate", "duplicate of 00.mid")
    assert rows["x2.mid"]["reason"] == "truncated: after 12 bytes"
    assert prepared.sentence == "read 30, skipped 2: 2 truncated; 1 duplicate"


def test_a_second_run_reads_nothing_and_changes_no_byte(songs):
    wicked.write(songs / "bad.mid", "REFUSE")
    first = prepare(songs)
    before = results(first.corpus)
    second = prepare(songs)
    assert (first.fresh, second.fresh) == (31, 0)
    assert results(second.corpus) == before


def test_only_what_changed_is_read_again(songs):
    before = prepare(songs).corpus
    wicked.write(songs / "05.mid", "PLAIN", 100)
    (songs / "06.mid").unlink()
    (songs / "07.mid").rename(songs / "zz.mid")
    wicked.write(songs / "new.mid", "PLAIN", 101, 102)
    after = prepare(songs)
    assert after.fresh == 2
    assert after.corpus.fingerprint != before.fingerprint
    assert after.corpus.score(after.corpus.ids.index("05.mid")).notes["pitch"].tolist() == [100]
    assert after.corpus.score(after.corpus.ids.index("zz.mid")).notes["pitch"].tolist() == list(range(37, 57))
    kept_bytes = results(after.corpus)
    assert results(prepare(songs, fresh=True).corpus) == kept_bytes


def test_the_number_of_workers_does_not_show(songs):
    one = results(prepare(songs, workers=1).corpus)
    assert results(prepare(songs, workers=3, fresh=True).corpus) == one


def test_small_parts_end_in_the_same_bytes(songs, monkeypatch):
    whole = results(prepare(songs).corpus)
    monkeypatch.setattr(cache, "BLOCK_NOTES", 50)
    assert results(prepare(songs, workers=3, fresh=True).corpus) == whole


def test_another_split_reads_nothing_again(songs):
    prepare(songs)
    again = prepare(songs, val_split=0.5)
    assert again.fresh == 0
    assert again.corpus.info["pieces"]["validation"] == int(again.corpus.is_validation.sum()) > 8


def test_a_split_by_folders_reads_nothing_again(songs):
    prepare(songs)
    again = prepare(songs, split_by="folder")
    assert again.fresh == 0
    assert again.corpus.info["split_by"] == "folder"
    sides = {}
    for piece, is_held_out in zip(again.corpus.ids, again.corpus.is_validation.tolist(), strict=True):
        sides.setdefault(piece.rpartition("/")[0] or piece, set()).add(is_held_out)
    assert all(len(side) == 1 for side in sides.values())


def test_another_midi_reader_reads_all_again(songs):
    prepare(songs)
    assert prepare(songs, parser="music21").fresh == 30


def test_a_file_that_timed_out_is_tried_again_only_with_more_time(songs):
    wicked.write(songs / "slow.mid", "HANG")
    assert prepare(songs, time_limit_seconds=0.3).fresh == 31
    assert prepare(songs, time_limit_seconds=0.3).fresh == 0
    assert prepare(songs, time_limit_seconds=0.4).fresh == 1


def test_a_file_whose_reader_crashed_is_tried_again_in_the_next_run(songs):
    wicked.write(songs / "crash.mid", "CRASH")
    assert prepare(songs).fresh == 31
    assert prepare(songs).fresh == 1


_KILLED = """
import sys
from musictool.preparation import cache, new_files, prepare as preparation
cache.PART_SECONDS = 0.02
new_files.BATCH_FILES = 2
preparation.prepare(sys.argv[1], workers=1, encode=False, read="tests.preparation.wicked_reader:read")
"""


def test_killed_at_any_moment_the_next_run_ends_with_the_same_bytes(tmp_path, monkeypatch):
    for i in range(60):
        wicked.write(tmp_path / "songs" / f"{i:02}.mid", "SLOW", *range(30 + i, 50 + i))
    monkeypatch.setenv("WICKED_LOG", str(tmp_path / "log"))
    parts = home.corpora_folder() / "songs" / cache.PARTS_FOLDER
    for number in (1, 2, 3):
        before = len(list(parts.glob("*.h5")))
        child = subprocess.Popen([sys.executable, "-c", _KILLED, str(tmp_path / "songs")])
        while len(list(parts.glob("*.h5"))) < before + number and child.poll() is None:
            time.sleep(0.005)
        child.kill()
        assert child.wait() == -signal.SIGKILL
    pids = {line.split()[0] for line in (tmp_path / "log").read_text().splitlines()}
    _wait_until(lambda: not [pid for pid in pids if Path(f"/proc/{pid}").exists()])
    finished = prepare(tmp_path / "songs")
    assert finished.fresh < 60 - 6
    interrupted = results(finished.corpus)
    assert results(prepare(tmp_path / "songs", fresh=True).corpus) == interrupted
    assert not parts.exists()


_KILLED_AT = """
import os, signal, sys
from pathlib import Path
from musictool.preparation.prepare import prepare

def dying(done):
    def do(*paths):
        if Path(paths[-1]).name.startswith(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
        return done(*paths)
    return do

os.replace, Path.unlink = dying(os.replace), dying(Path.unlink)
prepare(sys.argv[1], workers=1, read="tests.preparation.wicked_reader:read")
"""


def test_killed_while_it_writes_or_encodes_the_next_run_ends_with_the_same_bytes(songs, tmp_path, monkeypatch):
    monkeypatch.setenv(home.HOME_VARIABLE, str(tmp_path / "undisturbed"))
    expected = everything(prepare(songs, encode=True).corpus)
    assert len(expected) == len(RESULTS) + 2
    monkeypatch.setenv(home.HOME_VARIABLE, str(tmp_path / "home"))
    for moment in ("notes.h5", "files.csv", "corpus.json", "rows", "encoded.json", "note-chord"):
        child = subprocess.run([sys.executable, "-c", _KILLED_AT, str(songs), moment])
        assert child.returncode == -signal.SIGKILL, moment
    assert everything(prepare(songs, encode=True).corpus) == expected


def test_after_ctrl_c_what_was_read_is_kept(songs, monkeypatch):
    monkeypatch.setattr(new_files, "BATCH_FILES", 4)
    for path in songs.iterdir():
        path.write_text(path.read_text().replace("PLAIN", "SLOW"))
    seen = []

    def progress(done: int, total: int) -> None:
        seen.append((done, total))
        if len(seen) == 1:
            threading.Timer(0.01, signal.raise_signal, [signal.SIGINT]).start()

    with pytest.raises(new_files.Interrupted, match=r"stopped; \d+ of 30 files are read and kept"):
        prepare(songs, progress=progress)
    again = prepare(songs)
    assert again.fresh < 30
    assert len(again.corpus) == 30


def test_progress_counts_up_to_the_number_of_files(songs):
    wicked.write(songs / "99.mid", "PLAIN", *range(30, 50))
    seen = []
    prepare(songs, progress=lambda done, total: seen.append((done, total)))
    assert seen == sorted(seen)
    assert seen[-1] == (31, 31)


def test_a_run_that_was_killed_before_its_last_file_was_in_place_is_finished(songs):
    corpus = prepare(songs).corpus
    whole = results(corpus)
    (corpus.folder / "corpus.json").unlink()
    (corpus.folder / "files.csv").unlink()
    again = prepare(songs)
    assert again.fresh == 0
    assert results(again.corpus) == whole


@pytest.mark.filterwarnings("ignore")
def test_a_damaged_notes_file_is_read_anew(songs, caplog):
    corpus = prepare(songs).corpus
    whole = results(corpus)
    (corpus.folder / "notes.h5").write_bytes(b"damaged")
    again = prepare(songs)
    assert again.fresh == 30
    assert results(again.corpus) == whole


def test_nothing_readable_says_what_was_tried_and_leaves_nothing_behind(tmp_path):
    for i in range(3):
        wicked.write(tmp_path / "bad" / f"{i}.mid", "REFUSE", i)
    wicked.write(tmp_path / "bad" / "3.midi", "FAIL")
    message = (
        r"nothing readable in .*bad: tried 4 files \(3 .mid, 1 .midi\): 3 truncated, 1 unreadable; the first: 0.mid"
    )
    with pytest.raises(BadCorpus, match=message):
        prepare(tmp_path / "bad")
    assert not (home.corpora_folder() / "bad").exists()


def test_a_folder_without_music_says_what_it_has_and_what_could_be_read(tmp_path):
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").touch()
    with pytest.raises(BadCorpus, match=r"no music in .*texts: found 1 .txt; readable are .*\.mid"):
        prepare(tmp_path / "texts")
    with pytest.raises(BadCorpus, match="no music in"):
        prepare(tmp_path / "texts" / "a.txt")


def test_a_folder_that_lost_all_its_music_does_not_cost_the_corpus(songs):
    whole = results(prepare(songs).corpus)
    for path in songs.iterdir():
        wicked.write(path, "REFUSE")
    with pytest.raises(BadCorpus, match="nothing readable"):
        prepare(songs)
    assert results(Corpus.open("songs")) == whole


def test_two_sources_do_not_share_a_name(songs, tmp_path):
    wicked.write(tmp_path / "other" / "songs" / "a.mid", "PLAIN", 60)
    prepare(songs)
    with pytest.raises(BadCorpus, match=r"was prepared from .*songs; give this one another name with --name"):
        prepare(tmp_path / "other" / "songs")
    assert prepare(tmp_path / "other" / "songs", name="more").corpus.name == "more"
    assert len(prepare(tmp_path / "other" / "songs", fresh=True).corpus) == 1


def test_two_runs_do_not_work_on_one_corpus_at_a_time(songs):
    program = (
        "import sys, time; from pathlib import Path; from musictool.atomic import working_alone\n"
        "Path(sys.argv[1]).mkdir(parents=True)\n"
        "with working_alone(Path(sys.argv[1]), 'prepare'):\n    print('mine', flush=True); time.sleep(60)"
    )
    folder = home.corpora_folder() / "songs"
    with subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "mine\n"
        with pytest.raises(Busy, match="another prepare is working on"):
            prepare(songs)
        other.kill()
    assert len(prepare(songs).corpus) == 30


@pytest.mark.parametrize(
    "options, message",
    [
        ({"val_split": 0}, "--val-split: 0.0 is not a number above 0 and below 1"),
        ({"val_split": 1.5}, "--val-split: 1.5"),
        ({"val_split": float("nan")}, "--val-split: nan"),
        ({"workers": -1}, "--workers: -1"),
        ({"time_limit_seconds": 0}, "--time-limit: 0.0"),
        ({"name": "a/b"}, "--name 'a/b'"),
    ],
)
def test_settings_that_cannot_be_are_told(songs, options, message):
    with pytest.raises(BadOption, match=message):
        prepare(songs, **options)


def test_an_unknown_midi_reader_gets_a_suggestion(songs):
    with pytest.raises(UnknownName, match="Did you mean 'symusic'"):
        prepare(songs, parser="symusik")


def test_names_that_are_no_unicode_do_not_stop_it(tmp_path):
    wicked.write(tmp_path / "songs" / "caf\udce9.mid", "PLAIN", 60)
    corpus = prepare(tmp_path / "songs").corpus
    assert corpus.ids == ["caf\udce9.mid"]
    assert json.loads((corpus.folder / "corpus.json").read_text())["pieces"]["all"] == 1


def _wait_until(true, seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_pipe_that_is_called_a_song_is_skipped_and_not_waited_for(songs):
    os.mkfifo(songs / "pipe.mid")
    prepared = prepare(songs)
    (file,) = [file for file in prepared.corpus.files if file["path"] == "pipe.mid"]
    assert (file["status"], len(prepared.corpus)) == ("skipped", 30)


def test_another_way_of_reading_is_another_corpus(songs, tmp_path):
    first = prepare(songs, name="one").corpus.fingerprint
    again = prepare(songs, name="two").corpus.fingerprint
    other = prepare(songs, name="three", read=wicked.READ_OTHERWISE).corpus
    assert first == again
    assert other.fingerprint != first


def test_more_parts_than_files_may_be_open_are_put_together(songs, monkeypatch):
    import resource

    monkeypatch.setattr(cache, "PART_SECONDS", -1)  # a part for every file
    monkeypatch.setattr(new_files, "BATCH_FILES", 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = len(os.listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, hard))
    try:
        assert len(prepare(songs, workers=1).corpus) == 30
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
