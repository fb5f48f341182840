from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from musictool import home
from musictool.cli._main import main


def listed(*arguments: str) -> str:
    result = CliRunner().invoke(main, ["list", *arguments], prog_name="musictool")
    assert result.exit_code == 0, result.output
    return result.output


def model(folder: Path, *files: str) -> Path:
    folder.mkdir(parents=True)
    for name in (home.MODEL_MARKER, *files):
        (folder / name).touch()
    return folder


def test_models_that_ship_are_listed_apart_and_behind_ones_own(
    at_new_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    shipped = tmp_path.resolve() / "shipped"
    monkeypatch.setattr(home, "shipped_folder", lambda: shipped)
    own = model(at_new_home / "saved_models" / "waltz")
    assert "ship with musictool" not in listed("models")
    for name in ("march", "waltz"):
        model(shipped / name, home.MODEL_CARD)
    text = listed("models")
    assert [line.split()[0] for line in text.splitlines() if line[:1].strip()] == ["waltz", "ship", "march", "waltz"]
    rows = json.loads(listed("models", "--json"))
    assert [(row["name"], row["where"], row.get("hidden by")) for row in rows] == [
        ("waltz", str(own), None),
        ("march", str(shipped / "march"), ""),
        ("waltz", str(shipped / "waltz"), str(own)),
    ]


def test_of_a_public_collection_the_sum_of_its_files_is_listed_where_its_archive_has_none():
    rows = {row["name"]: row for row in json.loads(listed("corpora", "--json"))}
    assert rows["openscore-lieder"]["sha256"] == "none published"
    assert len(rows["openscore-lieder"]["sum of files"]) == 64
