from __future__ import annotations

from music21.pitch import Pitch

from musictool.music.pitches import MUSIC21_NAMES


def test_pitches_are_spelled_as_music21_does():
    exceptions = {4: "En-1", 11: "Bn-1"}  # music21 writes E-1 and B-1, which are its E flat 1 and B flat 1 as well
    for midi, name in enumerate(MUSIC21_NAMES):
        assert name == exceptions.get(midi, Pitch(midi=midi).nameWithOctave)
        if midi >= 12:
            assert Pitch(name).midi == midi
    assert len(set(MUSIC21_NAMES)) == 128
    assert MUSIC21_NAMES[60] == "C4"
