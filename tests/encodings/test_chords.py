from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from music21.chord import Chord

from musictool.encodings._chords import from_bytes, to_bytes
from musictool.encodings._nearest import Nearest
from musictool.encodings.note_chord import chord_pitches, normal_order, pitches_name


@given(st.sets(st.integers(0, 127), min_size=1, max_size=9))
def test_chord_names_are_read_back(pitches):
    key = bytes(sorted(pitches))
    assert chord_pitches(pitches_name(key)) == key
    classes = frozenset(pitch % 12 for pitch in pitches)
    assert list(normal_order(classes)) == Chord(sorted(pitches)).normalOrder
    if len(classes) > 1:
        assert frozenset(pitch - 60 for pitch in chord_pitches(pitches_name(key, pitch_classes=True))) == classes


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 127)), min_size=1, max_size=30))
def test_packing_groups_the_notes_of_an_onset(notes):
    onsets, pitches = np.array(sorted(notes), np.int64).T
    steps = np.arange(len(np.unique(onsets))) % 33
    token_bytes = to_bytes(onsets, pitches.astype(np.uint8), np.unique(onsets), steps)
    slow = [sorted({p for o, p in notes if o == onset}) for onset in sorted({o for o, _ in notes})]
    assert token_bytes == [bytes(chord) + bytes((128 + int(n),)) for chord, n in zip(slow, steps, strict=True)]
    roll, lengths = from_bytes(token_bytes)
    assert [np.flatnonzero(row).tolist() for row in roll] == slow
    assert lengths.tolist() == steps.tolist()


chords = st.tuples(st.frozensets(st.integers(50, 80) | st.integers(0, 127), max_size=7), st.integers(0, 32))


@given(st.lists(chords, max_size=20), st.lists(chords, max_size=20))
def test_the_nearest_chord_is_the_one_that_a_slow_search_finds(known, queries):
    def rolls(rows):
        roll = np.zeros((len(rows), 128), bool)
        for row, (pitches, _) in zip(roll, rows, strict=True):
            row[list(pitches)] = True
        return roll, np.array([length for _, length in rows], np.int64)

    def mean(pitches):
        return round(sum(pitches) / len(pitches))  # to even at .5, like numpy

    def rank(index, pitches, length):
        other, other_length = known[index]
        shared = len(pitches & other)
        classes = len({p % 12 for p in pitches} & {p % 12 for p in other})
        apart = abs(mean(pitches) - mean(other))
        return shared, classes, shared - len(other), -apart, -abs(length - other_length), -index

    usable = [i for i, (pitches, _) in enumerate(known) if pitches]
    slow = [
        max(usable, key=lambda i: rank(i, pitches, length)) if usable and pitches else -1 for pitches, length in queries
    ]
    assert Nearest(*rolls(known)).find(*rolls(queries)).tolist() == slow


def test_nearest_works_in_chunks(monkeypatch):
    rng = np.random.default_rng(1)
    known, queries = rng.random((40, 128)) < 0.03, rng.random((30, 128)) < 0.03
    whole = Nearest(known, np.arange(40)).find(queries, np.arange(30))
    monkeypatch.setattr("musictool.encodings._nearest._COMPARED", 100)
    assert Nearest(known, np.arange(40)).find(queries, np.arange(30)).tolist() == whole.tolist()


def test_searching_by_the_rarest_pitches_finds_what_comparing_with_all_finds():
    rng = np.random.default_rng(2)
    shapes = np.array([[0, 4, 7, 12], [0, 3, 7, 10], [0, 5, 9, 12], [0, 12, 16, 19]])
    chords = (rng.integers(40, 80, 600)[:, None] + shapes[rng.integers(0, 4, 600)])[:, :4]
    roll = np.zeros((600, 128), bool)
    np.put_along_axis(roll, chords, rng.random((600, 4)) < 0.9, axis=1)
    roll[:, 60] |= rng.random(600) < 0.3
    lengths = rng.integers(1, 33, 600)
    known, queries = roll[:500] & roll[:500].any(axis=1, keepdims=True), roll[500:]
    classes = roll.reshape(600, -1)[:, :120].reshape(600, 10, 12).any(axis=1) | np.pad(roll[:, 120:], ((0, 0), (0, 4)))
    means = np.round([np.mean(np.flatnonzero(row)) if row.any() else 0 for row in roll])
    slow = []
    for index, (chord, length) in enumerate(zip(queries, lengths[500:], strict=True), 500):
        shared, extra = (known & chord).sum(axis=1), (known & ~chord).sum(axis=1)
        alike = (classes[:500] & classes[index]).sum(axis=1)
        apart = np.abs(means[:500] - means[index])
        order = np.lexsort((np.abs(lengths[:500] - length), apart, extra, -alike, -shared, ~known.any(axis=1)))
        slow.append(order[0] if chord.any() else -1)
    assert Nearest(known, lengths[:500]).find(queries, lengths[500:]).tolist() == slow
