"""Ticks <-> steps of a grid, notes <-> rolls, and the re-strike rule: what a keyboard, MIDI and a piano-roll can hold.

A grid divides the quarter note into a whole number of equal steps (4: sixteenths). Rounding is half up, so that a note
exactly between two steps always goes the same way.

A roll is an array of steps by keys, 1 while the key sounds. It cannot say that a key which sounds is struck again: two
notes of one key that touch would be one long note. `separate_repeats` therefore decides, for every roll, what is shown:

- of notes struck on the same step the longest stays, and a key that is struck while it sounds goes on to the later end
  of both notes, as two parts that share a key would have it;
- a note that would reach the next strike of its key ends a step before it, so that there is a 0 between two notes;
- where strikes of a key follow each other step by step there is no room for that 0, and every other one of them is
  kept: counted from the last one if that is longer than a step, else from the first. Repeated sixteenths on a grid of
  sixteenths become repeated eighths, never one long note.

`rejoin_repeats` gives that step back: a key that is let go for just one step before it is struck again was held until
then. So notes that touch come back as they were, and a roll loses what looks the same: rests of one step between two
notes of one key, and every second one of the fastest repetitions. `strikes_of` keeps these too, for a roll with a
second number per key that says where it is struck.

Keys that are `is_percussive` (drums) have no length: a note is a 1 on its onset step only and each 1 is a note of its
own, so that hits on adjacent steps are all kept.
"""

from __future__ import annotations

import numpy as np

from musictool.music.score import PITCHES, TICKS_PER_QUARTER, Score, sort_notes

GRID_TICKS = TICKS_PER_QUARTER // 4  # by which the grid of an encoding moves the end of a piece, at most
_LEAST_SILENCE_TICKS = TICKS_PER_QUARTER // 24  # less was only moved onto a grid

RollNotes = tuple[np.ndarray, np.ndarray, np.ndarray]  # int64 (M,) each: keys, onsets in steps, lengths in steps


def to_steps(ticks: np.ndarray, steps_per_quarter: int) -> np.ndarray:
    """int64: the nearest step of each time in ticks."""
    return (2 * np.asarray(ticks, np.int64) * steps_per_quarter + TICKS_PER_QUARTER) // (2 * TICKS_PER_QUARTER)


