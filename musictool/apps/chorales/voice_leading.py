"""How well four voices are led: what a teacher of harmony marks, counted.

Per 100 changes of chord, a change being a step in which a voice sings another pitch than in the step before:

    parallel fifths, octaves    two voices that both move, a fifth (an octave, a unison) apart before and after

and per 100 steps in which the voices sing that it takes:

    spacing        soprano and alto, or alto and tenor, more than an octave apart
    crossing       a voice below one that is lower by name
    range          a voice where it never sings in the training pieces
    leading note   the leading note of the key sung by two voices, of the steps in which it is sung

Source: the rules as in any book of four-part harmony, and the "Bach or Mock" grading function (Fang et al. 2020), which
counts some of these. Limit: Bach breaks each of them now and then; so his own numbers stand beside a model's.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from musictool.apps.chorales.pieces import REST, VOICES, Piece
from musictool.corpus.keys import key_index
from musictool.music.grid import to_ticks
from musictool.music.key import NO_KEY
from musictool.music.score import DEFAULT_VELOCITY, Score, Track
from musictool.music.voices import NAMES

OCTAVE, FIFTH = 12, 7
STEPS_PER_QUARTER = 4
FAULTS = ("parallel fifths", "parallel octaves", "spacing", "crossing", "range", "leading note doubled")


def faults(pieces: Sequence[Piece], ranges: Sequence[tuple[int, int]]) -> dict[str, float]:
    """Each of FAULTS per 100 of what it is counted of, over all the pieces.

    Args:
        ranges: the lowest and highest pitch of each voice.
    """
    faults, of = np.zeros(len(FAULTS)), np.zeros(len(FAULTS))
    for piece in pieces:
        counts, totals = _counts(piece, ranges)
        faults, of = faults + counts, of + totals
    return {name: float(100 * count / max(1, total)) for name, count, total in zip(FAULTS, faults, of, strict=True)}


def ranges_of(pieces: Sequence[Piece]) -> list[tuple[int, int]]:
    """The lowest and the highest pitch that each voice sings."""
    voices = np.concatenate(pieces).T
    return [(int(voice[voice != REST].min(initial=127)), int(voice.max(initial=0))) for voice in voices]


def _counts(piece: Piece, ranges: Sequence[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """How often each fault is there, and of how many times it could be."""
    sings = piece != REST
    before, after = piece[:-1], piece[1:]
    moves = (before != after) & sings[:-1] & sings[1:]  # (T - 1, V)
    changes = int((before != after).any(axis=1).sum())
    fifths = octaves = 0
    for high, low in combinations(range(VOICES), 2):
        both = moves[:, high] & moves[:, low]
        apart = [(each[both, high] - each[both, low]) % OCTAVE for each in (before, after)]
        fifths += int(((apart[0] == FIFTH) & (apart[1] == FIFTH)).sum())
        octaves += int(((apart[0] == 0) & (apart[1] == 0)).sum())

    neighbours = sings[:, :-1] & sings[:, 1:]  # (T, V - 1)
    apart = piece[:, :-1] - piece[:, 1:]
    wide = neighbours[:, :2] & (apart[:, :2] > OCTAVE)
    crossed = neighbours & (apart < 0)
    lowest, highest = np.array(ranges).T
    outside = sings & ((piece < lowest) | (piece > highest))

    key = key_index(score_of(piece))
    sung = (sings & (piece % OCTAVE == (key - 1) % OCTAVE)).sum(axis=1) * (key != NO_KEY)
    steps = int(sings.any(axis=1).sum())
    counts = [fifths, octaves, wide.any(axis=1).sum(), crossed.any(axis=1).sum(), outside.sum(), (sung > 1).sum()]
    totals = [changes, changes, steps, steps, sings.sum(), (sung > 0).sum()]
    return np.array(counts, np.float64), np.array(totals, np.float64)


def score_of(piece: Piece) -> Score:
    """A piece as music, each change of a voice a note."""
    onsets, lengths, pitches, voices = [], [], [], []
    for voice, sung in enumerate(piece.T):
        begins = np.flatnonzero(np.diff(sung, prepend=-2))
        ends = np.append(begins[1:], len(sung))
        is_note = sung[begins] != REST
        onsets += begins[is_note].tolist()
        lengths += (ends - begins)[is_note].tolist()
        pitches += sung[begins][is_note].tolist()
        voices += [voice] * int(is_note.sum())
    ticks = to_ticks(np.array(onsets, np.int64), STEPS_PER_QUARTER)
    durations = to_ticks(np.array(lengths, np.int64), STEPS_PER_QUARTER)
    tracks = tuple(Track(name=name) for name in NAMES)
    velocity = np.full(len(onsets), DEFAULT_VELOCITY)
    return Score.from_columns(ticks, durations, np.array(pitches), velocity, np.array(voices), tracks=tracks)
