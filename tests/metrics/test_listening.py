"""Votes of a blind test, and what they prove."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from musictool.errors import BadFile, NoMusic
from musictool.metrics import listening
from musictool.metrics.listening import Guesses, ListeningResults, Vote, answers_needed, davidson, read_votes


def vote(number: int, first: str, second: str, answer: int | None, mode: str = "prefer", **more: object) -> Vote:
    values = {"rater": f"r{number % 5}", "repeats": None, **more}
    pieces = (f"a{number % 17}", f"b{number % 19}")
    return Vote(f"t{number}", mode=mode, sources=(first, second), pieces=pieces, answer=answer, **values)  # type: ignore[arg-type]


def drawn(theta: np.ndarray, log_nu: float, games: int) -> tuple[np.ndarray, np.ndarray]:
    """Expected wins and ties of so many games of each pair."""
    total = np.exp(theta)[:, None] + np.exp(theta) + np.exp(log_nu + (theta[:, None] + theta) / 2)
    wins = games * np.exp(theta)[:, None] / total
    ties = games * np.exp(log_nu + (theta[:, None] + theta) / 2) / total
    np.fill_diagonal(wins, 0)
    np.fill_diagonal(ties, 0)
    return wins, ties


def test_davidson_finds_the_strengths_that_made_the_votes():
    theta, log_nu = np.array([1.0, 0.2, -1.2]), -0.7
    found, found_nu = davidson(*drawn(theta, log_nu, 100_000))
    np.testing.assert_allclose(found, theta, atol=2e-3)
    assert found_nu == pytest.approx(log_nu, abs=2e-3)


def test_without_ties_it_is_bradley_and_terry():
    wins = np.array([[0.0, 30_000], [10_000, 0]])
    found, _ = davidson(wins, np.zeros((2, 2)))
    assert found[0] - found[1] == pytest.approx(np.log(3), abs=2e-3)


def test_it_is_the_minimum_of_the_loss_that_is_written_down():
    generator = np.random.default_rng(3)
    wins = generator.integers(0, 9, (4, 4)) * (1.0 - np.eye(4))
    ties = np.triu(generator.integers(0, 9, (4, 4)), 1).astype(float)

    def loss(parameters: np.ndarray) -> float:
        theta, log_nu, value = parameters[:4], parameters[4], (parameters**2).sum() / (2 * listening.PRIOR_SD**2)
        for i in range(4):
            for j in range(i + 1, 4):
                logits = np.array([theta[i], theta[j], log_nu + (theta[i] + theta[j]) / 2])
                value -= np.array([wins[i, j], wins[j, i], ties[i, j]]) @ (logits - np.logaddexp.reduce(logits))
        return value

    found, log_nu = davidson(wins, ties + ties.T)
    least = loss(np.append(found, log_nu))
    assert all(loss(np.append(found, log_nu) + generator.normal(size=5) * 0.01) > least for _ in range(20))


def test_several_tables_at_once_are_each_by_itself():
    tables = np.random.default_rng(4).integers(0, 9, (5, 3, 3)) * (1.0 - np.eye(3))
    ties = tables + tables.swapaxes(1, 2)
    at_once = davidson(tables, ties)[0]
    np.testing.assert_allclose(at_once, [davidson(*each)[0] for each in zip(tables, ties, strict=True)], atol=1e-9)


def test_a_source_that_never_lost_has_a_finite_strength():
    found, _ = davidson(np.array([[0.0, 3], [0, 0]]), np.zeros((2, 2)))
    assert 0 < found[0] - found[1] < 5


def test_fifteen_of_twenty_is_two_in_a_hundred():
    guesses = Guesses(15, 20)
    assert guesses.p_value == pytest.approx(0.0207, abs=1e-4)
    assert guesses.interval == pytest.approx((0.509, 0.913), abs=1e-3)
    assert "p = 0.021" in str(guesses)
    assert Guesses(0, 0).p_value == 1


def test_how_many_answers_a_small_difference_takes():
    assert 140 < answers_needed(0.6) < 180
    assert answers_needed(0.9) < 15


def test_preferences_are_beside_those_of_people_and_their_intervals_hold_them():
    votes = [vote(i, "people", "markov", -1 if i % 4 else 1) for i in range(120)]
    votes += [vote(i + 500, "model:a", "people", 0 if i % 2 else (1 if i % 4 else -1)) for i in range(120)]
    test = ListeningResults(votes, seed=1)
    rows = {row.source: row for row in test.strengths}
    assert rows["people"].preferred == rows["people"].low == 0.5
    assert (rows["markov"].won, rows["markov"].lost, rows["model:a"].tied) == (30, 90, 60)
    assert rows["markov"].low < 0.26 < rows["markov"].high < 0.5
    assert rows["model:a"].low < 0.5 < rows["model:a"].high
    assert [row.source for row in ListeningResults(votes, seed=1).strengths] == [row.source for row in test.strengths]
    assert ListeningResults(votes, seed=1).strengths == test.strengths


def test_raters_who_differ_widen_the_interval():
    def width(raters: int) -> float:
        votes = [vote(i, "people", "markov", -1 if (i % raters) % 2 else 1, rater=f"r{i % raters}") for i in range(120)]
        (row,) = [row for row in ListeningResults(votes).strengths if row.source == "markov"]
        return row.high - row.low

    assert width(4) > width(60)


def test_known_pieces_and_repeats_do_not_count_but_are_told_of():
    votes = [
        vote(1, "people", "markov", -1),
        vote(2, "markov", "people", 2, repeats="t1"),
        vote(3, "people", "markov", None),
        vote(4, "people", "markov", 1),
        vote(5, "markov", "people", 1, repeats="t4"),
    ]
    test = ListeningResults(votes)
    assert len(test.of("prefer")) == 2
    assert test.consistency == (1, 2)
    assert test.known == 1
    text = "\n".join(test.remarks())
    assert "of 2 pairs that came twice, 1 were answered alike" in text
    assert "1 answers do not count" in text


def test_who_tells_people_from_models():
    votes = [vote(i, "people", "model:a", -1, "person") for i in range(12)]
    votes += [vote(i, "model:a", "people", -2, "person") for i in range(5)]
    votes += [vote(i, "markov", "people", 2, "person", rater="one") for i in range(3)]
    votes += [vote(99, "markov", "people", 0, "person")]
    test = ListeningResults(votes)
    assert test.guesses == {"all": Guesses(15, 20), "model:a": Guesses(12, 17), "markov": Guesses(3, 3)}
    assert test.undecided == 1
    assert any("prove little: 15 would have to agree" in line or "prove little: 16" in line for line in test.remarks())


def test_one_listener_and_few_answers_are_called_what_they_are():
    remarks = ListeningResults([vote(5, "people", "markov", 1)]).remarks()
    assert any("one listener" in line for line in remarks)
    assert any("can prove nothing, even if all agree" in line for line in remarks)


def test_votes_come_back_from_their_file(tmp_path: Path):
    path = tmp_path / "votes.jsonl"
    votes = [vote(1, "people", "model:a", -2), vote(2, "model:a", "people", None, repeats="t1")]
    path.write_text("\n".join(json.dumps(each.to_json()) for each in votes) + "\n\n")
    assert read_votes(path) == votes


@pytest.mark.parametrize("text", ["{", "[]", '{"format": 1}', '{"format": 9}', "null"])
def test_a_line_that_is_no_vote_is_named(tmp_path: Path, text: str):
    path = tmp_path / "votes.jsonl"
    path.write_text(json.dumps(vote(1, "people", "markov", 1).to_json()) + "\n" + text)
    with pytest.raises(BadFile, match="line 2"):
        read_votes(path)


def test_no_vote_and_no_file_are_said(tmp_path: Path):
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(NoMusic, match="no vote yet"):
        read_votes(tmp_path / "empty.jsonl")
    with pytest.raises(BadFile, match="cannot be read"):
        read_votes(tmp_path / "none.jsonl")
