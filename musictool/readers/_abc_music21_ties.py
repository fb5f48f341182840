"""Ties of ABC's chords, which music21 10.5 reads and then leaves out of its score.

The standard has them behind the chord, `[CEG]2-`, or behind its notes, `[C-EG-]2`. The file imports music21: only
`_abc_music21` imports it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from music21 import tie
from music21.abcFormat import ABCChord, translate

_WORDS = re.compile(r'"[^"]*"|![^!]*!')
_NOTE = re.compile(r"[A-Ga-g][,']*[\d/]*(-?)")
_BEGINS, _ENDS = ("start", "continue"), ("stop", "continue")
_TYPES = {(True, False): "start", (False, True): "stop", (True, True): "continue"}


@contextmanager
def kept() -> Iterator[None]:
    """Meanwhile what music21 reads keeps them. music21 has no place for this but its own function, changed for all."""
    plain = translate.parseABCNote
    translate.parseABCNote = _Keeping(plain)
    try:
        yield
    finally:
        translate.parseABCNote = plain


class _Keeping:
    """music21's function that puts a note or chord at the end of a measure, and then its ties."""

    def __init__(self, plain: Any):
        self._plain = plain
        self._going_on = False  # a note of the last chord is tied to what comes

    def __call__(self, token: Any, measure: Any) -> None:
        self._plain(token, measure)
        if token.isRest:
            self._going_on = False
            return
        tied = [bool(dash) for dash in _NOTE.findall(_WORDS.sub("", token.src))] if isinstance(token, ABCChord) else []
        ends = token.tie in _ENDS or self._going_on
        if ends or any(tied) or (tied and token.tie):
            measure.coreElementsChanged()
            last = measure.notes.last()
            for i, note in enumerate(getattr(last, "notes", (last,))):
                begins = token.tie in _BEGINS or any(tied[i : i + 1])
                note.tie = tie.Tie(_TYPES[begins, ends]) if begins or ends else None
        self._going_on = any(tied)
