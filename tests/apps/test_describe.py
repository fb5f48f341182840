from __future__ import annotations

import json
from pathlib import Path

import pytest

from musictool.apps.describe import describe
from musictool.errors import BadFile


def test_a_folder_of_music_is_told_apart_from_a_name_that_nothing_has(at_tiny_home: Path, tmp_path: Path):
    (tmp_path / "my songs").mkdir()
    with pytest.raises(BadFile) as error:
        describe(tmp_path / "my songs")
    place = tmp_path / "my songs"
    assert str(error.value) == f"{place} is a folder: give files, or prepare it: musictool prepare '{place}'"


def test_the_json_beside_a_sample_is_described(tmp_path: Path):
    values = {"model": {"name": "bach-lstm"}, "request": {"seed": 1}, "piece": 1}
    (tmp_path / "song.json").write_text(json.dumps(values))
    assert describe(tmp_path / "song.json") == {"what": "sample", "json": str(tmp_path / "song.json"), **values}


@pytest.mark.parametrize("content", ["[]", "{}", "not json", '{"model": 1}'])
def test_another_json_is_said_to_be_none(tmp_path: Path, content: str):
    (tmp_path / "song.json").write_text(content)
    with pytest.raises(BadFile, match=r"song\.json is not the \.json that stands beside a sample"):
        describe(tmp_path / "song.json")
