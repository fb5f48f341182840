"""The events of a MIDI track: all that a note's pitch, time, loudness and instrument depend on.

Where each event begins is found for a whole stretch of bytes at once: for every byte it is worked out where the next
event would begin if one began here, and then it is a matter of following. At the first thing that is not as the
specification has it the rest of the track is read event by event. Illegal but harmless, and mended: status bytes that
files may not hold (f1 to f6, f8 to fe), data bytes above 127 (they become 127), tempos, metres and keys that cannot be.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

NAME, DEVICE, PORT, END, TEMPO, METRE, KEY = 0x03, 0x09, 0x21, 0x2F, 0x51, 0x58, 0x59  # meta events
RESET = 0xF0  # stands among meta events for a system exclusive message that silences the whole synthesiser
_KEPT = frozenset((NAME, DEVICE, PORT, TEMPO, METRE, KEY))
_SYSTEM_DATA_BYTES = {0xF1: 1, 0xF2: 2, 0xF3: 1}  # the other system messages carry none

_RESETS = {
    *((b"\x7e", bytes([9, mode, 0xF7])) for mode in (1, 2, 3)),  # General MIDI on, off, 2 on
    (b"\x41", b"\x42\x12\x40\x00\x7f\x00\x41\xf7"),  # Roland GS
    (b"\x43", b"\x4c\x00\x00\x7e\x00\xf7"),  # Yamaha XG
}

_STRETCH = 1 << 16  # bytes that are worked out at once
_MARGIN = 16  # bytes that an event may need behind the one it begins at, before its text
_NEVER = 1 << 30
_LENGTHS = np.full(256, 2, np.int32)  # of an event by its status, or by its first data byte, without delta and text
_LENGTHS[0x80:0xC0] = _LENGTHS[0xE0:0xF0] = 3
_LENGTHS[0xF0:] = _NEVER


class LostError(Exception):
    """The bytes from here on cannot be split into events."""


class Meta(NamedTuple):
    """A meta event, or a reset."""

    time: int  # ticks
    position: int  # how many channel messages of its track come before it
    kind: int
    body: bytes


class TrackEvents(NamedTuple):
    """What a track says; arrays (E,) of its channel messages in order."""

    time: np.ndarray  # int64, ticks
    status: np.ndarray  # uint8
    data1: np.ndarray  # uint8
    data2: np.ndarray  # uint8; 0 where the message has one data byte
    metas: list[Meta]
    end: int  # ticks: the end of the track
    end_at: int  # where the reading stopped
    is_lost: bool  # before its bytes were used up
    illegal: int  # events that were mended or left out
    behind_end: int  # notes on behind the first end of track
    unread: int  # bytes behind the end of track that are no events and not zero


def read_track(data: bytes, begin: int, end: int, whole: bool = True) -> TrackEvents:
    """The events in `data[begin:end]`.

    Args:
        whole: the chunk is as long as it says, and so may do without its end of track; and what stands behind an end of
            track belongs to it, if it begins with a status byte, or is all of it events.
    """
    reader = _Reader(data, end)
    at, behind = begin, -1
    try:
        while True:
            at, ended = reader.quickly(at)
            if not ended and at < end:
                at, ended = reader.step_by_step(at)
            if ended and behind < 0:
                behind = reader.count
            if not (ended and whole and reader.goes_on(at)):
                break
        is_lost = not (ended or whole)
    except LostError:
        is_lost, at = behind < 0, reader.at
    return reader.result(at, is_lost, behind)


class _Reader:
    """The events of one track so far."""

    def __init__(self, data: bytes, end: int):
        self.data, self.end = data, end
        self.at = self.time = self.running = self.count = self.illegal = 0
        self.metas: list[Meta] = []
        self._blocks: list[np.ndarray] = []  # int64 (4, N): time, status and both data bytes

    def result(self, at: int, is_lost: bool, behind: int) -> TrackEvents:
        """All of it; `behind` is how many channel messages came before the first end of track."""
        time, status, data1, data2 = np.concatenate([np.zeros((4, 0), np.int64), *self._blocks], axis=1)
        late = slice(behind, None) if behind >= 0 else slice(0, 0)
        notes_behind = int(((status[late] >> 4 == 9) & (data2[late] > 0)).sum())
        status, data1, data2 = (column.astype(np.uint8) for column in (status, data1, data2))
        rest = self.data[at : self._stop(at)] if behind >= 0 else b""
        return TrackEvents(
            *(time, status, data1, data2, self.metas, self.time, at, is_lost, self.illegal, notes_behind),
            unread=len(rest) if rest.strip(b"\0") else 0,
        )

    def _stop(self, at: int) -> int:
        """Where the bytes end that may be of this track: another may have been swallowed by its length."""
        following = self.data.find(b"MTrk", at, self.end)
        return self.end if following < 0 else following

    def goes_on(self, at: int) -> bool:
        """Whether, behind an end of track, an event with a status byte follows, or legal events up to the last byte."""
        stop, running = self._stop(at), self.running
        try:
            _, place = number_at(self.data, at, stop)
            if place < stop and self.data[place] >= 0x80:
                return True
            while True:
                _, at = number_at(self.data, at, stop)
                status, body, at, legal = event_at(self.data, at, stop, running)
                running = status if status < 0xF0 else running
                if not legal or (status == 0xFF and body[0] == END):
                    return legal and at == stop
        except LostError:
            return False

    def _add(self, block: np.ndarray) -> None:
        self._blocks.append(block)
        self.count += block.shape[1]

    def _note_meta(self, time: int, position: int, kind: int, body: bytes) -> None:
        if kind not in _KEPT:
            return
        if possible(kind, body):
            self.metas.append(Meta(time, position, kind, body))
        else:
            self.illegal += 1

    def quickly(self, at: int) -> tuple[int, bool]:
        """Read legal events from `at` on; where it stopped, and if at an end of track."""
        while at < self.end:
            stop, ended = self._stretch(at)
            if ended or stop == at:
                return stop, ended
            at = stop
        return at, False

    def _stretch(self, begin: int) -> tuple[int, bool]:
        stop = min(self.end, begin + _STRETCH)
        piece = self.data[begin : min(self.end, stop + _MARGIN)]
        size = len(piece)
        data = np.frombuffer(piece + bytes(_MARGIN), np.uint8)
        # where the number that begins at a byte has its last byte, and behind it the status or first data byte
        places = np.arange(len(data), dtype=np.int32)
        last = np.minimum.accumulate(np.where(data < 0x80, places, np.int32(len(data) - 2))[-2::-1])[::-1]
        after = places + _LENGTHS[data]
        for head in np.flatnonzero(data[:size] >= 0xF0).tolist():
            after[head] = self._after_text(begin, begin + head) - begin
        following = np.where(last - places[:-1] < 4, after[last + 1], np.int32(_NEVER)).tolist()
        # follow the events
        starts: list[int] = []
        place, room = 0, self.end - begin
        while place < stop - begin and following[place] <= room:
            starts.append(place)
            place = following[place]
        if not starts:
            return begin, False
        return self._take(begin, data, np.array(starts), last, place)

    def _after_text(self, begin: int, at: int) -> int:
        """Where a meta event or a system exclusive message ends whose status byte is at `at`."""
        status = self.data[at]
        if status not in (0xF0, 0xF7, 0xFF):
            return begin + _NEVER
        try:
            length, start = number_at(self.data, at + 1 + (status == 0xFF), self.end)
        except LostError:
            return begin + _NEVER
        return start + length

    def _take(self, begin: int, data: np.ndarray, starts: np.ndarray, last: np.ndarray, stop: int) -> tuple[int, bool]:
        """Keep the events that begin at `starts`, as far as they are legal and up to an end of track."""
        ends = last[starts]
        place = ends + 1
        status = data[place].astype(np.int64)
        explicit = status >= 0x80
        # running status: that of the last channel message
        sets = explicit & (status < 0xF0)
        running = np.maximum.accumulate(np.where(sets, np.arange(len(starts)), -1))
        before = np.where(running >= 0, status[running], self.running)
        place += explicit
        status = np.where(explicit, status, before)
        data1, data2 = data[place].astype(np.int64), data[place + 1].astype(np.int64)
        single = status >> 5 == 0b110  # program change and channel pressure
        is_message = status < 0xF0
        # the first that is not legal: a data byte above 127; running status of nothing or of single data bytes
        wrong = is_message & ((data1 >= 0x80) | (~single & (data2 >= 0x80)))
        wrong |= ~explicit & (single | (status == 0))
        count = len(starts)
        if wrong.any():
            count = int(wrong.argmax())
            stop = int(starts[count])
        times = self.time + np.cumsum(_deltas(data, starts, ends))
        # meta events, up to an end of track
        ended = False
        order: np.ndarray = np.cumsum(is_message) - is_message
        for event in np.flatnonzero(status[:count] >= 0xF0).tolist():
            head, after = int(place[event]) + begin, int(starts[event + 1] if event + 1 < len(starts) else stop) + begin
            if data[place[event] - 1] == 0xFF:
                if self.data[head] == END:
                    count, stop, ended = event + 1, after - begin, True
                    break
                _, start = number_at(self.data, head + 1, self.end)
                body = self.data[start:after]
                self._note_meta(int(times[event]), self.count + int(order[event]), self.data[head], body)
            elif is_reset(self.data[number_at(self.data, head, self.end)[1] : after]):
                self.metas.append(Meta(int(times[event]), self.count + int(order[event]), RESET, b""))
        if count:
            self.time = int(times[count - 1])
            self.running = int(before[count - 1] if status[count - 1] >= 0xF0 else status[count - 1])
        kept = np.flatnonzero(is_message[:count])
        data2[single] = 0
        self._add(np.stack([times[kept], status[kept], data1[kept], data2[kept]]))
        return stop + begin, ended

    def step_by_step(self, at: int) -> tuple[int, bool]:
        """Read events from `at` on whatever they are; where it stopped, and if at an end of track.

        Raises:
            LostError: they cannot be followed; `self.at` is where.
        """
        rows: list[tuple[int, int, int, int]] = []
        ended = False
        try:
            while at < self.end and not ended:
                self.at = at
                delta, at = number_at(self.data, at, self.end)
                status, body, at, legal = event_at(self.data, at, self.end, self.running)
                self.time += delta
                self.illegal += not legal
                position = self.count + len(rows)
                if status < 0xF0:
                    self.running = status
                    rows.append((self.time, status, body[0], body[1] if len(body) > 1 else 0))
                elif status == 0xFF and body[0] == END:
                    ended = True
                elif status == 0xFF:
                    self._note_meta(self.time, position, body[0], body[1:])
                elif status == 0xF0 and is_reset(body):
                    self.metas.append(Meta(self.time, position, RESET, b""))
        finally:
            self._add(np.array(rows, np.int64).reshape(-1, 4).T)
        return at, ended


def _deltas(data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The delta times (N,) between `starts` and `ends`, the places of their first and last bytes."""
    deltas = data[ends].astype(np.int64)
    more = ends - starts
    for digit in range(1, int(more.max()) + 1):
        has = more >= digit
        deltas[has] += (data[ends[has] - digit].astype(np.int64) & 0x7F) << 7 * digit
    return deltas


