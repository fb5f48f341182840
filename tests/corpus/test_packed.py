from __future__ import annotations

import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from musictool.corpus.packed import COLUMNS, Packed, concatenate, pack
from musictool.music.key import NO_KEY
from musictool.music.score import Score, Track
from tests.strategies import scores


def same(one: Score, other: Score) -> bool:
    tables = ("notes", "tempos", "metres", "keys")
    equal = all(np.array_equal(getattr(one, table), getattr(other, table)) for table in tables)
    dtypes = all(getattr(one, table).dtype == getattr(other, table).dtype for table in tables)
    return equal and dtypes and one.tracks == other.tracks and one.title == other.title


def three() -> list[Score]:
    first = Score.from_notes([(60, 0, 1), (64, 1, 1)], (Track(40, name="Violine I"), Track(0, True, "旋律")))
    return [first, Score(first.notes[:0], tracks=(), title="nothing at all"), Score.from_notes([(72, 0, 4)])]


@given(st.lists(scores(), max_size=5))
def test_pieces_come_back_from_packing(pieces):
    packed = pack(pieces)
    assert len(packed) == len(pieces)
    assert all(same(piece, back) for piece, back in zip(pieces, packed, strict=True))


@given(st.lists(scores(), max_size=4), st.lists(scores(), max_size=4))
def test_concatenating_packs_is_packing_concatenated_lists(first, second):
    joined, whole = concatenate([pack(first), pack(second)]), pack(first + second)
    assert np.array_equal(joined.pieces, whole.pieces)
    assert all(np.array_equal(joined.columns[name], whole.columns[name]) for name in COLUMNS)


@given(st.lists(scores(), min_size=1, max_size=5), st.data())
def test_a_slice_holds_its_pieces_and_no_others(pieces, data):
    start = data.draw(st.integers(0, len(pieces)))
    stop = data.draw(st.integers(start, len(pieces)))
    part = pack(pieces).slice(start, stop)
    assert len(part) == stop - start
    assert all(same(piece, back) for piece, back in zip(pieces[start:stop], part, strict=True))


def test_packing_nothing_gives_no_pieces():
    for packed in (pack([]), concatenate([])):
        assert len(packed) == 0
        assert list(packed) == []


def test_packs_travel_between_processes_without_what_was_computed_from_them():
    packed = pack(three())
    assert packed.starts["notes"].tolist() == [0, 2, 2, 3]
    back = pickle.loads(pickle.dumps(packed))
    assert isinstance(back, Packed)
    assert "starts" not in vars(back)
    assert all(same(one, other) for one, other in zip(packed, back, strict=True))


def test_names_that_are_no_unicode_are_mended():
    packed = pack([Score.from_notes([(60, 0, 1)], (Track(name="bro\udce9ken"),))])
    assert packed.score(0).tracks[0].name == "bro?ken"


def test_keys_are_unknown_until_someone_estimates_them():
    assert pack(three()).pieces["key"].tolist() == [NO_KEY] * 3
