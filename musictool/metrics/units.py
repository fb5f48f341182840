"""How much music the validation rows of a corpus are: what turns nats a symbol into nats a note and nats a second.

Nats a symbol compare models of one encoding only, since another encoding needs more or fewer symbols for the same
music. What a symbol costs, times the symbols, over the notes or the seconds, compares them all; as far as encodings
keep the same notes, for a note that an encoding leaves out costs it nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from musictool.corpus.corpus import Corpus
from musictool.dataset.dataset import Encoded
from musictool.encoding import Encoding
from musictool.music.score import Score


@dataclass(frozen=True)
class Amount:
    """Of the validation pieces, as their rows tell them.

    Attributes:
        rows: symbols or time steps.
        notes: that the rows play.
        seconds: that they last, at each piece's own tempo.
    """

    rows: int
    notes: int
    seconds: float

    def per_note(self, nats_per_row: float) -> float:
        """Nats a note, for so many a row."""
        return nats_per_row * self.rows / max(1, self.notes)

    def per_second(self, nats_per_row: float) -> float:
        """Nats a second of music, for so many a row."""
        return nats_per_row * self.rows / max(1e-3, self.seconds)


def validation_amount(encoded: Encoded, corpus: Corpus) -> Amount:
    """How much music the validation rows are.

    Args:
        encoded: of `corpus`.
    """
    rows, notes, seconds = 0, 0, 0.0
    for index in encoded.pieces("validation").tolist():
        own = encoded.piece(index)
        music = in_its_tempo(encoded.encoding.decode(own), corpus.score(index), encoded.encoding)
        rows, notes, seconds = rows + len(own), notes + len(music.notes), seconds + music.seconds
    return Amount(rows, notes, seconds)


def in_its_tempo(music: Score, before: Score, encoding: Encoding) -> Score:
    """What an encoding made of a piece, at the tempo with which the piece began, where the encoding keeps none."""
    if len(music.tempos) or encoding.stretches:
        return music
    return replace(music, tempos=before.tempos[:1])
