"""Filling in bands, by a model that writes nonsense: what is locked stays, and what is written is where it may be."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool.encodings.note_duration import NoteDuration
from musictool.errors import BadOption, UnknownName
from musictool.generation.infill import begin_infill, can_infill, model_for_infill
from musictool.generation.infill_request import InfillRequest
from musictool.generation.infill_songs import write_infill_like, write_infills
from musictool.generation.request import Constraints
from musictool.models.model import Model
from musictool.music.score import METRE, TEMPO, Score, Track
from musictool.reading import read_named
from musictool.writing import write
from tests.generation.mask_model import write_model

BAR = 1920
TRACKS = (Track(73, name="tune"), Track(48, name="high"), Track(48, name="low"), Track(is_drum=True, name="kit"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return write_model(tmp_path_factory.mktemp("models") / "band")


def band(bars: int = 5) -> Score:
    """Five parts, a little off the grid: a tune, two of one program, and drums."""
    rng, columns = np.random.default_rng(3), []
    for track, pitches in enumerate(((72, 74), (60, 64), (40, 43), (36, 38))):
        for i in range(4 * bars):
            onset = i * 480 + int(rng.integers(0, 20))
            columns.append((onset, 300 + i, pitches[i % 2] + (i // 4 if track < 3 else 0), 40 + 10 * track + i, track))
    return Score.from_columns(
        *np.array(columns).T,
        tracks=TRACKS,
        tempos=np.array([(0, 77.0)], TEMPO),
        metres=np.array([(0, 4, 4)], METRE),
    )


def filled(model: Model, score: Score, **request: Any) -> tuple[Score, Any]:
    under_way = begin_infill(model, score, InfillRequest(**{"engine": "numpy", "seed": 1, **request}), "song.mid")
    return under_way.scores()[0], under_way


def written(before: Score, after: Score, is_replaced: np.ndarray) -> np.ndarray:
    """The notes that are new, after checking that all that are locked are there, and nothing else has changed."""
    locked, now = Counter(before.notes[~is_replaced].tolist()), Counter(after.notes.tolist())
    assert not locked - now
    assert after.tracks == before.tracks
    np.testing.assert_array_equal(after.tempos, before.tempos)
    np.testing.assert_array_equal(after.metres, before.metres)
    return np.array([*(now - locked).elements()], before.notes.dtype)


def test_bars_are_written_for_all_tracks_drums_too_and_all_else_stays(model: Model):
    before = band()
    after, under_way = filled(model, before, bars="2-3")
    new = written(before, after, under_way.is_replaced)
    assert under_way.is_replaced.sum() == 2 * 4 * 4
    assert ((new["onset_ticks"] >= BAR) & (new["onset_ticks"] < 3 * BAR)).all()
    assert len(new) != under_way.is_replaced.sum()  # as many as it likes
    assert after.end_ticks == before.end_ticks  # and none outlasts the piece
    takes = begin_infill(model, before, InfillRequest(bars="2-3", num=6, engine="numpy")).scores()
    played = [written(before, take, under_way.is_replaced)["track"] for take in takes]
    assert {*np.concatenate(played).tolist()} >= {0, 1, 3}


def test_a_track_is_written_and_those_of_its_program_beside_it_stay(model: Model):
    before = band()
    after, under_way = filled(model, before, tracks="low")
    new = written(before, after, under_way.is_replaced)
    assert {*new["track"].tolist()} == {2}
    assert len(under_way.turns) > 1  # more than is written at once
    assert len({*(new["onset_ticks"] // BAR).tolist()}) > 1
    # in the range of the track, and one note at a time, as it was
    assert new["pitch"].min() >= 38
    assert new["pitch"].max() <= 49
    assert (np.diff(new["onset_ticks"]) >= new["duration_ticks"][:-1]).all()
    assert (np.diff(new["onset_ticks"]) > 0).all()
    drums, under_way = filled(model, before, tracks="4", bars="2")
    new = written(before, drums, under_way.is_replaced)
    assert {*new["track"].tolist()} == {3}
    assert {*new["pitch"].tolist()} <= {36, 38}  # the drums that the piece has


def test_new_notes_strike_no_key_twice_at_once(model: Model):
    before = band()
    for seed in range(3):
        after, _ = filled(model, before, bars="1-4", tracks="1,3", seed=seed, lock="5-9")
        notes = after.notes[after.notes["onset_ticks"] % 120 == 0]
        struck = Counter(notes[["onset_ticks", "pitch", "track"]].tolist())
        assert max(struck.values()) == 1


def test_of_notes_that_begin_together_the_higher_is_in_the_higher_track(model: Model):
    under_way = begin_infill(model, band(), InfillRequest(bars="2", engine="numpy"))
    tracks = under_way._tracks(np.array([0, 0, 4, 8]), np.array([48, 48, 48, 73]), np.array([66, 63, 63, 50]))
    assert tracks.tolist() == [1, 2, 1, 0]


def test_the_rhythm_is_kept_and_pitches_change(model: Model):
    before = band()
    after, under_way = filled(model, before, bars="2-4", tracks="tune,kit", keep_rhythm=True)
    new = written(before, after, under_way.is_replaced)
    old = before.notes[under_way.is_replaced]
    assert len(new) == len(old) == 24
    nearest = (old["onset_ticks"] + 60) // 120 * 120
    assert sorted(zip(nearest.tolist(), old["track"].tolist(), strict=True)) == sorted(
        new[["onset_ticks", "track"]].tolist()
    )
    assert Counter(new["pitch"].tolist()) != Counter(old["pitch"].tolist())


def test_so_many_notes_are_written_anew_and_others_in_the_same_bar_stay(model: Model):
    before = band()
    after, under_way = filled(model, before, amount=0.25)
    assert under_way.is_replaced.sum() == 20
    assert len(written(before, after, under_way.is_replaced)) == 20


def test_what_is_asked_of_pitches_holds_and_drums_are_free_of_it(model: Model):
    before = band()
    limits = Constraints(pitch_range="C4-B4", key="C major")
    after, under_way = filled(model, before, bars="2-4", constraints=limits)
    new = written(before, after, under_way.is_replaced)
    pitched = new[new["track"] != 3]
    assert len(pitched)
    assert {*pitched["pitch"].tolist()} <= {60, 62, 64, 65, 67, 69, 71}


def test_the_same_seed_writes_the_same_another_something_else_and_like_the_same_bytes(model: Model, tmp_path: Path):
    source = tmp_path / "song.mid"
    write(band(), source)
    request = InfillRequest(bars="2", num=2, engine="numpy", seed=5)
    first, second = write_infills(model, source, request, tmp_path / "take.mid")
    assert first.path.read_bytes() != second.path.read_bytes()
    again = tmp_path / "again.mid"
    write_infill_like(second.path.with_suffix(".json"), again)
    assert again.read_bytes() == second.path.read_bytes()


def test_a_long_piece_shows_the_model_the_bars_around_and_no_more_than_it_sees(model: Model):
    before = band(40)
    _, under_way = filled(model, before, bars="20")
    ((first, end),) = [under_way.seen(bars) for bars in under_way.turns]
    assert first < 19 < end - 1
    assert end - first < 40
    assert under_way.seen([0])[0] == 0


def test_notes_that_are_held_over_a_blank_are_neither_struck_again_nor_cut(model: Model, tmp_path: Path):
    """What MIDI cannot hold, two notes of a key at once, would shorten one that is locked."""
    held = [(0, 3 * BAR - 70, pitch, 80, 0) for pitch in range(21, 109)] + [(3 * BAR + 70, 100, 50, 70, 0)]
    before = Score.from_columns(*np.array(held).T, tracks=(Track(48), Track(48)))
    before = replace(before, metres=band().metres)
    for seed in range(3):
        after, _ = filled(model, before, bars="2-3", seed=seed)
        write(
            after,
            tmp_path / "song.mid",
        )
        read = read_named(tmp_path / "song.mid").scores[0]
        assert Counter(before.notes.tolist()) <= Counter(read.notes.tolist())
        assert len(read.notes) == len(after.notes)


@pytest.mark.parametrize(
    "request_, message",
    [
        ({"bars": "6"}, "--bars 6: song.mid has 5 bars"),
        ({"voices": 4}, "--voices is for models of four voices"),
        ({}, "nothing is locked: all of song.mid"),
        ({"bars": "1", "lock": "1-16"}, "everything is locked: song.mid has nothing to write anew in these bars"),
        ({"tracks": "tuba"}, "tuba"),
    ],
)
def test_what_cannot_be_is_one_line(model: Model, request_: dict[str, Any], message: str):
    with pytest.raises((BadOption, UnknownName), match=message):
        filled(model, band(), **request_)


def test_a_model_without_places_in_the_bar_says_that_it_finds_no_bars(tmp_path: Path):
    encoding = NoteDuration(NoteDuration.Options(positions=False))
    blind = write_model(tmp_path / "blind", encoding=encoding)
    with pytest.raises(BadOption, match="cannot find bars"):
        filled(blind, band(), bars="2")


def test_it_is_a_model_that_fills_in(model: Model):
    assert can_infill("mask-transformer")
    assert model_for_infill(str(model.folder)).name == model.name
    empty = replace(band(), notes=band().notes[band().notes["onset_ticks"] >= BAR])
    after, under_way = filled(model, empty, bars="1")  # bars without a note may be written in too
    assert len(written(empty, after, under_way.is_replaced))
