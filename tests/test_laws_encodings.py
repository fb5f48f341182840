"""Every file in musictool/encodings/ keeps these laws; a new one is held to them without a line here."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import fields, replace
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import symusic
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from musictool import writing as writers
from musictool.encoding import FIRST_TOKEN, UNKNOWN, Encoding, Spec, from_json
from musictool.music.score import PITCHES, Score, Track
from musictool.registry import ENCODINGS
from tests.strategies import examples, scores

EVERY = pytest.mark.parametrize("name", ENCODINGS.names())
BY_HAND = {
    "a chord": Score.from_notes([(60, 0, 1), (64, 0, 1), (67, 0, 1)]),
    "nothing": Score.from_notes([]),
    "only drums": Score.from_notes([(36, 0, 1), (38, 1, 1)], tracks=[Track(is_drum=True)]),
    "a repeated note": Score.from_notes([(60, i / 4, 1 / 4) for i in range(8)]),
    "a held bass": Score.from_notes([(36, 0, 8), *((60 + i, i, 1) for i in range(8))]),
    "rests of every length": Score.from_notes([(60, i * (i + 1) / 8, 1 / 4) for i in range(20)]),
    "a long silence": Score.from_notes([(60, 0, 1), (62, 50, 30), (64, 80, 1)]),
    "the ends of the range": Score.from_notes([(p, p % 3, 1) for p in (0, 5, 12, 115, 121, 127)]),
    "triplets": Score.from_notes([(60 + i, i / 3, 1 / 3) for i in range(12)]),
    "a silent start": Score.from_notes([(60, 7.25, 1)]),
}
BY_NAME = pytest.mark.parametrize("title", BY_HAND)


@cache
def variants(name: str) -> tuple[dict[str, Any], ...]:
    """Every combination of an encoding's yes-or-no and one-of options."""
    cls = ENCODINGS.get(name).Options
    hints = get_type_hints(cls)
    choices: dict[str, tuple] = {}
    for field in fields(cls):
        if hints[field.name] is bool:
            choices[field.name] = (True, False)
        elif get_origin(hints[field.name]) is Literal:
            choices[field.name] = get_args(hints[field.name])
    return tuple(dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values()))


def fitted(name: str, options: dict[str, Any], pieces: list[Score], transpositions=(0,)) -> Encoding:
    cls = ENCODINGS.get(name)
    encoding = cls(cls.Options(**options))
    encoding.fit(pieces, transpositions)
    return encoding


@cache
def fitted_by_hand(name: str, options: tuple[tuple[str, Any], ...]) -> Encoding:
    """Fitted to BY_HAND, for all of its pieces."""
    return fitted(name, dict(options), list(BY_HAND.values()))


def assert_keeps_the_promise(rows: np.ndarray, spec: Spec) -> None:
    assert rows.dtype == spec.dtype
    assert rows.shape[1:] == spec.shape
    if spec.kind == "tokens":
        assert np.isin(rows, [UNKNOWN, *range(FIRST_TOKEN, spec.size)]).all()
    else:
        assert np.isin(rows, (0, 1)).all()
        assert spec.size == np.prod(spec.shape)


def nonsense(spec: Spec, seed: int, length: int) -> np.ndarray:
    """Any rows that the Spec allows, reserved tokens among them."""
    rng = np.random.default_rng(seed)
    if spec.kind == "tokens":
        return rng.integers(0, spec.size, length, dtype=spec.dtype)
    return (rng.random((length, *spec.shape)) < rng.random() ** 4).astype(spec.dtype)


def within(score: Score, pitches: range, semitones: int) -> Score:
    """The notes that are drums, or whose pitch lies within the range and stays there; a full range folds by itself."""
    if pitches == range(PITCHES):
        return score
    stays = [pitch in pitches and pitch + semitones in pitches for pitch in range(PITCHES)]
    return replace(score, notes=score.notes[score.is_drum | np.array(stays)[score.notes["pitch"]]])


def assert_rows_shift(name: str, options: dict[str, Any], score: Score, semitones: int) -> None:
    score = within(score, ENCODINGS.get(name).pitches, semitones)
    encoding = fitted(name, options, [score], (0, semitones))
    rows = encoding.encode(score)
    moved = encoding.transpose(rows, semitones)
    assert_keeps_the_promise(moved, encoding.spec)
    np.testing.assert_array_equal(moved, encoding.encode(score.transpose(semitones)))


@EVERY
def test_it_says_what_it_is(name):
    cls = ENCODINGS.get(name)
    assert issubclass(cls, Encoding)
    assert cls.name == name
    assert cls.kind in get_args(get_type_hints(Spec)["kind"])
    assert len(ENCODINGS.module(name).__doc__.splitlines()) >= 5


