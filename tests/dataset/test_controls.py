from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from musictool.dataset.conditions import (
    CHORD,
    CONTROLS,
    HISTOGRAM,
    KEY,
    PLAYING,
    Conditions,
    controls_of,
    stretched_controls,
    transposed_controls,
)
from musictool.encoding import Encoding
from musictool.encodings.note_chord import NoteChord, Options
from musictool.encodings.note_duration import NoteDuration
from musictool.encodings.performance import Performance
from musictool.encodings.piano_roll import PianoRoll
from musictool.music.chords import NONE, chord_name
from musictool.music.score import CHORD as SYMBOL
from musictool.music.score import TEMPO, Score, Track

SCALE = Score.from_notes([(60 + i, i, 1) for i in range(24)])  # twelve seconds at 120 bpm, two notes a second


def of(score: Score) -> np.ndarray:
    encoding = NoteChord(Options(vocabulary="closed"))  # a row for each onset
    encoding.fit([score])
    return controls_of(encoding, encoding.encode(score), score)


def test_density_is_notes_a_second_that_are_to_come():
    assert of(SCALE)[:, 0].tolist() == [2.0] * 24


def test_density_changes_where_the_music_does_and_not_before_its_window():
    score = Score.from_notes([*((60, i, 1) for i in range(8)), *((60, 8 + i / 4, 1 / 4) for i in range(64))])
    density = of(score)[:, 0].astype(float)
    assert density[0] == 2
    assert density[8:60].min() == density[8:60].max() == 8
    assert (np.diff(density[:9]) >= 0).all()
    assert 2 < density[5] < 8


def test_density_counts_the_seconds_of_the_tempo():
    assert of(replace(SCALE, tempos=np.array([(0, 60.0)], TEMPO)))[0, 0] == 1.0


def test_an_encoding_of_seconds_has_the_tempo_in_its_rows_already():
    slow = replace(SCALE, tempos=np.array([(0, 60.0)], TEMPO))
    encoding = Performance()
    assert controls_of(encoding, encoding.encode(slow), slow)[0, 0] == 1.0


def test_the_histogram_is_the_share_of_time_that_each_pitch_class_sounds():
    score = Score.from_notes([(60, 0, 6), (67, 6, 2), (48, 8, 2), (66, 10, 20)])
    values = of(score)[:, HISTOGRAM].astype(float)
    assert values.sum(axis=1) == pytest.approx(1, abs=2e-3)
    # five seconds are ten quarters: C for eight of them, G for two
    assert values[0, [0, 7, 6]] == pytest.approx([0.8, 0.2, 0.0], abs=2e-2)
    assert values[3, 6] == pytest.approx(1, abs=3e-2)


def test_a_chord_shares_the_time():
    values = of(Score.from_notes([(60, 0, 20), (64, 0, 20), (67, 0, 20)]))
    assert values[0, HISTOGRAM].argsort()[-3:].tolist() in (
        [0, 4, 7],
        [4, 0, 7],
        [0, 7, 4],
        [7, 0, 4],
        [4, 7, 0],
        [7, 4, 0],
    )


def test_every_pitch_class_is_as_likely_where_nothing_sounds():
    encoding = NoteChord()
    encoding.fit([SCALE])
    assert (
        controls_of(encoding, np.array([1, 1]), SCALE)[:, HISTOGRAM].tolist()
        == [[pytest.approx(1 / 12, abs=1e-3)] * 12] * 2
    )


def test_transposing_turns_the_histogram_and_stretching_thins_the_music():
    values = of(SCALE)
    moved = transposed_controls(values, 3)
    assert moved[0, 1 + (0 + 3) % 12] == values[0, 1]
    assert moved[:, 0].tolist() == values[:, 0].tolist()
    np.testing.assert_allclose(of(SCALE.transpose(3))[:, :CHORD], moved[:, :CHORD], atol=2e-3)
    assert stretched_controls(values, 2.0)[0, 0] == 1.0
    assert stretched_controls(values, 2.0).dtype == values.dtype


BAND = Score.from_notes([(pitch, beat, 1) for beat in range(8) for pitch in (48, 52, 55)], tracks=(Track(0), Track(33)))


