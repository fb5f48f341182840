from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from musictool.errors import BadDownload, BadOption, UnknownName
from musictool.fetching import fetch as fetching
from musictool.fetching.fetch import fetch, info_of, read_info
from musictool.fetching.public import COLLECTIONS, Collection, size_in_words
from musictool.fetching.sums import sum_of_files
from musictool.preparation.sources import BUILT_IN
from tests.fetching.web import NOISE, Web, tarred, zipped

SONGS = zipped({"songs/a.mid": b"a", "songs/b.mid": NOISE})
SUM = hashlib.sha256(SONGS).hexdigest()

pytestmark = pytest.mark.usefixtures("at_new_home")


def left(home: Path) -> list[str]:
    """All that lies below downloads/."""
    downloads = home / "downloads"
    return sorted(str(path.relative_to(downloads)) for path in downloads.rglob("*") if path.name != ".lock")


@pytest.fixture
def songs(web: Web, monkeypatch: pytest.MonkeyPatch) -> Collection:
    """A public collection of this name."""
    collection = Collection("two songs", "free", "https://page", web.add("s.zip", SONGS), len(SONGS), sha256=SUM)
    monkeypatch.setitem(COLLECTIONS, "songs", collection)
    return collection


def test_a_collection_is_downloaded_checked_and_unpacked(songs: Collection, at_new_home: Path):
    stages = []
    fetched = fetch("songs", progress=lambda what, done, total: stages.append(what))
    assert left(at_new_home) == [
        "songs",
        "songs/download.json",
        "songs/music",
        "songs/music/songs",
        "songs/music/songs/a.mid",
        "songs/music/songs/b.mid",
    ]
    assert fetched.folder == at_new_home / "downloads" / "songs" / "music"
    assert fetched.news
    assert fetched.info == read_info("songs")
    assert {key: value for key, value in fetched.info.items() if key != "fetched"} == {
        "format": 1,
        "name": "songs",
        "summary": "two songs",
        "licence": "free",
        "page": "https://page",
        "address": songs.address,
        "bytes": len(SONGS),
        "sha256": SUM,
        "sha256_published": SUM,
        "files": 2,
        "unpacked_bytes": len(NOISE) + 1,
        "left_out": {},
    }
    assert list(dict.fromkeys(stages)) == ["downloading", "checking", "unpacking"]


def test_a_second_fetch_asks_nobody_and_changes_nothing(songs: Collection, web: Web, at_new_home: Path):
    first = fetch("songs")
    (at_new_home / "downloads/songs/music/own.txt").write_text("mine")
    again = fetch("songs")
    assert (again.news, again.info) == (False, first.info)
    assert len(web.requests) == 1
    assert "songs/music/own.txt" in left(at_new_home)


def test_fresh_fetches_again_and_says_what_it_was_before(songs: Collection, web: Web, at_new_home: Path):
    fetch("songs")
    again = fetch("songs", fresh=True)
    assert (again.news, again.before, len(web.requests)) == (True, SUM, 2)


@pytest.mark.parametrize("sha256", [SUM, SUM.upper()])
def test_any_address_will_do(web: Web, at_new_home: Path, sha256: str):
    address = web.add("files/my%20songs.tar.gz?x=1", content := tarred({"a.mid": b"a"}))
    fetched = fetch(address)
    assert fetched.name == "my songs"
    assert fetched.info["sha256"] == hashlib.sha256(content).hexdigest()
    assert fetch(web.add("s.zip", SONGS), name="other", sha256=sha256).name == "other"


def test_a_wrong_sum_is_refused_and_nothing_of_it_stays(songs: Collection, web: Web, at_new_home: Path):
    web.pages["s.zip"].content = SONGS[:100] + b"?" + SONGS[101:]
    with pytest.raises(BadDownload, match=f"songs: its sha256 is .* where {SUM} is wanted.*see https://page"):
        fetch("songs")
    assert left(at_new_home) == []
    web.pages["s.zip"].content = SONGS
    assert fetch("songs").info["sha256"] == SUM


def test_a_refused_archive_leaves_nothing_behind(web: Web, at_new_home: Path):
    with pytest.raises(BadDownload, match="evil: the archive wants to write outside its folder"):
        fetch(web.add("evil.zip", zipped({"a.mid": b"a", "../../../evil.mid": b"b"})))
    assert left(at_new_home) == []
    assert list(at_new_home.iterdir()) == []


def test_a_failed_fresh_fetch_leaves_the_old_music(songs: Collection, web: Web, at_new_home: Path):
    fetch("songs")
    before = left(at_new_home)
    web.pages["s.zip"].content = b"?" * len(SONGS)
    with pytest.raises(BadDownload):
        fetch("songs", fresh=True)
    assert left(at_new_home) == before
    assert read_info("songs")


