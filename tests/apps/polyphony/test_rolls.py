"""Reading the benchmark's .mat files, whole and broken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from musictool.apps.polyphony.rolls import read
from musictool.errors import BadFile
from tests.apps.polyphony.mats import piece, small, write


def test_pieces_come_back_as_they_were_written(tmp_path: Path):
    data = read(small(tmp_path / "set.mat", with_test=True))
    assert data.name == "set"
    assert {split: len(pieces) for split, pieces in data.splits.items()} == {"train": 6, "validation": 2, "test": 1}
    np.testing.assert_array_equal(data.splits["validation"][1], piece(17, 3))
    assert data.splits["train"][0].dtype == np.uint8
    assert data.frames("validation") == 23 + 16


def test_a_file_without_test_pieces_has_no_test_split(tmp_path: Path):
    assert set(read(small(tmp_path / "set.mat")).splits) == {"train", "validation"}


def test_a_piece_of_one_frame_has_nothing_to_score_and_is_left_out(tmp_path: Path):
    path = write(tmp_path / "set.mat", traindata=[piece(1), piece(5)], validdata=[piece(4)])
    assert [len(each) for each in read(path).splits["train"]] == [5]


@pytest.mark.parametrize(
    "splits, message",
    [
        ({"traindata": [piece(5)]}, "`validdata` is missing"),
        ({"traindata": [piece(1)], "validdata": [piece(5)]}, "`traindata` is missing or has no piece of two"),
        (
            {"traindata": [piece(5), piece(5)[:, :87]], "validdata": [piece(5)]},
            r"piece 2 of `traindata` is .*\(5, 87\)",
        ),
        ({"traindata": [piece(5) * 2], "validdata": [piece(5)]}, "piece 1 of `traindata`.*has to be 0 or 1"),
    ],
)
def test_what_is_no_such_set_is_refused_in_one_line_with_the_file(tmp_path: Path, splits: dict, message: str):
    path = write(tmp_path / "odd.mat", **splits)
    with pytest.raises(BadFile, match=message) as error:
        read(path)
    assert "odd.mat" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_damaged_file_and_one_that_is_not_there_are_refused(tmp_path: Path):
    path = small(tmp_path / "set.mat")
    (tmp_path / "cut.mat").write_bytes(path.read_bytes()[:300])
    (tmp_path / "text.mat").write_text("not a matrix\n" * 20)
    for name, message in (("cut", "no .mat file"), ("text", "no .mat file"), ("gone", "not there")):
        with pytest.raises(BadFile, match=message):
            read(tmp_path / f"{name}.mat")
