from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musictool.music.grid import (
    from_roll,
    in_steps,
    rejoin_repeats,
    separate_repeats,
    strikes_of,
    to_roll,
    to_steps,
    to_ticks,
)
from musictool.music.score import Score

Note = tuple[int, int, int]  # key, onset, length in steps
KEYS = 4
DRUM = 3  # the key of `is_percussive` in these tests
HITS = np.arange(KEYS) == DRUM
notes = st.lists(st.tuples(st.integers(0, KEYS - 1), st.integers(0, 12), st.integers(1, 6)), max_size=20)
rolls = st.lists(st.lists(st.integers(0, 1), min_size=KEYS, max_size=KEYS), max_size=12)


def test_sixteenths_by_hand():
    assert to_steps(np.array([0, 59, 60, 61, 120, 179, 180, 480]), 4).tolist() == [0, 0, 1, 1, 1, 1, 2, 4]
    assert to_ticks(np.arange(5), 4).tolist() == [0, 120, 240, 360, 480]
    assert to_steps(np.zeros(0, np.int32), 4).dtype == to_ticks(np.zeros(0, np.int32), 4).dtype == np.int64


@given(st.integers(0, 2**31 - 1), st.integers(1, 480))
def test_rounding_is_half_up(ticks, steps_per_quarter):
    exact = Fraction(ticks * steps_per_quarter, 480)
    assert to_steps(np.int32(ticks), steps_per_quarter) == floor(exact + Fraction(1, 2))


@given(st.lists(st.integers(0, 1_000_000)), st.integers(1, 480))
def test_steps_survive_being_ticks(steps, steps_per_quarter):
    there = to_ticks(np.array(steps, np.int64), steps_per_quarter)
    assert to_steps(there, steps_per_quarter).tolist() == steps


def test_a_note_is_at_least_a_step_long_and_both_its_ends_are_rounded():
    score = Score.from_notes([(60, 0, 0.05), (60, 1.1, 0.8), (60, 3, 1)])
    onsets, lengths = in_steps(score.notes, 4)
    assert onsets.tolist() == [0, 4, 12]
    assert lengths.tolist() == [1, 4, 4]  # 1.1 + 0.8 ends on step 7.6


def shown(struck: list[Note]) -> list[Note]:
    """What `separate_repeats` leaves of notes."""
    columns = np.array(struck, np.int64).reshape(-1, 3).T
    return list(zip(*(column.tolist() for column in separate_repeats(*columns, HITS)), strict=True))


def slowly_shown(struck: list[Note]) -> list[Note]:
    """The re-strike rule, a key and a note at a time."""
    left = []
    for key in range(KEYS):
        longest: dict[int, int] = {}
        for _, onset, length in (note for note in struck if note[0] == key):
            longest[onset] = max(length, longest.get(onset, 0))
        if key == DRUM:
            left += [(key, onset, 1) for onset in sorted(longest)]
            continue
        ends = {at: max(onset + longest[onset] for onset in longest if onset <= at) for at in longest}
        longest = {onset: end - onset for onset, end in ends.items()}
        neighbours: list[list[int]] = []
        for onset in sorted(longest):
            if neighbours and neighbours[-1][-1] == onset - 1:
                neighbours[-1].append(onset)
            else:
                neighbours.append([onset])
        for run in neighbours:
            later = [onset for onset in longest if onset > run[-1]]
            room = min(later) - 1 - run[-1] if later else longest[run[-1]]
            last = min(longest[run[-1]], room)
            if last > 1:
                left += [(key, onset, last if onset == run[-1] else 1) for onset in run[::-2][::-1]]
            else:
                left += [(key, onset, 1) for onset in run[::2]]
    return left


