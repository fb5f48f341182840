from __future__ import annotations

import json
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musictool.encoding import FIRST_TOKEN, PADDING, START, UNKNOWN, from_json
from musictool.encodings import _miditok
from musictool.encodings._miditok_score import bars
from musictool.encodings.remi import Options, Remi
from musictool.errors import BadModel, BadOption, MusictoolError
from musictool.music.score import METRE, TEMPO, Score, Track
from tests.strategies import examples, scores

BARE = {"programs": False, "tempo": False, "metre": False, "velocity": False}
WALTZ = np.array([(0, 3, 4)], METRE)


def encoding_of(*pieces: Score, **options) -> Remi:
    encoding = Remi(Options(**options))
    encoding.fit(pieces)
    return encoding


def texts(score: Score, **options) -> list[str]:
    encoding = encoding_of(**options)
    return [encoding.base_texts[row - FIRST_TOKEN] for row in encoding.encode(score)]


def rows_of(encoding: Remi, text: str) -> np.ndarray:
    return np.array([FIRST_TOKEN + encoding.base_texts.index(name) for name in text.split()], np.int32)


def notes(score: Score) -> list[tuple[int, float, float]]:
    """(pitch, onset in quarters, duration in quarters)."""
    return [(n["pitch"], n["onset_ticks"] / 480, n["duration_ticks"] / 480) for n in score.notes]


def through(score: Score, **options) -> Score:
    encoding = encoding_of(**options)
    return encoding.decode(encoding.encode(score))


def test_bars_positions_and_notes():
    assert texts(Score.from_notes([(60, 0, 1), (64, 0, 1), (62, 1.5, 0.25), (65, 4, 4)]), **BARE) == [
        *("Bar_None", "Position_0", "Pitch_60", "Duration_1.0.12", "Pitch_64", "Duration_1.0.12"),
        *("Position_18", "Pitch_62", "Duration_0.3.12"),
        *("Bar_None", "Position_0", "Pitch_65", "Duration_4.0.4"),
    ]


def test_each_option_adds_its_tokens():
    tracks = (Track(40), Track(is_drum=True))
    score = Score.from_columns(
        *np.array([(0, 480, 60, 80, 0), (0, 480, 64, 80, 0), (0, 480, 67, 80, 0), (0, 480, 36, 80, 1)]).T,
        tracks=tracks,
        tempos=np.array([(0, 91.0)], TEMPO),
        metres=WALTZ,
    )
    assert texts(score, chords=True)[:12] == [
        *("Bar_None", "TimeSig_3/4", "Position_0", "Tempo_90.0", "Program_40", "Chord_maj"),
        *("Program_40", "Pitch_60", "Velocity_79", "Duration_1.0.12", "Program_40", "Pitch_64"),
    ]
    assert texts(score)[-4:] == ["Program_-1", "PitchDrum_36", "Velocity_79", "Duration_1.0.12"]
    assert "PitchDrum_36" not in encoding_of(**BARE).base_texts


def test_programs_and_drums_come_back_and_tracks_of_one_program_are_one():
    tracks = (Track(40, name="a"), Track(0, is_drum=True), Track(40, name="b"), Track(0))
    score = Score.from_columns(
        *np.array([(0, 480, 60, 80, 0), (0, 480, 36, 80, 1), (480, 480, 64, 80, 2), (0, 480, 67, 80, 3)]).T,
        tracks=tracks,
    )
    music = through(score)
    notes, parts = music.notes, music.tracks
    sounding = {(parts[n["track"]].program, parts[n["track"]].is_drum, int(n["pitch"])) for n in notes}
    assert sounding == {(40, False, 60), (0, True, 36), (40, False, 64), (0, False, 67)}
    assert len(music.tracks) == 3


def test_without_programs_all_that_is_no_drum_is_one_piano():
    tracks = (Track(40), Track(is_drum=True), Track(7))
    score = Score.from_columns(
        *np.array([(0, 480, 60, 80, 0), (0, 9, 36, 80, 1), (0, 480, 64, 80, 2)]).T, tracks=tracks
    )
    music = through(score, programs=False)
    assert notes(music) == [(60, 0, 1), (64, 0, 1)]
    assert music.tracks == (Track(),)


