"""voice-lstm: what it is for, and what it does with a corpus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from musictool.archs.voice_lstm import VoiceLstm
from musictool.dataset.dataset import Encoded
from musictool.encoding import Spec
from musictool.encodings.piano_roll import PianoRoll
from musictool.encodings.voices import Voices
from musictool.errors import BadOption, KindMismatch
from musictool.music.score import Score, Track

BACH = [(72, 0, 1), (67, 0, 1), (64, 0, 1), (48, 0, 1)]


def encoded(transpositions: tuple[int, ...]) -> Encoded:
    """One training piece of four notes."""
    rows = Voices().encode(Score.from_notes(BACH, (Track(),)))
    offsets, nothing = np.array([0, len(rows)]), np.array([False])
    return Encoded(Voices(), Voices().spec.store(rows), offsets, nothing, transpositions, {}, Path())


def test_it_leaves_out_the_keys_that_no_piece_uses_at_any_transposition():
    arch = VoiceLstm(Voices().spec)
    arch.check(encoded((-2, 0, 3)))
    assert (arch.options.lowest, arch.options.highest) == (48 - 21 - 2, 72 - 21 + 3)
    given = VoiceLstm(Voices().spec, VoiceLstm.Options(lowest=3, highest=60))
    given.check(encoded((0,)))
    assert (given.options.lowest, given.options.highest) == (3, 60)


def test_other_rows_are_refused_with_what_to_take():
    for spec in (PianoRoll().spec, Voices(Voices.Options(onsets=False)).spec, Spec("frames", (88,), 88)):
        with pytest.raises(KindMismatch, match="--encoding voices, or --arch chain"):
            VoiceLstm(spec)
    with pytest.raises(BadOption, match="is not above lowest"):
        VoiceLstm.Options(lowest=50, highest=40)
