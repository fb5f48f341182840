"""How much music the validation rows of a corpus hold: what turns nats per token into nats per note and per second.

Nats per token compare models of one encoding only, since another encoding needs more or fewer tokens for the same
music. Nats per note and per second compare all encodings, as far as they keep the same notes: a note that an encoding
leaves out costs it nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from musictool.corpus.corpus import Corpus
from musictool.dataset.dataset import Encoded
from musictool.encoding import Encoding
from musictool.music.score import Score


@dataclass(frozen=True)
class Amount:
    """An amount of music, as its rows are decoded.

    Attributes:
        rows: tokens, frames or segments.
        notes: decoded from them.
        seconds: of music, at each piece's own tempo.
    """

    rows: int
    notes: int
    seconds: float

    def per_note(self, nats_per_row: float) -> float:
        """Nats per note, from nats per row."""
        return nats_per_row * self.rows / max(1, self.notes)

    def per_second(self, nats_per_row: float) -> float:
        """Nats per second of music, from nats per row."""
        return nats_per_row * self.rows / max(1e-3, self.seconds)


def validation_amount(encoded: Encoded, corpus: Corpus) -> Amount:
    """How much music the validation rows hold.

    Args:
        encoded: of `corpus`.
    """
    rows, notes, seconds = 0, 0, 0.0
    for index in encoded.pieces("validation").tolist():
        piece = encoded.piece(index)
        music = _with_tempo(encoded.encoding.decode(piece), corpus.score(index), encoded.encoding)
        rows, notes, seconds = rows + len(piece), notes + len(music.notes), seconds + music.seconds
    return Amount(rows, notes, seconds)


def _with_tempo(music: Score, original: Score, encoding: Encoding) -> Score:
    """A decoded piece; if its encoding keeps no tempo, with the first tempo of the original."""
    if len(music.tempos) or encoding.stretches:
        return music
    return replace(music, tempos=original.tempos[:1])
