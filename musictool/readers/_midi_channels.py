"""From the events of tracks to notes: the rules by which a release, a pedal and a program find what they are meant for.

They belong to a channel (of a port), whatever track they stand in; only the tracks of a format 2 file, which are pieces
for themselves, share nothing.

    release     ends the oldest note of its key that its own track has struck, or else that another track has
    no release  a note that nobody releases ends where its key is struck again, or else at the end of its track
    silence     All Notes Off and the mode messages release all; All Sound Off and a reset end what the pedal holds too
    pedal       holds what is released while it is down; `_midi_parts.hold` says until when
    program     the last one that the own track has set, unless another has set one since

Where more notes of a key are struck than released, it is the earlier ones that were forgotten: in "on, on, off" the
first note ends where the second begins.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from musictool.music.score import Track
from musictool.readers import _midi_parts as midi_parts
from musictool.readers._midi_events import DEVICE, KEY, METRE, NAME, PORT, RESET, TEMPO, TrackEvents
from musictool.readers._midi_parts import (
    ALL_NOTES_OFF,
    ALL_SOUND_OFF,
    DRUM_CHANNEL,
    PEDAL_DOWN,
    RESET_CONTROLLERS,
    SUSTAIN_PEDAL,
    Parsed,
    Part,
    decode,
)

_OFF, _ON, _CONTROL, _PROGRAM = 0x8, 0x9, 0xB, 0xC  # upper halves of status bytes
_PITCHES = 128
_NEVER = np.iinfo(np.int64).max


class _Messages:
    """The channel messages of all tracks in the order in which they are played; arrays (E,)."""

    def __init__(self, tracks: Sequence[TrackEvents], separate: bool):
        times = np.concatenate([track.time for track in tracks])
        order = np.argsort(times, kind="stable")
        self.time = times[order]
        status, data1, data2 = (
            np.concatenate([getattr(track, name) for track in tracks]).astype(np.int64)[order]
            for name in ("status", "data1", "data2")
        )
        self.kind, self.data1, self.data2 = status >> 4, data1, data2
        self.number = status & 0x0F  # of the channel on its port
        self.track = np.repeat(np.arange(len(tracks)), [len(track.time) for track in tracks])[order]
        ports: dict[object, int] = {}
        port = np.concatenate([_ports(track, i if separate else None, ports) for i, track in enumerate(tracks)])
        self.channel = port[order] * 16 + self.number


def _ports(track: TrackEvents, piece: int | None, known: dict[object, int]) -> np.ndarray:
    """The number of the port, int64 (E,), that each message of a track goes to; `known` numbers all of them."""
    changes = [meta for meta in track.metas if meta.kind in (PORT, DEVICE)]
    name: tuple[object, bytes, bytes] = (piece, b"\0", b"")
    at, pieces = 0, []
    for meta in [*changes, None]:
        until = meta.position if meta else len(track.time)
        pieces.append(np.full(until - at, known.setdefault(name, len(known))))
        at = until
        if meta:
            name = (piece, meta.body, name[2]) if meta.kind == PORT else (piece, name[1], meta.body)
    return np.concatenate(pieces)


def resolve(tracks: Sequence[TrackEvents], resolution: int, separate: bool) -> tuple[Parsed, np.ndarray]:
    """The parts and tables of a file whose pedals are folded into the notes, and what was never released.

    Args:
        tracks: their events.
        resolution: ticks per quarter note.
        separate: the tracks share nothing (format 2).

    Returns:
        The music, and int64 (tracks,): how many notes of each track nothing ended but the key's next strike or the end
        of the track.
    """
    messages = _Messages(tracks, separate)
    strikes, ends, forgotten = _pair(messages, np.array([track.end for track in tracks]))
    resets = np.array(sorted(meta.time for track in tracks for meta in track.metas if meta.kind == RESET), np.int64)
    _silence_and_hold(messages, resets, strikes, ends, forgotten)
    parts = _parts(messages, strikes, ends, _programs(messages, strikes), [_name(track) for track in tracks])
    parsed = Parsed(resolution, parts, *_tables(tracks))
    return parsed, np.bincount(messages.track[strikes[forgotten]], minlength=len(tracks))


def _pair(messages: _Messages, track_ends: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(N,) the index of each note on, when it ends, and whether only a strike or the track's end ended it."""
    on = (messages.kind == _ON) & (messages.data2 > 0)
    index = np.flatnonzero(on | (messages.kind == _OFF) | (messages.kind == _ON))
    key = messages.channel * _PITCHES + messages.data1
    # within each track, and then, of what is left, across tracks
    keys_in_all = int(key.max(initial=0)) + 1
    pairs, rest = _pairs(index, (messages.track * keys_in_all + key)[index], on[index])
    across, rest = _pairs(rest, key[rest], on[rest])
    paired = np.concatenate([pairs, across])
    forgotten = rest[on[rest]]
    strikes = np.concatenate([paired[:, 0], forgotten])
    order = np.argsort(strikes)
    ends = np.concatenate([messages.time[paired[:, 1]], track_ends[messages.track[forgotten]]])
    is_forgotten = np.arange(len(strikes)) >= len(paired)
    if len(forgotten):
        ends[len(paired) :] = np.minimum(
            ends[len(paired) :], _next_strikes(key[strikes], messages.time[strikes], ends, len(paired))
        )
    return strikes[order], ends[order], is_forgotten[order]


