from __future__ import annotations

import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from musictool.cli._main import main
from musictool.fetching.public import COLLECTIONS, Collection
from musictool.fetching.sums import sum_of_files
from tests.conftest import write_tunes
from tests.fetching.conftest import no_pauses, web  # noqa: F401  # fixtures
from tests.fetching.web import NOISE, Web, zipped

pytestmark = pytest.mark.usefixtures("no_pauses")


def run(*args: str) -> Result:
    return CliRunner().invoke(main, args, prog_name="musictool")


@pytest.fixture
def songs(web: Web, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> bytes:  # noqa: F811
    """The archive of the public collection `songs`: four tunes."""
    tunes = write_tunes(tmp_path_factory.mktemp("web"), 4)
    content = zipped({f"songs/{path.name}": path.read_bytes() for path in sorted(tunes.iterdir())})
    collection = Collection("four songs", "free", "https://page", web.add("s.zip", content), len(content))
    monkeypatch.setitem(COLLECTIONS, "songs", collection)
    return content


def test_fetch_ends_with_the_command_that_goes_on_and_that_command_works(
    songs: bytes, at_new_home: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(at_new_home)
    fetched = run("fetch", "songs")
    assert fetched.exit_code == 0, fetched.output
    assert "four songs\nlicence: free; see https://page\n" in fetched.output
    assert f"{len(songs):,} bytes, sha256 {hashlib.sha256(songs).hexdigest()}\nnone published" in fetched.output
    assert "4 files in downloads/songs/music\n" in fetched.output
    program, *line = shlex.split(fetched.output.splitlines()[-1].removeprefix("next: "))
    assert program == "musictool"
    prepared = run(*line, "--workers", "1")
    assert prepared.exit_code == 0, prepared.output
    assert "musictool train songs" in prepared.output


def test_a_second_fetch_says_that_it_is_there(songs: bytes, at_new_home: Path, web: Web):  # noqa: F811
    run("fetch", "songs")
    again = run("fetch", "songs")
    assert again.exit_code == 0
    assert "songs is there already" in again.output
    assert "next: musictool prepare" in again.output
    assert len(web.requests) == 1
    assert "the same as the last time" in run("fetch", "songs", "--fresh").output


def test_fetch_as_json(songs: bytes, at_new_home: Path):
    values = json.loads(run("fetch", "songs", "--json").stdout)
    assert values["folder"] == str(at_new_home / "downloads/songs/music")
    assert (values["news"], values["files"], values["licence"]) == (True, 4, "free")


def test_quiet_says_nothing(songs: bytes, at_new_home: Path):
    result = run("fetch", "-q", "songs")
    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.parametrize(
    "line, code, words",
    [
        ("maestr0", 2, "Did you mean 'maestro'"),
        ("bach", 1, "built in, no download is needed: musictool prepare bach"),
        ("giantmidi", 1, "by hand only"),
        ("file:///etc/passwd", 1, "begin with http"),
        ("ftp://host/x.zip", 1, "begin with http"),
        ("maestro --sha256 xyz", 2, "64 digits"),
        ("maestro --name ../x", 2, "--name"),
        ("maestro --from nowhere.zip", 1, "nowhere.zip: no such file"),
        ("http://127.0.0.1:1/x.zip", 1, "refuses the connection"),
    ],
)
def test_a_mistake_is_one_clear_line(at_new_home: Path, line: str, code: int, words: str):
    result = run("fetch", "-q", *line.split())
    assert result.exit_code == code, result.output
    assert words in result.output
    assert result.output.startswith("Error: ")
    assert result.output.count("\n") == 1
    assert list(at_new_home.iterdir()) == []


@pytest.mark.parametrize("is_known", [True, False])
def test_other_files_than_those_that_are_known_are_no_error_but_said(
    songs: bytes, monkeypatch: pytest.MonkeyPatch, is_known: bool
):
    known = run("fetch", "songs", "--json")
    paths = [path for path in Path(json.loads(known.output)["folder"]).rglob("*") if path.is_file()]
    summed = sum_of_files(paths if is_known else paths[1:])
    collection = replace(COLLECTIONS["songs"], files=len(paths), files_sha256=summed)
    monkeypatch.setitem(COLLECTIONS, "songs", collection)
    result = run("fetch", "songs", "--fresh")
    assert result.exit_code == 0, result.output
    said = "are those that are known" if is_known else f"are NOT the {len(paths)} that are known"
    assert f"its {len(paths)} files {said}" in result.output


def test_list_corpora_names_the_public_collections_and_what_is_known_of_them(songs: bytes, at_new_home: Path):
    text = run("list", "corpora").output
    for words in ("maestro", "58.4 MB (58,416,533 bytes)", "70470ee253295c8d", "none published", "CC BY-NC-SA 4.0"):
        assert words in text
    assert "musictool fetch songs\n" in text
    run("fetch", "songs")
    rows = {row["name"]: row for row in json.loads(run("list", "corpora", "--json").output)}
    assert rows["songs"]["where"] == f"fetched: {at_new_home / 'downloads/songs/music'}"
    assert rows["maestro"]["bytes"] == 58_416_533
    assert {"bach", "lakh-full", "nottingham"} <= set(rows)


def test_ctrl_c_keeps_what_has_arrived_and_the_same_command_goes_on(web: Web, at_new_home: Path):  # noqa: F811
    content = zipped({"a.mid": NOISE})
    address = web.add("s.zip", content, breaks=[300_000], statuses=[200, 503], headers={"Retry-After": "60"})
    program = [sys.executable, "-m", "musictool", "fetch", address]
    child = subprocess.Popen(program, stderr=subprocess.PIPE, text=True, env=os.environ)
    part = at_new_home / "downloads/s/archive.part"
    deadline = time.monotonic() + 30
    while len(web.requests) < 2 and time.monotonic() < deadline:  # now it waits for a minute
        time.sleep(0.01)
    time.sleep(0.2)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert child.returncode == 130
    assert said.endswith("what has arrived is kept; the same command goes on\nstopped\n")
    assert part.stat().st_size == 300_000
    assert run("fetch", address).exit_code == 0
    assert web.ranges[-1] == "bytes=300000-"
    assert web.sent == len(content)
