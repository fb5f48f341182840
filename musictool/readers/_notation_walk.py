"""One walk over a music21 score: what sounds, and when.

music21's own conveniences (flatten, stripTies, realised volumes, contexts) copy the score and are slower than parsing
it. This walk visits every element once. The file imports music21: only `--reader music21` imports it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from music21 import dynamics, harmony, key, meter, note, tempo
from music21.instrument import Instrument, UnpitchedPercussion
from music21.stream import Measure

from musictool.music.score import KEY, METRE, PITCHES, TEMPO, TICKS_PER_QUARTER, Score, Track
from musictool.readers._notation_lines import (
    DEFAULT_DRUM,
    DRUM_CHANNEL,
    Line,
    loudness,
    metres,
    table,
    ticks,
    velocity,
)
from musictool.reading import check_count, check_length


class _Part:
    """What the walk over one part has met."""

    def __init__(self, part: Any):
        self.group = str(part.id).split("-Staff")[0]  # the staves of one piano share their dynamics
        self.name = str(getattr(part, "partName", "") or "")
        self.written = part.atSoundingPitch is False
        self.instrument: Any = None  # the one that plays now
        self.program, self.is_drum = -1, False
        self.semitones = 0
        self.pitched, self.drums = Line(), Line()
        self.measures: list[int] = []
        self.dynamics: list[tuple[int, int]] = []
        self.tempos: list[tuple[int, float]] = []
        self.metres: list[tuple[int, int, int]] = []
        self.keys: list[tuple[int, int, bool]] = []
        self.walk(part, 0)

    def walk(self, stream: Any, offset: Any) -> None:
        """Visit the elements of `stream`, which begins at `offset` quarter notes."""
        for element in stream.elements:
            at = offset + stream.elementOffset(element)
            if element.isStream:
                if isinstance(element, Measure):
                    self.measures.append(ticks(at))
                self.walk(element, at)
            elif isinstance(element, note.GeneralNote):
                if not isinstance(element, note.Rest | harmony.Harmony):
                    self._sound(element, at)
            elif isinstance(element, Instrument):
                self._change_instrument(element)
            elif isinstance(element, dynamics.Dynamic):
                self.dynamics.append((ticks(at), velocity(element.volumeScalar)))
            elif isinstance(element, tempo.MetronomeMark):
                if bpm := element.getQuarterBPM():
                    self.tempos.append((ticks(at), float(bpm)))
            elif isinstance(element, meter.TimeSignature):
                self.metres.append((ticks(at), element.numerator, element.denominator))
            elif isinstance(element, key.KeySignature) and element.sharps is not None:
                self.keys.append((ticks(at), element.sharps, getattr(element, "mode", "") == "minor"))

    def _sound(self, element: Any, at: Any) -> None:
        length = element.duration.quarterLength
        if element.duration.isGrace or not length:
            return
        onset, end = ticks(at), ticks(at + length)
        for one in getattr(element, "notes", (element,)):  # of a chord
            tie = one.tie  # of a chord, element.tie is that of any of its notes
            loud = one if one.hasVolumeInformation() else element
            given = (loud.volume.velocity or 0) if loud.hasVolumeInformation() else 0
            rest = given, tie.type if tie else ""
            if not hasattr(one, "pitch"):
                self.drums.add(onset, end, self._drum(one), *rest)
            elif 0 <= (pitch := one.pitch.midi + self.semitones) < PITCHES:
                (self.drums if self.is_drum else self.pitched).add(onset, end, pitch, *rest)

    def _drum(self, unpitched: Any) -> int:
        for instrument in (unpitched.storedInstrument, self.instrument):
            pitch = getattr(instrument, "percMapPitch", None)
            if pitch is not None:
                return int(pitch)
        return DEFAULT_DRUM

    def _change_instrument(self, instrument: Any) -> None:
        self.instrument = instrument
        self.is_drum = isinstance(instrument, UnpitchedPercussion) or instrument.midiChannel == DRUM_CHANNEL
        interval = instrument.transposition if self.written else None
        self.semitones = int(interval.semitones) if interval is not None else 0
        if self.program < 0 and not self.is_drum and instrument.midiProgram is not None:
            self.program = instrument.midiProgram
        self.name = self.name or str(instrument.partName or instrument.instrumentName or "")


def score(streams: list[Any], title: str) -> Score | None:
    """The Score of music21 Parts that sound together; None if nothing in them sounds.

    Raises:
        BadFile: "too many notes", "too long".
    """
    parts = [_Part(stream) for stream in streams]
    tracks: list[Track] = []
    columns: list[np.ndarray] = []
    for part in parts:
        for line, is_drum in ((part.pitched, False), (part.drums, True)):
            if line.rows:
                rows = np.array(line.rows, np.int64)
                dynamics = [mark for other in parts if other.group == part.group for mark in other.dynamics]
                rows[:, 3] = np.where(rows[:, 3], rows[:, 3], loudness(rows[:, 0], dynamics))
                columns.append(np.column_stack([rows, np.full(len(rows), len(tracks))]))
                tracks.append(Track(0 if is_drum else max(0, part.program) & 127, is_drum, part.name.strip()[:200]))
    if not columns:
        return None
    onset, end, pitch, loud, track = np.concatenate(columns).T
    check_count(len(onset))
    check_length(end.max() / TICKS_PER_QUARTER)
    keys = [part.keys for part in parts if part.keys and not part.semitones]
    return Score.from_columns(
        onset,
        end - onset,
        pitch,
        loud,
        track,
        tracks=tuple(tracks),
        tempos=table([row for part in parts for row in part.tempos], TEMPO),
        metres=table(metres(parts[0].metres, parts[0].measures), METRE),
        keys=table([row for row in keys[0] if abs(row[1]) <= 7] if keys else [], KEY),
        title=title,
    )
