"""What the three MIDI parsers, and the piano-rolls, have in common: raw columns in, a Score out.

A parser gives `Parsed`, in the file's own ticks; `build` brings it to the Score's 480 ticks per quarter and lets the
sustain pedal hold what it holds. Tempo, metre and key changes that no score can have (a tempo of zero, a key signature
of 18 flats) are dropped.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from musictool.errors import BadFile
from musictool.music.score import KEY, METRE, TEMPO, TICKS_PER_QUARTER, Score, Track
from musictool.reading import check_count, check_length

DRUM_CHANNEL = 9  # the tenth, counted from 0
SUSTAIN_PEDAL = 64  # controller number
PEDAL_DOWN = 64  # and the value from which it counts as held
ALL_SOUND_OFF, RESET_CONTROLLERS, LOCAL_CONTROL, ALL_NOTES_OFF = 120, 121, 122, 123  # and 124 to 127 end notes as well
_EARLY = TICKS_PER_QUARTER // 16  # a sixty-fourth note
MAX_TRACKS = 65_535  # what NOTE's uint16 can point at
_DENOMINATORS = {1 << power for power in range(7)}  # 1 to 64

_NO_LATIN_1 = re.compile(rb"[\x80-\x9f]")
_LATEST = np.iinfo(np.int32).max


class Part(NamedTuple):
    """One program on one channel of one track; arrays (N,) of integers, times in the file's ticks."""

    track: Track
    onset: np.ndarray
    duration: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    pedal_onset: np.ndarray | None = None  # (P,) in the file's order; None without a pedal, or where it is counted in
    pedal_value: np.ndarray | None = None  # (P,) 0..127


@dataclass(frozen=True)
class Parsed:
    """A file as its parser understood it; the tables are the Score's, but in the file's ticks, or steps of a roll."""

    resolution: int  # ticks per quarter note, at least 1
    parts: list[Part]
    tempos: np.ndarray
    metres: np.ndarray
    keys: np.ndarray


def build(parsed: Parsed, title: str = "") -> Score:
    """The Score of a parsed file.

    Raises:
        BadFile: "no notes", "too many notes", "too long".
    """
    parts = [part for part in parsed.parts if len(part.onset)]
    counts = [len(part.onset) for part in parts]
    check_count(sum(counts))
    if len(parts) > MAX_TRACKS:
        raise BadFile("unreadable", f"{len(parts):,} tracks")
    onset = np.concatenate([part.onset for part in parts]).astype(np.int64)
    end = onset + np.concatenate([part.duration for part in parts])
    pitch = np.concatenate([part.pitch for part in parts])
    start = 0
    for part, count in zip(parts, counts, strict=True):
        if part.pedal_onset is not None and part.pedal_value is not None and not part.track.is_drum:
            span = slice(start, start + count)
            end[span] = hold(onset[span], end[span], pitch[span], part.pedal_onset, part.pedal_value)
        start += count
    check_length(onset.min() / parsed.resolution)
    check_length(end.max() / parsed.resolution)
    onset, end = _rescale(onset, parsed.resolution), _rescale(end, parsed.resolution)
    return Score.from_columns(
        onset,
        end - onset,
        pitch,
        np.concatenate([part.velocity for part in parts]),
        np.repeat(np.arange(len(parts)), counts),
        tracks=tuple(part.track for part in parts),
        tempos=_table(parsed.tempos, parsed.resolution),
        metres=_table(parsed.metres, parsed.resolution),
        keys=_table(parsed.keys, parsed.resolution),
        title=title,
    )


