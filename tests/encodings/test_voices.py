"""What is special about voices: one note each, struck again, and the numbers of a voice."""

from __future__ import annotations

import numpy as np

from musictool.encodings.voices import Voices
from musictool.music.score import Score
from musictool.music.voices import NAMES


def test_a_repeated_note_is_struck_again_and_a_chorale_comes_back_in_its_voices():
    encoding = Voices()
    parts = [[(72, 0, 1), (72, 1, 1)], [(67, 0, 2)], [(60, 0, 2)], [(48, 0, 1), (47, 1, 1)]]
    tracks = encoding.tracks
    notes = np.concatenate([Score.from_notes(part, tracks, i).notes for i, part in enumerate(parts)])
    score = Score.from_columns(*(notes[column] for column in notes.dtype.names), tracks=tracks)
    rows = encoding.encode(score)
    assert rows.shape == (8, 704)
    assert np.flatnonzero(rows[:, 352 + 72 - 21]).tolist() == [0, 4]
    music = encoding.decode(rows)
    assert [track.name for track in music.tracks] == [*NAMES]
    np.testing.assert_array_equal(music.notes, score.notes)


def test_without_onsets_a_repeated_note_is_a_long_one_and_a_rest_stays_a_rest():
    encoding = Voices(Voices.Options(onsets=False))
    score = Score.from_notes([(72, 0, 0.5), (72, 0.5, 0.5), (72, 1.25, 0.75)])
    rows = encoding.encode(score)
    assert rows.shape == (8, 352)
    notes = encoding.decode(rows).notes
    assert notes["onset_ticks"].tolist() == [0, 600]
    assert notes["duration_ticks"].tolist() == [480, 360]


def test_the_numbers_of_a_voice_are_those_it_sings_with():
    encoding, voices = Voices(), np.zeros((3, 4), bool)
    voices[1, 2] = True
    numbers = encoding.numbers_of(voices)
    assert numbers.sum() == 2 * 88
    assert numbers[1, [176, 263, 352 + 176, 352 + 263]].all()
