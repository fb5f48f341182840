"""JSON files of chorales: what is read, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool.apps.chorales.chorales import baselines
from musictool.apps.chorales.pieces import read
from musictool.apps.chorales.published import ROWS, rows_of
from musictool.errors import BadFile

STEP = [74, 70, 65, 58]


def write(path: Path, **splits: Any) -> Path:
    path.write_text(json.dumps(splits))
    return path


def test_pieces_of_all_splits_are_read_and_empty_ones_left_out(tmp_path: Path):
    data = read(write(tmp_path / "set.json", train=[[STEP, STEP], []], valid=[[[74, -1, 65, 58]]], test=[[STEP]]))
    assert {split: len(pieces) for split, pieces in data.splits.items()} == {"train": 1, "validation": 1, "test": 1}
    assert data.splits["validation"][0].tolist() == [[74, -1, 65, 58]]
    assert data.tokens("train") == 8


@pytest.mark.parametrize(
    "text, message",
    [
        (None, "not there"),
        ("{", "no JSON file"),
        ("[]", "`train` is missing"),
        ('{"train": [[[1, 2, 3, 4]]]}', "`valid` is missing or has no piece"),
        ('{"train": [[[1, 2, 3]]], "valid": []}', "piece 1 of `train` is not a list of steps of 4"),
        ('{"train": [[[1, 2, 3, 128]]], "valid": []}', "piece 1 of `train`"),
        ('{"train": [[[1, 2, 3, -2]]], "valid": []}', "piece 1 of `train`"),
        ('{"train": [[[1, 2, 3, 4.5]]], "valid": []}', "piece 1 of `train`"),
        ('{"train": [[["C4", 2, 3, 4]]], "valid": []}', "piece 1 of `train`"),
        ('{"train": {"a": 1}, "valid": []}', "piece 1 of `train`"),
    ],
)
def test_a_file_that_is_no_such_set_is_refused(text: str | None, message: str, tmp_path: Path):
    path = tmp_path / "set.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BadFile, match=message):
        read(path)


def test_published_numbers_stand_beside_their_own_set_only(tmp_path: Path):
    known = read(write(tmp_path / "known.json", train=[[STEP]] * 229, valid=[[STEP]] * 76))
    assert rows_of(known) == ROWS
    assert rows_of(read(write(tmp_path / "other.json", train=[[STEP]], valid=[[STEP]]))) == ()


def test_baselines_count_each_voice_and_what_it_sings_next():
    """Two pitches a voice, each followed by the other: a bit per token alone, little given the one before."""
    piece = np.array([STEP, [72, 69, 64, 57]] * 50)
    nats = baselines({"train": [piece], "validation": [piece]})["validation"]
    # 50 of each pitch, and one more of all 129 pitches and rests
    assert nats["pitches of a voice"] == pytest.approx(np.log((100 + 129) / 51))
    assert nats["pitch before"] < 0.05


def test_the_real_file_has_the_tokens_that_were_published():
    path = Path(__file__).parents[4] / "shared" / "data" / "benchmark" / "jsb16-train-valid.json"
    if not path.exists():
        pytest.skip("the chorales are not at hand")
    data = read(path)
    assert rows_of(data) == ROWS
    assert data.tokens("validation") == sum(4 * len(piece) for piece in data.splits["validation"])
    assert baselines(data.splits)["validation"]["pitch before"] == pytest.approx(0.98, abs=0.05)
