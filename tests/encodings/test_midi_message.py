from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musictool.encoding import FIRST_TOKEN, PADDING, START, UNKNOWN
from musictool.encodings.midi_message import MidiMessage, Options
from musictool.errors import BadModel
from musictool.music.score import Score, Track
from tests.strategies import examples, scores


def fitted(*pieces: Score, **options) -> MidiMessage:
    encoding = MidiMessage(Options(**options))
    encoding.fit(pieces)
    return encoding


def texts(score: Score, **options) -> list[str]:
    """What a piece is, to an encoding that has seen it."""
    encoding = fitted(score, **options)
    return [encoding.texts.text_of(index) for index in encoding.encode(score)]


def played(text: str) -> list[tuple[int, int, int]]:
    """(pitch, onset in steps, duration in steps) of token texts."""
    encoding = fitted()
    names = text.split()
    counts = Counter(dict.fromkeys([*encoding.texts.texts, *names], 1))
    encoding.load_vocabulary({"symbols": list(counts), "counts": list(counts.values())})
    score = encoding.decode(np.array([encoding.texts.token_of(name) for name in names], np.int32))
    return [(n["pitch"], n["onset_ticks"] // 40, n["duration_ticks"] // 40) for n in score.notes]


def test_a_chord_and_a_melody():
    score = Score.from_notes([(64, 0, 1), (60, 0, 1), (67, 0.5, 1 / 3), (60, 1, 1)])
    assert texts(score) == [
        "on:60:0",
        "on:64:0",
        "on:67:6",
        "off:67:4",
        "off:60:2",
        "off:64:0",
        "on:60:0",
        "off:60:12",
    ]


def test_silence_before_the_first_note_is_left_out_and_a_long_wait_is_cut():
    score = Score.from_notes([(60, 9, 10), (62, 40 * 3600 * 2, 1)])
    assert texts(score) == ["on:60:0", "off:60:96", "on:62:96", "off:62:12"]
    assert texts(score, longest_quarters=1) == ["on:60:0", "off:60:12", "on:62:12", "off:62:12"]


def test_the_grid_is_an_option():
    assert texts(Score.from_notes([(60, 0, 1 / 8), (62, 1 / 8, 1 / 8)]), steps_per_quarter=24) == [
        "on:60:0",
        "off:60:3",
        "on:62:0",
        "off:62:3",
    ]


def test_a_pitch_that_sounds_in_two_tracks_is_struck_once_at_a_time():
    tracks = (Track(0), Track(40))
    parts = [Score.from_notes(part, tracks, i).notes for i, part in enumerate(([(60, 0, 4), (64, 0, 1)], [(60, 1, 1)]))]
    score = Score.from_columns(*(np.concatenate(parts)[c] for c in parts[0].dtype.names), tracks=tracks)
    assert texts(score) == ["on:60:0", "on:64:0", "off:60:12", "off:64:0", "on:60:0", "off:60:12"]
    assert texts(Score.from_notes([(60, 0, 1), (60, 0, 2)])) == ["on:60:0", "off:60:24"]


def test_tracks_can_be_laid_end_to_end_and_drums_are_left_out():
    tracks = (Track(0), Track(0, is_drum=True), Track(40), Track(41))
    parts = [
        Score.from_notes(part, tracks, i).notes
        for i, part in enumerate(([(60, 2, 1), (62, 3, 1)], [(36, 0, 9)], [(40, 1, 2)], [(48, 8, 1)]))
    ]
    score = Score.from_columns(*(np.concatenate(parts)[c] for c in parts[0].dtype.names), tracks=tracks)
    assert texts(score, tracks="concatenate") == [
        *("on:60:0", "off:60:12", "on:62:0", "off:62:12"),
        *("on:40:0", "off:40:24"),
        *("on:48:0", "off:48:12"),
    ]
    assert texts(score)[:3] == ["on:40:0", "on:60:12", "off:40:12"]


def test_pitches_off_the_keyboard_move_by_octaves():
    assert texts(Score.from_notes([(0, 0, 1), (127, 0, 1)])) == ["on:24:0", "on:103:0", "off:24:12", "off:103:0"]


@pytest.mark.parametrize(
    "text, expected",
    [
        ("on:60:0 off:60:4", [(60, 0, 4)]),
        ("off:60:4 on:60:1 off:60:2", [(60, 5, 2)]),  # an off of what does not sound
        ("on:60:0 on:60:4 off:60:4", [(60, 0, 4), (60, 4, 4)]),  # an on of what sounds
        ("on:60:0 off:60:0 on:62:4 off:62:4", [(62, 4, 4)]),  # no time to sound
        ("on:60:0 on:64:4 off:64:8", [(60, 0, 12), (64, 4, 8)]),  # never released
        ("on:60:0 on:64:4", [(60, 0, 4), (64, 4, 1)]),  # the last message
        ("on:60:0 off:64:96 off:64:96", [(60, 0, 120)]),  # never released: ten quarter notes
        ("on:60:0 off:64:96 on:60:96 off:60:1", [(60, 0, 120), (60, 192, 1)]),
        ("on:60:0 off:64:96 off:60:96", [(60, 0, 192)]),
        ("off:60:4", []),
        ("", []),
    ],
)
def test_any_messages_are_music(text, expected):
    assert played(text) == expected


@settings(deadline=None, max_examples=examples(100))
@given(st.lists(st.tuples(st.sampled_from((0, 128)), st.integers(60, 62), st.sampled_from((0, 0, 1, 12))), max_size=12))
def test_decoding_is_what_a_slow_player_plays(messages):
    names = [f"{'on' if kind else 'off'}:{pitch}:{wait}" for kind, pitch, wait in messages]
    time, down, expected = 0, {}, []
    for kind, pitch, wait in messages:
        time += wait
        if pitch in down and time > down[pitch]:
            sounded = time - down[pitch]
            expected.append((pitch, down[pitch], min(sounded, 120) if kind else sounded))
        down.pop(pitch, None)
        if kind:
            down[pitch] = time
    expected += [(pitch, onset, min(max(time - onset, 1), 120)) for pitch, onset in down.items()]
    assert sorted(played(" ".join(names))) == sorted(expected)


@settings(deadline=None, max_examples=examples(100))
@given(scores(), st.sampled_from((1, 12)), st.sampled_from(("merge", "concatenate")))
def test_the_words_are_balanced_and_in_order(score, steps_per_quarter, tracks):
    encoding = MidiMessage(Options(steps_per_quarter=steps_per_quarter, tracks=tracks))
    down: set[int] = set()
    moment: list[tuple[bool, int]] = []
    for word in encoding.token_bytes(score):
        kind, pitch, wait = encoding.token_format().to_text(word).split(":")
        moment = [] if int(wait) else moment
        moment.append((kind == "on", int(pitch)))
        assert moment == sorted(set(moment))
        assert (int(pitch) in down) == (kind == "off")
        (down.add if kind == "on" else down.remove)(int(pitch))
    assert not down


def test_reserved_tokens_take_no_time():
    encoding = fitted(Score.from_notes([(60, 0, 1)]))
    on, off = encoding.encode(Score.from_notes([(60, 0, 1)]))
    rows = np.array([START, on, UNKNOWN, off, PADDING, on, off])
    assert encoding.positions(rows).tolist() == [0, 0, 0, 480, 480, 480, 960]
    assert encoding.decode(rows).notes["onset_ticks"].tolist() == [0, 480]


def test_a_missing_message_becomes_the_one_of_its_key_that_is_nearest_in_time():
    known = Score.from_notes([(60, 0, 0.5), (60, 1, 2), (64, 4, 3)])  # waits of 6, 6, 24, 12, 36
    encoding = fitted(known)

    def nearest(text):
        (index,) = encoding.find([encoding.token_format().from_text(text)])
        return ("" if index > 0 else "-") + encoding.texts.text_of(abs(index))

    assert nearest("off:60:6") == "off:60:6"
    assert nearest("off:60:8") == "-off:60:6"
    assert nearest("off:60:9") == "-off:60:6"  # as near as 12
    assert nearest("off:60:10") == "-off:60:12"
    assert nearest("off:60:96") == "-off:60:24"
    assert nearest("off:60:1") == "-off:60:6"  # never 0
    assert nearest("on:99:7") == "-on:99:12"  # a key that was never struck
    assert nearest("on:99:0") == "on:99:0"


@settings(deadline=None, max_examples=examples(100))
@given(scores(), scores(min_notes=1, drums=False), st.sampled_from((512, 600, 65536)), st.sampled_from((1, 12)))
def test_what_is_lost_is_lost_once_even_with_a_strange_or_tiny_vocabulary(score, other, size, steps_per_quarter):
    encoding = fitted(other, max_vocabulary=size, steps_per_quarter=steps_per_quarter)
    assert encoding.spec.size <= size
    rows = encoding.encode(score)
    assert encoding.find(encoding.token_bytes(encoding.decode(rows))).tolist() == rows.tolist()


@settings(deadline=None, max_examples=examples(50))
@given(st.lists(scores(), max_size=2), st.integers(-12, 12))
def test_transposing_at_the_edges_of_the_keyboard_goes_by_octaves(pieces, semitones):
    encoding = MidiMessage()
    encoding.fit(pieces, (0, semitones))
    for index, moved in enumerate(encoding.transposition(semitones).tolist()):
        if index < FIRST_TOKEN:
            assert moved == index
            continue
        kind, pitch, wait = encoding.texts.text_of(index).split(":")
        higher = int(pitch) + semitones
        while not 21 <= higher <= 108:
            higher += 12 if higher < 21 else -12
        new_kind, new_pitch, new_wait = encoding.texts.text_of(moved).split(":")
        assert (new_kind, int(new_pitch)) == (kind, higher)
        assert (new_wait == "0") == (wait == "0")


WRONG = ["", "on", "on:60", "on:60:", "on:20:0", "on:109:0", "up:60:0", "on:60:97", "on:60:-1", "on:060:1", "on:60:1:"]


@pytest.mark.parametrize("text", WRONG)
def test_a_vocabulary_with_a_token_that_is_never_made_is_refused(text):
    values = fitted().vocabulary()
    with pytest.raises(BadModel, match="midi-message"):
        MidiMessage().load_vocabulary({"symbols": [*values["symbols"], text], "counts": [*values["counts"], 1]})


def test_a_vocabulary_without_what_stands_in_for_others_is_refused():
    values = fitted().vocabulary()
    with pytest.raises(BadModel, match="needs 'o"):
        MidiMessage().load_vocabulary({"symbols": values["symbols"][1:], "counts": values["counts"][1:]})


def test_features_are_kind_pitch_class_and_time():
    encoding = fitted(Score.from_notes([(60, 0, 2.25)]))
    features = encoding.spec.features
    assert features.shape == (FIRST_TOKEN + 4 * 88 + 1, 2 + 88 + 12 + 9 + 12)
    expected = {"on:60:0": [1, 2 + 39, 90, 102, 111], "off:60:27": [0, 2 + 39, 90, 102 + 2, 111 + 3]}
    assert {s: np.flatnonzero(features[encoding.texts.token_of(s)]).tolist() for s in expected} == expected
    assert not features[:FIRST_TOKEN].any()


def test_an_on_begins_its_pitch_and_an_off_ends_it():
    encoding = fitted()
    rows = [encoding.texts.token_of(text) for text in ("on:60:0", "off:60:12")]
    assert [np.flatnonzero(encoding.onset_pitches()[row]).tolist() for row in [*rows, PADDING]] == [[60], [], []]
    assert [np.flatnonzero(encoding.ends()[row]).tolist() for row in [*rows, PADDING]] == [[], [60], []]
