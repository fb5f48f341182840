from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from musictool.dataset.conditions import CONTROLS, Conditions
from musictool.dataset.dataset import Encoded
from musictool.dataset.rows_file import release_pages
from musictool.dataset.windows import Batch, Plan, SideInputs, Windows, check_batch
from musictool.encoding import FIRST_TOKEN, PADDING, START, Encoding, Spec
from musictool.errors import BadOption


class Shift(Encoding):
    """Tokens that are transposed by adding, and stretched by moving to another hundred thousand."""

    name, kind, stretches = "shift", "tokens", True
    Options = type(None)

    def __init__(self) -> None:
        pass

    @property
    def spec(self) -> Spec:
        return Spec("tokens", (), 1000)

    def encode(self, score):
        raise NotImplementedError

    def decode(self, rows):
        raise NotImplementedError

    def positions(self, rows):
        raise NotImplementedError

    def stretch(self, rows, factor):
        return np.where(rows >= FIRST_TOKEN, rows + round(factor * 1000) * 100, rows)

    def transpose(self, rows, semitones):
        return np.where(rows >= FIRST_TOKEN, rows + semitones, rows)


def corpus_of(*lengths: int, validation: tuple[int, ...] = ()) -> Encoded:
    """Pieces of these lengths whose rows are 100, 101, ... ; 200, 201, ... ; and so on."""
    rows = np.concatenate([np.arange(length) + 100 * (i + 1) for i, length in enumerate(lengths)]).astype(np.int32)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    is_validation = np.isin(np.arange(len(lengths)), validation)
    return Encoded(Shift(), rows, offsets, is_validation, (0,), {}, Path())


def batches(windows: Windows, plan: Plan, first_step: int = 0) -> Iterator[Batch]:
    """The batches of a pass from `first_step` on."""
    return (windows.batch(plan, step) for step in range(first_step, windows.steps(plan)))


def test_the_target_is_the_input_one_step_later_and_the_first_input_is_the_start_row():
    windows = Windows(corpus_of(5), length=8, batch_size=1)
    (batch,) = batches(windows, windows.training_plan(0))
    assert batch.y.tolist() == [[100, 101, 102, 103, 104, PADDING, PADDING, PADDING]]
    assert batch.x.tolist() == [[START, 100, 101, 102, 103, 104, PADDING, PADDING]]
    assert batch.mask.tolist() == [[1, 1, 1, 1, 1, 0, 0, 0]]