@pytest.mark.parametrize(
    "struck, expected",
    [
        ([(0, 0, 4), (0, 4, 4)], [(0, 0, 3), (0, 4, 4)]),  # two touching notes stay two
        ([(0, 0, 4), (0, 6, 2)], [(0, 0, 4), (0, 6, 2)]),  # with room between them both are as they were
        ([(0, 0, 8), (0, 2, 1)], [(0, 0, 1), (0, 2, 6)]),  # struck again while it sounds
        ([(0, 3, 2), (0, 3, 5), (0, 3, 1)], [(0, 3, 5)]),  # struck together
        ([(0, i, 1) for i in range(5)], [(0, 0, 1), (0, 2, 1), (0, 4, 1)]),  # repetitions, an odd number
        ([(0, i, 1) for i in range(4)], [(0, 0, 1), (0, 2, 1)]),  # an even one
        ([*((0, i, 1) for i in range(3)), (0, 3, 4)], [(0, 1, 1), (0, 3, 4)]),  # before a long note
        ([(0, 0, 1), (0, 1, 9), (0, 3, 9)], [(0, 0, 1), (0, 3, 9)]),  # the long one has no room to be long
        ([(0, 0, 4), (1, 4, 4), (2, 1, 9)], [(0, 0, 4), (1, 4, 4), (2, 1, 9)]),  # other keys do not matter
        ([(DRUM, 0, 4), (DRUM, 1, 4), (DRUM, 2, 1)], [(DRUM, 0, 1), (DRUM, 1, 1), (DRUM, 2, 1)]),
        ([], []),
    ],
)
def test_what_a_roll_shows_of_notes_of_one_key(struck, expected):
    assert shown(struck) == slowly_shown(struck) == expected


@given(notes)
def test_what_a_roll_shows_is_what_the_slow_rule_leaves(struck):
    assert shown(struck) == slowly_shown(struck)


@given(notes)
def test_what_is_shown_once_is_shown_again_in_any_order(struck):
    once = shown(struck)
    assert shown(once) == shown(once[::-1]) == once


@given(notes)
def test_notes_kept_apart_come_back_from_their_roll(struck):
    strikes = separate_repeats(*np.array(struck, np.int64).reshape(-1, 3).T, HITS)
    roll = to_roll(strikes, 20, KEYS)
    assert roll.dtype == np.uint8
    expected = np.zeros((20, KEYS), np.uint8)
    for key, onset, length in zip(*strikes, strict=True):
        expected[onset : onset + length, key] = 1
    np.testing.assert_array_equal(roll, expected)
    np.testing.assert_array_equal(from_roll(roll, HITS), strikes)


@given(notes)
def test_rejoining_gives_back_what_keeping_apart_took_and_no_more(struck):
    once = separate_repeats(*np.array(struck, np.int64).reshape(-1, 3).T, HITS)
    joined = rejoin_repeats(once, HITS)
    ends, following = joined[1] + joined[2], once[1][1:]
    is_next = (once[0][1:] == once[0][:-1]) & (once[0][1:] != DRUM) & (following - (once[1] + once[2])[:-1] == 1)
    np.testing.assert_array_equal(ends[:-1][is_next], following[is_next])
    np.testing.assert_array_equal(joined[2][:-1][~is_next], once[2][:-1][~is_next])
    np.testing.assert_array_equal(separate_repeats(*joined, HITS), once)


@given(notes)
def test_with_its_strikes_a_roll_keeps_every_note_of_a_keyboard(struck):
    strikes = strikes_of(*np.array(struck, np.int64).reshape(-1, 3).T, HITS)
    held = to_roll(strikes, 20, KEYS)
    onsets = to_roll((*strikes[:2], np.ones_like(strikes[2])), 20, KEYS)
    np.testing.assert_array_equal(from_roll(held, HITS, onsets), strikes)
    assert set(zip(*(c.tolist() for c in strikes[:2]), strict=True)) == {(key, onset) for key, onset, _ in struck}


@given(rolls)
def test_the_runs_of_any_roll_are_its_notes(rows):
    roll = np.array(rows, np.uint8).reshape(-1, KEYS)
    expected = []
    for key in range(KEYS):
        onset = None
        for step, sounds in enumerate([*roll[:, key].tolist(), 0]):
            if onset is not None and (not sounds or key == DRUM):
                expected.append((key, onset, step - onset))
                onset = None
            if sounds and onset is None:
                onset = step
    assert list(zip(*(column.tolist() for column in from_roll(roll, HITS)), strict=True)) == expected