def test_a_tempo_comes_back_as_the_nearest_five_and_the_first_holds_from_the_beginning():
    tempos = np.array([(480, 63.0), (960, 62.6), (1920, 300.0)], TEMPO)
    score = Score.from_notes([(60, 0, 1), (62, 4, 1)])
    changed = Score(score.notes, tempos=tempos)
    assert through(changed).tempos.tolist() == [(0, 65.0), (1920, 260.0)]
    assert not len(through(changed, tempo=False).tempos)


def test_a_metre_comes_back_from_the_next_bar_line():
    metres = np.array([(0, 3, 4), (1000, 6, 8), (1440 * 3, 2, 2)], METRE)
    score = Score.from_notes([(60, i, 1) for i in range(20)])
    music = through(Score(score.notes, metres=metres))
    assert music.metres.tolist() == [(0, 3, 4), (1440, 6, 8), (1440 * 3, 4, 4)]
    assert notes(music) == notes(score)
    assert not len(through(Score(score.notes, metres=metres), metre=False).metres)


def test_a_metre_that_changes_nothing_or_is_covered_by_the_next_goes():
    metres = np.array([(100, 3, 4), (200, 4, 4), (4000, 4, 4), (5000, 7, 16)], METRE)
    assert bars(metres).tolist() == [(0, 4, 4)]


def test_a_metre_whose_bar_line_lies_beyond_the_last_tick_goes():
    assert bars(np.array([(0, 3, 4), (2**31 - 1, 4, 4)], METRE)).tolist() == [(0, 3, 4)]


def test_the_grid_is_twice_as_fine_where_eighths_are_counted():
    score = Score.from_notes([(60, 0, 1), (62, 1 / 24, 1)])
    assert notes(through(Score(score.notes, metres=np.array([(0, 6, 8)], METRE))))[1][1] == 20 / 480
    assert notes(through(score))[1][1] == 40 / 480


def test_velocity_comes_back_within_its_level():
    score = Score.from_columns(
        np.arange(127) * 480, np.full(127, 480), np.full(127, 60), np.arange(1, 128), np.zeros(127)
    )
    assert np.abs(through(score).notes["velocity"].astype(int) - np.arange(1, 128)).max() <= 3
    assert (through(score, velocity=False).notes["velocity"] == 80).all()


def test_a_pitch_struck_again_ends_where_it_is_struck_and_the_longest_of_two_stays():
    score = Score.from_notes([(60, 0, 4), (60, 1, 1), (60, 1, 2)])
    assert notes(through(score)) == [(60, 0, 1), (60, 1, 2)]


def test_a_note_is_sixteen_beats_long_at_most():
    assert notes(through(Score.from_notes([(60, 0, 50), (62, 50, 1)]))) == [(60, 0, 16), (62, 50, 1)]


def test_silence_at_the_start_and_in_the_middle_stays():
    score = Score.from_notes([(60, 7.25, 1), (62, 50, 1)])
    assert notes(through(score)) == notes(score)


@settings(deadline=None, max_examples=examples(30))
@given(score=scores(overlaps=False, changes=False, off_grid=False, drums=False))
def test_what_lies_on_the_grid_comes_back_exactly(score):
    kept = score.notes[score.notes["pitch"] < 127]
    music = through(Score(kept, tuple(Track(i) for i in range(len(score.tracks)))))
    music.notes["track"] = np.array([track.program for track in music.tracks])[music.notes["track"]]
    columns = ["onset_ticks", "duration_ticks", "pitch", "track"]
    assert sorted(music.notes[columns].tolist()) == sorted(kept[columns].tolist())


def test_pitch_127_comes_back_an_octave_lower_but_a_drum_stays():
    assert notes(through(Score.from_notes([(127, 0, 1), (126, 1, 1)]))) == [(115, 0, 1), (126, 1, 1)]
    assert notes(through(Score.from_notes([(127, 0, 1)], [Track(is_drum=True)]))) == [(127, 0, 1)]


def slow_clock(encoding: Remi, rows: np.ndarray) -> list[int]:
    """Where MidiTok itself puts a note that is set behind each row, in ticks."""
    note = rows_of(encoding, "Program_5 Pitch_60 Velocity_79 Duration_1.0.12")
    times = []
    for t in range(1, len(rows) + 1):
        music = encoding.decode(np.concatenate([rows[:t], note]))
        times.append(
            int(music.notes["onset_ticks"][[music.tracks[n["track"]].program == 5 for n in music.notes]].max())
        )
    return times


