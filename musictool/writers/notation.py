"""Score -> MusicXML 3.1, for a notation program to open: a part per track, more voices in it where its notes overlap.

Kept: metres, keys, tempos, ties, triplets, names, programs and drums, the title. Lost: times are rounded to twelfths of
a quarter note (sixteenths and triplets are exact), velocities. Performed music has no note values: its score is correct
but hard to read. Beams are left to the notation program.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np

from musictool.atomic import replacing
from musictool.music.gm import program_name
from musictool.music.grid import to_steps, without_overlaps
from musictool.music.score import Score, Track
from musictool.writers._bars import (
    STEPS_PER_QUARTER,
    Bar,
    Span,
    Spelling,
    Symbol,
    bars_of,
    spans_of,
    staff_voices,
)

SUFFIXES = (".musicxml",)
DRUM_CHANNEL = 10  # counted from 1
# note types by length in sixteenths; what is longer has none, which the format allows
TYPES = {
    0.25: "64th", 0.5: "32nd", 1: "16th", 2: "eighth", 4: "quarter", 8: "half", 16: "whole", 32: "breve", 64: "long",
    128: "maxima",
}  # fmt: skip
ACCIDENTALS = {-1: "flat", 0: "natural", 1: "sharp"}
LOW = 57  # a part whose notes lie below this on average has a bass clef
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n<score-partwise version="3.1">\n'


def write(score: Score, path: Path) -> None:
    """Write uncompressed MusicXML; the same Score gives the same bytes."""
    with replacing(Path(path)) as partial, partial.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(_lines(score))


def _lines(score: Score) -> Iterator[str]:
    notes = without_overlaps(score.notes)
    numbers = np.unique(notes["track"]).tolist()
    of_track = {number: notes[notes["track"] == number] for number in numbers}
    yield f"{_HEAD}<work><work-title>{_text(score.title) or 'Untitled'}</work-title></work>\n<part-list>\n"
    for number in numbers:
        yield _listing(number, score.tracks[number], of_track[number])
    yield "</part-list>\n"
    bars = bars_of(score)
    for number in numbers:
        yield f'<part id="P{number + 1}">\n'
        yield from _part(score, number, of_track[number], bars, with_tempos=number == numbers[0])
        yield "</part>\n"
    yield "</score-partwise>\n"


def _listing(number: int, track: Track, notes: np.ndarray) -> str:
    """A part's name and instrument; of drums one for each that is struck, which is how notes say what they are."""
    name = _text(track.name) or program_name(track.program, track.is_drum)
    part = f"P{number + 1}"
    drums = np.unique(notes["pitch"]).tolist()
    if track.is_drum:
        kinds = [(f"{part}-I{drum}", f"Drum {drum}") for drum in drums]
        channel = f"<midi-channel>{DRUM_CHANNEL}</midi-channel>"
        midi = [f"{channel}<midi-unpitched>{drum + 1}</midi-unpitched>" for drum in drums]
    else:
        kinds = [(f"{part}-I1", program_name(track.program, False))]
        midi = [f"<midi-program>{track.program + 1}</midi-program>"]
    scored = "".join(
        f'<score-instrument id="{ident}"><instrument-name>{kind}</instrument-name></score-instrument>'
        for ident, kind in kinds
    )
    sound = "".join(
        f'<midi-instrument id="{ident}">{playback}</midi-instrument>'
        for (ident, _), playback in zip(kinds, midi, strict=True)
    )
    return f'<score-part id="{part}"><part-name>{name}</part-name>{scored}{sound}</score-part>\n'


def _text(text: str) -> str:
    """Text as XML holds it, in which no control character may stand."""
    return escape("".join(c if c.isprintable() else " " for c in text))


def _part(score: Score, number: int, notes: np.ndarray, bars: list[Bar], with_tempos: bool) -> Iterator[str]:
    """The measures of a part."""
    is_drum = score.tracks[number].is_drum
    clef = "<sign>percussion</sign>" if is_drum else "<sign>G</sign><line>2</line>"
    if not is_drum and notes["pitch"].mean() < LOW:
        clef = "<sign>F</sign><line>4</line>"
    keys, tempos = _by_bar(score.keys, bars), _by_bar(score.tempos, bars) if with_tempos else {}
    sharps, metre = 0, (0, 0)
    voices = [spans_of(voice, bars) for voice in staff_voices(notes)]
    for index, bar in enumerate(bars):
        full = 4 * STEPS_PER_QUARTER * bar.numerator // bar.denominator
        implicit = ' implicit="yes"' if bar.last - bar.first < full else ""
        yield f'<measure number="{index + 1}"{implicit}>\n'
        attributes = f"<divisions>{STEPS_PER_QUARTER}</divisions>" if index == 0 else ""
        for _, signature, minor in keys.get(index, [(0, 0, False)] if index == 0 else [])[-1:]:
            mode = "minor" if minor else "major"
            attributes += f"<key><fifths>{signature}</fifths><mode>{mode}</mode></key>"
            sharps = signature
        if metre != bar[2:]:
            metre = bar[2:]
            attributes += f"<time><beats>{metre[0]}</beats><beat-type>{metre[1]}</beat-type></time>"
        attributes += f"<clef>{clef}</clef>" if index == 0 else ""
        yield f"<attributes>{attributes}</attributes>\n" if attributes else ""
        for offset, bpm in tempos.get(index, []):
            yield _tempo(offset, bpm)
        spelling = Spelling(sharps)
        for voice, spans in enumerate(voices, 1):
            written = next(spans)
            if voice == 1 or any(symbol.pitches for span in written for symbol in span.symbols):
                yield f"<backup><duration>{bar.last - bar.first}</duration></backup>\n" if voice > 1 else ""
                yield from _voice(written, voice, spelling, f"P{number + 1}" if is_drum else "")
        yield "</measure>\n"


