"""Chords as bytes, the form in which they are counted and looked up, and as text, the form that people read.

A key is the pitches, low to high, and behind them one byte of LENGTH + steps (0 where symbols carry no time); a rest is
that byte alone. A text is what note_chord.py shows: "C4.E4.G4:4", "rest:8".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from musictool.encodings._chord_names import MIDDLE_C, chord_name, chord_pitches
from musictool.errors import BadModel
from musictool.score import PITCHES, Score

LENGTH = PITCHES
LONGEST_STEPS = 32  # of one symbol


@dataclass(frozen=True)
class Spelling:
    """What a symbol says: whether its time, and whether a chord's octaves."""

    rhythm: bool = True
    pitch_classes: bool = False

    def rest(self, steps: int) -> bytes:
        """The key of a rest."""
        return bytes((LENGTH + steps if self.rhythm else LENGTH,))

    def canonical(self, key: bytes) -> bytes:
        """With pitch_classes, a chord in the octave of middle C, and a chord of one pitch class as its lowest note."""
        if not self.pitch_classes or len(key) < 3:
            return key
        chord = {MIDDLE_C + pitch % 12 for pitch in key[:-1]}
        return (bytes(sorted(chord)) if len(chord) > 1 else key[:1]) + key[-1:]

    def transpose(self, keys: Iterable[bytes], semitones: int) -> list[bytes]:
        """Canonical keys `semitones` higher, folded at the ends of the range as Score.transpose does."""
        pitch = np.arange(PITCHES)
        every = Score.from_columns(pitch, pitch, pitch, pitch, pitch * 0).transpose(semitones)
        table = every.notes["pitch"].tobytes() + bytes(range(LENGTH, 256))
        moved = []
        for key in keys:
            higher = key.translate(table)
            if key[0] < -semitones or (len(key) > 1 and key[-2] >= PITCHES - semitones):  # folded: no longer in order
                higher = bytes(sorted(set(higher[:-1]))) + higher[-1:]
            moved.append(self.canonical(higher))
        return moved

    def symbol(self, key: bytes) -> str:
        """The text of a canonical key."""
        name = chord_name(key[:-1], self.pitch_classes) or "rest"
        return f"{name}:{key[-1] - LENGTH}" if self.rhythm else name

    def key(self, symbol: str) -> bytes:
        """The canonical key of a text. Raises BadModel for one that this spelling never makes."""
        name, _, steps = symbol.partition(":")
        try:
            length = int(steps) if self.rhythm else 0
            pitches = b"" if name == "rest" else chord_pitches(name)
            lawful = 0 < length <= LONGEST_STEPS if self.rhythm else not length
            key = pitches + bytes((LENGTH + length,)) if lawful and pitches == bytes(sorted(set(pitches))) else b""
            if key and self.canonical(key) == key and self.symbol(key) == symbol:
                return key
        except ValueError:
            pass
        raise BadModel(f"the vocabulary does not fit: '{symbol}' is no symbol of note-chord with these options")


def pack(onsets: np.ndarray, pitches: np.ndarray, lengths: np.ndarray) -> list[bytes]:
    """The key of each onset: its different pitches, low to high, and its length."""
    notes = np.sort(onsets * PITCHES + pitches)
    notes = notes[np.diff(notes, prepend=-1) > 0]
    ends = np.append(np.flatnonzero(np.diff(notes // PITCHES)), len(notes) - 1) + 1
    text = np.insert(notes % PITCHES, ends, LENGTH + lengths).astype(np.uint8).tobytes()
    bounds = [0, *(ends + np.arange(1, len(ends) + 1)).tolist()]
    return [text[start:end] for start, end in pairwise(bounds)]


def unpack(keys: Sequence[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """bool (N, 128) pitches and int64 (N,) steps of keys; an empty key has none."""
    flat = np.frombuffer(b"".join(keys), np.uint8)
    owner = np.repeat(np.arange(len(keys)), [len(key) for key in keys])
    is_pitch = flat < LENGTH
    pitches = np.zeros((len(keys), PITCHES), bool)
    pitches[owner[is_pitch], flat[is_pitch]] = True
    steps = np.zeros(len(keys), np.int64)
    steps[owner[~is_pitch]] = flat[~is_pitch].astype(np.int64) - LENGTH
    return pitches, steps
