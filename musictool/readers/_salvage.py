"""A MIDI file read event by event, as far as it can be followed, with a word on everything that is not as it should be.

Kept: every note, program, pedal, name, tempo, metre and key change up to the first place where a track cannot be
followed, or goes on for longer than any music. Mended: leading bytes before the header (MacBinary and other wrappers),
a header of another length, wrong chunk lengths, a missing or early end of track, what `_midi_events` mends, notes that
are never released. Left out: foreign chunks, a second file behind the first, tracks beyond the declared number that
repeat another. Times in SMPTE frames become ticks of 120 quarter notes per minute.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from musictool import reading
from musictool.errors import BadFile
from musictool.readers._midi_channels import resolve
from musictool.readers._midi_events import TEMPO, Meta, TrackEvents, read_track
from musictool.readers._midi_parts import Parsed

HEADER_WITHIN = 4096  # bytes from the file's start; wrappers are shorter
FRAME_RATES = {24: 24.0, 25: 25.0, 29: 30000 / 1001, 30: 30.0}  # SMPTE code -> frames a second
DEFAULT_RESOLUTION = 480
_SEPARATE_TRACKS = 2  # the format whose tracks are pieces for themselves
_MAX_LISTED = 8  # faults in a remark


def unwrapped(data: bytes) -> bytes:
    """The MIDI file inside a RIFF file of the form RMID; other bytes as they are."""
    if data[:4] != b"RIFF" or data[8:12] != b"RMID":
        return data
    at = 12
    while at + 8 <= len(data):
        name, size = struct.unpack("<4sI", data[at : at + 8])
        if name == b"data":
            return data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return data


def salvage(data: bytes) -> tuple[Parsed, list[str]]:
    """The music of a MIDI file, and what is wrong with the file, such as "track 3 truncated".

    A note that still sounds where a track breaks off ends there. For a sound file the list is empty.

    Raises:
        BadFile: "empty", "not MIDI", "truncated" (before the first track), "no notes" (no track), "SMPTE time" (of an
            unknown frame rate).
    """
    if not data.strip(b"\0"):
        raise BadFile("empty")
    at = data.find(b"MThd", 0, HEADER_WITHIN)
    if at < 0:
        raise BadFile("not MIDI", "there is no MThd header")
    faults = [f"{at} bytes before the header"] if at else []
    data = data[at:]
    if len(data) < 14:
        raise BadFile("truncated", "inside the header")
    header_length, form, expected, division = struct.unpack(">IHHh", data[4:14])
    if header_length != 6:
        faults.append("header length wrong")
    resolution, microseconds = _resolution(division, faults)
    tracks = _Tracks(data, expected, resolution, faults)
    tracks.read(8 + (header_length if 6 <= header_length <= 64 else 6))
    if not tracks.found:
        raise BadFile("truncated" if expected else "no notes", "before the first track")
    events = [each.events for each in tracks.found]
    if microseconds:
        events = [track._replace(metas=[m for m in track.metas if m.kind != TEMPO]) for track in events]
        events[0].metas.insert(0, Meta(0, 0, TEMPO, microseconds.to_bytes(3, "big")))
    parsed, forgotten = resolve(events, resolution, form == _SEPARATE_TRACKS)
    for each, count in zip(tracks.found, forgotten.tolist(), strict=True):
        if count and not each.breaks_off:
            faults.append(f"track {each.number} {_counted(count, 'note')} never released")
    return parsed, faults[:_MAX_LISTED] + [f"{len(faults) - _MAX_LISTED} more"] * (len(faults) > _MAX_LISTED)


def _resolution(division: int, faults: list[str]) -> tuple[int, int]:
    """Ticks a quarter note, and, where the file counts in SMPTE frames, the microseconds of one."""
    if division > 0:
        return division, 0
    if division == 0:
        faults.append("no resolution")
        return DEFAULT_RESOLUTION, 0
    code, ticks_per_frame = -(division >> 8), division & 0xFF
    if code not in FRAME_RATES or not ticks_per_frame:
        raise BadFile("SMPTE time", f"of {code} frames a second and {ticks_per_frame} ticks a frame")
    ticks_per_second = FRAME_RATES[code] * ticks_per_frame
    resolution = max(1, round(ticks_per_second / 2))
    return resolution, round(1e6 * resolution / ticks_per_second)


class _FoundTrack(NamedTuple):
    """A track, its number in the file counted from 1, and whether it is known to lack its end."""

    events: TrackEvents
    number: int
    breaks_off: bool


class _Tracks:
    """The tracks of a file as they are found."""

    def __init__(self, data: bytes, expected: int, resolution: int, faults: list[str]):
        self.data, self.expected, self.faults = data, expected, faults
        self.limit = reading.MAX_QUARTERS * resolution
        self.found: list[_FoundTrack] = []
        self._spans: set[bytes] = set()
        self._copies = self._read = 0

    def read(self, at: int) -> None:
        """The tracks from `at` on."""
        while at + 8 <= len(self.data):
            name, length = struct.unpack(">4sI", self.data[at : at + 8])
            if name == b"MTrk":
                at = self._track(at + 8, length)
            elif name == b"MThd" and self._read >= self.expected:
                self.faults.append("a second MIDI file behind the first left out")
                return
            else:
                following = self.data.find(b"MTrk", at)
                if following < 0:
                    break
                if name == b"MThd":
                    self.faults.append("a second header")
                elif not (_is_chunk(self.data, at) and at + 8 + length <= following):
                    self.faults.append("bytes between chunks")
                at = max(following, at + 1)
        if self._copies:
            self.faults.append(
                f"{_counted(self._copies, 'copy', 'copies')} of a track beyond the declared number left out"
            )
        if self._read - self._copies > self.expected:
            self.faults.append(f"{self._read - self._copies} tracks where {self.expected} are declared")
        elif self._read < self.expected:
            self.faults.append(f"{self._read} of {self.expected} tracks there")

    def _track(self, begin: int, length: int) -> int:
        """Read one track; where what follows it begins."""
        end = self._chunk_end(begin, length)
        whole = end == begin + length
        events = read_track(self.data, begin, end, whole)
        swallowed = self.data.find(b"MTrk", events.end_at, end)  # by a length that is too long
        after = end if swallowed < 0 else swallowed
        self._read += 1
        span = self.data[begin:after]
        if self._read > self.expected and span in self._spans:
            self._copies += 1
            return after
        self._spans.add(span)
        events, is_cut = _cut(events, self.limit)
        self._note_faults(events, whole and swallowed < 0, is_cut, begin + length > len(self.data))
        self.found.append(_FoundTrack(events, self._read, events.is_lost or is_cut))
        return after

    def _note_faults(self, events: TrackEvents, whole: bool, is_cut: bool, reaches_beyond: bool) -> None:
        faults = []
        if events.is_lost:
            faults.append("truncated" if reaches_beyond else "damaged")
        elif not whole:
            faults.append("length wrong")
        if is_cut:
            faults.append(f"cut where it goes on beyond {reading.MAX_QUARTERS:,} quarter notes")
        if events.behind_end:
            faults.append(f"had {_counted(events.behind_end, 'note')} behind its end")
        if events.unread and whole:
            faults.append(f"had {_counted(events.unread, 'byte')} behind its end")
        if events.illegal and not events.is_lost:
            faults.append(f"had {_counted(events.illegal, 'illegal event')}")
        self.faults += [f"track {self._read} {fault}" for fault in faults]

    def _chunk_end(self, start: int, length: int) -> int:
        """Where the chunk ends: where its length says if there is its end or another's begin, else before the next."""
        end = start + length
        if end == len(self.data) or _is_chunk(self.data, end) or self.data[end - 3 : end] == b"\xff\x2f\x00":
            return end
        following = self.data.find(b"MTrk", start)
        return following if following >= 0 else len(self.data)


def _is_chunk(data: bytes, at: int) -> bool:
    name = data[at : at + 4]
    return len(name) == 4 and name.isascii() and name.decode("ascii").isprintable()


def _cut(events: TrackEvents, limit: int) -> tuple[TrackEvents, bool]:
    """The events up to a time, and whether messages of notes were lost by it."""
    if events.end <= limit:
        return events, False
    count = int(np.searchsorted(events.time, limit, side="right"))
    metas = [meta for meta in events.metas if meta.time <= limit]
    end = max(int(events.time[count - 1]) if count else 0, metas[-1].time if metas else 0)
    is_cut = bool((events.status[count:] < 0xA0).any())
    time, status, data1, data2 = (column[:count] for column in (events.time, events.status, events.data1, events.data2))
    return events._replace(time=time, status=status, data1=data1, data2=data2, metas=metas, end=end), is_cut


def _counted(count: int, noun: str, plural: str = "") -> str:
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