def test_new_music_never_lies_beside_the_description_of_the_old(
    songs: Collection, web: Web, monkeypatch: pytest.MonkeyPatch
):
    fetch("songs")
    with monkeypatch.context() as patch:
        patch.setattr(fetching, "write_json", lambda *args: sys.exit("killed"))
        with pytest.raises(SystemExit):
            fetch("songs", fresh=True)
    assert read_info("songs") == {}
    assert fetch("songs").news
    assert len(web.requests) == 2


def test_a_description_without_music_is_not_complete(songs: Collection, at_new_home: Path):
    fetch("songs")
    shutil.rmtree(at_new_home / "downloads/songs/music")
    assert read_info("songs") == {}
    assert fetch("songs").folder.is_dir()


def test_the_archive_can_be_kept(songs: Collection, at_new_home: Path):
    fetched = fetch("songs", keep_archive=True)
    assert Path(fetched.info["archive"]).read_bytes() == SONGS
    assert "songs/songs.zip" in left(at_new_home)


def test_an_archive_that_was_downloaded_by_hand_is_checked_and_left_where_it_is(
    songs: Collection, web: Web, tmp_path: Path
):
    (tmp_path / "mine.zip").write_bytes(SONGS)
    assert fetch("songs", file=tmp_path / "mine.zip").info["files"] == 2
    (tmp_path / "mine.zip").write_bytes(b"?" * len(SONGS))
    with pytest.raises(BadDownload, match="sha256"):
        fetch("songs", name="two", file=tmp_path / "mine.zip")
    assert (tmp_path / "mine.zip").exists()
    with pytest.raises(BadDownload, match="no such file"):
        fetch("songs", name="two", file=tmp_path / "none.zip")
    assert web.requests == []


def test_what_is_given_out_by_hand_says_where(at_new_home: Path):
    with pytest.raises(BadDownload, match=r"disclaimer\.md, then: musictool fetch giantmidi --from FILE"):
        fetch("giantmidi")
    assert list(at_new_home.iterdir()) == []


def test_a_name_that_is_taken_by_another_download_is_not_confused_with_it(songs: Collection, web: Web):
    fetch("songs")
    with pytest.raises(BadDownload, match="holds another download, of https://page"):
        fetch(web.add("other.zip", zipped({"c.mid": b"c"})), name="songs")
    with pytest.raises(BadDownload, match="holds another download"):
        fetch("songs", sha256="0" * 64)


def test_mistakes_are_named(at_new_home: Path):
    with pytest.raises(UnknownName, match="Did you mean 'maestro'"):
        fetch("maestr0")
    with pytest.raises(BadOption, match="64 digits"):
        fetch("maestro", sha256="abc")
    with pytest.raises(BadOption, match="--name"):
        fetch("maestro", name="../x")
    with pytest.raises(BadDownload, match="http"):
        fetch("file:///etc/passwd")
    assert list(at_new_home.iterdir()) == []


def test_two_at_once_are_not_possible(songs: Collection):
    errors = []

    def another(what: str, done: int, total: int | None) -> None:
        if not errors:
            child = subprocess.run([sys.executable, "-c", CALL, songs.address, "none"], capture_output=True, text=True)
            errors.append(child.stderr)

    fetch("songs", progress=another)
    assert "Busy: another fetch is working on" in errors[0]


