from __future__ import annotations

import time
import warnings

import numpy as np
import pytest

from musictool.corpus.keys import key_of, keys_of, pitch_class_ticks
from musictool.corpus.packed import pack
from musictool.music.key import KEY_NAMES, NO_KEY
from musictool.music.score import Score, Track

C_MAJOR = [(60, 0, 2), (62, 2, 1), (64, 3, 2), (65, 5, 1), (67, 6, 2), (69, 8, 1), (71, 9, 1), (72, 10, 4)]
A_MINOR = [(57, 0, 3), (59, 3, 1), (60, 4, 2), (62, 6, 1), (64, 7, 3), (65, 10, 1), (68, 11, 1), (69, 12, 4)]


@pytest.mark.parametrize("semitones", range(-3, 9))
@pytest.mark.parametrize("notes, mode", [(C_MAJOR, 0), (A_MINOR, 12)])
def test_a_transposed_scale_stands_in_the_transposed_key(notes, mode, semitones):
    tonic = (0 if mode == 0 else 9) + semitones
    assert key_of(Score.from_notes(notes).transpose(semitones)) == KEY_NAMES[mode + tonic % 12]


def test_names_are_as_musicians_write_them():
    assert KEY_NAMES[0] == "C major"
    assert KEY_NAMES[10] == "Bb major"
    assert KEY_NAMES[12 + 6] == "F# minor"
    assert len(set(KEY_NAMES)) == 24


def test_drums_and_silence_have_no_key():
    drums = Score.from_notes(C_MAJOR, (Track(is_drum=True),))
    assert key_of(drums) == ""
    assert keys_of(pack([drums, Score.from_notes([]), Score.from_notes(C_MAJOR)])).tolist() == [NO_KEY, NO_KEY, 0]
    assert keys_of(pack([])).tolist() == []


def test_each_pitch_class_counts_as_long_as_it_sounds_in_its_own_piece():
    mixed = Score.from_notes([(60, 0, 1), (72, 1, 2), (61, 0, 1)], (Track(), Track()))
    mixed.notes["track"][1] = 1
    ticks = pitch_class_ticks(pack([Score.from_notes([(71, 0, 1)]), mixed]))
    assert np.flatnonzero(ticks[0]).tolist() == [11]
    assert ticks[1][:2].tolist() == [1440, 480]


def test_the_key_is_music21s_own_on_chorales():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from music21 import corpus

        for chorale in ("bach/bwv66.6", "bach/bwv269", "bach/bwv101.7", "bach/bwv10.7"):
            stream = corpus.parse(chorale)
            rows = [
                (pitch.midi, float(note.getOffsetInHierarchy(stream)), float(note.quarterLength))
                for note in stream.recurse().notes
                for pitch in note.pitches
            ]
            estimate = stream.analyze("key")
            name = f"{estimate.tonic.name.replace('-', 'b')} {estimate.mode}"
            assert key_of(Score.from_notes(rows)) == name, chorale


def test_a_key_costs_less_than_a_tenth_of_a_millisecond():
    rng = np.random.default_rng(0)
    packed = pack([Score.from_notes([(int(p), i, 1) for i, p in enumerate(rng.integers(40, 90, 250))])] * 400)
    best = min(_seconds(packed) for _ in range(5))
    assert best / len(packed) < 1e-4


def _seconds(packed) -> float:
    start = time.perf_counter()
    keys_of(packed)
    return time.perf_counter() - start