def to_ticks(steps: np.ndarray, steps_per_quarter: int) -> np.ndarray:
    """int64: the time in ticks at which each step begins."""
    return (np.asarray(steps, np.int64) * TICKS_PER_QUARTER + steps_per_quarter // 2) // steps_per_quarter


def in_steps(notes: np.ndarray, steps_per_quarter: int) -> tuple[np.ndarray, np.ndarray]:
    """int64 (N,) each: onset and length in steps of NOTE (N,); both ends are rounded, a length is at least 1."""
    onset_ticks = notes["onset_ticks"].astype(np.int64)
    onsets = to_steps(onset_ticks, steps_per_quarter)
    ends = to_steps(onset_ticks + notes["duration_ticks"], steps_per_quarter)
    return onsets, np.maximum(ends - onsets, 1)


def split_long(times: np.ndarray, longest: int) -> tuple[np.ndarray, np.ndarray]:
    """Times (N,) of any length as times of at most `longest`, the last of each what remains; nothing for 0.

    Returns:
        int64 (M,) each: the index of the time that is split, and the part.
    """
    counts = -(-times // longest)
    parts = np.full(int(counts.sum()), longest, np.int64)
    long = np.flatnonzero(counts)
    parts[np.cumsum(counts)[long] - 1] = times[long] - (counts[long] - 1) * longest
    return np.repeat(np.arange(len(times)), counts), parts


def without_overlaps(notes: np.ndarray) -> np.ndarray:
    """NOTE (M,), M <= N: `notes` without overlaps of one pitch in one track.

    A key that is struck again while it sounds ends its first note there; of notes struck together the longest stays.
    MIDI cannot say which of two equal pitches a note-off ends, and every reader guesses differently.
    """
    keys = notes["track"].astype(np.int64) * PITCHES + notes["pitch"]
    onsets = notes["onset_ticks"].astype(np.int64)
    kept, ends = unique_strikes(keys, onsets, onsets + notes["duration_ticks"], notes["velocity"])
    notes = notes[kept]
    notes["duration_ticks"] = ends - notes["onset_ticks"]
    return sort_notes(notes)


def unique_strikes(
    keys: np.ndarray, onsets: np.ndarray, ends: np.ndarray, velocities: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The rule of `without_overlaps` for notes (N,) in any order and unit; of equally long ones the loudest stays.

    Returns:
        int64 (M,) each, sorted by key, then onset: the index of each note that stays, and its end.
    """
    order = np.lexsort((velocities, ends, onsets, keys))
    keys, onsets = keys[order], onsets[order]
    kept = np.append((keys[1:] != keys[:-1]) | (onsets[1:] != onsets[:-1]), True)[: len(order)]
    order, keys, onsets = order[kept], keys[kept], onsets[kept]
    ends = ends[order]
    ends[:-1] = np.where(keys[1:] == keys[:-1], np.minimum(ends[:-1], onsets[1:]), ends[:-1])
    return order, ends


def separate_repeats(keys: np.ndarray, onsets: np.ndarray, lengths: np.ndarray, is_percussive: np.ndarray) -> RollNotes:
    """The notes that a roll shows, by the rule above.

    Args:
        keys, onsets, lengths: int64 (N,), in any order; onsets and lengths in steps, lengths at least 1.
        is_percussive: bool (K,), which keys' notes have no length.

    Returns:
        int64 (M,) each, M <= N: keys, onsets, lengths, sorted by key, then onset.
    """
    keys, onsets, lengths = strikes_of(keys, onsets, lengths, is_percussive)
    if not len(keys):
        return keys, onsets, lengths
    # a note ends a step before the next strike of its key
    gaps = np.where(keys[1:] == keys[:-1], np.diff(onsets), np.iinfo(np.int64).max)
    gaps = np.append(gaps, np.iinfo(np.int64).max)
    hit = is_percussive[keys]
    lengths = np.where(hit, 1, np.minimum(lengths, np.maximum(gaps - 1, 1)))
    # where strikes follow step by step there is no room for that step, and every other one stays
    kept = _every_other((gaps == 1) & ~hit, lengths)
    return keys[kept], onsets[kept], lengths[kept]


def strikes_of(keys: np.ndarray, onsets: np.ndarray, lengths: np.ndarray, is_percussive: np.ndarray) -> RollNotes:
    """The notes of a keyboard: one strike of a key per step, each until the key is struck again at the latest.

    Args and returns are those of `separate_repeats`.
    """
    if not len(keys):
        return keys, onsets, lengths
    # all keys in one line, each as long as the music: the last note of a key does not reach the first of the next
    stride = int((onsets + lengths).max()) + 1
    places = keys * stride + onsets
    order = np.argsort(places)
    places = places[order]
    # of the notes of one key on one step, the longest
    firsts = np.flatnonzero(np.diff(places, prepend=-1))
    lengths = np.maximum.reduceat(lengths[order], firsts)
    places = places[firsts]
    # a key that is struck while it sounds goes on to the later end of both notes
    lengths = np.maximum.accumulate(places + lengths) - places
    # it is struck again at the end of a note at the latest; a drum has no length
    gaps = np.diff(places, append=places[-1] + stride)
    keys, onsets = np.divmod(places, stride)
    return keys, onsets, np.where(is_percussive[keys], 1, np.minimum(lengths, gaps))


def rejoin_repeats(strikes: RollNotes, is_percussive: np.ndarray) -> RollNotes:
    """Notes of a roll, sorted by key, then onset, with the step that `separate_repeats` may have taken from each."""
    keys, onsets, lengths = strikes
    one_off = (keys[1:] == keys[:-1]) & (onsets[1:] - (onsets + lengths)[:-1] == 1) & ~is_percussive[keys[1:]]
    return keys, onsets, lengths + np.append(one_off, False)[: len(keys)]


def _every_other(touches: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """bool (M,): which strikes remain, where bool `touches` (M,) says that the next one is on the very next step."""
    starts_run = np.append(True, ~touches[:-1])
    firsts = np.flatnonzero(starts_run)
    lasts = np.append(firsts[1:], len(touches)) - 1
    kept = np.where(lengths[lasts] > 1, lasts, firsts)  # one of each run that surely is
    return (np.arange(len(touches)) - kept[np.cumsum(starts_run) - 1]) % 2 == 0


def to_roll(strikes: RollNotes, steps: int, num_keys: int) -> np.ndarray:
    """uint8 0/1 (steps, num_keys): 1 while a key sounds."""
    keys, onsets, lengths = strikes
    before = np.cumsum(lengths) - lengths
    cells = np.repeat((onsets - before) * num_keys + keys, lengths) + np.arange(int(lengths.sum())) * num_keys
    roll = np.zeros((steps, num_keys), np.uint8)
    roll.reshape(-1)[cells] = 1
    return roll


def from_roll(roll: np.ndarray, is_percussive: np.ndarray, struck: np.ndarray | None = None) -> RollNotes:
    """The notes of any roll (T, K), sorted by key, then onset: runs of ones, and each 1 where `is_percussive` (K,).

    With `struck`, 0/1 (T, K), a run is as many notes as it has strikes; the first 1 of a run is one in any case.
    """
    steps, num_keys = roll.shape
    cells = np.flatnonzero(roll != 0)  # of a bool array numpy finds them ten times faster
    onsets = cells // num_keys
    stride = steps + 1  # a 1 on the last step of a key does not touch one on the first step of the next
    places = np.sort((cells - onsets * num_keys) * stride + onsets)
    keys = places // stride
    begins = (np.diff(places, prepend=-2) != 1) | is_percussive[keys]
    if struck is not None:
        begins |= struck[places - keys * stride, keys] != 0
    firsts = np.flatnonzero(begins)
    keys = keys[firsts]
    return keys, places[firsts] - keys * stride, np.diff(firsts, append=len(places))


def leading_silence_ticks(score: Score, decoded: Score) -> int:
    """Ticks of silence before the first note of a piece that are missing where it was encoded and decoded.

    An encoding that writes tempos or metres leaves none out.
    """
    if len(decoded.tempos) or len(decoded.metres) or not len(decoded.notes):
        return 0
    notes = score.notes if decoded.is_drum.any() else score.notes[~score.is_drum]
    left_out = notes["onset_ticks"].min() - decoded.notes["onset_ticks"].min()
    return max(0, round(left_out / _LEAST_SILENCE_TICKS) * _LEAST_SILENCE_TICKS)