@EVERY
def test_features_are_what_every_token_is_made_of(name):
    spec = fitted(name, {}, list(BY_HAND.values())).spec
    if spec.features is not None:
        assert spec.kind == "tokens"
        assert spec.features.dtype == np.uint8
        assert len(spec.features) == spec.size
        assert len(np.unique(spec.features[FIRST_TOKEN:], axis=0)) == spec.size - FIRST_TOKEN


@EVERY
@BY_NAME
def test_what_is_lost_is_lost_once_on_music_by_hand(name, title):
    for options in variants(name):
        encoding = fitted_by_hand(name, tuple(options.items()))
        rows = encoding.encode(BY_HAND[title])
        assert_keeps_the_promise(rows, encoding.spec)
        np.testing.assert_array_equal(encoding.encode(encoding.decode(rows)), rows)


@EVERY
@settings(deadline=None, max_examples=examples(100))
@given(data=st.data(), score=scores(), others=st.lists(scores(max_notes=20), max_size=2))
def test_what_is_lost_is_lost_once(name, data, score, others):
    options = data.draw(st.sampled_from(variants(name)))
    encoding = fitted(name, options, data.draw(st.sampled_from(([score, *others], others))))
    rows = encoding.encode(score)
    assume(encoding.spec.kind != "tokens" or UNKNOWN not in rows)
    assert encoding.spec.kind == encoding.kind
    assert_keeps_the_promise(rows, encoding.spec)
    np.testing.assert_array_equal(encoding.encode(encoding.decode(rows)), rows)


@EVERY
@settings(deadline=None, max_examples=examples(50))
@given(data=st.data(), score=scores(), seed=st.integers(0, 2**32 - 1), length=st.integers(0, 60))
def test_nonsense_decodes_and_can_be_written(name, tmp_path_factory, data, score, seed, length):
    encoding = fitted(name, data.draw(st.sampled_from(variants(name))), [score, BY_HAND["a chord"]])
    music = encoding.decode(nonsense(encoding.spec, seed, length))
    assert isinstance(music, Score)
    assert (music.notes["duration_ticks"] >= 1).all()
    assert (music.notes["onset_ticks"] >= 0).all()
    if len(music.notes):
        path = tmp_path_factory.getbasetemp() / "nonsense.mid"
        writers.write(music, path)
        assert symusic.Score(str(path)).note_num() > 0


@EVERY
@settings(deadline=None, max_examples=examples(30))
@given(data=st.data(), score=scores(), seed=st.integers(0, 2**32 - 1))
def test_json_gives_the_same_encoding_back(name, data, score, seed):
    encoding = fitted(name, data.draw(st.sampled_from(variants(name))), [score], (0, 1))
    values, vocabulary, spec = json.loads(
        json.dumps([encoding.to_json(), encoding.vocabulary(), encoding.spec.to_json()])
    )
    again = from_json(values, vocabulary)
    assert again.options == encoding.options
    assert again.spec == encoding.spec == Spec.from_json(spec)
    np.testing.assert_array_equal(again.encode(score), encoding.encode(score))
    rows = nonsense(encoding.spec, seed, 20)
    np.testing.assert_array_equal(again.decode(rows).notes, encoding.decode(rows).notes)


@EVERY
@pytest.mark.parametrize("semitones", [-12, -7, -1, 1, 7, 12])
def test_rows_shift_with_the_music_by_hand(name, semitones):
    for title, options in itertools.product(("a held bass", "the ends of the range"), variants(name)):
        assert_rows_shift(name, options, BY_HAND[title], semitones)


@EVERY
@settings(deadline=None, max_examples=examples(100))
@given(data=st.data(), score=scores(), semitones=st.integers(-12, 12))
def test_rows_shift_with_the_music(name, data, score, semitones):
    assert_rows_shift(name, data.draw(st.sampled_from(variants(name))), score, semitones)


@EVERY
@settings(deadline=None, max_examples=examples(50))
@given(data=st.data(), score=scores(), seed=st.integers(0, 2**32 - 1), length=st.integers(0, 30))
def test_a_row_adds_nothing_before_its_position(name, data, score, seed, length):
    encoding = fitted(name, data.draw(st.sampled_from(variants(name))), [score, BY_HAND["a chord"]])
    for rows in (encoding.encode(score), nonsense(encoding.spec, seed, length)):
        positions = encoding.positions(rows)
        assert positions.dtype == np.int64
        assert positions.shape == (len(rows),)
        assert (np.diff(positions, prepend=0) >= 0).all()
        onsets = Counter(zip(*(encoding.decode(rows).notes[c].tolist() for c in ("onset_ticks", "pitch")), strict=True))
        for t in np.random.default_rng(seed).permutation(len(rows))[:5]:
            before = encoding.decode(rows[:t]).notes
            new = onsets - Counter(zip(before["onset_ticks"].tolist(), before["pitch"].tolist(), strict=True))
            assert all(onset >= positions[t] for onset, _ in new)


