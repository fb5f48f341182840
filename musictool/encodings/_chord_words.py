"""Chords as words: the pitches, low to high, and behind them one byte of LENGTH + steps; a rest is that byte alone.

Where words carry no time, the steps are 0. How they look as text say the encodings: note_chord.py, chord_roll.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from musictool.encodings._chord_names import MIDDLE_C, chord_name, chord_pitches
from musictool.encodings._spelling import Spelling
from musictool.music.score import PITCHES, fold_octaves

LENGTH = PITCHES
LONGEST_STEPS = 32  # of one word
_KEYS = np.arange(PITCHES)
_LENGTHS = bytes(range(LENGTH, 256))


def rest_word(steps: int = 0) -> bytes:
    """A rest."""
    return bytes((LENGTH + steps,))


class ChordSpelling(Spelling):
    """Words that are chords.

    Attributes:
        pitches: those that a chord may have.
    """

    pitches: range

    def transpose(self, words: Sequence[bytes], semitones: int) -> list[bytes]:
        """Canonical words `semitones` higher, folded at the ends of `pitches`."""
        if not words:
            return []
        text = b"".join(words)
        ends = np.cumsum(np.fromiter(map(len, words), np.int64, len(words)))
        starts = np.append(0, ends[:-1])
        flat = np.frombuffer(text, np.uint8).astype(np.int64)
        lowest, highest = flat[starts], flat[np.maximum(ends - 2, starts)]
        leaves = (lowest < self.pitches.start - semitones) | (highest >= self.pitches.stop - semitones)
        higher = text.translate(fold_octaves(_KEYS + semitones, self.pitches).astype(np.uint8).tobytes() + _LENGTHS)
        moved = [higher[start:end] for start, end in pairwise([0, *ends.tolist()])]
        for index in np.flatnonzero(leaves & (lowest < LENGTH)).tolist():  # folded, no longer in order
            moved[index] = bytes(sorted(set(moved[index][:-1]))) + moved[index][-1:]
        return moved


class TimedSpelling(ChordSpelling):
    """The words of note-chord.

    Args:
        rhythm: whether they carry their time.
        pitch_classes: whether chords lose their octaves.
        rests: how many steps a rest can have.
    """

    name = "note-chord"
    pitches = range(PITCHES)

    def __init__(self, rhythm: bool = True, pitch_classes: bool = False, rests: range = range(0)):
        self.rhythm = rhythm
        self.pitch_classes = pitch_classes
        self.always = tuple(rest_word(steps) for steps in rests)

    def canonical(self, word: bytes) -> bytes:
        """With pitch_classes, a chord in the octave of middle C, and a chord of one pitch class as its lowest note."""
        if not self.pitch_classes or len(word) < 3:
            return word
        chord = {MIDDLE_C + pitch % 12 for pitch in word[:-1]}
        return (bytes(sorted(chord)) if len(chord) > 1 else word[:1]) + word[-1:]

    def transpose(self, words: Sequence[bytes], semitones: int) -> list[bytes]:
        moved = super().transpose(words, semitones)
        return list(map(self.canonical, moved)) if self.pitch_classes else moved

    def symbol(self, word: bytes) -> str:
        name = chord_name(word[:-1], self.pitch_classes) or "rest"
        return f"{name}:{word[-1] - LENGTH}" if self.rhythm else name

    def read(self, symbol: str) -> bytes:
        name, _, steps = symbol.partition(":")
        length = int(steps) if self.rhythm else 0
        pitches = b"" if name == "rest" else chord_pitches(name)
        lawful = 0 < length <= LONGEST_STEPS if self.rhythm else not length
        if not lawful or pitches != bytes(sorted(set(pitches))):
            raise ValueError
        return pitches + rest_word(length)


def pack(places: np.ndarray, pitches: np.ndarray, of: np.ndarray, steps: np.ndarray | int) -> list[bytes]:
    """The word at each place: its different pitches, low to high, and its steps.

    Args:
        places: int64 (N,), 0 or more, where each note stands; in any order.
        pitches: uint8 or int (N,).
        of: int64 (W,), every place of a note and of a rest, ascending.
        steps: int64 (W,), or one number, of each.
    """
    flat = np.concatenate([places * 256 + pitches, of * 256 + (LENGTH + steps)])
    flat.sort()
    flat = flat[np.append(flat[1:] != flat[:-1], True)] & 255
    text = flat.astype(np.uint8).tobytes()
    ends = np.flatnonzero(flat >= LENGTH) + 1
    return [text[start:end] for start, end in pairwise([0, *ends.tolist()])]


def unpack(words: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """bool (N, 128) pitches and int64 (N,) steps of words; an empty one has none."""
    flat = np.frombuffer(b"".join(words), np.uint8)
    owner = np.repeat(np.arange(len(words)), np.fromiter(map(len, words), np.int64, len(words)))
    is_pitch = flat < LENGTH
    pitches = np.zeros((len(words), PITCHES), bool)
    pitches[owner[is_pitch], flat[is_pitch]] = True
    steps = np.zeros(len(words), np.int64)
    steps[owner[~is_pitch]] = flat[~is_pitch].astype(np.int64) - LENGTH
    return pitches, steps