def _next_strikes(key: np.ndarray, time: np.ndarray, ends: np.ndarray, paired: int) -> np.ndarray:
    """When the keys of the notes from `paired` on are struck again, or released if they were struck twice at once."""
    code = key << 32 | time
    strikes = np.unique(code)
    following = np.append(strikes, _NEVER)[np.searchsorted(strikes, code[paired:], side="right")]
    again = np.where(following >> 32 == key[paired:], following & 0xFFFFFFFF, _NEVER)
    order = np.argsort(code[:paired])
    released = np.append(code[:paired][order], _NEVER)
    twin = np.searchsorted(released, code[paired:])
    has_twin = released[twin] == code[paired:]
    return np.where(has_twin, np.append(ends[:paired][order], 0)[twin], again)


def _pairs(index: np.ndarray, key: np.ndarray, on: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which note off ends which note on of the same key.

    Args:
        index: (M,) of messages, ascending.
        key, on: (M,) what they are about, and whether they strike it.

    Returns:
        (P, 2) pairs of indices, and (R,) the indices that are left over, ascending.
    """
    order = np.argsort(key, kind="stable")
    index, key, on = index[order], key[order], on[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    sizes = np.diff(starts, append=len(key))
    if not len(starts):
        return np.zeros((0, 2), np.int64), index
    # plain: strike and release in turn
    in_turn = on == ((np.arange(len(key)) - np.repeat(starts, sizes)) % 2 == 0)
    plain = np.logical_and.reduceat(in_turn, starts) & (sizes % 2 == 0)
    pairs, rest = [index[np.repeat(plain, sizes)].reshape(-1, 2)], [np.zeros(0, np.int64)]
    for start, size in zip(starts[~plain].tolist(), sizes[~plain].tolist(), strict=True):
        span = slice(start, start + size)
        paired, left = _pairs_of_key(on[span].tolist())
        pairs.append(index[span][np.array(paired, np.int64).reshape(-1, 2)])
        rest.append(index[span][left])
    return np.concatenate(pairs), np.sort(np.concatenate(rest))


def _pairs_of_key(on: list[bool]) -> tuple[list[tuple[int, int]], list[int]]:
    """As `_pairs`, of one key's strikes and releases: the oldest is released first, but forgotten ones never are."""
    sounding: list[int] = []
    left: list[int] = []
    for i, strikes in enumerate(on):
        if strikes:
            sounding.append(i)
        elif sounding:
            sounding.pop()
        else:
            left.append(i)
    left = sorted(left + sounding)
    skipped = set(left)
    waiting: deque[int] = deque()
    pairs = []
    for i, strikes in enumerate(on):
        if i in skipped:
            continue
        if strikes:
            waiting.append(i)
        else:
            pairs.append((waiting.popleft(), i))
    return pairs, left


def _silence_and_hold(
    messages: _Messages, resets: np.ndarray, strikes: np.ndarray, ends: np.ndarray, forgotten: np.ndarray
) -> None:
    """Bring mode messages, resets and the pedal into `ends`; what a mode message ended is not `forgotten`."""
    is_control = messages.kind == _CONTROL
    modes = is_control & ((messages.data1 == ALL_SOUND_OFF) | (messages.data1 >= ALL_NOTES_OFF))
    pedals = is_control & ((messages.data1 == SUSTAIN_PEDAL) | (messages.data1 == RESET_CONTROLLERS))
    presses = is_control & (messages.data1 == SUSTAIN_PEDAL) & (messages.data2 >= PEDAL_DOWN)
    channels = set(messages.channel[modes | presses].tolist())
    if len(resets):
        channels.update(messages.channel[strikes].tolist())
    for channel in channels:
        notes = np.flatnonzero(messages.channel[strikes] == channel)
        if not len(notes):
            continue
        of_channel = messages.channel == channel
        time, pitch, end = messages.time[strikes[notes]], messages.data1[strikes[notes]], ends[notes]
        off = np.sort(np.append(messages.time[modes & of_channel], resets))
        earlier = _first_behind(off, time)
        forgotten[notes] &= earlier > end
        end = np.minimum(end, earlier)
        pedal = np.flatnonzero(pedals & of_channel)
        if presses[pedal].any() and messages.number[strikes[notes[0]]] != DRUM_CHANNEL:
            value = np.where(messages.data1[pedal] == SUSTAIN_PEDAL, messages.data2[pedal], 0)
            end = midi_parts.hold(time, end, pitch, messages.time[pedal], value)
            quiet = messages.time[modes & of_channel & (messages.data1 == ALL_SOUND_OFF)]
            end = np.minimum(end, _first_behind(np.sort(np.append(quiet, resets)), time))
        ends[notes] = end


def _first_behind(times: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """The first of sorted `times` that is later than each onset."""
    return np.append(times, _NEVER)[np.searchsorted(times, onsets, side="right")]


def _programs(messages: _Messages, strikes: np.ndarray) -> np.ndarray:
    """int64 (N,): the program that each note has."""
    programs = np.zeros(len(strikes), np.int64)
    changes = np.flatnonzero(messages.kind == _PROGRAM)
    if not len(changes):
        return programs
    group = messages.channel[strikes] * (1 + int(messages.track.max())) + messages.track[strikes]
    for each in np.unique(group).tolist():
        notes = np.flatnonzero(group == each)
        first = strikes[notes[0]]
        of_channel = changes[messages.channel[changes] == messages.channel[first]]
        is_own = messages.track[of_channel] == messages.track[first]
        own, others = of_channel[is_own], of_channel[~is_own]
        # own changes count in their order, those of other tracks from their time on
        at_own = np.searchsorted(own, strikes[notes]) - 1
        at_other = np.searchsorted(messages.time[others], messages.time[strikes[notes]], side="right") - 1
        own_since, own_program = _nth(messages.time[own], at_own, -1), _nth(messages.data1[own], at_own, 0)
        other_since = _nth(messages.time[others], at_other, -1)
        programs[notes] = np.where(own_since >= other_since, own_program, _nth(messages.data1[others], at_other, 0))
    return programs


def _nth(values: np.ndarray, at: np.ndarray, default: int) -> np.ndarray:
    """`values[at]`, and the default where `at` is -1."""
    return np.append(values, default)[at]


def _parts(
    messages: _Messages, strikes: np.ndarray, ends: np.ndarray, programs: np.ndarray, names: list[str]
) -> list[Part]:
    """The notes by track, channel and program, in this order."""
    channel, track = messages.channel[strikes], messages.track[strikes]
    order = np.lexsort((programs, channel, track))
    changes = [np.diff(column[order], prepend=-1) != 0 for column in (track, channel, programs)]
    bounds = np.flatnonzero(np.logical_or.reduce(changes)).tolist()
    parts = []
    for begin, end in pairwise([*bounds, len(order)]):
        notes = order[begin:end]
        first, rows = notes[0], strikes[notes]
        identity = Track(int(programs[first]), int(messages.number[rows[0]]) == DRUM_CHANNEL, names[track[first]])
        onset = messages.time[rows]
        parts.append(Part(identity, onset, ends[notes] - onset, messages.data1[rows], messages.data2[rows]))
    return parts


def _name(track: TrackEvents) -> str:
    """The last name that a track gives itself."""
    names = [meta.body for meta in track.metas if meta.kind == NAME]
    return decode(names[-1]) if names else ""


def _tables(tracks: Sequence[TrackEvents]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tempos, metres and keys, in ticks of the file."""
    metas = sorted((meta for track in tracks for meta in track.metas), key=lambda meta: meta.time)
    columns = [
        np.array([(meta.time, *numbers(meta.body)) for meta in metas if meta.kind == kind], np.int64)
        .reshape(-1, width)
        .T
        for kind, width, numbers in (
            (TEMPO, 2, lambda body: [int.from_bytes(body, "big")]),
            (METRE, 3, lambda body: [body[0], 1 << body[1]]),
            (KEY, 3, lambda body: [int.from_bytes(body[:1], "big", signed=True), body[1]]),
        )
    ]
    return midi_parts.tempos(*columns[0]), midi_parts.metres(*columns[1]), midi_parts.keys(*columns[2])