@EVERY
@settings(deadline=None, max_examples=examples(50))
@given(data=st.data(), score=scores(), seed=st.integers(0, 2**32 - 1), length=st.integers(0, 30))
def test_what_is_reached_is_known_from_the_rows_so_far_and_nothing_stands_before_it(name, data, score, seed, length):
    encoding = fitted(name, data.draw(st.sampled_from(variants(name))), [score, BY_HAND["a chord"]])
    music = encoding.encode(score)
    for rows in (music, nonsense(encoding.spec, seed, length)):
        reached = encoding.reached(rows)
        assert (reached.dtype, reached.shape) == (np.int64, (len(rows),))
        part = len(rows) // 2
        np.testing.assert_array_equal(encoding.reached(rows[:part]), reached[:part])
    reached, positions = encoding.reached(music), encoding.positions(music)
    assert (reached[:-1] <= positions[1:]).all()
    begins = positions[1:][[bool(begun(encoding, music[t : t + 1])) for t in range(1, len(music))]]
    if name not in ("midi-message", "segments"):  # a message waits by itself, a segment is many steps
        assert set(begins.tolist()) <= set(reached.tolist())  # whatever begins is announced by what is reached


def pitches_of(music: Score) -> set[int]:
    return set(music.notes["pitch"][~music.is_drum].tolist())


def begun(encoding: Encoding, rows: np.ndarray) -> set[int]:
    """The pitches that rows begin."""
    onsets = encoding.onset_pitches()
    assert (onsets.dtype, onsets.shape) == (bool, (encoding.spec.size, PITCHES))
    present = rows if encoding.kind == "tokens" else np.flatnonzero(rows.reshape(-1, encoding.spec.size).any(axis=0))
    return set(np.flatnonzero(onsets[present].any(axis=0)).tolist())


@EVERY
@settings(deadline=None, max_examples=examples(50))
@given(data=st.data(), score=scores(), seed=st.integers(0, 2**32 - 1), length=st.integers(0, 60))
def test_every_pitch_that_sounds_is_an_onset_pitch_of_a_token(name, data, score, seed, length):
    encoding = fitted(name, data.draw(st.sampled_from(variants(name))), [score, BY_HAND["a chord"]])
    rows = encoding.encode(score)
    assert pitches_of(encoding.decode(rows)) == begun(encoding, rows)
    if name not in ("remi", "tsd"):  # MidiTok plays a drum sound that stands behind another program on that program
        rows = nonsense(encoding.spec, seed, length)
        assert pitches_of(encoding.decode(rows)) <= begun(encoding, rows)


CLOSED = {"vocabulary": "closed"}


@pytest.mark.parametrize(
    "name, options",
    [
        ("note-chord", CLOSED),
        ("chord-roll", CLOSED),
        ("midi-message", {}),
        ("performance", {}),
        ("piano-roll", {"onsets": False}),
    ],
)
def test_onset_pitches_are_those_of_the_music_of_each_token(name, options):
    encoding = fitted(name, options, list(BY_HAND.values()))
    np.testing.assert_array_equal(encoding.onset_pitches(), Encoding.onset_pitches(encoding))


@EVERY
@settings(deadline=None, max_examples=examples(30))
@given(data=st.data(), score=scores(), factor=st.floats(0.5, 2))
def test_stretching_keeps_the_rows_and_their_number(name, data, score, factor):
    encoding = fitted(name, data.draw(st.sampled_from(variants(name))), [score])
    rows = encoding.encode(score)
    stretched = encoding.stretch(rows, factor)
    assert_keeps_the_promise(stretched, encoding.spec)
    assert len(stretched) == len(rows)
    np.testing.assert_array_equal(encoding.stretch(rows, 1.0), rows)
    if not encoding.stretches:
        np.testing.assert_array_equal(stretched, rows)


@EVERY
def test_a_window_is_transposed_like_its_rows_and_its_start_stays(name):
    encoding = fitted(name, {}, [BY_HAND["a held bass"]], range(-3, 4))
    rows = encoding.encode(BY_HAND["a held bass"])
    rows = np.concatenate([encoding.spec.start[None], rows])
    windows = np.stack([rows, rows[::-1]])
    moved = encoding.transpose(windows, 3)
    np.testing.assert_array_equal(moved[0], encoding.transpose(rows, 3))
    np.testing.assert_array_equal(moved[1], encoding.transpose(rows[::-1], 3))
    np.testing.assert_array_equal(moved[0, 0], encoding.spec.start)
    assert moved.dtype == encoding.spec.dtype


@EVERY
def test_the_order_and_the_number_of_pieces_are_a_matter_of_counts_only(name):
    pieces = list(BY_HAND.values())
    one, other = fitted(name, {}, pieces, (0, 2)), fitted(name, {}, pieces[::-1], (2, 0))
    assert one.vocabulary() == other.vocabulary()
    np.testing.assert_array_equal(one.encode(pieces[4]), other.encode(pieces[4]))