def _by_bar(table: np.ndarray, bars: list[Bar]) -> dict[int, list[tuple]]:
    """The rows of a table by the bar that they stand in; their times are then steps within it."""
    rows: dict[int, list[tuple]] = {}
    firsts = np.array([bar.first for bar in bars])
    steps = to_steps(table["onset_ticks"], STEPS_PER_QUARTER)
    for step, row in zip(steps.tolist(), table.tolist(), strict=True):
        index = max(0, int(np.searchsorted(firsts, step, side="right")) - 1)
        within = max(0, min(step, bars[index].last) - bars[index].first)
        rows.setdefault(index, []).append((within, *row[1:]))
    return rows


def _tempo(offset: int, bpm: float) -> str:
    rounded = f"{bpm:.6g}"
    mark = f"<metronome><beat-unit>quarter</beat-unit><per-minute>{rounded}</per-minute></metronome>"
    later = f"<offset>{offset}</offset>" if offset else ""
    return (
        f'<direction placement="above"><direction-type>{mark}</direction-type>{later}<sound tempo="{rounded}"/>'
        "</direction>\n"
    )


def _voice(spans: list[Span], voice: int, spelling: Spelling, drums: str) -> Iterator[str]:
    """The notes of a voice in a bar; `drums` is the part of the drums that they are, or ""."""
    if not any(symbol.pitches for span in spans for symbol in span.symbols):
        steps = sum(symbol.steps for span in spans for symbol in span.symbols)
        yield f'<note><rest measure="yes"/><duration>{steps}</duration><voice>{voice}</voice></note>\n'
        return
    shown: dict[tuple[str, int], int] = {}  # the last accidental of each line and space
    for symbols, is_triplet in spans:
        for i, symbol in enumerate(symbols):
            marks = '<tuplet type="start" bracket="yes"/>' if is_triplet and i == 0 else ""
            marks += '<tuplet type="stop"/>' if is_triplet and i == len(symbols) - 1 else ""
            heads = [_head(pitch, spelling, shown, drums) for pitch in symbol.pitches] or [("<rest/>", "", "")]
            for j, head in enumerate(heads):
                yield _note(head, symbol, voice, is_triplet, "" if j else marks, in_chord=j > 0)


def _head(pitch: int, spelling: Spelling, shown: dict[tuple[str, int], int], drums: str) -> tuple[str, str, str]:
    """What a note is, its instrument if it names one, and the accidental that is written."""
    if drums:
        display = "<display-step>B</display-step><display-octave>4</display-octave>"
        return f"<unpitched>{display}</unpitched>", f'<instrument id="{drums}-I{pitch}"/>', ""
    letter, alteration, octave, is_signed = spelling.of(pitch)
    altered = f"<alter>{alteration}</alter>" if alteration else ""
    is_new = is_signed and shown.get((letter, octave)) != alteration
    sign = f"<accidental>{ACCIDENTALS[alteration]}</accidental>" if is_new else ""
    if is_new:
        shown[letter, octave] = alteration
    return f"<pitch><step>{letter}</step>{altered}<octave>{octave}</octave></pitch>", "", sign


def _note(head: tuple[str, str, str], symbol: Symbol, voice: int, is_triplet: bool, marks: str, in_chord: bool) -> str:
    what, instrument, accidental = head
    ties = [kind for kind, is_so in (("stop", symbol.comes), ("start", symbol.goes_on)) if is_so]
    length, dot = float(symbol.length), ""
    if length not in TYPES:
        length, dot = length * 2 / 3, "<dot/>"
    written = f"<type>{TYPES[length]}</type>{dot}" if length in TYPES else ""
    triplet = "<actual-notes>3</actual-notes><normal-notes>2</normal-notes>" if is_triplet else ""
    notations = "".join(f'<tied type="{kind}"/>' for kind in ties) + marks
    parts = [
        "<note>" + "<chord/>" * in_chord + what + f"<duration>{symbol.steps}</duration>",
        *(f'<tie type="{kind}"/>' for kind in ties),
        f"{instrument}<voice>{voice}</voice>{written}{accidental}",
        f"<time-modification>{triplet}</time-modification>" if triplet else "",
        f"<notations>{notations}</notations>" if notations else "",
        "</note>\n",
    ]
    return "".join(parts)
