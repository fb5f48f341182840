"""MIDI messages as tokens: what, which key, and how long after the message before.

Their bytes are 4, a big-endian number: steps * 256 + 128 (for an on) + pitch. Their text is "on:60:4", "off:60:0".
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from musictool.encoding import FIRST_TOKEN, one_hot
from musictool.music.score import KEYBOARD, PITCHES, fold_octaves
from musictool.vocabulary import LearnedVocabulary, TokenFormat

ON = PITCHES
STEP = 256
_KINDS = {"off": 0, "on": ON}
_FAR = 1 << 24  # more than twice the steps of any message
_BYTES = np.dtype(">u4")


def to_bytes(messages: np.ndarray) -> list[bytes]:
    """The bytes of int (N,) numbers."""
    return messages.astype(_BYTES).view("V4").tolist()


def from_bytes(token_bytes: Sequence[bytes]) -> np.ndarray:
    """int64 (N,), the inverse of to_bytes."""
    return np.frombuffer(b"".join(token_bytes), _BYTES).astype(np.int64)


class MessageFormat(TokenFormat):
    """The tokens of midi-message.

    Args:
        per_quarter: steps in a quarter note.
        longest: steps at most.
    """

    name = "midi-message"

    def __init__(self, per_quarter: int, longest: int):
        self.per_quarter = per_quarter
        self.longest = longest
        keys = np.concatenate([np.array(KEYBOARD), np.array(KEYBOARD) + ON])
        self.always = tuple(to_bytes(np.concatenate([keys, keys + STEP * per_quarter])))

    def to_text(self, token_bytes: bytes) -> str:
        steps, message = divmod(int.from_bytes(token_bytes, "big"), STEP)
        return f"{'on' if message & ON else 'off'}:{message % ON}:{steps}"

    def parse(self, text: str) -> bytes:
        kind, _, rest = text.partition(":")
        pitch, _, steps = rest.partition(":")
        if kind not in _KINDS or int(pitch) not in KEYBOARD or not 0 <= int(steps) <= self.longest:
            raise ValueError
        return (int(steps) * STEP + _KINDS[kind] + int(pitch)).to_bytes(_BYTES.itemsize, "big")

    def transpose(self, token_bytes: Sequence[bytes], semitones: int) -> list[bytes]:
        messages = from_bytes(token_bytes)
        pitches = messages % PITCHES
        return to_bytes(messages - pitches + fold_octaves(pitches + semitones, KEYBOARD))


class MessageVocabulary(LearnedVocabulary):
    """Messages.

    Attributes:
        pitches, steps: int64 (V,), of each token; 0 for reserved ones.
        is_on: bool (V,).
    """

    token_format: MessageFormat

    def __init__(self, token_bytes: Sequence[bytes], counts: Sequence[int], token_format: MessageFormat):
        super().__init__(token_bytes, counts, token_format)
        messages = np.append(np.zeros(FIRST_TOKEN, np.int64), from_bytes(token_bytes))
        self.steps, rest = np.divmod(messages, STEP)
        self.pitches = rest % ON
        self.is_on = rest >= ON

    @cached_property
    def features(self) -> np.ndarray:
        """uint8 (V, 102 + quarters + steps in one), 0 or 1: on, off (2), the pitch (88), the pitch class (12), whole
        quarters and remaining steps of the time; nothing for the reserved tokens."""
        per_quarter = self.token_format.per_quarter
        parts = [
            one_hot(self.is_on, 2),
            one_hot(self.pitches - KEYBOARD.start, len(KEYBOARD)),
            one_hot(self.pitches % 12, 12),
            one_hot(self.steps // per_quarter, self.token_format.longest // per_quarter + 1),
            one_hot(self.steps % per_quarter, per_quarter),
        ]
        features = np.concatenate(parts, axis=1)
        features[:FIRST_TOKEN] = 0
        return features

    @property
    def onset_pitches(self) -> np.ndarray:
        """bool (V, P): the pitch of each on."""
        return self.is_on[:, None] & (self.pitches[:, None] == np.arange(PITCHES))

    @property
    def ends(self) -> np.ndarray:
        """bool (V, P): the pitch of each off; none for the reserved tokens, whose pitch is 0."""
        return (~self.is_on & (self.pitches > 0))[:, None] & (self.pitches[:, None] == np.arange(PITCHES))

    def nearest(self, token_bytes: Sequence[bytes]) -> np.ndarray:
        """int64: the message of the same key and kind whose time, not 0, is nearest; the shorter of two."""
        waits, tokens = self._waits
        targets = _by_key(from_bytes(token_bytes))
        after = np.clip(np.searchsorted(waits, targets), 1, len(waits) - 1)
        return tokens[after - (targets - waits[after - 1] <= waits[after] - targets)]

    @cached_property
    def _waits(self) -> tuple[np.ndarray, np.ndarray]:
        """int64 (M,) each: all messages that are not 0 steps long, sorted, and their tokens."""
        tokens = np.flatnonzero(self.steps)
        waits = _by_key(from_bytes([self._token_bytes[token] for token in tokens]))
        order = np.argsort(waits)
        return waits[order], tokens[order]


def _by_key(messages: np.ndarray) -> np.ndarray:
    """int64: numbers that are near to each other where key and kind are the same, then by their steps."""
    steps, rest = np.divmod(messages, STEP)
    return rest * _FAR + steps
