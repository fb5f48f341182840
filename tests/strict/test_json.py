from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from musictool.strict import json
from musictool.strict.files import check_regular, read_bytes

SCHEMA = {"bpm": float, "metre": [int], "card?": (str, None), "about": {str: bool}}
GOOD = {"bpm": 90, "metre": [3, 4], "about": {"live": True}, "more": [None]}


def test_values_that_fit_are_given_back():
    assert json.parse('{"bpm": 90, "metre": [3, 4], "about": {}, "card": null}', SCHEMA)["metre"] == [3, 4]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"bpm": None}, "bpm should be a number, not null"),
        ({"bpm": True}, "bpm should be a number, not true"),
        ({"bpm": float("nan")}, "bpm should be a number, not NaN"),
        ({"bpm": float("inf")}, "bpm should be a number, not Infinity"),
        ({"metre": 3}, "metre should be a list, not 3"),
        ({"metre": [3, 4.5]}, r"metre\[1\] should be a whole number, not 4.5"),
        ({"metre": [True]}, r"metre\[0\] should be a whole number, not true"),
        ({"card": []}, "card should be text or null, not a list"),
        ({"about": []}, "about should be a table, not a list"),
        ({"about": {"live": 1}}, r"about\.live should be true or false, not 1"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(change: dict[str, Any], message: str):
    json.check(GOOD, SCHEMA)
    with pytest.raises(ValueError, match=f"^{message}$"):
        json.check(GOOD | change, SCHEMA)


def test_a_missing_key_is_named():
    with pytest.raises(ValueError, match=r"^bpm is missing$"):
        json.check({"metre": [], "about": {}}, SCHEMA)
    with pytest.raises(ValueError, match=r"^it should be a table, not a list$"):
        json.check([], SCHEMA)


@pytest.mark.parametrize(
    "data, message",
    [
        (b"[" * 100_000, "nested deeper than 32"),
        (b"[" * 40 + b"]" * 40, "nested deeper than 32"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested deeper than 32"),
        (b'"\xff"', "not UTF-8"),
        (b"{", "not JSON"),
        (b"1" * 10_000, "digits"),
    ],
)
def test_what_is_no_good_json_is_refused_in_one_line(data: bytes, message: str):
    with pytest.raises(ValueError, match=message) as raised:
        json.parse(data)
    assert "\n" not in str(raised.value)


def test_a_value_may_be_as_deep_as_allowed():
    deep = "[" * json.MOST_DEPTH + "]" * json.MOST_DEPTH
    assert json.parse(deep)


def test_only_regular_files_are_read(tmp_path: Path):
    real = tmp_path / "real.json"
    real.write_text("[1]")
    assert json.read(real) == [1]
    (tmp_path / "link.json").symlink_to(real)
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    for name, message in (("link", "a link"), ("pipe", "no regular file"), ("folder", "no regular file")):
        with pytest.raises(ValueError, match=message):
            json.read(tmp_path / f"{name}.json")
    with pytest.raises(ValueError, match="no regular file"):
        json.read(Path("/dev/zero"))
    with pytest.raises(FileNotFoundError):
        json.read(tmp_path / "none.json")


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path):
    path = tmp_path / "large"
    with open(path, "wb") as file:
        file.truncate(1 << 40)  # without taking room
    with pytest.raises(ValueError, match=r"1,099,511,627,776 bytes; at most 10 are read"):
        read_bytes(path, 10)
    assert check_regular(path) == 1 << 40