def test_a_full_disk_is_said_and_what_has_arrived_is_kept(
    songs: Collection, web: Web, at_new_home: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(*args) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(fetching, "unpack", full)
        with pytest.raises(BadDownload, match=r"songs: the disk of .* is full; .* is kept"):
            fetch("songs")
    assert left(at_new_home) == ["songs", "songs/archive"]
    fetch("songs")
    assert len(web.requests) == 1


CALL = """
import os, signal, sys
from musictool.fetching.fetch import fetch
address, stage = sys.argv[1:]
def progress(what, done, total):
    if what == stage and done >= (1 if what == "unpacking" else total // 2):
        os.kill(os.getpid(), signal.SIGKILL)
fetch(address, name="songs", progress=progress)
"""


@pytest.mark.parametrize("stage, ranges", [("downloading", 2), ("checking", 1), ("unpacking", 1)])
def test_a_process_that_is_killed_loses_nothing_and_leaves_nothing_that_looks_complete(
    web: Web, at_new_home: Path, stage: str, ranges: int
):
    address = web.add("s.zip", SONGS)
    killed = subprocess.run([sys.executable, "-c", CALL, address, stage])
    assert killed.returncode == -9
    assert read_info("songs") == {}
    assert not (at_new_home / "downloads/songs/music").exists()
    part = at_new_home / "downloads/songs/archive.part"
    arrived = part.stat().st_size if part.exists() else len(SONGS)
    assert arrived >= len(SONGS) // 2
    assert fetch(address, name="songs").info["sha256"] == SUM
    assert web.ranges == [None, f"bytes={arrived}-"][:ranges]
    assert not (at_new_home / "downloads/songs/.music.partial").exists()


def test_an_archive_that_a_killed_process_left_after_all_was_done_is_swept_away(songs: Collection, at_new_home: Path):
    folder = at_new_home / "downloads/songs"
    fetch("songs")
    marker = (folder / "download.json").read_text()
    (folder / "archive").write_bytes(SONGS)
    (folder / "download.json").write_text(marker)
    fetch("songs")
    assert not (folder / "archive").exists()


def test_music_without_its_description_is_not_complete(songs: Collection, web: Web, at_new_home: Path):
    fetch("songs")
    for damage in ("", "[]"):
        (at_new_home / "downloads/songs/download.json").write_text(damage)
        assert fetch("songs").news
    assert len(web.requests) == 3


@pytest.mark.parametrize("name", COLLECTIONS)
def test_each_public_collection_is_complete_and_its_words_fit_a_line(name: str):
    collection = COLLECTIONS[name]
    assert collection.summary
    assert collection.licence
    assert "\n" not in collection.summary + collection.licence
    assert collection.page.startswith(("https://", "http://"))
    assert collection.address.startswith(("https://", "http://")) or not collection.address
    assert len(collection.sha256) in (0, 64)
    assert collection.sha256 == collection.sha256.lower()
    assert bool(collection.files) == bool(collection.files_sha256)
    assert not (collection.size_bytes and collection.about)
    assert name not in BUILT_IN


def test_of_a_repository_the_wanted_files_are_unpacked_and_compared_with_those_that_are_known(
    web: Web, monkeypatch: pytest.MonkeyPatch, at_new_home: Path
):
    content = zipped({"r-1/kept/a.mid": b"a", "r-1/kept/deep/b.mid": b"b", "r-1/kept/c.pdf": b"c", "r-1/d.mid": b"d"})
    known = hashlib.sha256("\n".join(sorted(hashlib.sha256(x).hexdigest() for x in (b"a", b"b"))).encode()).hexdigest()
    collection = Collection("", "", "https://page", web.add("r.zip", content), only=("*/kept/*.mid",))
    monkeypatch.setitem(COLLECTIONS, "r", replace(collection, files=2, files_sha256=known))
    info = fetch("r").info
    assert left(at_new_home)[-2:] == ["r/music/r-1/kept/deep", "r/music/r-1/kept/deep/b.mid"]
    assert info["files"] == 2
    assert info["left_out"] == {"not wanted": 2}
    assert info["files_sha256"] == known
    monkeypatch.setitem(COLLECTIONS, "r", replace(collection, only=("*.krn",)))
    with pytest.raises(BadDownload, match=r"holds no files like \*\.krn"):
        fetch("r", fresh=True)


def test_the_sum_of_files_is_that_of_their_contents_in_any_order(tmp_path: Path):
    one, other, third = (tmp_path / name for name in ("1", "2", "3"))
    one.write_bytes(b"one")
    other.write_bytes(NOISE)
    third.write_bytes(b"one")
    assert sum_of_files([one, other]) == sum_of_files([other, third])
    assert sum_of_files([one, other]) != sum_of_files([one, other, third])


def test_a_size_in_words():
    words = [size_in_words(size) for size in (0, 999, 1000, 58_416_533, 1_768_163_879)]
    assert words == ["0 bytes", "999 bytes", "1.0 kB", "58.4 MB", "1.8 GB"]


def test_the_description_is_json_that_a_person_can_read(songs: Collection, at_new_home: Path):
    fetch("songs")
    text = (at_new_home / "downloads/songs/download.json").read_text()
    assert json.loads(text)["licence"] == "free"
    assert text.count("\n") > 10


@pytest.mark.parametrize("damage", ["pipe", "deep"])
def test_a_description_that_is_none_says_nothing_and_holds_nothing_up(tmp_path: Path, damage: str):
    (tmp_path / "music").mkdir()
    if damage == "pipe":
        os.mkfifo(tmp_path / "download.json")
    else:
        (tmp_path / "download.json").write_text("[" * 100_000)
    assert info_of(tmp_path) == {}