def test_key_and_instruments_are_those_of_the_whole_piece():
    notes = BAND.notes.copy()
    notes["track"][::3] = 1
    notes["pitch"][::3] = 36
    score, encoding = replace(BAND, notes=notes), NoteDuration()
    values = controls_of(encoding, encoding.encode(score), score)
    assert np.unique(values[:, KEY]).tolist() == [0]  # C major
    assert np.unique(values[:, PLAYING]).tolist() == [0b00101]  # piano and bass
    vectors = Conditions(("key", "instruments")).vectors(
        values[None], np.array([-1]), np.ones((1, 2), bool), len(values)
    )
    assert vectors[0, 0].nonzero()[0].tolist() == [0, 24, 26]
    assert vectors[0, 0].tolist() == Conditions(("key", "instruments")).vector(key=0, instruments=score.tracks).tolist()


def test_transposing_moves_the_key_within_its_mode_and_no_instrument():
    values = np.zeros((3, CONTROLS), np.float16)
    values[:, KEY], values[:, PLAYING], values[:, CHORD] = (11, 21, -1), 17, (11, 21, NONE)
    moved = transposed_controls(values, 2)
    assert moved[:, KEY].tolist() == [1, 23, -1]
    assert moved[:, PLAYING].tolist() == [17] * 3
    assert moved[:, CHORD].tolist() == [1, 23, NONE]


TRIADS = {"C": (48, 52, 55), "G": (55, 59, 62), "F": (53, 57, 60), "Am": (45, 48, 52)}


def chorded(*halves: str, quarters: int = 2) -> Score:
    """A triad for each half bar of 4/4, as quarter notes."""
    beats = [(name, quarters * half + beat) for half, name in enumerate(halves) for beat in range(quarters)]
    return Score.from_notes([(pitch, beat, 1) for name, beat in beats for pitch in TRIADS[name]])


@pytest.mark.parametrize(
    "encoding",
    [NoteDuration(), NoteDuration(NoteDuration.Options(positions=False)), NoteChord(), PianoRoll(), Performance()],
)
def test_the_chord_is_that_of_the_half_bar_that_the_rows_before_have_come_to(encoding: Encoding):
    score = chorded("C", "C", "G", "F", "Am", "Am")
    rows = encoding.encode(score)
    chords = controls_of(encoding, rows, score)[:, CHORD].astype(int)
    reached = np.append(0, encoding.reached(rows)[:-1])
    heard = [chord_name(chord) for chord in chords[np.searchsorted(reached, np.arange(6) * 960)].tolist()]
    assert heard == ["C", "C", "G", "F", "Am", "Am"]
    # and a pitch is begun under its own chord
    onsets = encoding.onset_pitches()
    if encoding.kind == "tokens":
        for row in np.flatnonzero(onsets[rows].any(axis=1)):
            assert int(onsets[rows[row]].argmax()) in TRIADS[chord_name(int(chords[row]))]


def test_chords_are_those_of_the_files_bars_where_the_encoding_leaves_out_what_stands_before_the_first_note():
    encoding = NoteChord(NoteChord.Options(vocabulary="closed", rests="drop"))
    late = chorded("C", "G", "F", "Am").later(4 * 480 + 960)
    encoding.fit([late])
    chords = controls_of(encoding, encoding.encode(late), late)[:, CHORD].astype(int)
    assert [chord_name(chord) for chord in chords.tolist()] == ["C"] * 2 + ["G"] * 2 + ["F"] * 2 + ["Am"] * 2


def test_symbols_go_before_notes_and_rows_without_rhythm_have_the_chords_of_their_own_time():
    score = replace(chorded("C", "C", "G", "G"), chords=np.array([(0, 2), (1920, 5)], SYMBOL))
    encoding = NoteDuration()
    chords = controls_of(encoding, encoding.encode(score), score)[:, CHORD]
    assert set(chords.tolist()) == {2, 5}
    plain = NoteChord(NoteChord.Options(rhythm=False))
    plain.fit([score])
    rows = plain.encode(score)
    assert set(controls_of(plain, rows, score)[:, CHORD].tolist()) <= {0, 7}  # C and G, as its eighth notes make them


def test_a_piece_without_a_note_has_no_chord():
    encoding = NoteDuration()
    nothing = encoding.encode(SCALE)[:2]
    assert controls_of(encoding, nothing, SCALE)[:, CHORD].tolist() == [NONE, NONE]
