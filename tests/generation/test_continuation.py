from __future__ import annotations

from dataclasses import replace

import numpy as np

from musictool.generation.continuation import joined
from musictool.music.score import METRE, TEMPO, TICKS_PER_QUARTER, Score, Track

QUARTER = TICKS_PER_QUARTER


def score(notes: list[tuple[int, float, float]], program: int = 0, bpm: float | None = None) -> Score:
    tempos = np.array([] if bpm is None else [(0, bpm)], TEMPO)
    return replace(Score.from_notes(notes, [Track(program)]), tempos=tempos)


def test_the_second_stands_behind_the_first_which_stays_as_it_is():
    both = joined(score([(60, 0, 2)], 40, 100), score([(62, 0, 1), (64, 1, 1)], 73, 60), 2 * QUARTER)
    assert both.notes["onset_ticks"].tolist() == [0, 2 * QUARTER, 3 * QUARTER]
    assert both.notes["track"].tolist() == [0, 1, 1]
    assert [track.program for track in both.tracks] == [40, 73]
    assert both.tempos.tolist() == [(0, 100), (2 * QUARTER, 60)]


def test_the_same_instrument_goes_on_in_its_track_and_changes_that_hold_are_not_repeated():
    both = joined(score([(60, 0, 2)], 40, 100), score([(62, 0, 1)], 40, 100), 2 * QUARTER)
    assert both.notes["track"].tolist() == [0, 0]
    assert both.tempos.tolist() == [(0, 100)]


def test_of_what_the_first_does_not_say_the_second_holds_from_the_beginning():
    both = joined(score([(60, 0, 2)]), score([(62, 0, 1)], bpm=90), 2 * QUARTER)
    assert both.tempos.tolist() == [(0, 90)]
    assert not len(both.metres)


def test_a_change_in_the_second_stays_where_it_is_unless_the_first_still_sounds():
    first = replace(score([(60, 0, 4)], bpm=100), metres=np.array([(0, 3, 4)], METRE))
    second = replace(
        score([(62, 2, 1)], bpm=100),
        tempos=np.array([(0, 100), (QUARTER, 50), (9 * QUARTER, 70)], TEMPO),
        metres=np.array([(0, 3, 4)], METRE),
    )
    both = joined(first, second, 2 * QUARTER)
    assert both.tempos.tolist() == [(0, 100), (4 * QUARTER, 50), (11 * QUARTER, 70)]
    assert both.metres.tolist() == [(0, 3, 4)]