@pytest.mark.parametrize("opening", ["TimeSig_5/8", "Pitch_60"])
@pytest.mark.parametrize("seed", range(10))
def test_the_clock_is_that_of_miditok_even_in_nonsense(opening, seed):
    encoding, rng = encoding_of(), np.random.default_rng(seed)
    telling = FIRST_TOKEN + np.flatnonzero(np.isin(encoding.kinds, ["Bar", "Position", "TimeSig", "Tempo", "Duration"]))
    rows = np.where(rng.random(12) < 0.3, rows_of(encoding, "Bar_None"), rng.choice(telling, 12))
    rows = np.concatenate([rows_of(encoding, opening), rows])
    clock = encoding.grid.to_ticks(encoding.clock(rows - FIRST_TOKEN))
    np.testing.assert_array_equal(clock, slow_clock(encoding, rows))


def test_the_first_metre_holds_from_the_beginning_if_no_note_stands_before_it():
    encoding = encoding_of(**{**BARE, "metre": True})
    rows = rows_of(encoding, "Bar_None Bar_None TimeSig_3/4 Pitch_60 Duration_1.0.12")
    assert notes(encoding.decode(rows)) == [(60, 3, 1)]
    np.testing.assert_array_equal(encoding.positions(rows), np.array([0, 3, 3, 3, 3]) * 480)


def test_positions_are_where_the_rows_take_effect():
    score = Score(Score.from_notes([(60, 0, 1), (62, 3.5, 1), (64, 6, 1)]).notes, metres=WALTZ)
    encoding = encoding_of(**{**BARE, "metre": True})
    rows = encoding.encode(score)
    shown = [f"{encoding.base_texts[r - 3]}@{p / 480:g}" for r, p in zip(rows, encoding.positions(rows), strict=True)]
    assert shown == [
        *("Bar_None@0", "TimeSig_3/4@0", "Position_0@0", "Pitch_60@0", "Duration_1.0.12@0"),
        *("Bar_None@3", "TimeSig_3/4@3", "Position_6@3.5", "Pitch_62@3.5", "Duration_1.0.12@3.5"),
        *("Bar_None@6", "TimeSig_3/4@6", "Position_0@6", "Pitch_64@6", "Duration_1.0.12@6"),
    ]


def test_reserved_rows_and_broken_notes_are_passed_over():
    encoding = encoding_of(**BARE)
    rows = rows_of(encoding, "Pitch_60 Duration_1.0.12 Bar_None Position_12 Pitch_62 Pitch_64 Duration_1.0.12 Pitch_65")
    spread = np.insert(rows, [0, 1, 4, len(rows)], [START, UNKNOWN, PADDING, PADDING])
    assert notes(encoding.decode(spread)) == [(60, 0, 1), (64, 1, 1)]
    assert len(encoding.positions(spread)) == len(spread)
    assert not len(encoding.decode(np.array([PADDING, START])).notes)
    np.testing.assert_array_equal(encoding.positions(np.array([PADDING, START])), [0, 0])


PIECES = [Score.from_notes([(60 + i % k, i / 2, 1 / 2) for i in range(64)], [Track(k)]) for k in (3, 5, 7)]


def test_merging_shortens_and_plays_the_same():
    plain, merged = encoding_of(), encoding_of(*PIECES, vocabulary=900)
    for piece in PIECES:
        rows = merged.encode(piece)
        assert len(rows) < 0.6 * len(plain.encode(piece))
        assert notes(merged.decode(rows)) == notes(piece)
        np.testing.assert_array_equal(merged.encode(merged.decode(rows)), rows)
    assert plain.spec.size < merged.spec.size <= 900


def test_no_token_of_a_pitch_is_merged_and_transposing_is_a_table():
    encoding = encoding_of(*PIECES, vocabulary=900)
    behind = np.arange(FIRST_TOKEN + len(encoding.base_texts), encoding.spec.size)
    parts, owners = encoding.merges.base_of(behind)
    assert len(behind) > 10
    assert "Pitch" not in encoding.kinds[parts]
    assert (np.bincount(owners) >= 2).all()
    for semitones in (-7, 5):
        np.testing.assert_array_equal(
            encoding.transpose(encoding.encode(PIECES[1]), semitones), encoding.encode(PIECES[1].transpose(semitones))
        )


