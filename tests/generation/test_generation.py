from __future__ import annotations

import re
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool.encoding import Encoding
from musictool.encodings.midi_message import MidiMessage
from musictool.encodings.note_duration import NoteDuration
from musictool.encodings.performance import Performance
from musictool.encodings.remi import Remi
from musictool.errors import BadFile, BadOption, NoMusic, UnknownName
from musictool.generation.request import Constraints, Request
from musictool.generation.sample import Generation, sample
from musictool.models.model import Model
from musictool.music.score import METRE, TEMPO, TICKS_PER_QUARTER, Score, Track
from musictool.reading import read
from musictool.sampling.sampler import Sampler
from musictool.writing import write


@pytest.fixture(scope="module")
def model(tiny_home: Path) -> Model:
    return Model.open(tiny_home / "saved_models" / "tunes-lstm")


def onsets(score: Score) -> list[int]:
    return score.notes["onset_ticks"].tolist()


def test_length_counts_tokens_and_not_the_primer(model: Model):
    generation = Generation(model, Request(length=70, seed=1, primer_length=8))
    assert [primer.rows.shape for primer in generation.primers] == [(8,)]
    assert [continuation.rows.shape for continuation in generation.continuations()] == [(70,)]
    (score,) = sample(model, Request(length=70, seed=1))
    assert len(set(onsets(score))) <= 70


def test_bars_and_seconds_end_where_they_should(model: Model):
    (bars,) = sample(model, Request(bars=6, seed=1))
    assert bars.bars == 6
    assert bars.end_ticks <= 6 * 4 * TICKS_PER_QUARTER
    (seconds,) = sample(model, Request(seconds=7.5, seed=1, bpm=90))
    assert 6 < seconds.seconds <= 7.5 + 1e-6


def test_pieces_may_be_longer_than_the_window_without_limit(model: Model):
    (score,) = sample(model, Request(length=3000, seed=1))
    assert len(score.notes) > 2000


def test_the_same_seed_writes_the_same_piece(model: Model):
    first, again, other = (sample(model, Request(length=60, seed=seed))[0] for seed in (5, 5, 6))
    assert np.array_equal(first.notes, again.notes)
    assert not np.array_equal(first.notes, other.notes)


def test_several_pieces_come_from_one_batch_and_differ(model: Model):
    pieces = sample(model, Request(length=60, num=3, seed=5))
    assert len({tuple(piece.notes["pitch"].tolist()) for piece in pieces}) == 3


def test_a_model_that_knows_c_and_a_minor_only_writes_in_the_keys_of_its_corpus(model: Model):
    assert sum(model.info["music"]["keys"]) == 12
    counts = [0] * 24
    counts[0], counts[2], counts[12] = 2, 1, 1  # C major, D major, C minor
    training = {**model.info["training"], "options": {**model.info["training"]["options"], "transpose": "to-c"}}
    info = {**model.info, "training": training, "music": {**model.info["music"], "keys": counts}}
    in_c = Model(model.folder, info, model.encoding)
    before, after = (
        [piece.notes["pitch"].astype(int) for piece in sample(each, Request(length=30, num=12, seed=3))]
        for each in (model, in_c)
    )
    shifts = [{*(b - a).tolist()} for a, b in zip(before, after, strict=True)]
    assert {*map(len, shifts)} == {1}
    assert set.union(*shifts) == {0, 2, 3}
    # what names pitches is not moved
    for constraints in (Constraints(pitch_range="48-84"), Constraints(key="C")):
        request = Request(length=30, num=6, seed=3, constraints=constraints)
        for a, b in zip(sample(model, request), sample(in_c, request), strict=True):
            np.testing.assert_array_equal(a.notes, b.notes)


def test_a_primer_file_is_read_and_kept_only_if_asked(model: Model, tunes: Path):
    primer = tunes / "tune-00.mid"
    request = {"length": 20, "primer": primer, "seed": 2}
    (without,) = sample(model, Request(**request))
    (kept,) = sample(model, Request(**request, keep_primer=True))
    decoded = model.encoding.decode(Generation(model, Request(**request)).primers[0].rows)
    assert len(decoded.notes) == 24
    assert kept.notes["pitch"].tolist() == decoded.notes["pitch"].tolist() + without.notes["pitch"].tolist()


