"""Which instruments play."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool.encodings.multitrack_roll import MultitrackRoll
from musictool.encodings.note_duration import NoteDuration
from musictool.errors import BadOption, UnknownName
from musictool.generation.guidance import guidance_of
from musictool.generation.request import Constraints, Request
from musictool.generation.sample import Generation, sample
from musictool.models.contents import ensembles
from musictool.models.model import Model
from musictool.music.instruments import DRUM_PROGRAM, tracks_of
from musictool.music.score import METRE, Score, Track
from musictool.writing import write

VIOLIN, PIANO, BASS, DRUMS = Track(40), Track(0), Track(33), Track(is_drum=True)


class Chance:
    """An arch that draws every token that it may, as likely as any other."""

    def continuation(self, primer: np.ndarray, sampler: Any, seed: int, guidance: Any) -> Any:
        self.primer = primer
        rng = np.random.default_rng(seed)
        bias = np.atleast_2d(guidance.logit_bias(NoteDuration().spec.size, 3))
        allowed = [np.flatnonzero(of_piece == 0) for of_piece in np.resize(bias, (len(primer), bias.shape[1]))]
        while True:
            yield np.stack([rng.choice(tokens, 256) for tokens in allowed]).astype(np.int32)


@pytest.fixture
def model(tiny_home: Path) -> Model:
    """Its openings: a violin's and a piano's."""
    trained = Model.open(tiny_home / "saved_models" / "tunes-lstm")
    encoding = NoteDuration()
    openings = [
        encoding.encode(Score.from_notes([(72, i, 1) for i in range(6)], (track,))) for track in (VIOLIN, PIANO)
    ]
    chance = Model(trained.folder, trained.info, encoding)
    chance.__dict__.update({"arch": Chance(), "primers": openings, "primer_metres": [np.zeros(0, METRE)] * 2})
    return chance


@pytest.mark.parametrize("from_scratch", [False, True])
@pytest.mark.parametrize(
    "text, programs, drums",
    [("bass, drums", set(range(32, 40)), True), ("violin", {40}, False), ("33,piano", {33, *range(8)}, False)],
)
def test_no_other_instrument_plays(model: Model, text: str, programs: set[int], drums: bool, from_scratch: bool):
    constraints = Constraints(instruments=text)
    pieces = sample(model, Request(length=3000, num=4, seed=2, from_scratch=from_scratch, constraints=constraints))
    playing = [track for piece in pieces for track in piece.tracks]
    assert {track.program for track in playing if not track.is_drum} <= programs
    assert any(track.is_drum for track in playing) == drums


def playing(piece: Score) -> set[int]:
    """The programs of a piece."""
    return {DRUM_PROGRAM if track.is_drum else track.program for track in piece.tracks}


@pytest.fixture
def band(model: Model) -> Model:
    """It knows of three ensembles of its corpus."""
    music = {**model.info["music"], "ensembles": [[0, 33, DRUM_PROGRAM], [40, 41], [40, DRUM_PROGRAM]]}
    known = Model(model.folder, {**model.info, "music": music}, model.encoding)
    known.__dict__.update({key: model.__dict__[key] for key in ("arch", "primers", "primer_metres")})
    return known


def test_those_play_that_play_together_in_a_piece_of_the_corpus(band: Model):
    pieces = sample(band, Request(length=3000, num=12, seed=2))
    assert {frozenset(playing(piece)) for piece in pieces} == {
        frozenset({0, 33, DRUM_PROGRAM}),  # behind the piano's opening
        frozenset({40, 41}),  # two behind the violin's
        frozenset({40, DRUM_PROGRAM}),
    }
    again = sample(band, Request(length=3000, num=12, seed=2))
    assert all((one.notes == other.notes).all() for one, other in zip(pieces, again, strict=True))


def test_behind_nothing_any_ensemble_plays(band: Model):
    pieces = sample(band, Request(length=3000, num=12, seed=2, from_scratch=True))
    assert {0, 40} == {min(playing(piece)) for piece in pieces}
    assert all(playing(piece) in ({0, 33, DRUM_PROGRAM}, {40, 41}, {40, DRUM_PROGRAM}) for piece in pieces)


def test_who_plays_in_a_primer_plays_on(band: Model, tmp_path: Path):
    write(Score.from_notes([(72, i, 1) for i in range(6)], (Track(33, name="bass"),)), tmp_path / "mine.mid")
    (piece,) = sample(band, Request(length=3000, seed=2, primer=tmp_path / "mine.mid"))
    assert playing(piece) == {0, 33, DRUM_PROGRAM}
    write(Score.from_notes([(72, i, 1) for i in range(6)], (Track(99),)), tmp_path / "alone.mid")
    (piece,) = sample(band, Request(length=3000, seed=2, primer=tmp_path / "alone.mid"))
    assert {99} < playing(piece)
    assert len(playing(piece)) <= 4


def test_any_lets_all_play_and_a_key_binds_an_ensemble_too(band: Model):
    (piece,) = sample(band, Request(length=3000, seed=2, constraints=Constraints(instruments="any")))
    assert len(playing(piece)) > 9
    (piece,) = sample(band, Request(length=3000, seed=2, constraints=Constraints(key="C major")))
    assert playing(piece) in ({0, 33, DRUM_PROGRAM}, {40, 41}, {40, DRUM_PROGRAM})
    assert set(piece.notes["pitch"][~piece.is_drum] % 12) == {0, 2, 4, 5, 7, 9, 11}


def test_a_model_keeps_the_ensembles_of_its_corpus():
    def piece(*tracks: Track) -> Score:
        return Score.from_notes([(60, 0, 1)], tracks)

    scores = [piece(BASS, DRUMS), piece(DRUMS, BASS, BASS), piece(PIANO), piece(VIOLIN, PIANO)]
    assert ensembles(scores) == [[0, 40], [33, DRUM_PROGRAM]]


def test_drums_alone_have_no_pitches(model: Model):
    (piece,) = sample(model, Request(length=3000, seed=2, constraints=Constraints(instruments="drums")))
    assert piece.is_drum.all()


def test_who_plays_on_is_chosen_only_where_nobody_allowed_does(model: Model):
    first = NoteDuration().sections.first["program"]
    for text, chosen in (("violin", first + 40), ("strings", first + 8), ("piano", first)):
        generation = Generation(model, Request(length=9, num=8, seed=1, constraints=Constraints(instruments=text)))
        lasts = {int(primer.rows[-1]) for primer in generation.primers}
        assert chosen in lasts
        assert len(lasts) == 2 or text == "strings"  # the other opening ends with its duration
        assert generation.model_input.shape[0] == 8  # as long as the shortest
    assert all(len(rows) for rows in islice(model.primers, 2))


def test_of_five_instruments_the_kinds_count(model: Model):
    rolls = Model(model.folder, model.info, MultitrackRoll())
    banned = guidance_of(rolls, Constraints(instruments="violin,drums")).banned
    assert banned is not None
    allowed = {track for track, is_banned in zip(MultitrackRoll().instruments(), banned, strict=True) if not is_banned}
    assert {track.name for track in allowed if track} == {"Strings", "Drums"}


def test_names_and_numbers_are_read():
    assert tracks_of("33, violin,drums") == (BASS, VIOLIN, DRUMS)
    assert [track.program for track in tracks_of("guitar")] == list(range(24, 32))
    with pytest.raises(UnknownName, match="unknown instrument 'basss'"):
        Constraints(instruments="piano,basss")
    with pytest.raises(BadOption, match="does not exist"):
        Constraints(instruments="128")


def test_an_encoding_without_instruments_says_which_has_some(tiny_home: Path):
    tunes = Model.open(tiny_home / "saved_models" / "tunes-lstm")
    with pytest.raises(BadOption, match="it knows none; take one trained with --encoding note-duration"):
        guidance_of(tunes, Constraints(instruments="piano"))
