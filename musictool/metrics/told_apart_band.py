"""What a listener counts of a band bar by bar: each instrument by itself, the drum kit, and loudness."""

from __future__ import annotations

import numpy as np

from musictool.metrics.told_apart_counts import PITCH, SHARE, Counts, Words
from musictool.music.grid import to_steps
from musictool.music.instruments import DRUMS, INSTRUMENTS, note_instruments
from musictool.music.score import PITCHES, TICKS_PER_QUARTER, Score

KIT = {  # General MIDI's drum sounds
    "bass drum": (35, 36),
    "snare": (37, 38, 39, 40),
    "closed hi-hat": (42, 44),
    "open hi-hat": (46,),
    "tom": (41, 43, 45, 47, 48, 50),
    "cymbal": (49, 51, 52, 53, 55, 57, 59),
    "other percussion": (),
}
SIXTEENTHS = 16  # of a bar; later ones count as the last
_PLACED = 3  # of the kit, whose hits are counted by their place in the bar
_DRUM_OF = np.full(PITCHES, len(KIT) - 1)
for _kind, _pitches in enumerate(KIT.values()):
    _DRUM_OF[list(_pitches)] = _kind


def count_loudness(counts: Counts, notes: np.ndarray) -> None:
    """How loud the notes are, NOTE (N,), and by how much they differ."""
    bar, loudness = counts.bar_of(notes["onset_ticks"]), notes["velocity"].astype(np.float64)
    counts.mean("loudness", Words("the music is too {loud|soft}", "of 127", "loudness"), bar, loudness)
    words = Words("loudness varies too {much|little}", "of 127", "loudness range")
    counts.mean("loudness varies", words, bar, np.abs(loudness - loudness.mean()) if len(loudness) else loudness)
    words = Words("loudness changes too {much|little} from note to note", "of 127", "loudness range")
    counts.mean("loudness steps", words, bar[1:], np.abs(np.diff(loudness)))


def count_instruments(counts: Counts, score: Score) -> None:
    """Each of musictool/music/instruments.py but the drums."""
    playing = note_instruments(score)
    for index, name in enumerate(INSTRUMENTS):
        if index == DRUMS:
            continue
        notes = score.notes[playing == index]
        bar, onsets = counts.bar_of(notes["onset_ticks"]), np.unique(notes["onset_ticks"])
        at, number = counts.bar_of(onsets), counts.sum(bar)
        words = Words(f"too {{many|few}} notes for {name}", "a quarter note", name)
        counts.quotient(f"{name}: notes", words, number, counts.quarters)
        words = Words(f"{name} rests in too {{many|few}} bars", SHARE, name)
        counts.quotient(f"{name}: rests", words, (number == 0).astype(np.float64))
        words = Words(f"{name} lies too {{high|low}}", PITCH, name)
        counts.mean(f"{name}: pitch", words, bar, notes["pitch"])
        words = Words(f"notes of {name} are too {{long|short}}", "quarter notes", name)
        counts.mean(f"{name}: length", words, bar, np.minimum(notes["duration_ticks"] / TICKS_PER_QUARTER, 8))
        words = Words(f"{name} strikes too {{many|few}} notes at once", "notes", name)
        counts.quotient(f"{name}: chords", words, number, counts.sum(at))
        on_beat = to_steps(onsets - counts.lines[at], 4) % 4 == 0
        words = Words(f"{name} plays on the beat too {{often|seldom}}", SHARE, name)
        counts.mean(f"{name}: on beats", words, at, on_beat)
        steps = np.abs(np.diff(notes["pitch"].astype(np.int64)))
        words = Words(f"{name} repeats too {{many|few}} notes", SHARE, name)
        counts.mean(f"{name}: repeats", words, bar[1:], steps == 0)
        words = Words(f"{name} {{leaps too far|moves too little}}", "semitones a note", name)
        counts.mean(f"{name}: steps", words, bar[1:], np.minimum(steps, 24))


def count_drums(counts: Counts, hits: np.ndarray) -> None:
    """The hits, NOTE (N,), of each drum of the kit, by their place in the bar."""
    bar, kind = counts.bar_of(hits["onset_ticks"]), _DRUM_OF[hits["pitch"]]
    place = np.clip(to_steps(hits["onset_ticks"] - counts.lines[bar], 4), 0, SIXTEENTHS - 1)
    for index, name in enumerate(KIT):
        words = Words(f"too {{many|few}} {name} hits", "a quarter note", name)
        counts.quotient(f"{name} hits", words, counts.sum(bar[kind == index]), counts.quarters)
        for sixteenth in range(SIXTEENTHS) if index < _PLACED else ():
            words = Words(f"too {{many|few}} bars with {name} on their sixteenth {sixteenth + 1}", SHARE, name)
            hit = (kind == index) & (place == sixteenth)
            counts.quotient(f"{name} on {sixteenth + 1}", words, counts.sum(bar[hit]))
    at = counts.bar_of(np.unique(hits["onset_ticks"]))
    words = Words("too {many|few} drums are hit at once", "drums", "drums at once")
    counts.quotient("drums at once", words, counts.sum(bar), counts.sum(at))
    words = Words("the drums rest in too {many|few} bars", SHARE, "drum rests")
    counts.quotient("drums rest", words, (counts.sum(bar) == 0).astype(np.float64))
    pattern = np.zeros((len(counts), SIXTEENTHS * len(KIT)), bool)
    pattern[bar, place * len(KIT) + kind] = True
    counts.patterns["drums"] = pattern
