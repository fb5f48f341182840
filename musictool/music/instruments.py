"""The five instruments that multitrack piano-rolls have, and which track belongs to which.

The rule is the Lakh Pianoroll Dataset's (LPD-5, Dong et al., "MuseGAN", 2018): drums by their channel, everything else
by its General MIDI program, counted from 0:

    piano    0-7
    guitar   24-31
    bass     32-39
    strings  8-23, 40-95, 104-111: also mallets, organs, winds, brass, choirs, leads, pads, world instruments
    drums    every drum track, whatever its program
    none     96-103, 112-127: sound effects and percussion with a program of its own; such notes are left out

So "strings" means whatever plays neither of the first three, in most songs the melody too.
"""

from __future__ import annotations

import numpy as np

from musictool.music import gm
from musictool.music.score import Score, Track

INSTRUMENTS = ("piano", "guitar", "bass", "strings", "drums")
PIANO, GUITAR, BASS, STRINGS, DRUMS = range(len(INSTRUMENTS))
NO_INSTRUMENT = -1

# What an instrument is where only its index is known.
TRACKS = (
    Track(0, name="Piano"),
    Track(24, name="Guitar"),
    Track(32, name="Bass"),
    Track(48, name="Strings"),
    Track(0, is_drum=True, name="Drums"),
)
_FAMILIES = {0: PIANO, 3: GUITAR, 4: BASS, 12: NO_INSTRUMENT, 14: NO_INSTRUMENT, 15: NO_INSTRUMENT}  # of 8 programs


def instrument_of(track: Track) -> int:
    """The instrument that a track belongs to, an index into INSTRUMENTS; NO_INSTRUMENT if it is left out."""
    return DRUMS if track.is_drum else _FAMILIES.get(track.program // 8, STRINGS)


DRUM_PROGRAM = 128  # of drums, behind the programs of General MIDI
ANY = "any"  # of --instruments: all that the model knows


def tracks_of(text: str) -> tuple[Track, ...]:
    """The tracks that "piano, violin, drums" means: of one of INSTRUMENTS every program of it, else one program.

    Raises:
        UnknownName, BadOption: for a name or a number that is no instrument.
    """
    tracks: list[Track] = []
    for name in text.split(","):
        known = name.strip().lower()
        if known == INSTRUMENTS[DRUMS]:
            tracks.append(Track(is_drum=True))
        elif known in INSTRUMENTS:
            of_it = [Track(program) for program in range(len(gm.PROGRAMS))]
            tracks += [track for track in of_it if instrument_of(track) == INSTRUMENTS.index(known)]
        else:
            tracks.append(Track(gm.program_number(name)))
    return tuple(tracks)


def note_instruments(score: Score) -> np.ndarray:
    """int64 (N,): the instrument of each note, an index into INSTRUMENTS; NO_INSTRUMENT where it is left out."""
    of_tracks = np.array([instrument_of(track) for track in score.tracks] or [NO_INSTRUMENT], np.int64)
    return of_tracks[score.notes["track"]]
