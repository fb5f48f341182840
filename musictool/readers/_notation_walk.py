"""One walk over a music21 score: what sounds, and when.

music21's own conveniences (flatten, stripTies, realised volumes, contexts) copy the score and are slower than parsing
it. This walk visits every element once. The file imports music21: only `notation.read` imports it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from music21 import dynamics, harmony, key, meter, note, tempo
from music21.instrument import Instrument, UnpitchedPercussion
from music21.stream import Measure

from musictool.music.score import (
    DEFAULT_VELOCITY,
    KEY,
    METRE,
    PITCHES,
    TEMPO,
    TICKS_PER_QUARTER,
    Score,
    Track,
    bar_ticks,
)
from musictool.reading import check_count, check_length

DRUM_CHANNEL = 9  # counted from 0
DEFAULT_DRUM = 38  # the snare, where a file does not say which drum it means
_MAX_METRE = 64  # of numerator and denominator


class _Line:
    """Notes as they come, in ticks; tied ones are joined."""

    def __init__(self) -> None:
        self.rows: list[list[int]] = []  # onset, end, pitch, velocity (0: none given)
        self._tied: dict[tuple[int, int], int] = {}  # (pitch, end) of a note that goes on -> its row

    def add(self, onset: int, end: int, pitch: int, velocity: int, tie: str) -> None:
        row = self._tied.pop((pitch, onset), None) if tie in ("stop", "continue") else None
        if row is None:
            row = len(self.rows)
            self.rows.append([onset, end, pitch, velocity])
        else:
            self.rows[row][1] = end
        if tie in ("start", "continue"):
            self._tied[pitch, end] = row


class _Part:
    """What the walk over one part has met."""

    def __init__(self, part: Any):
        self.group = str(part.id).split("-Staff")[0]  # the staves of one piano share their dynamics
        self.name = str(getattr(part, "partName", "") or "")
        self.written = part.atSoundingPitch is False
        self.instrument: Any = None  # the one that plays now
        self.program, self.is_drum = -1, False
        self.semitones = 0
        self.pitched, self.drums = _Line(), _Line()
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
                    self.measures.append(_ticks(at))
                self.walk(element, at)
            elif isinstance(element, note.GeneralNote):
                if not isinstance(element, note.Rest | harmony.Harmony):
                    self._sound(element, at)
            elif isinstance(element, Instrument):
                self._change_instrument(element)
            elif isinstance(element, dynamics.Dynamic):
                self.dynamics.append((_ticks(at), _velocity(element.volumeScalar)))
            elif isinstance(element, tempo.MetronomeMark):
                if bpm := element.getQuarterBPM():
                    self.tempos.append((_ticks(at), float(bpm)))
            elif isinstance(element, meter.TimeSignature):
                self.metres.append((_ticks(at), element.numerator, element.denominator))
            elif isinstance(element, key.KeySignature) and element.sharps is not None:
                self.keys.append((_ticks(at), element.sharps, getattr(element, "mode", "") == "minor"))

    def _sound(self, element: Any, at: Any) -> None:
        length = element.duration.quarterLength
        if element.duration.isGrace or not length:
            return
        onset, end = _ticks(at), _ticks(at + length)
        for one in getattr(element, "notes", (element,)):  # of a chord
            tie = one.tie  # of a chord, element.tie is that of any of its notes
            loud = one if one.hasVolumeInformation() else element
            velocity = (loud.volume.velocity or 0) if loud.hasVolumeInformation() else 0
            rest = velocity, tie.type if tie else ""
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
                rows[:, 3] = np.where(rows[:, 3], rows[:, 3], _loudness(rows[:, 0], dynamics))
                columns.append(np.column_stack([rows, np.full(len(rows), len(tracks))]))
                tracks.append(Track(0 if is_drum else max(0, part.program) & 127, is_drum, part.name.strip()[:200]))
    if not columns:
        return None
    onset, end, pitch, velocity, track = np.concatenate(columns).T
    check_count(len(onset))
    check_length(end.max() / TICKS_PER_QUARTER)
    keys = [part.keys for part in parts if part.keys and not part.semitones]
    return Score.from_columns(
        onset,
        end - onset,
        pitch,
        velocity,
        track,
        tracks=tuple(tracks),
        tempos=_table([row for part in parts for row in part.tempos], TEMPO),
        metres=_table(_metres(parts[0]), METRE),
        keys=_table([row for row in keys[0] if abs(row[1]) <= 7] if keys else [], KEY),
        title=title,
    )


def _loudness(onsets: np.ndarray, marks: list[tuple[int, int]]) -> np.ndarray:
    """The velocity that holds at each onset: of the last dynamic mark, before the first mark the default."""
    times, velocities = np.array([(-1, DEFAULT_VELOCITY), *sorted(marks)]).T
    return velocities[np.searchsorted(times, onsets, side="right") - 1]


def _metres(part: _Part) -> list[tuple[int, int, int]]:
    """The part's metres, written again after each incomplete measure (a pickup): so the bars come out right."""
    metres = {row[0]: row for row in part.metres if 0 < row[1] <= _MAX_METRE and 0 < row[2] <= _MAX_METRE}
    now = (4, 4)
    for begin, following in pairwise(sorted(set(part.measures))):
        if begin in metres:
            now = metres[begin][1:]
        if following - begin != bar_ticks(*now):
            metres.setdefault(following, (following, *now))
    return sorted(metres.values())


def _table(rows: list[Any], dtype: np.dtype) -> np.ndarray:
    """Sorted rows as a table; of several at one time the last holds."""
    return np.array(sorted({row[0]: row for row in rows}.values()), dtype)


def _ticks(quarters: Any) -> int:
    return int(quarters * TICKS_PER_QUARTER + 0.5)


def _velocity(loudness: float) -> int:
    return min(127, max(1, round(127 * loudness)))
