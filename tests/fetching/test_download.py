from __future__ import annotations

import json
import shutil
import socket
import ssl
import urllib.error
import urllib.request
from collections import namedtuple
from pathlib import Path

import pytest

from musictool.errors import BadDownload
from musictool.fetching import asking
from musictool.fetching import download as downloading
from musictool.fetching.asking import check_address
from musictool.fetching.download import download, forget
from tests.fetching.web import NOISE, Web

HALF = len(NOISE) // 2


def get(address: str, tmp_path: Path, size_bytes: int | None = None) -> list[int]:
    """Download it; how many bytes there were whenever it was said."""
    seen = []
    download(address, tmp_path / "archive", size_bytes, lambda what, done, total: seen.append(done))
    return seen


def test_a_file_arrives_whole_and_nothing_else_remains(web: Web, tmp_path: Path):
    seen = get(web.add("x.zip", NOISE), tmp_path, len(NOISE))
    assert (tmp_path / "archive").read_bytes() == NOISE
    assert [path.name for path in tmp_path.iterdir()] == ["archive"]
    assert (seen[0], seen[-1]) == (0, len(NOISE))
    assert web.ranges == [None]


def test_a_connection_that_breaks_is_gone_on_with_from_the_byte_where_it_broke(web: Web, tmp_path: Path):
    get(web.add("x.zip", NOISE, breaks=[300_000, 200_000]), tmp_path)
    assert (tmp_path / "archive").read_bytes() == NOISE
    assert web.ranges == [None, "bytes=300000-", "bytes=500000-"]
    assert web.requests[1]["if-range"] == '"one"'
    assert web.sent == len(NOISE)  # no byte came twice


def test_what_an_earlier_call_left_is_gone_on_with(web: Web, tmp_path: Path):
    address = web.add("x.zip", NOISE, breaks=[100_000] * 4)
    with pytest.raises(BadDownload, match="the same command goes on"):
        get(address, tmp_path)
    assert (tmp_path / "archive.part").stat().st_size == 400_000
    assert get(address, tmp_path)[0] == 400_000
    assert web.sent == len(NOISE)
    assert (tmp_path / "archive").read_bytes() == NOISE


def test_tries_that_bring_nothing_come_to_an_end(web: Web, tmp_path: Path):
    with pytest.raises(BadDownload, match="connection broke after 0 of 1,048,576 bytes"):
        get(web.add("x.zip", NOISE, breaks=[0] * 99), tmp_path)
    assert len(web.requests) == 4