def event_at(data: bytes, at: int, end: int, running: int) -> tuple[int, bytes, int, bool]:
    """The event at `at`: its status, its data (of a meta event with its kind), where the next is, and if it is legal.

    Raises:
        LostError: there is none, or not the whole of it.
    """
    if at >= end:
        raise LostError
    status = data[at]
    if status >= 0x80:
        at += 1
    elif running:
        status = running
    else:
        raise LostError
    if status < 0xF0:
        after = at + (1 if status & 0xE0 == 0xC0 else 2)
        body = bytes(min(byte, 0x7F) for byte in data[at:after])
        legal = body == data[at:after]
    elif status in (0xF0, 0xF7, 0xFF):
        length, start = number_at(data, at + (status == 0xFF), end)
        after, legal = start + length, True
        body = data[at : at + (status == 0xFF)] + data[start:after]
    else:
        after, legal, body = at + _SYSTEM_DATA_BYTES.get(status, 0), False, b""
    if after > end:
        raise LostError
    return status, body, after, legal


def possible(kind: int, body: bytes) -> bool:
    """Whether a meta event of a kind says something that can be."""
    if kind == TEMPO:
        return len(body) == 3 and any(body)
    if kind == METRE:
        return len(body) == 4 and body[0] > 0 and body[1] <= 6
    if kind == KEY:
        return len(body) == 2 and (body[0] <= 7 or body[0] >= 249) and body[1] <= 1
    return True


def is_reset(message: bytes) -> bool:
    """Whether the data of a system exclusive message are a reset of General MIDI, GS or XG, for whatever device."""
    rest = message[2:]
    return (message[:1], rest) in _RESETS


def number_at(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A variable-length number of one to four bytes, and where it ends.

    Raises:
        LostError: it does not end there.
    """
    if at < end and data[at] < 0x80:
        return data[at], at + 1
    value = 0
    for i in range(at, min(at + 4, end)):
        value = value << 7 | data[i] & 0x7F
        if data[i] < 0x80:
            return value, i + 1
    raise LostError


def number_bytes(number: int) -> bytes:
    """A number as `number_at` reads it; one too long for four bytes is cut to the longest that fits."""
    number = min(number, 0x0FFFFFFF)
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))
