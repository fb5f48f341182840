"""Which encoding suits a corpus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from musictool.corpus.suited import suited
from musictool.music.score import Score, Track


class Pieces:
    """A corpus as far as `suited` looks at one."""

    def __init__(self, scores: Sequence[Score]):
        self._scores = scores
        self.reads = 0

    def __len__(self) -> int:
        return len(self._scores)

    def score(self, index: int) -> Score:
        self.reads += 1
        return self._scores[index]

    def blocks(self) -> Iterator[tuple[int, int]]:
        yield from ((start, min(start + 100, len(self))) for start in range(0, len(self), 100))

    def packed(self, start: int, stop: int) -> Pieces:
        self.reads += 1
        return Pieces(self._scores[start:stop])


def played(step: float, tracks: tuple[Track, ...] = (Track(),), voices: int = 1) -> Score:
    """Thirds one over another, `step` quarter notes apart, on each of the tracks."""
    notes = [(60 + 4 * voice + i % 5, i * step, step) for i in range(24) for voice in range(voices)]
    parts = [Score.from_notes(notes, tracks, track).notes for track in range(len(tracks))]
    return Score(np.concatenate(parts), tracks)


BAND = (Track(0), Track(33), Track(is_drum=True))


@pytest.mark.parametrize(
    "score, encoding, settings, words",
    [
        (played(0.5), "note-chord", (), "one voice, on a grid of sixteenths"),
        (played(0.25, voices=3), "note-chord", (), "several voices on one keyboard"),
        (played(1 / 3), "note-chord", ("steps_per_quarter=12",), "one voice; 67% of the notes are triplets"),
        (played(0.377), "performance", (), "played in time"),
        (played(0.5, BAND), "note-duration", (), "2 instruments and drums play"),
        (played(1 / 3, BAND), "note-duration", ("steps_per_quarter=12",), "many notes lie off sixteenths"),
        (played(0.5, BAND[2:]), "note-duration", (), "drums alone play"),
        (played(0.5, (Track(0), Track(1))), "note-chord", (), "several voices"),
    ],
)
def test_what_suits_what_kind_of_music_and_why(score: Score, encoding: str, settings: tuple[str, ...], words: str):
    corpus: Any = Pieces([score] * 3)
    best = suited(corpus)
    assert (best.encoding, best.settings) == (encoding, settings)
    assert words in best.reason
    assert best.sentence == f"{' '.join((encoding, *settings))} suits it: {best.reason}"


def test_the_most_of_the_pieces_decide():
    corpus: Any = Pieces([played(0.5), played(0.5, BAND), played(0.5, BAND)])
    assert suited(corpus).encoding == "note-duration"
    assert suited(Pieces([played(0.5), played(0.5), played(0.5, BAND)])).encoding == "note-chord"  # type: ignore[arg-type]


@pytest.mark.parametrize("pieces, reads", [(150, 2), (400, 4), (3000, 200)])
def test_pieces_that_lie_close_are_read_together(pieces: int, reads: int):
    mixed: Any = Pieces([played(0.5, BAND), played(0.5), played(0.5, BAND)] * (pieces // 3))
    assert suited(mixed).encoding == "note-duration"
    assert mixed.reads == reads