def test_bars_do_not_count_a_primer_that_is_kept(model: Model, tunes: Path):
    request = {"bars": 2, "primer": tunes / "tune-00.mid", "seed": 2}
    (kept,) = sample(model, Request(**request, keep_primer=True))
    primer_ticks = 24 * TICKS_PER_QUARTER // 2
    assert primer_ticks < kept.end_ticks <= primer_ticks + 2 * 4 * TICKS_PER_QUARTER


def test_from_scratch_has_no_primer(model: Model):
    (primer,) = Generation(model, Request(length=5, from_scratch=True)).primers
    assert primer.rows.shape == (0,)
    assert len(sample(model, Request(length=20, from_scratch=True))[0].notes)


def test_tempo_metre_program_and_names_are_set(model: Model):
    (score,) = sample(model, Request(length=20, seed=1, bpm=77, instrument="violin"))
    assert score.tempos["bpm"].tolist() == [77]
    assert [tuple(metre) for metre in score.metres.tolist()] == [(0, 4, 4)]
    assert [(track.program, track.name) for track in score.tracks] == [(40, "Violin")]
    (plain,) = sample(model, Request(length=20, seed=1))
    assert plain.tempos["bpm"].tolist() == [model.info["music"]["bpm"]]


def test_reserved_tokens_are_never_written(model: Model):
    generation = Generation(model, Request(length=500, seed=3, sampler=Sampler(temperature=50.0, top_p=1.0)))
    assert generation.continuations()[0].rows.min() >= 3


def test_a_cold_sampler_repeats_itself_whatever_the_seed(model: Model):
    cold = {"length": 40, "from_scratch": True, "sampler": Sampler(top_k=1), "velocity": "flat"}
    first, second = (sample(model, Request(seed=seed, **cold))[0] for seed in (1, 2))
    assert np.array_equal(first.notes, second.notes)


def test_notes_are_as_loud_as_the_corpus_plays_or_all_the_same(model: Model):
    tune = Score.from_notes([(60 + i % 12, i, 1) for i in range(16)])
    dynamics = {"mean": 64.0, "levels": [10.0, 5.0, 0.0, 0.0, 0.0], "per_octave": 0.0, "top": 0.0, "drift": 0.0}
    player = playing(model, NoteDuration(), tune, dynamics=dynamics)
    loud, flat = (
        sample(player, Request(bars=2, from_scratch=True, velocity=velocity))[0].notes["velocity"].tolist()
        for velocity in ("expressive", "flat")
    )
    assert (loud, flat) == ([74, 64, 69, 64] * 2, [80] * 8)


class _Plays:
    """An arch that goes on as a given piece does, and begins it anew at its end."""

    def __init__(self, rows: np.ndarray):
        self.rows = rows

    def continuation(self, primer: np.ndarray, sampler: Any, seed: int, guidance: Any) -> Any:
        at = primer.shape[1] - 1
        while True:
            yield np.tile(np.resize(np.roll(self.rows, -at), 16), (len(primer), 1))
            at += 16


def playing(model: Model, encoding: Encoding, score: Score, **music: Any) -> Model:
    """A model that has learnt one piece by heart."""
    if not encoding.vocabulary():
        encoding.fit([score])
    player = Model(model.folder, model.info | {"music": model.info["music"] | music}, encoding)
    player.__dict__["arch"] = _Plays(encoding.encode(score))
    player.__dict__.update({"primers": [player.arch.rows], "primer_metres": [score.metres]})
    return player


def metres(*changes: tuple[int, int, int]) -> np.ndarray:
    return np.array([(quarter * TICKS_PER_QUARTER, *metre) for quarter, *metre in changes], METRE)


