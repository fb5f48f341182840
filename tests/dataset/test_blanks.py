"""Music with blanks: nothing is lost by taking a part out, and what a window teaches is what was taken out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from musictool.dataset.blanks import (
    ONSET,
    PITCH,
    PROGRAM,
    TASKS,
    Blanks,
    BlankTasks,
    Excerpt,
    free_part,
    most_together,
    outermost,
)
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Windows
from musictool.encoding import PADDING, START, UNKNOWN
from musictool.encodings.note_duration import DRUMS, NoteDuration
from musictool.music.score import METRE, Score, Track

ENCODING = NoteDuration()
BLANKS = Blanks(ENCODING)
TRACKS = (Track(73), Track(0), Track(33), Track(is_drum=True))
HIGHEST = {72, 73, 74}


def band(bars: int = 8) -> Score:
    """A flute, chords, a bass and drums in 3/4 and, from bar 5 on, in 4/4."""
    columns = []
    for bar, begin in enumerate([*range(0, 4 * 1440, 1440), *range(5760, 5760 + (bars - 4) * 1920, 1920)]):
        columns += [(begin + 480 * beat, 480, 72 + (bar + beat) % 3, 80, 0) for beat in range(3)]
        columns += [(begin, 1440, pitch, 80, 1) for pitch in (60, 64)]
        columns += [(begin + 960, 240, 36 + bar, 80, 2)]
        columns += [(begin + 240, 120, 38, 80, 3)]
    metres = np.array([(0, 3, 4), (5760, 4, 4)], METRE)
    return Score.from_columns(*np.array(columns).T, tracks=TRACKS, metres=metres)


def whole() -> Excerpt:
    excerpt = BLANKS.excerpt(ENCODING.encode(band()))
    assert excerpt is not None
    return excerpt


def same(one: Score, other: Score) -> bool:
    return one.notes.tolist() == other.notes.tolist() and one.tracks == other.tracks


def test_bars_are_found_with_their_metres_and_notes():
    excerpt, metre = whole(), ENCODING.sections.first["metre"]
    assert excerpt.begins.tolist()[:-1] == [0, 12, 24, 36, 48, 64, 80, 96]
    assert excerpt.metres.tolist() == [metre + 1, 0, 0, 0, metre, 0, 0, 0]
    assert np.bincount(excerpt.bar_of).tolist() == [7] * 8
    assert excerpt.notes[:2].tolist() == [[0, 0, 60, 12], [0, 0, 64, 12]]
    part = excerpt.between(2, 6)
    assert part.metres.tolist() == [metre + 1, 0, metre, 0]
    assert len(part.notes) == 4 * 7


def test_without_a_blank_what_is_given_is_the_piece():
    excerpt = whole()
    nothing = np.zeros(len(excerpt.notes), bool)
    rows = np.array(BLANKS.given(excerpt, nothing, np.zeros(excerpt.bars, bool)))
    assert rows[0] == START
    assert rows[1:].tolist() == ENCODING.encode(band()).tolist()


def test_a_window_in_the_middle_knows_its_programs_and_metre_and_has_whole_bars():
    rows = ENCODING.encode(band())
    places = np.flatnonzero(rows == ENCODING.sections.first["position"])
    excerpt = BLANKS.excerpt(rows[: places[6] + 3], int(places[2]) - 1, is_end=False)
    assert excerpt is not None
    assert excerpt.begins.tolist() == [24, 36, 48, 64, 80]
    assert excerpt.notes.tolist() == whole().between(2, 6).notes.tolist()


@pytest.mark.parametrize("task", [task for task in TASKS if task != "plain"])
def test_what_is_given_and_what_is_written_are_together_the_piece(task: str):
    excerpt = whole()
    for seed in range(8):
        is_free, is_blank, programs = free_part(excerpt, task, np.random.default_rng(seed))
        given = np.array(BLANKS.given(excerpt, is_free, is_blank))
        written = np.array(BLANKS.written(excerpt, is_free, is_blank))
        assert is_free.any()
        assert not is_free.all() or task == "bars"
        assert (given == UNKNOWN).sum() == (written == UNKNOWN).sum() == is_blank.sum()
        assert is_blank[excerpt.bar_of[is_free]].all()
        assert {*excerpt.notes[is_free, PROGRAM].tolist()} <= programs
        assert len(ENCODING.decode(given).notes) == (~is_free).sum()
        # each bar of what is written counts from its own beginning
        parts = np.split(written[:-1], np.flatnonzero(written[:-1] == UNKNOWN))[1:]
        for bar, part in zip(np.flatnonzero(is_blank), parts, strict=True):
            onsets = excerpt.notes[is_free & (excerpt.bar_of == bar), ONSET] - excerpt.begins[bar]
            assert (ENCODING.decode(part).notes["onset_ticks"] // 120).tolist() == onsets.tolist()


def test_the_lines_are_the_highest_and_lowest_of_what_sounds_together():
    notes = whole().notes
    pitched = notes[:, PROGRAM] != DRUMS
    assert {*notes[outermost(notes, pitched, 1), PITCH].tolist()} >= HIGHEST
    lowest = notes[outermost(notes, pitched, -1)]
    assert 60 in lowest[:, PITCH]
    assert 64 not in lowest[:, PITCH]
    assert len(lowest) == len({*lowest[:, ONSET].tolist()})


def test_who_plays_is_asked_for_with_as_many_tokens_as_notes_begin_together():
    notes, first = whole().notes, ENCODING.sections.first
    together = most_together(notes, {0, 33, 90, DRUMS})
    assert together == {0: 2, 33: 1, 90: 1, DRUMS: 1}
    program = first["program"]
    assert BLANKS.request(together) == [START, program, program, program + 33, program + 90, first["drum"]]


def windows(weights: list[float], length: int = 192) -> Windows:
    rows = ENCODING.encode(band(16))
    encoded = Encoded(ENCODING, rows, np.array([0, len(rows)]), np.zeros(1, bool), (0, 2), {}, Path())
    return Windows(encoded, length, 2, (2,), seed=3, task=BlankTasks(BLANKS, weights))


def test_a_training_window_holds_a_blank_and_its_answer_transposed_and_nothing_else_counts():
    source = windows([0, 1, 0, 0, 0])
    plan = source.training_plan(0)
    batch = source.batch(plan, 0)
    x, y, mask = batch.x[0], batch.y[0], batch.mask[0]
    starts = np.flatnonzero(y == START)
    assert x[0] == START
    assert len(starts) == 2
    assert mask[starts].tolist() == [0, 1]  # that the answer ends is learnt, and when it begins is not
    assert not mask[: starts[0]][y[: starts[0]] == UNKNOWN].any()
    assert mask[starts[0] + 1 : starts[1]][y[starts[0] + 1 : starts[1]] == UNKNOWN].sum() >= 1
    assert (y[mask == 1] != PADDING).all()
    assert not mask[starts[1] + 1 :].any()
    pitches = ENCODING.decode(y[: starts[0]]).notes["pitch"]
    assert {*pitches.tolist()} <= {38, *(pitch + 2 for pitch in (60, 64, *HIGHEST, *range(36, 52)))}
    again = source.batch(plan, 0)
    np.testing.assert_array_equal(batch.x, again.x)
    other = source.batch(source.training_plan(1), 0)
    assert not np.array_equal(batch.x, other.x)


def test_plain_windows_and_those_of_validation_are_as_they_were():
    plain, blank = windows([0, 0, 0, 0, 1]), windows([1, 0, 0, 0, 0])
    rows = ENCODING.encode(band(16))
    batch = plain.batch(plain.training_plan(0), 0)
    assert not (batch.x == UNKNOWN).any()
    assert batch.y[0][batch.mask[0] == 1].tolist()[:20] in [
        ENCODING.transpose(rows, 2)[start : start + 20].tolist() for start in range(len(rows))
    ]
    assert blank.validation_plan().task_seed is None
