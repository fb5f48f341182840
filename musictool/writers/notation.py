"""Score -> MusicXML through music21, for a notation program to open: parts, metre, key, tempo, title.

Lost: times are rounded to twelfths of a quarter note (sixteenths and triplets are exact), velocities;
a program becomes the name of its part. Performed music has no note values: its score is correct but hard to read.
music21 takes about 3 seconds for 500 notes of that kind, a fifth of it for music on a grid, and more for each of many.
"""

from __future__ import annotations

import logging
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from musictool.atomic import replacing
from musictool.music.gm import program_name
from musictool.music.grid import to_steps, without_overlaps
from musictool.music.score import Score

log = logging.getLogger(__name__)

SUFFIXES = (".musicxml",)
STEPS_PER_QUARTER = 12
MANY_NOTES = 10_000
NOT_REPRODUCIBLE = re.compile(rb"<(encoding-date|software)>[^<]*</\1>\s*|<!DOCTYPE[^>]*>\s*")


def write(score: Score, path: Path) -> None:
    """Write uncompressed MusicXML; the same Score gives the same bytes with the same version of music21."""
    from music21.musicxml.m21ToXml import GeneralObjectExporter

    if len(score.notes) > MANY_NOTES:
        log.warning("%s: music21 takes long to write %s notes; Ctrl-C stops it", path, f"{len(score.notes):,}")
    text = NOT_REPRODUCIBLE.sub(b"", GeneralObjectExporter().parse(_stream(score)))
    for number, part in enumerate(dict.fromkeys(re.findall(rb'<score-part id="([^"]+)"', text)), 1):
        text = text.replace(b'id="%s"' % part, b'id="P%d"' % number)  # music21's own ids are random
    text = re.sub(rb'(score-instrument|midi-instrument) id="[^"]*"', rb'\1 id="I"', text)
    with replacing(Path(path)) as partial:
        partial.write_bytes(text)


def _stream(score: Score) -> Any:
    from music21 import metadata, stream

    notes = without_overlaps(score.notes)
    whole = stream.Score()
    whole.insert(0, metadata.Metadata(title=score.title or "Untitled"))
    for number, track in enumerate(np.unique(notes["track"]).tolist()):
        part = _part(notes[notes["track"] == track])
        named = score.tracks[track]
        part.partName = named.name or program_name(named.program, named.is_drum)
        for onset, sign in _signs(score, with_tempo=number == 0):
            part.insert(_quarters(onset), sign)
        whole.insert(0, part)
    return whole


def _quarters(ticks: int) -> Fraction:
    return Fraction(int(to_steps(np.array(ticks), STEPS_PER_QUARTER)), STEPS_PER_QUARTER)


def _part(notes: np.ndarray) -> Any:
    """Notes that begin and end together become one chord."""
    from music21 import chord, note, stream

    part = stream.Part()
    together: dict[tuple[Fraction, Fraction], list[int]] = {}
    for onset, duration, pitch, _, _ in notes.tolist():
        begin = _quarters(onset)
        length = max(_quarters(onset + duration) - begin, Fraction(1, STEPS_PER_QUARTER))
        together.setdefault((begin, length), []).append(pitch)
    for (begin, length), pitches in together.items():
        sounding = note.Note(pitches[0]) if len(pitches) == 1 else chord.Chord(sorted(set(pitches)))
        sounding.quarterLength = length
        part.coreInsert(begin, sounding)  # `insert` would look at all that is there each time
    part.coreElementsChanged()
    return part


def _signs(score: Score, with_tempo: bool) -> list[tuple[int, Any]]:
    from music21 import key, meter, tempo

    signs: list[tuple[int, Any]] = [
        (onset, meter.TimeSignature(f"{numerator}/{denominator}"))
        for onset, numerator, denominator in score.metres.tolist()
    ]
    for onset, sharps, minor in score.keys.tolist():
        signs.append((onset, key.KeySignature(sharps).asKey("minor" if minor else "major")))
    if with_tempo:
        signs += [(onset, tempo.MetronomeMark(number=bpm)) for onset, bpm in score.tempos.tolist()]
    return signs