def notes_of(score: Score) -> list[tuple[int, float, float]]:
    """(pitch, onset, duration), the last two in quarter notes."""
    return [(n["pitch"], n["onset_ticks"] / 480, n["duration_ticks"] / 480) for n in score.notes]


def test_bars_are_counted_as_the_metres_of_the_piece_say(model: Model):
    score = replace(
        Score.from_notes([(60 + i % 12, i, 1) for i in range(28)]), metres=metres((0, 4, 4), (8, 3, 4), (14, 2, 4))
    )
    player = playing(model, NoteDuration(), score)
    for bars, quarters in ((1, 4), (3, 11), (4, 14), (6, 18)):
        (piece,) = sample(player, Request(bars=bars, from_scratch=True))
        assert (piece.bars, piece.end_ticks / TICKS_PER_QUARTER) == (bars, quarters)


def test_neither_a_primer_nor_a_round_of_growing_is_decoded_twice(
    model: Model, tunes: Path, monkeypatch: pytest.MonkeyPatch
):
    decoded: list[int] = []
    decode = type(model.encoding).decode
    monkeypatch.setattr(
        type(model.encoding), "decode", lambda self, rows: (decoded.append(len(rows)), decode(self, rows))[1]
    )
    sample(model, Request(bars=40, num=2, seed=1, primer=tunes / "tune-00.mid", keep_primer=True))
    primer, *rounds = decoded
    assert primer == 24
    assert len(rounds) > 2  # 256 rows are not enough
    assert rounds[::2] == rounds[1::2] == sorted({*rounds})  # each of two pieces once a round


def test_a_long_note_does_not_fill_the_time(model: Model):
    score = Score.from_notes([(36, 0, 40), *((60 + i % 12, i, 1) for i in range(40))])
    (piece,) = sample(playing(model, NoteDuration(), score), Request(bars=9, from_scratch=True))
    assert piece.notes["onset_ticks"].max() == 35 * TICKS_PER_QUARTER


def test_a_song_that_is_continued_keeps_its_place_its_tempos_and_its_metres(model: Model, tmp_path: Path):
    song = replace(
        Score.from_notes([(60 + i % 5, 6 + i, 1) for i in range(14)]),  # two quarters of a bar of 4/4, then 3/4
        tempos=np.array([(0, 100), (8 * TICKS_PER_QUARTER, 60)], TEMPO),
        metres=metres((0, 4, 4), (8, 3, 4)),
    )
    write(song, tmp_path / "song.mid")
    request = {"length": 20, "seed": 1, "primer": tmp_path / "song.mid"}
    encoding = MidiMessage()  # knows neither tempos nor metres, nor the silence before the first note
    encoding.fit([song])
    player = playing(model, encoding, song)
    (kept,) = sample(player, Request(**request, keep_primer=True))
    (piece,) = sample(player, Request(**request))
    assert notes_of(kept)[:14] == notes_of(song)
    assert kept.notes["onset_ticks"][14] == 20 * TICKS_PER_QUARTER + piece.notes["onset_ticks"][0]
    assert (kept.tempos.tolist(), kept.metres.tolist()) == (song.tempos.tolist(), song.metres.tolist())
    assert (piece.tempos.tolist(), piece.metres.tolist()) == ([(0, 60.0)], [(0, 3, 4)])
    assert sample(player, Request(**request, bpm=77))[0].tempos["bpm"].tolist() == [77]


