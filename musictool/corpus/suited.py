"""Which encoding of tokens suits a corpus, and why: what its music needs, and what writes that in the fewest tokens.

    played in time, one instrument    performance     it keeps timing and loudness as played; a grid would be heard
    several instruments, or drums     note-duration   it keeps each in its part
    all else                          note-chord      what sounds at once stands together, struck or held over

Where notes lie on triplets, or in played music off any grid, the finest grid that pays is 12 steps per quarter note.
`prepare` says so, and `train` takes it for an arch that reads tokens. An arch that reads rolls or segments has an
encoding of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from musictool.corpus.corpus import Corpus
from musictool.music.instruments import DRUMS, NO_INSTRUMENT, note_instruments
from musictool.music.score import TICKS_PER_QUARTER, Score

PIECES = 200  # that are looked at, evenly spread
CLOSE = 8  # pieces from one that is looked at to the next, up to which all are read at once
NEAR_TICKS = 2  # of a step, for a note to lie on it
PLAYED = 0.6  # a piece with fewer of its onsets on a grid of 12 is played in time
TRIPLETS = 0.02  # share of the onsets on the grid of 12 alone from which it pays
SIXTEENTHS, TWELFTHS = 4, 12  # steps per quarter note


@dataclass(frozen=True)
class Suited:
    """An encoding for a corpus.

    Attributes:
        encoding: its name.
        settings: "key=value" options that pay beside it; () for the defaults.
        reason: why, for people: "so many of the notes ...".
    """

    encoding: str
    settings: tuple[str, ...]
    reason: str

    @property
    def sentence(self) -> str:
        """Such as "note-chord suits it: several voices on one keyboard, on a grid of sixteenths"."""
        return f"{' '.join((self.encoding, *self.settings))} suits it: {self.reason}"


def suited(corpus: Corpus) -> Suited:
    """What suits the pieces of a corpus, by those that are the most."""
    chosen = np.unique(np.linspace(0, len(corpus) - 1, min(PIECES, len(corpus))).astype(np.int64))
    facts = np.array([_facts(score) for score in _scores(corpus, chosen)])
    instruments, drums, voices, on_sixteenths, on_twelfths = facts.T
    is_played = float((on_twelfths < PLAYED).mean())
    is_band = float(((instruments > 1) | (drums > 0)).mean())
    triplets = float(np.mean(on_twelfths - on_sixteenths))
    if is_band > 0.5:
        parts = _parts(round(float(np.median(instruments))), float(drums.mean()) > 0.5)
        if is_played > 0.5 or triplets > TRIPLETS:
            reason = f"{parts}, and it keeps each in its part; many notes lie off sixteenths"
            return Suited("note-duration", (f"steps_per_quarter={TWELFTHS}",), reason)
        return Suited("note-duration", (), f"{parts}, and it keeps each in its part")
    if is_played > 0.5:
        off = 1 - float(on_twelfths.mean())
        return Suited("performance", (), f"it was played in time ({off:.0%} of the notes lie off any grid)")
    what = "one voice" if np.median(voices) < 1.05 else "several voices on one keyboard"
    if triplets > TRIPLETS:
        reason = f"{what}; {triplets:.0%} of the notes are triplets"
        return Suited("note-chord", (f"steps_per_quarter={TWELFTHS}",), reason)
    return Suited("note-chord", (), f"{what}, on a grid of sixteenths")


def _scores(corpus: Corpus, chosen: np.ndarray) -> Iterator[Score]:
    """The chosen pieces, in order. Where they lie close all around them is read at once, which takes less time."""
    for start, stop in corpus.blocks():
        inside = chosen[np.searchsorted(chosen, start) : np.searchsorted(chosen, stop)].tolist()
        if len(inside) * CLOSE < stop - start:
            yield from (corpus.score(index) for index in inside)
        else:
            block = corpus.packed(start, stop)
            yield from (block.score(index - start) for index in inside)


def _parts(instruments: int, drums: bool) -> str:
    """ "5 instruments and drums play"."""
    if not instruments:
        return "drums alone play"
    words = f"{instruments} instruments" if instruments > 1 else "an instrument"
    return f"{words} and drums play" if drums else f"{words} play"


def _facts(score: Score) -> tuple[float, ...]:
    """Instruments, drums aside; whether there are drums; notes that sound at once; shares of the onsets on grids."""
    playing = np.unique(note_instruments(score))
    notes = score.notes[~score.is_drum]
    onsets = (notes if len(notes) else score.notes)["onset_ticks"].astype(np.int64)
    span = int((onsets + (notes if len(notes) else score.notes)["duration_ticks"]).max()) - int(onsets.min())
    voices = float(notes["duration_ticks"].sum()) / max(1, span)
    pitched = np.sum((playing != DRUMS) & (playing != NO_INSTRUMENT))
    return float(pitched), float(score.is_drum.any()), voices, *(_on_grid(onsets, n) for n in (SIXTEENTHS, TWELFTHS))


def _on_grid(onsets: np.ndarray, steps_per_quarter: int) -> float:
    """The share of times in ticks that lie on a grid."""
    step = TICKS_PER_QUARTER // steps_per_quarter
    return float((np.abs((onsets + step // 2) % step - step // 2) <= NEAR_TICKS).mean())