def test_tries_that_bring_much_are_not_counted(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(downloading, "PROGRESS_BYTES", 100_000)
    get(web.add("x.zip", NOISE, breaks=[100_000] * 8), tmp_path)
    assert (tmp_path / "archive").read_bytes() == NOISE


def test_a_server_that_cannot_send_a_part_sends_the_whole_again(web: Web, tmp_path: Path):
    seen = get(web.add("x.zip", NOISE, breaks=[HALF], ranges=False), tmp_path)
    assert (tmp_path / "archive").read_bytes() == NOISE
    assert web.ranges == [None, f"bytes={HALF}-"]
    assert seen.count(0) == 2


@pytest.mark.parametrize("headers", [{"etag": '"two"'}, {"etag": "", "modified": "Tue, 02 Jan 2024 00:00:00 GMT"}])
def test_a_file_that_has_changed_meanwhile_is_begun_anew(web: Web, tmp_path: Path, headers: dict[str, str]):
    old = {key: value.replace("two", "one").replace("02 Jan", "01 Jan") for key, value in headers.items()}
    address = web.add("x.zip", b"old" * 100_000, breaks=[50_000] * 4, **old)
    with pytest.raises(BadDownload):
        get(address, tmp_path)
    web.add("x.zip", NOISE, **headers)
    assert get(address, tmp_path)[0] == 0
    assert (tmp_path / "archive").read_bytes() == NOISE


def test_a_part_of_another_version_is_not_believed_even_if_the_server_sends_it(web: Web, tmp_path: Path):
    """It answers 206 whatever If-Range says, with the ETag of the new file."""
    address = web.add("x.zip", b"o" * len(NOISE), etag='W/"1"', breaks=[100_000] * 4)
    with pytest.raises(BadDownload):
        get(address, tmp_path)
    web.add("x.zip", NOISE, etag='W/"2"')
    get(address, tmp_path)
    assert "if-range" not in web.requests[-2]  # a weak ETag says nothing about bytes
    assert web.ranges[-2:] == ["bytes=400000-", None]
    assert (tmp_path / "archive").read_bytes() == NOISE


def test_a_file_that_has_become_shorter_is_begun_anew(web: Web, tmp_path: Path):
    address = web.add("x.zip", NOISE, breaks=[200_000] * 4)
    with pytest.raises(BadDownload):
        get(address, tmp_path)
    web.add("x.zip", b"short")
    get(address, tmp_path)
    assert (tmp_path / "archive").read_bytes() == b"short"


def test_a_part_of_another_address_is_not_gone_on_with(web: Web, tmp_path: Path):
    with pytest.raises(BadDownload):
        get(web.add("x.zip", b"x" * len(NOISE), breaks=[100_000, 0, 0, 0, 0]), tmp_path)
    get(web.add("y.zip", NOISE), tmp_path)
    assert (tmp_path / "archive").read_bytes() == NOISE


def test_a_length_that_is_not_told_is_no_hindrance(web: Web, tmp_path: Path):
    get(web.add("x.zip", NOISE, chunked=True), tmp_path)
    assert (tmp_path / "archive").read_bytes() == NOISE


def test_a_busy_server_is_asked_again(web: Web, tmp_path: Path):
    get(web.add("x.zip", b"music", statuses=[503, 429], headers={"Retry-After": "0"}), tmp_path)
    assert (tmp_path / "archive").read_bytes() == b"music"
    assert len(web.requests) == 3


@pytest.mark.parametrize("status, words", [(404, "404 .*moved"), (403, "403"), (410, "410")])
def test_a_no_is_one_clear_line_and_not_asked_again(web: Web, tmp_path: Path, status: int, words: str):
    with pytest.raises(BadDownload, match=words) as caught:
        get(web.add("x.zip", NOISE, statuses=[status]), tmp_path)
    assert "\n" not in str(caught.value)
    assert len(web.requests) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_redirection_is_followed_and_the_part_asked_for_there_too(web: Web, tmp_path: Path):
    there = web.add("there.zip", NOISE, breaks=[HALF])
    get(web.add("here", b"", statuses=[302] * 2, headers={"Location": there}), tmp_path)
    assert (tmp_path / "archive").read_bytes() == NOISE
    assert web.ranges[-1] == f"bytes={HALF}-"


@pytest.mark.parametrize("there", ["file:///etc/passwd", "ftp://127.0.0.1/x.zip"])
def test_a_redirection_to_anything_but_the_web_is_refused(web: Web, tmp_path: Path, there: str):
    with pytest.raises(BadDownload):
        get(web.add("here", b"", statuses=[302], headers={"Location": there}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_redirection_from_https_to_http_is_refused():
    request = urllib.error.HTTPError("https://a/x.zip", 302, "", None, None)
    handler = asking._Redirections()
    wish = urllib.request.Request("https://a/x.zip")
    with pytest.raises(BadDownload, match="leads to http:"):
        handler.redirect_request(wish, request, 302, "Found", {}, "http://a/x.zip")
    assert handler.redirect_request(wish, request, 302, "Found", {}, "https://b/x.zip").full_url == "https://b/x.zip"


@pytest.mark.parametrize(
    "address",
    ["file:///etc/passwd", "ftp://host/x.zip", "data:text/plain,x", "x.zip", "http://", "http://[x", "http://h:x/"],
)
def test_only_the_web_is_an_address(address: str):
    with pytest.raises(BadDownload):
        check_address(address)


def test_spaces_in_an_address_are_quoted_and_what_is_quoted_stays():
    assert check_address("https://host/a b.zip?x=1&y=2") == "https://host/a%20b.zip?x=1&y=2"
    assert check_address("https://host/a%20b.zip") == "https://host/a%20b.zip"


def test_nobody_at_the_door_is_said_at_once(tmp_path: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(BadDownload, match="refuses the connection"):
            get(f"http://127.0.0.1:{taken.getsockname()[1]}/x.zip", tmp_path)


@pytest.mark.parametrize(
    "error, words",
    [
        (socket.gaierror(-2, "Name or service not known"), "no host nowhere.invalid is known here"),
        (ssl.SSLCertVerificationError(1, "certificate verify failed"), "certificate of nowhere.invalid"),
        (ssl.SSLError(1, "wrong version number"), "no secure connection to nowhere.invalid"),
        (TimeoutError("timed out"), "no answer from nowhere.invalid: timed out"),
    ],
)
def test_a_host_that_cannot_be_had_is_one_clear_line(
    error: OSError, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    class Opener:
        def open(self, *args, **kwargs):
            raise urllib.error.URLError(error)

    monkeypatch.setattr(asking, "_opener", Opener)
    with pytest.raises(BadDownload, match=words) as caught:
        get("https://nowhere.invalid/x.zip", tmp_path)
    assert "\n" not in str(caught.value)


def test_a_web_page_is_not_taken_for_an_archive(web: Web, tmp_path: Path):
    address = web.add("x.zip", b"<html>sign here", headers={"Content-Type": "text/html; charset=utf-8"})
    with pytest.raises(BadDownload, match="web page"):
        get(address, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_another_size_than_the_published_is_refused_before_it_is_downloaded(web: Web, tmp_path: Path):
    with pytest.raises(BadDownload, match="offers 1,048,576 bytes where 5 are published"):
        get(web.add("x.zip", NOISE), tmp_path, 5)
    assert list(tmp_path.iterdir()) == []


def test_a_stream_without_end_is_cut_off_at_the_published_size(web: Web, tmp_path: Path):
    with pytest.raises(BadDownload, match="more than 5 bytes"):
        get(web.add("x.zip", NOISE, chunked=True), tmp_path, 5)
    assert not (tmp_path / "archive.part").exists()


def test_a_disk_that_is_too_small_is_said_before_the_download(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 2 * len(NOISE) - 1))
    with pytest.raises(BadDownload, match="are free on this disk"):
        get(web.add("x.zip", NOISE), tmp_path)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(0, 0, 2 * len(NOISE)))
    get(web.add("x.zip", NOISE), tmp_path)


def test_each_byte_is_in_the_systems_hands_when_it_is_counted(
    web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(asking, "BLOCK_BYTES", 1000)
    path, differences = tmp_path / "archive", []

    def progress(what: str, done: int, total: int | None) -> None:
        differences.append(done - (tmp_path / "archive.part").stat().st_size)

    download(web.add("x.zip", NOISE[:20_000]), path, None, progress)
    assert len(differences) > 20
    assert not any(differences)


def test_a_line_that_stays_open_after_the_last_byte_is_hung_up(web: Web, tmp_path: Path):
    get(web.add("x.zip", NOISE, lingers=True), tmp_path)
    assert (tmp_path / "archive").read_bytes() == NOISE
    assert len(web.requests) == 1


def test_a_whole_part_is_not_asked_for_again(tmp_path: Path):
    (tmp_path / "archive.part").write_bytes(b"music")
    version = {"address": "http://nowhere.invalid/x", "etag": "", "modified": "", "size_bytes": 5}
    (tmp_path / "archive.part.json").write_text(json.dumps(version))
    get("http://nowhere.invalid/x", tmp_path)
    assert (tmp_path / "archive").read_bytes() == b"music"


def test_a_network_that_goes_away_half_way_is_waited_for(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    opener, calls = asking._opener, []

    def once_away():
        calls.append(1)
        if len(calls) == 2:
            raise urllib.error.URLError(socket.gaierror(-3, "Temporary failure in name resolution"))
        return opener()

    monkeypatch.setattr(asking, "_opener", once_away)
    get(web.add("x.zip", NOISE, breaks=[HALF]), tmp_path)
    assert (tmp_path / "archive").read_bytes() == NOISE


def test_a_damaged_description_is_as_good_as_none(web: Web, tmp_path: Path):
    (tmp_path / "archive.part").write_bytes(b"old")
    (tmp_path / "archive.part.json").write_text('{"address": 5}')
    get(web.add("x.zip", NOISE), tmp_path)
    assert (tmp_path / "archive").read_bytes() == NOISE


def test_forget_deletes_all_of_it(tmp_path: Path):
    for name in ("archive", "archive.part", "archive.part.json", "other"):
        (tmp_path / name).touch()
    forget(tmp_path / "archive")
    assert [path.name for path in tmp_path.iterdir()] == ["other"]