def test_a_song_that_the_vocabulary_lacks_is_kept_as_it_is_with_a_warning(
    model: Model, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    notes = [(60 + i % 5, 2 + i * 1.75, 1.75) for i in range(8)]  # to the 16th quarter
    song = replace(
        Score.from_notes(notes, [Track(40, name="Fiddle")]),
        tempos=np.array([(0, 100), (8 * TICKS_PER_QUARTER, 60)], TEMPO),
        metres=metres((0, 4, 4), (8, 2, 4)),
    )
    write(song, tmp_path / "song.mid")
    encoding, quarters = MidiMessage(), Score.from_notes([(60 + i % 5, i, 1) for i in range(40)])
    encoding.fit([quarters])
    player = playing(model, encoding, quarters)
    request = {"bars": 2, "seed": 1, "primer": tmp_path / "song.mid", "keep_primer": True}
    decoded = player.encoding.decode(Generation(player, Request(**request)).primers[0].rows)
    assert decoded.end_ticks == 8 * TICKS_PER_QUARTER  # the nearest that the vocabulary has is a quarter
    (kept,) = sample(player, Request(**request))
    assert notes_of(kept)[:8] == notes
    assert (kept.tempos.tolist(), kept.metres.tolist()) == (song.tempos.tolist(), song.metres.tolist())
    assert {onset for _, onset, _ in notes_of(kept)[8:]} == {16, 17, 18, 19}  # two bars of 2/4
    assert [(track.program, track.name) for track in kept.tracks] == [(40, "Fiddle"), (0, "Acoustic Grand Piano")]
    assert "song.mid: 50.0% of its tokens are not in the vocabulary" in caplog.text
    (piece,) = sample(player, Request(**(request | {"keep_primer": False})))
    assert (piece.tempos.tolist(), piece.metres.tolist()) == ([(0, 60.0)], [(0, 2, 4)])


def test_tempo_and_instrument_are_for_what_is_written_and_not_for_the_users_file(model: Model, tmp_path: Path):
    song = replace(Score.from_notes([(60, 0, 1), (62, 1, 1)], [Track(40)]), tempos=np.array([(0, 100)], TEMPO))
    write(song, tmp_path / "song.mid")
    player = playing(model, NoteDuration(), Score.from_notes([(60 + i, i, 1) for i in range(12)]))
    for primer, programs, tempos in (
        (tmp_path / "song.mid", [40, 73], [(0, 100), (2 * TICKS_PER_QUARTER, 77)]),
        ("C4 D4", [73], [(0, 77)]),  # typed notes are nobody's yet
    ):
        (kept,) = sample(player, Request(bars=1, primer=primer, keep_primer=True, bpm=77, instrument="flute"))
        assert [track.program for track in kept.tracks] == programs
        assert kept.tempos.tolist() == tempos
        assert notes_of(kept)[:2] == [(60, 0, 1), (62, 1, 1)]


def test_a_file_that_names_no_tempo_and_no_metre_is_played_as_ever(model: Model, tmp_path: Path):
    write(Score.from_notes([(60, 0, 1), (62, 1, 1)]), tmp_path / "song.mid")
    assert not len(read(tmp_path / "song.mid").scores[0].tempos)
    player = playing(
        model, MidiMessage(), Score.from_notes([(60 + i % 5, i, 1) for i in range(12)]), bpm=60, metre=[3, 4]
    )
    request = {"length": 8, "keep_primer": True}
    (kept,) = sample(player, Request(**request, primer=tmp_path / "song.mid"))
    assert (kept.tempos.tolist(), kept.metres.tolist()) == ([(0, 120)], [(0, 4, 4)])
    (typed,) = sample(player, Request(**request, primer="C4 D4"))
    assert (typed.tempos.tolist(), typed.metres.tolist()) == ([(0, 60)], [(0, 3, 4)])


def test_behind_a_file_in_its_own_tempo_seconds_go_on(model: Model, tmp_path: Path):
    song = replace(Score.from_notes([(60, 0, 1), (62, 1, 1)]), tempos=np.array([(0, 60)], TEMPO))
    write(song, tmp_path / "song.mid")
    player = playing(model, Performance(), Score.from_notes([(60 + i % 12, i * 2, 2) for i in range(20)]))
    (kept,) = sample(player, Request(seconds=3, primer=tmp_path / "song.mid", keep_primer=True))
    assert notes_of(kept)[:2] == [(60, 0, 1), (62, 1, 1)]
    assert kept.tempos.tolist() == [(0, 60), (2 * TICKS_PER_QUARTER, 120)]
    assert kept.notes["onset_ticks"][2:].min() >= 2 * TICKS_PER_QUARTER
    assert 4 < kept.seconds <= 5


def test_a_note_that_the_primer_was_cut_in_is_not_written_outside_of_the_key(model: Model):
    remi = Remi()
    score = Score.from_notes([(61 + i % 2, i, 1) for i in range(8)])
    player = playing(model, remi, score)
    for length in range(20, 28):  # so behind each of the tokens of a note
        player.__dict__["primers"] = [player.arch.rows[:length]]
        (piece,) = sample(player, Request(length=20, constraints=Constraints(pitch_range="62-100")))
        assert set(piece.notes["pitch"].tolist()) == {62}


def test_what_a_primer_has_set_holds_on_behind_it(model: Model):
    tune = [(60, 0, 1), (64, 0, 1), (67, 0, 1), (62, 1, 1), (64, 2, 2), *((65 + i, 4 + i, 1) for i in range(8))]
    score = replace(Score.from_notes(tune, tracks=[Track(40)]), metres=metres((0, 3, 4)))
    player = playing(model, NoteDuration(), score)
    rows = player.arch.rows.tolist()
    length = rows.index(NoteDuration().sections.first["pitch"] + 64 - 21)  # the primer is cut in the first chord
    request = {"length": len(rows) - length, "primer_length": length}
    (piece,) = sample(player, Request(**request))
    assert notes_of(piece) == tune[1:]
    assert [(track.program, track.name) for track in piece.tracks] == [(40, "Violin")]
    assert [tuple(metre) for metre in piece.metres.tolist()] == [(0, 3, 4)]
    (kept,) = sample(player, Request(**request, keep_primer=True))
    assert notes_of(kept) == tune


def test_where_the_encoding_knows_bars_a_piece_begins_on_a_bar_line(model: Model):
    tune = [(60 + i % 12, i, 1) for i in range(20)]
    request = {"bars": 2}
    bars = playing(model, NoteDuration(), Score.from_notes(tune))
    length = bars.arch.rows.tolist().index(NoteDuration().sections.first["pitch"] + 66 - 21)  # the third of its bar
    (piece,) = sample(bars, Request(**request, primer_length=length))
    assert notes_of(piece) == [(60 + i % 12, i - 4, 1) for i in range(6, 12)]
    no_bars = playing(model, Performance(), Score.from_notes(tune))
    (piece,) = sample(no_bars, Request(**request, primer_length=1 + 3 * 6))  # the velocity; a press, a wait, a release
    assert [pitch for pitch, _, _ in notes_of(piece)] == [60 + i % 12 for i in range(6, 14)]
    assert onsets(piece)[0] == 0


def test_tracks_that_play_in_the_primer_only_are_left_out(model: Model):
    tracks = [Track(40), Track(0, is_drum=True)]
    drums = Score.from_notes([(36, i, 1) for i in range(4)], tracks, 1)
    violin = Score.from_notes([(60, 4 + i, 1) for i in range(4)], tracks)
    score = replace(drums, notes=np.concatenate([drums.notes, violin.notes]))
    player = playing(model, NoteDuration(), score)
    length = player.arch.rows.tolist().index(NoteDuration().sections.first["program"] + 40)
    (piece,) = sample(player, Request(seconds=1, primer_length=length))
    assert [track.name for track in piece.tracks] == ["Violin"]


def test_seconds_that_an_encoding_writes_are_not_retimed_by_the_corpus(model: Model):
    score = Score.from_notes([(60 + i % 12, i * 2, 2) for i in range(20)])  # a note a second
    player = playing(model, Performance(), score, bpm=60)
    (piece,) = sample(player, Request(seconds=10, from_scratch=True))
    assert piece.seconds == 10
    assert len(piece.notes) == 10
    (slower,) = sample(player, Request(seconds=10, from_scratch=True, bpm=60))
    assert len(slower.notes) == 5


class _Silent:
    """An arch that writes one token for ever."""

    def __init__(self, token: int):
        self.token = token

    def continuation(self, primer: np.ndarray, sampler: Any, seed: int, guidance: Any) -> Any:
        while True:
            yield np.full((len(primer), 64), self.token, np.int32)


def test_a_result_without_notes_is_an_error_and_not_a_file(model: Model):
    silent = Model(model.folder, model.info, model.encoding)
    silent.__dict__["arch"] = _Silent(1)
    with pytest.raises(NoMusic, match="no note"):
        sample(silent, Request(length=10))
    with pytest.raises(NoMusic, match="rows"):
        sample(silent, Request(bars=4))


@pytest.mark.parametrize("unit, goal", [("bars", 100000), ("seconds", 1e6)])
def test_a_piece_that_is_too_long_says_how_much_fits(
    model: Model, monkeypatch: pytest.MonkeyPatch, unit: str, goal: float
):
    monkeypatch.setattr("musictool.generation.sample.MOST_ROWS", 1000)
    words = rf"^--{unit} {goal} is too long; 1,000 rows, .* hold about ([\d,]+) {unit} of it$"
    with pytest.raises(BadOption, match=words) as refused:
        sample(model, Request(seed=1, **{unit: goal}))  # type: ignore[arg-type]
    fit = int(re.findall(words, str(refused.value))[0].replace(",", ""))
    (score,) = sample(model, Request(seed=1, **{unit: fit}))  # type: ignore[arg-type]
    assert len(score.notes) > 200


def test_more_tokens_than_are_ever_written_are_refused_before_one_is_drawn(model: Model):
    with pytest.raises(BadOption, match=r"^--length 1000001 is too long; 1,000,000 rows are the most"):
        sample(model, Request(length=1_000_001, seed=1))


def test_a_piece_that_is_far_too_long_is_refused_as_soon_as_its_pace_is_known(model: Model):
    drawn: list[int] = []
    with pytest.raises(
        BadOption, match=r"--bars 10000000 is too long; 1,000,000 rows, .* hold about \d{2,3},\d{3} bars"
    ):
        sample(model, Request(bars=10_000_000, seed=1), lambda done, total: drawn.append(done))
    assert max(drawn) < 3000


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({}, "exactly one of"),
        ({"length": 5, "bars": 2}, "exactly one of"),
        ({"length": 0}, "--length: 0"),
        ({"seconds": -1.0}, "--seconds"),
        ({"length": 5, "num": 0}, "--num"),
        ({"length": 5, "primer_length": 0}, "--primer-length"),
        ({"length": 5, "bpm": 0.0}, "--tempo"),
        ({"length": 5, "primer": Path("x.mid"), "from_scratch": True}, "--primer and --from-scratch exclude"),
        ({"length": 5, "primer_length": 4, "from_scratch": True}, "--primer-length and --from-scratch exclude"),
        ({"length": 5, "keep_primer": True, "from_scratch": True}, "--keep-primer and --from-scratch exclude"),
    ],
)
def test_requests_that_cannot_be_meant_are_refused(wrong: dict[str, Any], words: str):
    with pytest.raises(BadOption, match=words):
        Request(**wrong)


def test_primers_and_instruments_that_do_not_exist_are_named(model: Model, tmp_path: Path):
    with pytest.raises(BadFile, match=r"nowhere\.mid"):
        sample(model, Request(length=5, primer=tmp_path / "nowhere.mid"))
    with pytest.raises(UnknownName, match="Violin"):
        sample(model, Request(length=5, instrument="violni"))


def test_a_primer_of_drums_alone_is_refused(model: Model, tmp_path: Path):
    drums = Score.from_notes([(36, 0, 1), (38, 1, 1)], tracks=[Track(is_drum=True)])
    write(drums, tmp_path / "drums.mid")
    with pytest.raises(NoMusic, match="primer"):
        sample(model, Request(length=5, primer=tmp_path / "drums.mid"))


def test_an_arch_goes_on_for_as_long_as_it_is_asked(model: Model):
    stream = model.arch.continuation(np.full((2, 1), 2, np.int32), Sampler(), 1)
    assert sum(chunk.shape[1] for chunk in islice(stream, 4)) > 100
