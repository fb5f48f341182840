"""The chord of each bar, by the symbols above it or by its notes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from musictool.music.chords import NONE, chord_name, parse_chords
from musictool.music.harmony import ChordAgreement, bar_chords, chord_agreement, half_bar_chords
from musictool.music.score import CHORD, METRE, Score, Track

TRIADS = {"C": (48, 52, 55), "F": (53, 57, 60), "G": (55, 59, 62), "Am": (45, 48, 52)}


def played(*names: str) -> Score:
    """A bar of 4/4 on each chord; none is a bar of silence."""
    bars = enumerate(TRIADS.get(name, ()) for name in names)
    return Score.from_notes([(pitch, 4 * bar, 4) for bar, pitches in bars for pitch in pitches])


def names_of(score: Score) -> str:
    return " ".join(chord_name(chord) for chord in bar_chords(score)[1].tolist())


def test_triads_are_heard_bar_by_bar_and_silence_is_none():
    assert names_of(played("C", "Am", "-", "F", "G", "C")) == "C Am - F G C"


def test_drums_make_no_chord():
    assert names_of(replace(played("C"), tracks=(Track(is_drum=True),))) == "-"


def test_a_melody_is_heard_in_its_key():
    tune = [(60, 0, 2), (64, 2, 2), (65, 4, 2), (69, 6, 2), (67, 8, 2), (71, 10, 2), (72, 12, 4)]
    assert names_of(Score.from_notes(tune)) == "C F G C"


def test_symbols_go_before_notes_and_the_longest_of_a_bar_holds():
    symbols = np.array([(1920, 9), (5760, NONE), (7680 - 480, 2)], CHORD)
    score = replace(played("C", "C", "C", "C"), chords=symbols)
    assert names_of(score) == "C A A -"


def test_bars_count_in_their_metre():
    waltz = replace(
        Score.from_notes([(pitch, 3 * bar, 3) for bar, name in enumerate(("C", "G")) for pitch in TRIADS[name]]),
        metres=np.array([(0, 3, 4)], [("onset_ticks", np.int32), ("numerator", np.uint8), ("denominator", np.uint8)]),
    )
    assert names_of(waltz) == "C G"


def halves_of(score: Score) -> str:
    return " ".join(chord_name(chord) for chord in half_bar_chords(score)[1].tolist())


def test_half_bars_are_heard_where_the_metre_is_even():
    score = played("C", "Am", "-")
    lower = [(pitch - 12, 2, 2) for pitch in TRIADS["G"]]
    short = Score.from_notes([(pitch, onset, 2) for onset, name in enumerate("CGF") for pitch in TRIADS[name]])
    both = replace(score, notes=np.concatenate([score.notes[:3], Score.from_notes(lower).notes, score.notes[3:]]))
    both.notes["duration_ticks"][:3] = 2 * 480
    lines, _ = half_bar_chords(both)
    assert lines.tolist() == [0, 960, 1920, 2880]
    assert halves_of(both) == "C G Am Am"
    assert len(half_bar_chords(short)[0]) == 2  # the bar that the end cuts is whole


def test_of_an_odd_metre_both_halves_have_the_chord_of_the_bar():
    notes = [(pitch, onset, length) for onset, length, name in ((0, 2, "C"), (2, 1, "G")) for pitch in TRIADS[name]]
    waltz = replace(Score.from_notes(notes), metres=np.array([(0, 3, 4)], METRE))
    assert half_bar_chords(waltz)[0].tolist() == [0, 720]
    assert halves_of(waltz) == "C C"


def test_what_sounds_is_held_against_what_was_asked_over_and_over():
    score = played("C", "G", "Am", "F", "C", "C")
    assert chord_agreement(score, parse_chords("C G Am F")) == ChordAgreement("bars", 6, 5, (3 * 2 + 1 * 2 + 1 + 1) / 6)
    assert chord_agreement(score, parse_chords("* G")) == ChordAgreement("bars", 3, 1, 1.0)
    assert chord_agreement(score, parse_chords("C,G G")) == ChordAgreement("half bars", 12, 4, (6 * 3 + 2 * 9) / 12)
    assert chord_agreement(score, parse_chords("*")) == ChordAgreement("bars", 0, 0, 0.0)


def test_how_far_it_agrees_is_said_of_one_piece_and_of_several():
    found = [ChordAgreement("bars", 6, 5, 5 / 3), ChordAgreement("bars", 1200, 100, 40.0)]
    assert found[0].text == (
        "5 of 6 bars sound as the chord that was asked for; in any other order of these chords 1.7 would"
    )
    assert ChordAgreement.sum(found).text.startswith("105 of 1,206 bars sound")