def test_a_window_never_crosses_from_one_piece_into_the_next():
    windows = Windows(corpus_of(50, 3, 17, 40), length=16, batch_size=4)
    for epoch in range(5):
        for batch in batches(windows, windows.training_plan(epoch)):
            pieces = np.where(batch.mask > 0, batch.y // 100, 0)
            assert all(len(set(row[row > 0])) <= 1 for row in pieces)


def test_an_epoch_meets_every_target_of_every_piece():
    windows = Windows(corpus_of(50, 3, 17, 1, 40), length=16, batch_size=4)
    for epoch in range(5):
        met = {
            int(target)
            for batch in batches(windows, windows.training_plan(epoch))
            for target in batch.y[batch.mask > 0]
        }
        assert met == set(windows.encoded.stored.tolist())


def test_validation_scores_each_target_exactly_once_and_in_order():
    windows = Windows(corpus_of(50, 3, 17, 40, validation=(0, 2)), length=16, batch_size=4, transpositions=(-3, 0, 3))
    seen = np.concatenate([b.y[b.mask > 0] for b in batches(windows, windows.validation_plan())])
    assert seen.tolist() == [*range(100, 150), *range(300, 317)]


def test_training_pieces_and_validation_pieces_are_never_mixed():
    windows = Windows(corpus_of(50, 30, 40, validation=(1,)), length=16, batch_size=4)
    seen = np.concatenate([b.y[b.mask > 0] for b in batches(windows, windows.training_plan(0))])
    assert set(seen // 100) == {1, 3}


def test_transposition_shifts_input_and_target_alike_but_not_the_start_row():
    windows = Windows(corpus_of(4), length=4, batch_size=1, transpositions=(5,))
    (batch,) = batches(windows, windows.training_plan(0))
    assert batch.y.tolist() == [[105, 106, 107, 108]]
    assert batch.x.tolist() == [[START, 105, 106, 107]]


def test_stretching_is_drawn_for_training_windows_and_never_for_validation():
    windows = Windows(corpus_of(*[4] * 200, validation=(0,)), 4, 200, stretches=(0.95, 1.0, 1.05))
    (batch,) = batches(windows, windows.training_plan(0))
    assert set((batch.y[batch.mask > 0] // 100_000).tolist()) == {0, 1}
    drawn = windows.training_plan(0).stretch
    assert {factor: int((drawn == factor).sum()) > 40 for factor in (0.95, 1.0, 1.05)} == dict.fromkeys(
        (0.95, 1.0, 1.05), True
    )
    (batch,) = batches(windows, windows.validation_plan())
    assert batch.y[batch.mask > 0].tolist() == [100, 101, 102, 103]


def test_controls_stand_beside_their_targets_and_follow_transposition():
    encoded = corpus_of(6)
    controls = np.zeros((6, CONTROLS), np.float16)
    controls[np.arange(6), 1 + np.arange(6)] = 1  # each row has its own pitch class
    side_inputs = SideInputs(Conditions(("histogram",)), controls, np.array([-1]))
    windows = Windows(encoded, 8, 1, transpositions=(2,), side_inputs=side_inputs)
    plan = replace(windows.training_plan(0), condition_mask=np.ones((1, 1), bool))
    (batch,) = batches(windows, plan)
    assert batch.side_inputs.argmax(axis=-1)[0, :6].tolist() == [2, 3, 4, 5, 6, 7]
    assert batch.side_inputs.dtype == np.float32


def test_some_training_windows_drop_each_condition_and_validation_has_none():
    encoded = corpus_of(*[8] * 400, validation=(0,))
    side_inputs = SideInputs(
        Conditions(("density",), "genre", ("a", "b")), np.ones((3200, 13), np.float16), np.arange(400) % 2
    )
    windows = Windows(encoded, 8, 50, side_inputs=side_inputs)
    seen = np.concatenate([batch.side_inputs for batch in batches(windows, windows.training_plan(0))])[:399, 0]
    density, label = seen[:, :-2].sum(axis=1), seen[:, -2:].sum(axis=1)
    assert set(np.unique(density)) == set(np.unique(label)) == {0, 1}
    for dropped in (density == 0, label == 0):
        assert 0.14 < dropped.mean() < 0.26
    assert ((density == 0) != (label == 0)).any()
    (batch,) = batches(windows, windows.validation_plan())
    assert not batch.side_inputs.any()


def test_epochs_differ_and_the_same_seed_repeats_them():
    first, again, other = (Windows(corpus_of(500), 16, 4, (-1, 0, 1), seed) for seed in (7, 7, 8))

    def plan(windows: Windows, epoch: int) -> list[list[int]]:
        plan = windows.training_plan(epoch)
        return [plan.start.tolist(), plan.semitones.tolist()]

    assert plan(first, 3) == plan(again, 3)
    assert plan(first, 3) != plan(first, 4)
    assert plan(first, 3) != plan(other, 3)


def test_batches_can_be_taken_up_in_the_middle_of_an_epoch():
    windows = Windows(corpus_of(500), 16, 4)
    plan = windows.training_plan(0)
    whole, rest = list(batches(windows, plan)), list(batches(windows, plan, first_step=3))
    assert [b.y.tolist() for b in whole[3:]] == [b.y.tolist() for b in rest]


def test_a_window_longer_than_any_piece_is_cut_to_the_longest_up_to_a_round_number(caplog):
    pieces = corpus_of(50, 90, 3, validation=(1,))
    for given, used in ((16, 16), (90, 90), (128, 128), (129, 128), (100_000, 128)):
        caplog.clear()
        assert Windows(pieces, given, 2).length == used
        messages = [f"no piece has {given:,} rows: windows are cut to 128"] if used < given else []
        assert [record.getMessage() for record in caplog.records] == messages
    batch = Windows(pieces, 100_000, 2).batch(Windows(pieces, 100_000, 2).training_plan(0), 0)
    assert batch.y.shape == (2, 128)
    assert batch.mask.sum() == 53


def test_the_last_batch_is_filled_up_with_windows_that_do_not_count():
    windows = Windows(corpus_of(16, 16, 16), 16, 4)
    (batch,) = batches(windows, windows.training_plan(0))
    assert batch.y.shape == (4, 16)
    assert batch.mask.sum() == 3 * 16


def test_a_pass_over_a_mapped_corpus_releases_what_it_has_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pieces = corpus_of(50, 7, 30)
    pieces.stored.tofile(tmp_path / "rows")
    mapped = replace(pieces, stored=np.memmap(tmp_path / "rows", pieces.stored.dtype, "r"))
    released: list[np.ndarray] = []
    monkeypatch.setattr(
        "musictool.dataset.windows.release_pages", lambda rows: (released.append(rows), release_pages(rows))
    )
    monkeypatch.setattr("musictool.dataset.windows.KEPT_BYTES", 2 * 2 * 5 * 4)  # of two batches
    before, after = Windows(pieces, 4, 2), Windows(mapped, 4, 2)
    plan = before.training_plan(0)
    for step in range(before.steps(plan)):
        for one, other in zip(before.batch(plan, step), after.batch(plan, step), strict=True):
            assert np.array_equal(one, other)
    assert sum(rows is mapped.stored for rows in released) == before.steps(plan) // 3  # after every third batch


def test_what_is_changed_in_memory_only_is_not_released(tmp_path: Path):
    np.zeros(8, np.uint8).tofile(tmp_path / "rows")
    rows = np.memmap(tmp_path / "rows", np.uint8, "c")
    rows[3] = 1
    release_pages(rows)
    release_pages(np.zeros(8))
    assert rows.tolist() == [0, 0, 0, 1, 0, 0, 0, 0]


def test_batches_that_no_memory_holds_are_refused_beforehand():
    check_batch(1024, 64, Spec("tokens", (), 4096))
    with pytest.raises(BadOption, match=r"--window 196,032 takes 4\.4 GB .* of 32 windows .* may have 47,662 rows"):
        check_batch(196_032, 32, Spec("frames", (176,), 176))
