"""Filling in, by a model that writes nonsense: what is locked stays, and what is free is written where it was asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool.atomic import write_json
from musictool.errors import BadModel, BadOption, MusictoolError, NoMusic, UnknownName
from musictool.generation.accompany import accompany, model_for_accompaniment
from musictool.generation.infill import Infill, model_for_infill
from musictool.generation.infill_request import InfillRequest
from musictool.generation.infill_songs import write_infill_like, write_infills
from musictool.generation.request import Accompaniment, Constraints
from musictool.models.model import MARKER, Model
from musictool.music.score import METRE, TEMPO, Score, Track
from musictool.reading import read_named
from musictool.sampling.sampler import Sampler
from musictool.writing import write
from tests.generation.voices_model import write_model
from tests.model_info import model_info

BAR = 1920


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return write_model(tmp_path_factory.mktemp("models") / "voices")


def song(parts: int = 4, bars: int = 4) -> Score:
    """Parts of quarter notes, each with a program and a loudness of its own, a little off the grid."""
    rng, tracks = np.random.default_rng(3), tuple(Track(p + 40, name=f"part {p + 1}") for p in range(parts))
    columns = []
    for part in range(parts):
        for i in range(4 * bars):
            columns.append((i * 480 + int(rng.integers(0, 20)), 440, 76 - 8 * part + i % 5, 50 + 10 * part + i, part))
    onset, duration, pitch, velocity, track = np.array(columns).T
    score = Score.from_columns(onset, duration, pitch, velocity, track, tracks=tracks)
    return replace(score, tempos=np.array([(0, 77.0)], TEMPO), metres=np.array([(0, 4, 4)], METRE))


def filled(model: Model, score: Score, **request: Any) -> Score:
    return Infill(model, score, InfillRequest(**request, engine="numpy", seed=1), "song.mid").scores()[0]


def notes_of(score: Score, which: np.ndarray | None = None) -> Counter:
    notes = score.notes if which is None else score.notes[which]
    return Counter(notes.tolist())


def starts(score: Score) -> np.ndarray:
    return score.notes["onset_ticks"]


def assert_all_else_stays(before: Score, after: Score, free: np.ndarray, written: np.ndarray) -> None:
    """Locked notes are as they were, to the tick and the velocity; and nothing is written but where it is free."""
    assert notes_of(after, ~written) == notes_of(before, ~free)
    assert after.tracks[: len(before.tracks)] == before.tracks
    np.testing.assert_array_equal(after.tempos, before.tempos)
    np.testing.assert_array_equal(after.metres, before.metres)


def test_bars_are_written_and_all_else_stays(model: Model):
    before = song()
    after = filled(model, before, bars="2-3")
    in_bars = [(starts(each) >= BAR) & (starts(each) < 3 * BAR) for each in (before, after)]
    assert_all_else_stays(before, after, *in_bars)
    assert notes_of(after) != notes_of(before)
    assert in_bars[1].any()
    # a new note is as loud as the nearest of its track was
    new = after.notes[in_bars[1]]
    assert {*new["track"].tolist()} == {0, 1, 2, 3}
    assert (np.abs(new["velocity"] - (50.0 + 10 * new["track"] + new["onset_ticks"] / 480)) <= 1).all()


def test_a_track_is_written_and_the_others_stay(model: Model):
    before = song()
    for tracks in ("3", "PART 3"):
        after = filled(model, before, tracks=tracks)
        assert_all_else_stays(before, after, before.notes["track"] == 2, after.notes["track"] == 2)
        assert notes_of(after) != notes_of(before)


def test_single_notes_are_locked(model: Model):
    before = song()
    locked, in_bars = [18, 20, 21], (starts(before) >= BAR) & (starts(before) < 3 * BAR)
    after = filled(model, before, bars="2-3", lock="19,21-22")
    free = in_bars & ~np.isin(np.arange(len(before.notes)), locked)
    assert notes_of(before, ~free) <= notes_of(after)
    assert sum((notes_of(before, free) - notes_of(after)).values()) > 20
    # nothing new sounds on the track of a locked note while it does
    for note in before.notes[locked]:
        same = after.notes[after.notes["track"] == note["track"]]
        ends = same["onset_ticks"] + same["duration_ticks"]
        middle = note["onset_ticks"] + note["duration_ticks"] // 2
        assert ((same["onset_ticks"] <= middle) & (middle < ends)).sum() == 1


def test_a_rhythm_is_kept(model: Model):
    before = song()
    after = filled(model, before, bars="2", tracks="1,2", keep_rhythm=True)
    np.testing.assert_array_equal(
        np.unique(after.notes["onset_ticks"] // 120), np.unique(before.notes["onset_ticks"] // 120)
    )
    assert len(after.notes) == len(before.notes)
    assert sum((notes_of(before) - notes_of(after)).values()) == 8


def test_a_share_of_the_notes_is_written(model: Model):
    before = song()
    after = filled(model, before, amount=0.25)
    assert sum((notes_of(before) - notes_of(after)).values()) == 16


def test_a_melody_is_harmonised_in_new_tracks(model: Model):
    before = song(parts=1)
    after = filled(model, before, voices=4)
    assert_all_else_stays(before, after, np.zeros(len(before.notes), bool), after.notes["track"] > 0)
    assert [track.name for track in after.tracks] == ["part 1", "Alto", "Tenor", "Bass"]
    assert {track.program for track in after.tracks} == {40}
    # they rest where the melody does
    notes = before.notes[(before.notes["onset_ticks"] < BAR) | (before.notes["onset_ticks"] >= 2 * BAR)]
    sung = model.encoding.encode(filled(model, replace(before, notes=notes), voices=4)).reshape(-1, 2, 4, 88)[:, 0]
    assert sung[:16].any(axis=2).all()
    assert sung[32:63].any(axis=2).all()
    two = filled(model, before, voices=2, bars="1")
    assert [track.name for track in two.tracks] == ["part 1", "Bass"]
    assert starts(two)[two.notes["track"] == 1].max() < BAR


def test_a_tune_alone_sings_where_it_did(model: Model):
    before = song(parts=1)
    under_way = Infill(model, before, InfillRequest(bars="2-3", engine="numpy", seed=2), "tune.mid")
    sings = under_way.sings
    assert sings is not None
    assert sings[:, 1:].sum() == 0  # and nobody else has to
    assert sings[16:48, 0].all()
    assert not sings[:16].any()
    assert not sings[48:].any()
    (after,) = under_way.scores()
    onsets, ends = after.notes["onset_ticks"], after.notes["onset_ticks"] + after.notes["duration_ticks"]
    assert all(((onsets <= tick) & (tick < ends)).any() for tick in range(BAR, 3 * BAR, BAR // 16))
    assert Infill(model, song(parts=2), InfillRequest(bars="2-3", engine="numpy"), "duet.mid").sings is None


def test_of_chords_on_one_track_bars_are_written_on_it_and_drums_stay(model: Model):
    tracks = (Track(5, name="keys"), Track(is_drum=True))
    chords = [Score.from_notes([(p, i, 1) for i in range(16) for p in (72, 67, 60, 48)], tracks, 0).notes]
    drums = Score.from_notes([(36, i / 2, 0.25) for i in range(32)], tracks, 1).notes
    notes = np.concatenate([*chords, drums])
    before = Score.from_columns(*(notes[column] for column in notes.dtype.names), tracks=tracks)
    after = filled(model, before, bars="4")
    free, written = ((each.notes["track"] == 0) & (starts(each) >= 3 * BAR) for each in (before, after))
    assert_all_else_stays(before, after, free, written)


def test_a_track_beside_the_four_voices_stays(model: Model):
    before = song(parts=5)
    names = ("Soprano", "Alto", "Horn", "Tenor", "Bass")
    named = tuple(replace(track, name=name) for track, name in zip(before.tracks, names, strict=True))
    before = replace(before, tracks=named)
    after = filled(model, before, bars="1-3")
    free, written = ((each.notes["track"] != 2) & (starts(each) < 3 * BAR) for each in (before, after))
    assert_all_else_stays(before, after, free, written)
    with pytest.raises(BadOption, match="track 3 is none of the four voices"):
        filled(model, before, tracks="horn")


def test_only_notes_that_are_asked_for_are_written(model: Model):
    before = song()
    after = filled(model, before, bars="2-3", constraints=Constraints(key="C", pitch_range="C3-C5"))
    new = after.notes[(starts(after) >= BAR) & (starts(after) < 3 * BAR)]
    assert {*(new["pitch"] % 12).tolist()} <= {0, 2, 4, 5, 7, 9, 11}
    assert new["pitch"].min() >= 48
    assert new["pitch"].max() <= 72


def test_it_is_said_where_nothing_comes_in_the_place_of_what_was_taken_out(
    model: Model, caplog: pytest.LogCaptureFixture
):
    before = song()
    under_way = Infill(model, before, InfillRequest(bars="2", engine="numpy"), "song.mid")
    under_way._warned_of_nothing([before])
    assert not caplog.text
    under_way._warned_of_nothing([before, before.until(BAR)])
    assert "piece 2 of 2: 16 notes were taken out, and none is written in their place" in caplog.text


def test_it_reads_in_c_and_writes_in_the_key_of_the_piece(model: Model):
    to_c = Model(model.folder, {**model.info, "training": {"options": {"transpose": "to-c"}}}, model.encoding)
    before = song()
    under_way = Infill(to_c, before, InfillRequest(bars="2", engine="numpy"))
    assert under_way.transposition != 0
    (after,) = under_way.scores()
    in_bars = [(starts(each) >= BAR) & (starts(each) < 2 * BAR) for each in (before, after)]
    assert_all_else_stays(before, after, *in_bars)


@pytest.mark.parametrize(
    "request_, error, words",
    [
        ({"bars": "3-9"}, BadOption, "--bars 3-9: song.mid has 4 bars"),
        ({"tracks": "7"}, UnknownName, "unknown track '7'.*part 1"),
        ({"tracks": "5"}, BadOption, "track 5 is drums"),
        ({}, BadOption, "nothing is locked: .*musictool sample"),
        ({"lock": "1-64"}, BadOption, "everything is locked"),
        ({"bars": "2", "lock": "60-65"}, BadOption, "--lock 60-65: song.mid has 64 notes"),
        ({"amount": 1e-9}, BadOption, "everything is locked"),
        ({"voices": 4}, BadOption, "song.mid has 4 voices already"),
        ({"bars": "2", "constraints": Constraints(density=4)}, MusictoolError, "density"),
        ({"bars": "2", "constraints": Constraints(pitch_range="0-5")}, BadOption, "leaves this model no notes"),
    ],
)
def test_what_cannot_be_is_one_line(model: Model, request_: dict, error: type, words: str):
    score = song()
    score = replace(score, tracks=(*score.tracks, Track(is_drum=True)))
    with pytest.raises(error, match=words) as raised:
        filled(model, score, **request_)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("bars", ["0-3", "5-2", "x", "2-", "", "2,,3"])
def test_bars_are_counted_from_one(bars: str):
    with pytest.raises(BadOption, match="--bars"):
        InfillRequest(bars=bars)


@pytest.mark.parametrize("other", [{"tracks": "1"}, {"lock": "1"}, {"keep_rhythm": True}, {"amount": 0.5}])
def test_voices_goes_with_nothing_that_says_what_goes(other: dict):
    with pytest.raises(BadOption, match="--voices writes voices that are not there yet"):
        InfillRequest(voices=4, **other)


def test_a_piece_without_a_note_is_refused(model: Model):
    with pytest.raises(NoMusic, match=r"song\.mid has no note"):
        filled(model, Score.from_notes([]), bars="1")
    drums = Score.from_notes([(36, 0, 1)], tracks=[Track(is_drum=True)])
    with pytest.raises(NoMusic, match="nothing to harmonise"):
        filled(model, drums, voices=4)


def test_the_newest_model_that_fills_in_is_taken(at_new_home: Path, monkeypatch: pytest.MonkeyPatch):
    models = at_new_home / "saved_models"
    monkeypatch.setattr("musictool.generation.infill.shipped_models", dict)
    with pytest.raises(BadModel, match=r"no model under .* fills in.*--arch coconet"):
        model_for_infill(None)
    write_model(models / "mine")
    other = models / "other"
    other.mkdir()
    write_json(other / MARKER, model_info(weights={"network.weights.h5": "0" * 64}))
    assert model_for_infill(None).name == "mine"
    assert model_for_infill(None, voices=True).name == "mine"
    assert model_for_accompaniment(None).name == "mine"
    with pytest.raises(BadOption, match=r"other is a roll-lstm, which goes on from the end.*; train one that does"):
        model_for_infill("other")
    monkeypatch.undo()
    with pytest.raises(BadOption, match=r"; take --model counterpoint, or train one that does: .*coconet"):
        model_for_infill(str(other))


def test_files_keep_what_is_locked_and_their_json_makes_them_again(model: Model, tmp_path: Path):
    source, out = tmp_path / "song.mid", tmp_path / "take.mid"
    write(song(), source)
    before = read_named(source).scores[0]
    request = InfillRequest(bars="2", num=2, engine="numpy", seed=5)
    first, second = write_infills(model, source, request, out)
    assert [each.path.name for each in (first, second)] == ["take-001.mid", "take-002.mid"]
    assert first.path.read_bytes() != second.path.read_bytes()
    after = read_named(second.path).scores[0]
    in_bars = [(starts(each) >= BAR) & (starts(each) < 2 * BAR) for each in (before, after)]
    assert_all_else_stays(before, after, *in_bars)
    again = tmp_path / "again.mid"
    write_infill_like(second.path.with_suffix(".json"), again)
    assert again.read_bytes() == second.path.read_bytes()
    first.path.write_bytes(b"a user's own")
    with pytest.raises(BadOption, match=r"take-001\.mid exists"):
        write_infills(model, source, request, out)
    source.write_bytes(again.read_bytes())
    with pytest.raises(MusictoolError, match="no longer the file"):
        write_infill_like(second.path.with_suffix(".json"), tmp_path / "more.mid")


def test_accompany_is_a_short_name_for_four_voices(model: Model, tmp_path: Path):
    source = tmp_path / "tune.mid"
    write(song(parts=1), source)
    how = Accompaniment(seed=4)
    score = accompany(model, source, how)
    assert [track.name for track in score.tracks] == ["part 1", "Alto", "Tenor", "Bass"]
    tune = read_named(source).scores[0]
    request = InfillRequest(voices=4, seed=4)
    assert notes_of(score) == notes_of(Infill(model, tune, request, "tune.mid").scores()[0])
    with pytest.raises(BadOption, match="--noise-sd is for models of segments"):
        accompany(model, source, Accompaniment(sampler=Sampler(noise_sd=0.5)))