@settings(deadline=None, max_examples=examples(15))
@given(score=scores(), seed=st.integers(0, 2**32 - 1))
def test_merged_tokens_keep_the_laws(score, seed):
    encoding = encoding_of(score, *PIECES, vocabulary=1000)
    rows = encoding.encode(score)
    np.testing.assert_array_equal(encoding.encode(encoding.decode(rows)), rows)
    again = from_json(*json.loads(json.dumps([encoding.to_json(), encoding.vocabulary()])))
    np.testing.assert_array_equal(again.encode(score), rows)
    anything = np.random.default_rng(seed).integers(0, encoding.spec.size, 40)
    np.testing.assert_array_equal(again.decode(anything).notes, encoding.decode(anything).notes)
    positions = encoding.positions(anything)
    assert (np.diff(positions, prepend=0) >= 0).all()
    last = encoding.decode(anything).notes["onset_ticks"][len(encoding.decode(anything[:-1]).notes) :]
    assert (last >= positions[0]).all()


def test_what_is_merged_does_not_hang_on_the_order_of_the_pieces():
    one, other = encoding_of(*PIECES, vocabulary=900), encoding_of(*PIECES[::-1], vocabulary=900)
    assert json.dumps(one.vocabulary()) == json.dumps(other.vocabulary())
    assert json.dumps(one.vocabulary()) == json.dumps(encoding_of(*PIECES, vocabulary=900).vocabulary())


def test_a_vocabulary_must_have_room_and_must_be_made_first():
    size = encoding_of().spec.size
    with pytest.raises(BadOption, match=f"vocabulary: {size} is neither 0 nor at least {size + 1}"):
        Remi(Options(vocabulary=size))
    with pytest.raises(ValueError, match="no vocabulary yet"):
        Remi(Options(vocabulary=size + 1)).encode(PIECES[0])


@pytest.mark.parametrize(
    "damage",
    [
        {"symbols": ["Bar_None"]},
        {"symbols": [1, "Bar_None"]},
        {"symbols": 1},
        {"pairs": [[3, 5000]]},
        {"pairs": [[3]]},
        {"pairs": [[0, 3]]},
        {"pairs": [[float("inf"), 3]]},
        {"pairs": [[3, -1]]},
    ],
)
def test_a_damaged_vocabulary_is_refused(damage):
    encoding = encoding_of(*PIECES, vocabulary=900)
    with pytest.raises(BadModel):
        Remi(Options(vocabulary=900)).load_vocabulary({**encoding.vocabulary(), **damage})


def test_a_saved_order_of_tokens_is_kept_whatever_miditok_counts():
    encoding, turned = encoding_of(), encoding_of()
    turned.load_vocabulary({"symbols": list(encoding.base_texts[::-1]), "pairs": []})
    rows = turned.encode(PIECES[0])
    assert turned.base_texts[rows[0] - FIRST_TOKEN] == "Bar_None"
    np.testing.assert_array_equal(rows, 2 * FIRST_TOKEN + len(encoding.base_texts) - 1 - encoding.encode(PIECES[0]))
    assert notes(turned.decode(rows)) == notes(PIECES[0])
    np.testing.assert_array_equal(turned.transpose(rows, 2), turned.encode(PIECES[0].transpose(2)))


def test_features_name_the_parts_the_kinds_and_the_pitch_classes():
    encoding = encoding_of(*PIECES, vocabulary=900)
    features = encoding.spec.features
    kinds = len(np.unique(encoding.kinds))
    assert features.shape == (encoding.spec.size, len(encoding.base_texts) + kinds + 12)
    c4, c5 = rows_of(encoding, "Pitch_60 Pitch_72")
    assert (features[c4] & features[c5]).sum() == 2  # the kind and the class
    assert not features[:FIRST_TOKEN].any()
    last = encoding.spec.size - 1
    parts, _ = encoding.merges.base_of(np.array([last]))
    np.testing.assert_array_equal(np.flatnonzero(features[last, : len(encoding.base_texts)]), np.unique(parts))


def test_without_miditok_the_message_says_what_to_type(monkeypatch):
    monkeypatch.setitem(sys.modules, "miditok", None)
    _miditok.tokenizer.cache_clear()
    with pytest.raises(MusictoolError, match=r"remi needs MidiTok, .*pip install 'musictool\[miditok\]'"):
        Remi()
    monkeypatch.undo()
    assert len(Remi().encode(PIECES[0]))
