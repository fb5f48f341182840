"""The blind test: fair pairs, no early answers, and a file that says nothing about the listener."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from musictool.atomic import write_json
from musictool.errors import BadOption, NoMusic, UnknownName
from musictool.home import CORPUS_MARKER
from musictool.metrics.listening import read_votes
from musictool.music.score import Score, Track
from musictool.web import listening
from musictool.web.excerpts import excerpt, with_equal_velocities
from musictool.web.listening import ListeningTest, SoundExcerpt, corpora
from tests.web.conftest import write_model


@pytest.fixture
def test_home(at_new_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A corpus with two models and a markov."""
    write_json(at_new_home / "corpora" / "tunes" / CORPUS_MARKER, {})
    for name, arch in (("one", "lstm"), ("two", "gru"), ("three", "markov")):
        write_model(at_new_home, name, arch={"name": arch})
    write_model(at_new_home, "elsewhere", corpus={"name": "gone"})
    monkeypatch.setattr(listening.time, "monotonic", lambda: 0.0)
    return at_new_home


def begun(home: Path, seed: int = 1) -> tuple[ListeningTest, str]:
    test = ListeningTest(home / "votes.jsonl", seed)
    return test, test.begin()


def put(test: ListeningTest, rater: str, mode: str = "prefer") -> listening.Trial:
    earlier = test.repeat(rater, mode, "tunes")
    sides = (
        [SoundExcerpt(f"{source}1", source, "a", Path("tunes/x.mp3")) for source in test.pair(mode, "tunes")]
        if earlier is None
        else [*reversed(earlier.sides)]
    )
    return test.put(rater, mode, "tunes", sides, earlier)[0]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer comes a minute after its question."""
    monkeypatch.setattr(listening.time, "monotonic", iter(range(0, 10**6, 60)).__next__)


def test_people_markov_and_the_models_of_one_corpus_are_compared(test_home: Path):
    assert corpora() == [{"name": "tunes", "sources": ["people", "markov", "model:one", "model:two"]}]


def test_pairs_are_of_two_sources_in_any_order_and_by_the_seed(test_home: Path):
    test, _ = begun(test_home)
    pairs = Counter(tuple(test.pair("prefer", "tunes")) for _ in range(150))
    assert len(pairs) == 12
    assert min(pairs.values()) > 4
    with_people = Counter(tuple(test.pair("person", "tunes")) for _ in range(60))
    assert all("people" in pair for pair in with_people)
    assert len(with_people) == 6
    first, second = (begun(test_home, seed=5)[0] for _ in range(2))
    assert [first.pair("prefer", "tunes") for _ in range(9)] == [second.pair("prefer", "tunes") for _ in range(9)]


def test_nothing_is_answered_before_both_were_heard(test_home: Path, later: None):
    test, rater = begun(test_home)
    trial = put(test, rater)
    for heard in ([30, 40], [9.9, 30], [30, 0], [30], []):  # the first is more than the minute that has passed
        with pytest.raises(BadOption, match="listen to both"):
            test.answer(rater, trial.id, 1, heard)
    assert not test.votes.exists()
    test.answer(rater, trial.id, 1, [10, 10])
    with pytest.raises(UnknownName, match="answered already"):
        test.answer(rater, trial.id, 1, [10, 10])


@pytest.mark.parametrize("answer", [3, -3, True, "1", 0.5])
def test_an_answer_is_one_of_five(test_home: Path, later: None, answer: object):
    test, rater = begun(test_home)
    with pytest.raises(BadOption, match="an answer is"):
        test.answer(rater, put(test, rater).id, answer, [10, 10])  # type: ignore[arg-type]


def test_one_trial_in_ten_comes_again_swapped(test_home: Path, later: None):
    test, rater = begun(test_home)
    trials = []
    for _ in range(40):
        trials.append(put(test, rater))
        test.answer(rater, trials[-1].id, -1, [10, 10])
    again = [trial for trial in trials if trial.repeats]
    assert [trials.index(trial) % 10 for trial in again] == [9, 9, 9, 9]
    for trial in again:
        (first,) = [each for each in trials if each.id == trial.repeats]
        assert trial.sides == first.sides[::-1]
    assert len({trial.repeats for trial in again}) == 4


def test_a_piece_that_is_known_voids_its_trial_at_once(test_home: Path):
    test, rater = begun(test_home)
    test.answer(rater, put(test, rater).id, None, [0, 0])
    (vote,) = read_votes(test.votes)
    assert vote.answer is None
    assert test.result(rater) == ["No answer yet."]


def test_the_file_says_nothing_about_the_listener(test_home: Path, later: None):
    test, rater = begun(test_home)
    test.answer(rater, put(test, rater).id, 2, [12, 15])
    (line,) = test.votes.read_text().splitlines()
    values = json.loads(line)
    assert set(values) == {"format", "trial", "rater", "mode", "first", "second", "answer", "repeats", "corpus"}
    assert set(values["first"]) == {"source", "piece"}


def test_the_result_of_a_session_says_how_little_it_proves(test_home: Path, later: None):
    test, rater = begun(test_home)
    for _ in range(5):
        trial = put(test, rater, "person")
        test.answer(rater, trial.id, 1 if trial.sides[1].source == "people" else -1, [10, 10])
    first, last = test.result(rater)
    assert "5 of 5 right" in first
    assert "p = 0.031" in first
    assert "prove nothing yet" in last


def test_a_source_that_cannot_be_heard_is_left_out(test_home: Path):
    test, _ = begun(test_home)
    for name in ("model:one", "model:two"):
        test.leave_out("tunes", name, "damaged")
    assert {source for _ in range(50) for source in test.pair("prefer", "tunes")} == {"people", "markov"}
    test.leave_out("tunes", "people", "there are none")
    with pytest.raises(BadOption, match="model:one: damaged"):
        test.pair("prefer", "tunes")


def test_sessions_and_open_questions_have_an_end(test_home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listening, "MOST_RATERS", 2)
    test, first = begun(test_home)
    second = test.begin()
    test.begin()
    with pytest.raises(UnknownName, match="begin the test again"):
        test.rater(first)
    trials = [put(test, second) for _ in range(5)]
    assert list(test.rater(second).open) == [trial.id for trial in trials[2:]]


# ---- excerpts ----


def long_piece(bars: int) -> Score:
    return Score.from_notes([(60 + beat % 12, beat, 1) for beat in range(4 * bars)])


@pytest.mark.parametrize("seed", range(5))
def test_an_excerpt_is_whole_bars_of_thirty_seconds_at_most(seed: int):
    score = long_piece(64)  # 2 s a bar
    part = excerpt(score, np.random.default_rng(seed))
    assert part.seconds == 30
    assert part.notes["onset_ticks"][0] == 0
    assert part.bars == 15


def test_a_short_piece_is_taken_whole():
    assert excerpt(long_piece(4), np.random.default_rng(1)).seconds == 8


def test_bars_that_do_not_fit_in_evenly_are_left_off():
    part = excerpt(long_piece(64), np.random.default_rng(1), seconds=7)
    assert part.seconds == 6


def test_silence_is_no_excerpt():
    with pytest.raises(NoMusic):
        excerpt(Score.from_notes([(60, 0, 1), (60, 400, 1)]), np.random.default_rng(1))


def test_everything_is_played_alike():
    score = long_piece(2)
    notes = score.notes.copy()
    notes["velocity"] = np.arange(len(notes)) + 20
    loud = Score(notes, (Track(40, name="Fiddle"), Track(0, True)))
    alike = with_equal_velocities(loud)
    assert len(set(alike.notes["velocity"])) == 1
    assert [(track.program, track.is_drum, track.name) for track in alike.tracks] == [(0, False, ""), (0, True, "")]
