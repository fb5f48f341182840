"""The published rows: which sets they are of, and that classes stay apart."""

from __future__ import annotations

import numpy as np

from musictool.apps.polyphony.published import ROWS, rows_of, set_of
from musictool.apps.polyphony.rolls import Rolls


def of_sizes(training: list[int], validation: list[int]) -> Rolls:
    splits = {"train": training, "validation": validation}
    return Rolls("any name", {k: [np.zeros((n, 88), np.uint8) for n in lengths] for k, lengths in splits.items()})


def test_a_set_is_recognised_by_its_pieces_and_frames_and_not_by_its_name():
    assert set_of(of_sizes([60] * 228 + [127], [60] * 75 + [102])) == "jsb"
    assert set_of(of_sizes([60] * 228 + [128], [60] * 75 + [102])) is None


def test_no_class_has_a_row_of_another_and_the_best_stands_last():
    for kind, last in (("independent", 8.10), ("joint", 3.47), ("bound", 3.99)):
        rows = rows_of("jsb", kind)
        assert {row.kind for row in rows} == {kind}
        assert rows[-1].nats["jsb"] == last
    assert not {row.model for row in rows_of("jsb", "joint")} & {row.model for row in rows_of("jsb", "independent")}


def test_a_row_is_shown_for_the_sets_that_it_was_tried_on_only():
    assert not any("TCN" in row.model for row in rows_of("musedata", "independent"))
    assert any("TCN" in row.model for row in rows_of("nottingham", "independent"))
    assert rows_of(None, "joint") == []


def test_both_numbers_that_are_cited_for_rnn_nade_on_jsb_are_shown():
    assert [row.nats["jsb"] for row in ROWS if row.model.startswith("RNN-NADE")] == [5.56, 5.19]
