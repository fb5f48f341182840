"""Score -> ABC text (standard 2.1): a voice per track, more if its notes overlap; bars, chords, ties, key, metre.

    X:1                       L:1/16 is a sixteenth: C4 is a quarter note, C6 a dotted one
    T:the title
    M:3/4
    L:1/16
    Q:1/4=90
    K:D
    V:1 name="Violin"
    [FA]4 d4- d2 ^g2 | (3a2g2f2 z8 | ...

Every length is that of a note, dotted or not: triplets stand as triplets, and what is longer by an odd amount as notes
that are tied. Lost: times are rounded to twelfths of a quarter note, as in musictool's MusicXML; velocities, changes of
tempo and key; programs and drums are in `%%MIDI` lines, which abc2midi and some other players know. Chords that last
over a bar line are tied as the standard says.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from musictool.atomic import replacing
from musictool.music.gm import program_name
from musictool.music.grid import without_overlaps
from musictool.music.score import DEFAULT_BPM, Score
from musictool.writers._bars import Bar, Chord, Span, Spelled, Spelling, bars_of, spans_of, staff_voices

SUFFIXES = (".abc",)
BARS_PER_LINE = 4
SIGNS = {-1: "_", 0: "=", 1: "^"}
MAJOR_KEYS = ["Cb", "Gb", "Db", "Ab", "Eb", "Bb", "F", "C", "G", "D", "A", "E", "B", "F#", "C#"]  # by sharps, from -7


def write(score: Score, path: Path) -> None:
    """Write one tune."""
    with replacing(Path(path)) as partial:
        partial.write_text(text_of(score), encoding="utf-8")


def text_of(score: Score) -> str:
    """The text of the tune."""
    notes = without_overlaps(score.notes)
    bpm = float(score.tempos["bpm"][0]) if len(score.tempos) else DEFAULT_BPM
    sharps = int(score.keys["sharps"][0]) if len(score.keys) else 0
    bars = bars_of(score)
    lines = ["X:1", f"T:{_escaped(score.title) or 'Untitled'}", f"M:{_metre(bars[0])}", "L:1/16"]
    lines += [f"Q:1/4={round(bpm)}", f"K:{MAJOR_KEYS[sharps + 7]}"]
    number = 0
    for i in np.unique(notes["track"]).tolist():
        track = score.tracks[i]
        name = (track.name or program_name(track.program, track.is_drum)).replace('"', "'")
        for voice in staff_voices(notes[notes["track"] == i]):
            number += 1
            lines.append(f'V:{number} name="{name}"' + (" clef=perc" if track.is_drum else ""))
            lines.append("%%MIDI channel 10" if track.is_drum else f"%%MIDI program {track.program}")
            lines += _body(voice, bars, sharps)
    return "\n".join(lines) + "\n"


def _escaped(title: str) -> str:
    """A title on one line, in which neither a comment nor another letter begins."""
    title = " ".join(title.split()).replace("\\", "\\\\").replace("%", "\\%")
    return re.sub(r"&(?=#?\w+;)", r"\\&", title)


def _metre(bar: Bar) -> str:
    return f"{bar.numerator}/{bar.denominator}"


def _body(voice: list[Chord], bars: list[Bar], sharps: int) -> list[str]:
    """The lines of a voice."""
    lines, line, metre = [], "", _metre(bars[0])
    for number, (bar, spans) in enumerate(zip(bars, spans_of(voice, bars), strict=True)):
        name = _metre(bar)
        if name != metre or number % BARS_PER_LINE == 0:
            lines += [line] if line else []
            line, metre = (f"[M:{name}] " if name != metre else ""), name
        line += _bar(spans, Spelling(sharps)) + " | "
    return [*lines, line.rstrip(" |") + " |]"]


def _bar(spans: list[Span], spelling: Spelling) -> str:
    """What fills a bar: beats of triplets as tuplets, everything else in plain lengths."""
    words = []
    for symbols, is_triplet in spans:
        written = [
            (_chord([spelling.of(pitch) for pitch in symbol.pitches]) if symbol.pitches else "z")
            + ("" if symbol.length == 1 else str(symbol.length))
            + "-" * symbol.goes_on
            for symbol in symbols
        ]
        tuplet = "(3" if len(written) == 3 else f"(3:2:{len(written)}"
        words += [tuplet + "".join(written)] if is_triplet else written
    return " ".join(words)


def _chord(notes: list[Spelled]) -> str:
    """[CEG], or a single note."""
    names = [_note(note) for note in notes]
    return names[0] if len(names) == 1 else f"[{''.join(names)}]"


def _note(note: Spelled) -> str:
    name = note.letter if note.octave <= 4 else note.letter.lower()
    return SIGNS[note.alteration] * note.is_signed + name + "," * (4 - note.octave) + "'" * (note.octave - 5)
