from __future__ import annotations

import itertools
import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musictool.encoding import FIRST_TOKEN, PADDING, START, UNKNOWN, from_json
from musictool.encodings.note_chord import LONGEST_STEPS, ClosedNoteChord, NoteChord, Options
from musictool.errors import BadModel, BadOption
from musictool.music.score import Score, Track
from musictool.options import from_settings
from tests.strategies import examples, scores

CHORD = ((60, 0, 1), (64, 0, 1), (67, 0, 1))
CLOSED = NoteChord(Options(vocabulary="closed"))
COMBINATIONS = list(itertools.product((True, False), (False, True), ("keep", "cap", "drop")))


def fitted(*pieces: Score, transpositions=(0,), **options) -> ClosedNoteChord:
    encoding = NoteChord(Options(**{"vocabulary": "closed", **options}))
    encoding.fit(pieces, transpositions)
    return encoding


def texts(score: Score, **options) -> list[str]:
    """What a piece is, to an encoding that has seen it."""
    encoding = fitted(score, **options)
    return [encoding.texts.text_of(index) for index in encoding.encode(score)]


def notes(score: Score) -> list[tuple[int, int, int]]:
    """(pitch, onset in sixteenths, duration in sixteenths)."""
    return [(n["pitch"], n["onset_ticks"] // 120, n["duration_ticks"] // 120) for n in score.notes]


def test_a_chord_and_a_melody():
    score = Score.from_notes([*CHORD, (63, 1, 0.5), (66, 1.5, 0.25), (70, 1.75, 2.25)])
    assert texts(score) == ["C4.E4.G4:4", "E-4:2", "F#4:1", "B-4:9"]


def test_a_token_lasts_until_the_next_onset_even_where_its_notes_sound_on():
    score = Score.from_notes([(48, 0, 4), (60, 0, 1), (62, 1, 1), (64, 2, 1)])
    assert texts(score) == ["C3.C4:4", "D4:4", "E4:8"]  # the last lasts as long as anything sounds


def test_a_pitch_struck_twice_at_once_is_one():
    assert texts(Score.from_notes([(60, 0, 1), (60, 0, 2)])) == ["C4:8"]


def test_silence_before_the_first_note_and_behind_the_last_is_left_out():
    assert texts(Score.from_notes([(60, 2, 1)])) == ["C4:4"]


def test_triplets_fall_on_the_nearest_sixteenth():
    assert texts(Score.from_notes([(60, 0, 1 / 3), (62, 1 / 3, 1 / 3), (64, 2 / 3, 1 / 3)])) == [
        "C4:1",
        "D4:2",
        "E4:1",
    ]


def test_drums_are_left_out():
    drums = Score.from_notes([(36, 0, 1)], tracks=[Track(is_drum=True)])
    assert len(fitted(Score.from_notes(CHORD)).encode(drums)) == 0


@pytest.mark.parametrize(
    "rests, expected",
    [
        ("keep", ["C4:2", "rest:1", "D4:4", "rest:4", "E4:4", "rest:32", "rest:8", "F4:4"]),
        ("cap", ["C4:3", "D4:4", "rest:4", "E4:4", "rest:16", "F4:4"]),
        ("drop", ["C4:3", "D4:8", "E4:32", "F4:4"]),
    ],
)
def test_what_becomes_of_silence(rests, expected):
    score = Score.from_notes([(60, 0, 0.5), (62, 0.75, 1), (64, 2.75, 1), (65, 13.75, 1)])
    assert texts(score, rests=rests) == expected


def test_no_token_is_longer_than_two_whole_notes():
    assert texts(Score.from_notes([(60, 0, 12), (62, 12, 1)])) == [f"C4:{LONGEST_STEPS}", "D4:4"]


@pytest.mark.parametrize(
    "rests, expected",
    [
        ("keep", ["C4", "rest", "D4", "rest", "E4.G4"]),
        ("cap", ["C4", "D4", "rest", "E4.G4"]),
        ("drop", ["C4", "D4", "E4.G4"]),
    ],
)
def test_without_rhythm_a_token_has_no_time(rests, expected):
    score = Score.from_notes([(60, 0, 0.5), (62, 0.75, 1), (64, 9, 1), (67, 9, 2)])
    encoding = fitted(score, rhythm=False, rests=rests)
    rows = encoding.encode(score)
    assert [encoding.texts.text_of(row) for row in rows] == expected
    ends = [onset + duration for _, onset, duration in notes(encoding.decode(rows))]
    assert max(ends) == 2 * len(expected)  # each is half a quarter note, rests too


def test_pitch_classes_write_chords_in_normal_order_and_single_notes_by_name():
    score = Score.from_notes([*CHORD, (57, 1, 1), (65, 1, 1), (72, 1, 1), (70, 2, 1), (48, 3, 1), (72, 3, 1)])
    encoding = fitted(score, pitch_classes=True)
    rows = encoding.encode(score)
    expected = ["0.4.7:4", "5.9.0:4", "B-4:4", "C3:4"]  # the last was C in two octaves
    assert [encoding.texts.text_of(row) for row in rows] == expected
    chords = [(60, 0, 4), (64, 0, 4), (67, 0, 4), (60, 4, 4), (65, 4, 4), (69, 4, 4), (70, 8, 4), (48, 12, 4)]
    assert notes(encoding.decode(rows)) == chords


def test_decoding_passes_over_reserved_tokens():
    encoding = fitted(Score.from_notes(CHORD))
    (chord,) = encoding.encode(Score.from_notes(CHORD))
    rows = np.array([START, chord, UNKNOWN, chord, PADDING, PADDING])
    decoded = encoding.decode(rows)
    assert notes(decoded) == [(60, 0, 4), (64, 0, 4), (67, 0, 4), (60, 4, 4), (64, 4, 4), (67, 4, 4)]
    assert set(decoded.notes["velocity"]) == {80}
    assert decoded.tracks == (Track(0),)


def test_the_vocabulary_is_most_frequent_first_and_keeps_its_size():
    score = Score.from_notes([(p, i, 1) for i, p in enumerate([60, 62, 60, 64, 60, 62])])
    rests = tuple(f"rest:{steps}" for steps in range(4, 17))
    assert fitted(score).texts.texts == ("C4:4", "D4:4", "E4:4", *rests)
    assert fitted(score).texts.counts.tolist() == [3, 2, 1, *[0] * len(rests)]
    assert fitted(score, rests="drop").texts.texts == ("C4:4", "D4:4", "E4:4")
    scale = Score.from_notes([(30 + pitch, i, 1) for i, pitch in enumerate(n for n in range(70) for _ in range(n + 1))])
    chosen = fitted(scale, max_vocabulary=64).texts
    assert chosen.size == 64
    assert chosen.counts.tolist() == [*range(70, 22, -1), *[0] * len(rests)]


@pytest.mark.parametrize("rests, steps", [("keep", range(1, 33)), ("cap", range(4, 17)), ("drop", ())])
def test_every_vocabulary_has_all_rests_that_the_options_can_make(rests, steps):
    for pieces in ([], [Score.from_notes([(60, 0, 1), (60, 3, 1)])]):
        known = fitted(*pieces, rests=rests).texts.texts
        assert {text for text in known if text.startswith("rest")} == {f"rest:{n}" for n in steps}
        plain = fitted(*pieces, rests=rests, rhythm=False).texts.texts
        assert ("rest" in plain) == (rests != "drop")
    with pytest.raises(BadModel, match=r"needs 'rest:"):
        CLOSED.load_vocabulary({"symbols": ["C4:4"], "counts": [1]})


def test_a_missing_token_becomes_the_nearest():
    known = Score.from_notes([*CHORD, (60, 1, 1), (62, 2, 1), (62, 3, 2)])
    encoding = fitted(known)
    score = Score.from_notes([(60, 0, 0.25), (64, 0.25, 4), (67, 0.25, 4), (75, 4.25, 1), (62, 5.25, 1.75)])
    tokens = encoding.find(encoding.token_bytes(score))
    assert [encoding.texts.text_of(-row) for row in tokens] == ["C4:4", "C4.E4.G4:4", "D4:4", "D4:8"]
    assert encoding.encode(score).tolist() == (-tokens).tolist()
    assert (encoding.find(encoding.token_bytes(known)) > 0).all()


def test_words_hang_on_the_piece_and_the_options_alone():
    score = Score.from_notes([*CHORD, (60, 4, 1)])
    words = [b"\x3c\x40\x43\x84", b"\x8c", b"\x3c\x84"]  # the pitches and 128 + 4, 128 + 12, and 60 and 128 + 4
    assert CLOSED.token_bytes(score) == words
    assert fitted(Score.from_notes([(60, 0, 1), (60, 3, 1)])).token_bytes(score) == words


def test_a_vocabulary_without_music_knows_only_rests_and_still_works():
    encoding = fitted()
    assert encoding.spec.size == FIRST_TOKEN + 13
    assert encoding.encode(Score.from_notes(CHORD)).tolist() == [UNKNOWN]
    assert len(encoding.decode(np.array([UNKNOWN])).notes) == 0
    assert encoding.transpose(np.array([UNKNOWN]), 2).tolist() == [UNKNOWN]


def test_nothing_goes_before_there_is_a_vocabulary():
    encoding = NoteChord(Options(vocabulary="closed"))
    assert encoding.vocabulary() is None
    for use in (lambda: encoding.spec, lambda: encoding.encode(Score.from_notes(CHORD)), lambda: encoding.texts):
        with pytest.raises(ValueError, match="fit or load_vocabulary"):
            use()


@pytest.mark.parametrize("pitch_classes", [False, True])
def test_transposing_folds_at_the_ends_of_the_range_and_keeps_reserved_tokens(pitch_classes):
    score = Score.from_notes([(0, 0, 1), (12, 0, 1), (16, 0, 1), (127, 1, 1), (60, 4, 1)])
    encoding = fitted(score, transpositions=(-1, 0, 1), pitch_classes=pitch_classes)
    rows = encoding.encode(score)
    for semitones in (-1, 1):
        moved = encoding.encode(score.transpose(semitones))
        assert encoding.transpose(rows, semitones).tolist() == moved.tolist()
    window = np.array([[START, PADDING], [UNKNOWN, rows[0]]], np.int32)
    assert encoding.transpose(window, 1).ravel()[:3].tolist() == [START, PADDING, UNKNOWN]
    assert encoding.transpose(window, 1).shape == window.shape
    assert encoding.transpose(rows, 1).dtype == np.int32


@settings(deadline=None, max_examples=examples(40))
@given(st.lists(scores(), max_size=3), st.sampled_from(COMBINATIONS))
def test_fitting_counts_each_piece_at_each_transposition(pieces, combination):
    rhythm, pitch_classes, rests = combination
    options = {"rhythm": rhythm, "pitch_classes": pitch_classes, "rests": rests, "max_vocabulary": 65536}
    every = [piece.transpose(k) for piece in pieces for k in (0, -2, 5)]
    plain = fitted(*every, **options)
    counts = Counter(plain.texts.text_of(row) for piece in every for row in plain.encode(piece))
    vocabulary = fitted(*pieces, transpositions=(0, -2, 5), **options).texts
    assert +Counter(dict(zip(vocabulary.texts, vocabulary.counts.tolist(), strict=True))) == counts
    assert plain.texts.to_json() == vocabulary.to_json()


@settings(deadline=None, max_examples=examples(200))
@given(scores(), scores(min_notes=1, drums=False), st.sampled_from(COMBINATIONS), st.sampled_from((64, 70, 65536)))
def test_what_is_lost_is_lost_once_even_with_a_strange_or_tiny_vocabulary(score, other, combination, size):
    rhythm, pitch_classes, rests = combination
    options = {"rhythm": rhythm, "pitch_classes": pitch_classes, "rests": rests, "max_vocabulary": size}
    encoding = fitted(other, **options)
    rows = encoding.encode(score)
    assert encoding.find(encoding.token_bytes(encoding.decode(rows))).tolist() == rows.tolist()


@settings(deadline=None, max_examples=examples(50))
@given(st.lists(scores(), max_size=3), st.sampled_from(COMBINATIONS))
def test_a_loaded_vocabulary_is_the_same(pieces, combination):
    rhythm, pitch_classes, rests = combination
    encoding = fitted(*pieces, rhythm=rhythm, pitch_classes=pitch_classes, rests=rests)
    values, words = json.loads(json.dumps([encoding.to_json(), encoding.vocabulary()]))
    again = from_json(values, words)
    assert again.vocabulary() == encoding.vocabulary()
    assert again.options == encoding.options
    for piece in pieces:
        assert again.encode(piece).tolist() == encoding.encode(piece).tolist()


NO_TOKENS = """C4 C4: C4:0 C4:33 C4:-5 C4:04 C4:x C4:4:4 H4:4 B#3:4 D-4:4 C99:4 rest rest:0 :4 .:4
E4.C4:4 C4.C4:4 0.4.7:4"""


@pytest.mark.parametrize("text", [*NO_TOKENS.split(), "", "C4 :4", "C4:4\n", "C4:٤"])
def test_a_vocabulary_with_a_token_that_the_options_never_make_is_refused(text):
    with pytest.raises(BadModel, match="note-chord"):
        NoteChord(Options(vocabulary="closed", rests="drop")).load_vocabulary(
            {"symbols": ["C4:4", text], "counts": [1, 1]}
        )


@pytest.mark.parametrize("text", ["C4", "C3.C4:4", "0:4", "0.0:4", "7.0.4:4", "0.4.12:4", "C4.E4:4", "0.04:4"])
def test_pitch_classes_have_their_own_tokens(text):
    encoding = NoteChord(Options(pitch_classes=True, rests="drop"))
    encoding.load_vocabulary({"symbols": ["C3:4", "0.4.7:4"], "counts": [1, 1]})
    with pytest.raises(BadModel, match="note-chord"):
        encoding.load_vocabulary({"symbols": [text], "counts": [1]})


def test_features_are_pitches_classes_length_and_voices():
    encoding = fitted(Score.from_notes([*CHORD, (72, 3, 2)]))
    features = encoding.spec.features
    assert features.shape == (encoding.spec.size, 128 + 12 + 33 + 9)
    expected = {
        "C4.E4.G4:4": [60, 64, 67, 128, 132, 135, 144, 176],
        "C5:8": [72, 128, 148, 174],
        "rest:8": [148, 173],
    }
    assert {s: np.flatnonzero(features[encoding.texts.token_of(s)]).tolist() for s in expected} == expected
    assert not features[:FIRST_TOKEN].any()


def test_options_come_from_the_command_line():
    options = from_settings(Options, ["rhythm=false", "rests=drop", "max-vocabulary=100"])
    assert options == Options(rhythm=False, rests="drop", max_vocabulary=100)
    with pytest.raises(BadOption, match="keep, cap, drop"):
        from_settings(Options, ["rests=some"])


def test_a_gap_of_forty_hours_makes_few_tokens():
    score = Score.from_notes([(60, 0, 1), (60, 40 * 3600 * 2, 1)])
    assert len(fitted(score).encode(score)) == 3
    assert len(fitted(score, rests="keep").encode(score)) < 40_000
