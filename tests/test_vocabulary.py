from __future__ import annotations

from collections import Counter

import pytest

from musictool.encoding import FIRST_TOKEN, PADDING, START, UNKNOWN
from musictool.encodings._chords import ChordVocabulary
from musictool.encodings.note_chord import TimedChordFormat
from musictool.errors import BadModel
from musictool.vocabulary import Vocabulary, most_frequent


def test_tokens_begin_behind_the_reserved_ones():
    vocabulary = Vocabulary(["C4:4", "rest:8"], [7, 2])
    assert (vocabulary.size, len(vocabulary)) == (5, 2)
    assert [vocabulary.token_of(text) for text in ("C4:4", "rest:8", "D4:4")] == [FIRST_TOKEN, FIRST_TOKEN + 1, UNKNOWN]
    assert [vocabulary.text_of(token) for token in range(5)] == ["<padding>", "<unknown>", "<start>", "C4:4", "rest:8"]
    assert vocabulary.text_of(PADDING) == "<padding>"
    assert vocabulary.text_of(START) == "<start>"
    for token in (-1, 5):
        with pytest.raises(IndexError):
            vocabulary.text_of(token)


def test_the_fingerprint_is_of_the_texts_and_their_order():
    assert Vocabulary("ab", [2, 1]).fingerprint == Vocabulary("ab", [9, 9]).fingerprint
    assert Vocabulary("ab", [2, 1]).fingerprint != Vocabulary("ba", [2, 1]).fingerprint


def test_json_there_and_back():
    vocabulary = Vocabulary(["C4:4", "B-4:1"], [3, 1])
    assert Vocabulary.from_json(vocabulary.to_json()).to_json() == {"symbols": ["C4:4", "B-4:1"], "counts": [3, 1]}


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"symbols": ["a"]},
        {"symbols": ["a"], "counts": []},
        {"symbols": ["a", "a"], "counts": [1, 1]},
        {"symbols": [1], "counts": [1]},
        {"symbols": ["a"], "counts": ["x"]},
        {"symbols": ["a"], "counts": [10**30]},
        {"symbols": None, "counts": None},
    ],
)
def test_what_is_no_vocabulary_is_refused(values):
    with pytest.raises(BadModel, match="damaged"):
        Vocabulary.from_json(values)


def test_the_most_frequent_come_first_and_ties_in_order():
    counts = {"b": 2, "a": 2, "c": 5, "d": 1}
    assert most_frequent(counts, 3) == [("c", 5), ("a", 2), ("b", 2)]
    assert most_frequent(dict(reversed(counts.items())), 9) == [("c", 5), ("a", 2), ("b", 2), ("d", 1)]


def test_what_was_found_may_be_forgotten_and_is_found_again(monkeypatch):
    monkeypatch.setattr("musictool.vocabulary._REMEMBERED", 1)
    token_bytes = [bytes((pitch, 132)) for pitch in range(60, 70)]
    chords = ChordVocabulary.of(Counter(token_bytes[:5]), (0,), 100, TimedChordFormat())
    expected = [3, 4, 5, 6, 7, -7, -7, -7, -7, -7]
    for _ in range(3):
        assert chords.find(token_bytes).tolist() == expected
    assert chords.find([]).tolist() == []


def test_a_transposition_is_built_once_and_goes_to_the_nearest():
    chords = ChordVocabulary.of(Counter({bytes((60, 132)): 2, bytes((62, 132)): 1}), (0,), 100, TimedChordFormat())
    assert chords.transposition(2).tolist() == [PADDING, UNKNOWN, START, 4, 4]
    assert chords.transposition(2) is chords.transposition(2)
    assert chords.transposition(0).tolist() == [0, 1, 2, 3, 4]
    assert chords.texts.texts == ("C4:4", "D4:4")
