"""The encoding of a run where none is given, and of one that was begun before its options were there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from musictool.music.score import Score
from musictool.training.options import begin, stored, suited_to
from tests.corpus.test_suited import BAND, Pieces, played


@pytest.mark.parametrize(
    "given, encoding, settings",
    [
        ({}, "note-duration", ("steps_per_quarter=12",)),
        ({"arch": "transformer"}, "note-duration", ("steps_per_quarter=12",)),
        ({"arch": "mask-transformer"}, "note-duration", ("steps_per_quarter=12",)),
        ({"arch": "roll-lstm"}, "piano-roll", ()),
        ({"encoding": "performance"}, "performance", ()),
        ({"encoding_settings": ("rests=keep",)}, "note-chord", ("rests=keep",)),
    ],
)
def test_what_suits_the_corpus_is_taken_where_nothing_is_given(given: dict[str, Any], encoding: str, settings: tuple):
    corpus: Any = Pieces([played(1 / 3, BAND)])
    chosen = suited_to(begin(given), corpus, given)
    assert (chosen.encoding, chosen.encoding_settings) == (encoding, settings)


def test_an_arch_that_needs_bars_keeps_its_encoding_where_another_would_suit():
    corpus: Any = Pieces([Score.from_notes([(60, beat, 1) for beat in range(32)])])
    plain, masked = (suited_to(begin(given), corpus, given) for given in ({}, {"arch": "mask-transformer"}))
    assert (plain.encoding, masked.encoding, masked.encoding_settings) == ("note-chord", "note-duration", ())


def test_a_run_of_before_goes_on_in_the_encoding_that_it_was_begun_in(at_tiny_home: Path):
    folder = at_tiny_home / "saved_models" / "tunes-lstm"
    info = json.loads((folder / "model.json").read_text())
    assert stored(info, folder).encoding_settings == ("vocabulary=closed",)
    info["training"]["options"]["encoding_settings"] = []
    del info["encoding"]["options"]["vocabulary"]
    assert stored(info, folder).encoding_settings == ("vocabulary=closed",)