def hold(
    onset: np.ndarray, end: np.ndarray, pitch: np.ndarray, pedal_onset: np.ndarray, pedal_value: np.ndarray
) -> np.ndarray:
    """When each note ends once the sustain pedal is counted in.

    A note released while the pedal is down lasts until the pedal comes up or until its pitch is struck again, whichever
    is first. A pedal that never comes up is let go at the last release.

    Args:
        onset, end, pitch: int (N,) the notes of one channel in any order, ticks.
        pedal_onset, pedal_value: int (P,), sorted by time.

    Returns:
        int64 (N,), never before `end`.
    """
    turns = np.flatnonzero(np.diff(pedal_value >= PEDAL_DOWN, prepend=False))
    downs, ups = pedal_onset[turns[0::2]], pedal_onset[turns[1::2]]
    if not len(downs):
        return end
    if len(ups) < len(downs):
        ups = np.append(ups, max(int(end.max()), int(downs[-1])))
    held_by = np.searchsorted(downs, end, side="right") - 1
    until = np.where((held_by >= 0) & (end < ups[held_by]), ups[held_by], end)
    order = np.lexsort((onset, pitch))
    again = np.full(len(onset), np.iinfo(np.int64).max)
    same_pitch = pitch[order[1:]] == pitch[order[:-1]]
    again[order[:-1][same_pitch]] = onset[order[1:][same_pitch]]
    return np.maximum(end, np.minimum(until, again))


def tempos(onsets: np.ndarray, microseconds: np.ndarray) -> np.ndarray:
    """TEMPO, from microseconds a quarter note; those of zero or less are dropped."""
    rows = zip(onsets.tolist(), microseconds.tolist(), strict=True)
    return np.array([(onset, 60e6 / each) for onset, each in rows if each > 0], TEMPO)


def metres(onsets: np.ndarray, numerators: np.ndarray, denominators: np.ndarray) -> np.ndarray:
    """METRE, without those that have no beats or a denominator that is not 1, 2, 4, ... 64."""
    rows = zip(onsets.tolist(), numerators.tolist(), denominators.tolist(), strict=True)
    return np.array([row for row in rows if 0 < row[1] <= 255 and row[2] in _DENOMINATORS], METRE)


def keys(onsets: np.ndarray, sharps: np.ndarray, minor: np.ndarray) -> np.ndarray:
    """KEY, without those of more than seven sharps (or, below zero, flats) or of a mode that is neither 0 nor 1."""
    rows = zip(onsets.tolist(), sharps.tolist(), minor.tolist(), strict=True)
    return np.array([row for row in rows if abs(row[1]) <= 7 and 0 <= row[2] <= 1], KEY)


def _rescale(ticks: Any, resolution: int) -> Any:
    """File ticks to the Score's, rounded half up."""
    if resolution == TICKS_PER_QUARTER:
        return ticks
    return (2 * TICKS_PER_QUARTER * ticks + resolution) // (2 * resolution)


def _table(table: np.ndarray, resolution: int) -> np.ndarray:
    """Sorted, in Score ticks; of several changes at one time the last in the file holds.

    What stands just behind the beginning holds from the beginning: many sequencers write their first metre and tempo a
    tick late, and a first bar of one tick would push all others off the grid.
    """
    if not len(table):
        return table
    if len(table) == 1:  # as it mostly is, and this takes a tenth of the time
        onset = _rescale(int(table["onset_ticks"][0]), resolution)
        table["onset_ticks"] = 0 if onset < _EARLY else onset
        return table[:1] if 0 <= onset <= _LATEST else table[:0]
    onsets = _rescale(table["onset_ticks"].astype(np.int64), resolution)
    if onsets.min() < 0 or onsets.max() > _LATEST:
        fits = (onsets >= 0) & (onsets <= _LATEST)
        table, onsets = table[fits], onsets[fits]
    onsets[onsets < _EARLY] = 0
    table["onset_ticks"] = onsets
    if len(table) > 1:
        order = np.argsort(onsets, kind="stable")
        last = np.append(np.diff(onsets[order]) > 0, True)
        table = table[order[last]]
    return table


def clean(name: str) -> str:
    """A track's name or a title as one printable line of at most 200 characters."""
    if not name.isprintable():
        name = "".join(c if c.isprintable() else " " for c in name)
    return name.strip()[:200]


def decode(raw: bytes) -> str:
    """Text of a MIDI file, which never says its encoding: UTF-8 where that fits, else Shift-JIS, else Latin-1.

    Latin-1 has no letters among the bytes 80 to 9f, which begin most characters of Japanese text.
    """
    for encoding in ("utf-8", "cp932") if _NO_LATIN_1.search(raw) else ("utf-8",):
        with contextlib.suppress(UnicodeDecodeError):
            return clean(raw.decode(encoding))
    return clean(raw.decode("latin-1"))
