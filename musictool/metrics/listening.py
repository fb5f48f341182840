"""What a blind listening test shows: which music listeners would rather go on listening to, and whether they can tell
people's from a model's; and how sure one may be of either.

Votes are JSON lines, as `musictool serve --listen` writes them (musictool/web/listening.py). Preferences are fitted by
the Bradley-Terry model with ties of Davidson (1970): with a strength pi for each source,

    P(i is preferred to j) = pi_i / (pi_i + pi_j + nu sqrt(pi_i pi_j)),   P(neither) = nu sqrt(pi_i pi_j) / (the same)

Their intervals come from a bootstrap that draws raters and pieces anew, both at once (the pigeonhole bootstrap, Owen
2007), since answers of one listener, or about one piece, are not independent. How many answers were right is held
against guessing by the exact binomial test, with the Clopper-Pearson interval.

Limit: of what is graded (much, rather) only the side counts. A weak prior (PRIOR_SD) pulls strengths together, so that
a source that won all of three trials is not infinitely strong.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binom, binomtest

from musictool.errors import BadFile, NoMusic

FORMAT = 1
PREFER, PERSON = "prefer", "person"  # the two questions
PEOPLE = "people"  # the source that the others are compared with
ANSWERS = (-2, -1, 0, 1, 2)  # much rather the first, rather the first, neither, rather the second, much rather it
PRIOR_SD = 2.0  # of the logarithm of a strength
DRAWS = 1000  # of the bootstrap
NEWTON_STEPS, LONGEST_STEP = 20, 2.0
LEVEL = 0.95
FEW = 100  # answers, below which a result is called what it is


@dataclass(frozen=True)
class Vote:
    """One answer.

    Attributes:
        trial: its id.
        rater: random digits that stand for a session of listening, and for nobody.
        mode: the question, PREFER or PERSON.
        sources, pieces: of the first excerpt and of the second: who wrote it, and which piece it is from.
        answer: one of ANSWERS; None if the rater knew one of the pieces.
        repeats: the trial that comes again here with its sides swapped; None for a new one.
    """

    trial: str
    rater: str
    mode: str
    sources: tuple[str, str]
    pieces: tuple[str, str]
    answer: int | None
    repeats: str | None = None

    def to_json(self) -> dict[str, Any]:
        """As a line of the file."""
        sides = [{"source": source, "piece": piece} for source, piece in zip(self.sources, self.pieces, strict=True)]
        return {
            "format": FORMAT,
            "trial": self.trial,
            "rater": self.rater,
            "mode": self.mode,
            "first": sides[0],
            "second": sides[1],
            "answer": self.answer,
            "repeats": self.repeats,
        }

    @classmethod
    def from_json(cls, values: Any) -> Vote:
        """The inverse of to_json. Raises ValueError, KeyError, TypeError for something else."""
        if values["format"] != FORMAT:
            raise ValueError(f"format {values['format']}")
        if values["mode"] not in (PREFER, PERSON) or values["answer"] not in (None, *ANSWERS):
            raise ValueError("no such answer")
        sides = [(str(side["source"]), str(side["piece"])) for side in (values["first"], values["second"])]
        (first, first_piece), (second, second_piece) = sides
        repeats = values.get("repeats")
        return cls(
            str(values["trial"]),
            str(values["rater"]),
            values["mode"],
            (first, second),
            (first_piece, second_piece),
            values["answer"],
            None if repeats is None else str(repeats),
        )


def read_votes(path: Path) -> list[Vote]:
    """The votes of a file. Raises BadFile, with the number of the first line that is none; NoMusic for no vote."""
    votes = []
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile("unreadable", f"{path} cannot be read ({error})") from None
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                votes.append(Vote.from_json(json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                reason = f"line {number} is no vote of musictool serve --listen ({type(error).__name__}: {error})"
                raise BadFile("no votes", f"{path}, {reason}") from None
    if not votes:
        raise NoMusic(f"{path} has no vote yet; listen: musictool serve --listen")
    return votes


def davidson(wins: np.ndarray, ties: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The most probable strengths under Davidson's model and the prior, of one table of results or of several at once.

    The three outcomes of a pair are a softmax of sums of the parameters, so that the loss is convex and Newton's steps
    find its one minimum.

    Args:
        wins: float (..., K, K): how often, or with which weight, i was preferred to j.
        ties: float (..., K, K), symmetric: neither.

    Returns:
        float64 (..., K), logarithms of the strengths, with mean 0; and (...), the logarithm of nu.
    """
    count = wins.shape[-1]
    first, second = np.triu_indices(count, 1)  # (P,) each, the pairs
    seen = np.stack([wins[..., first, second], wins[..., second, first], ties[..., first, second]], -1)  # (..., P, 3)
    # each outcome's logit is a sum of parameters: theta_i, theta_j, or their mean and log nu
    features = np.zeros((len(first), 3, count + 1))
    pair = np.arange(len(first))
    features[pair, 0, first] = features[pair, 1, second] = features[pair, 2, -1] = 1
    features[pair, 2, first] = features[pair, 2, second] = 0.5
    games, prior = seen.sum(-1), np.eye(count + 1) / PRIOR_SD**2
    parameters = np.zeros((*wins.shape[:-2], count + 1))
    for _ in range(NEWTON_STEPS):
        logits = np.einsum("pok,...k->...po", features, parameters)
        shares = np.exp(logits - logits.max(-1, keepdims=True))
        shares /= shares.sum(-1, keepdims=True)
        mean = np.einsum("...po,pok->...pk", shares, features)
        gradient = np.einsum("...po,pok->...k", seen - games[..., None] * shares, features) - parameters @ prior
        square = np.einsum("...po,pok,pol->...pkl", shares, features, features) - mean[..., None] * mean[..., None, :]
        curvature = np.einsum("...p,...pkl->...kl", games, square) + prior
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        parameters += np.clip(step, -LONGEST_STEP, LONGEST_STEP)
    theta = parameters[..., :count]
    return theta - theta.mean(-1, keepdims=True), parameters[..., count]


@dataclass(frozen=True)
class Guesses:
    """How many answers were right, against guessing.

    Attributes:
        right, answers: of those that chose a side.
    """

    right: int
    answers: int

    @property
    def p_value(self) -> float:
        """The probability of as many right answers, or more, by guessing alone."""
        return float(binomtest(self.right, self.answers, 0.5, alternative="greater").pvalue) if self.answers else 1.0

    @property
    def interval(self) -> tuple[float, float]:
        """Clopper-Pearson: between these shares lies the true one, in 95 of 100 such tests."""
        if not self.answers:
            return 0.0, 1.0
        interval = binomtest(self.right, self.answers).proportion_ci(LEVEL, "exact")
        return float(interval.low), float(interval.high)

    def __str__(self) -> str:
        low, high = self.interval
        return (
            f"{self.right} of {self.answers} right (guessing alone does as well with p = {self.p_value:.2g}; "
            f"the true share is somewhere from {low:.0%} to {high:.0%})"
        )


def answers_needed(share: float = 0.6, power: float = 0.8, level: float = 0.05) -> int:
    """How many answers it takes to find, with probability `power`, that a share of them above a half is no guessing."""
    for answers in range(5, 100_000):
        threshold = int(binom.isf(level, answers, 0.5)) + 1  # the least that is significant
        if binom.sf(threshold - 1, answers, share) >= power:
            return answers
    raise ValueError(f"{share} is too near to a half")


@dataclass(frozen=True)
class Strength:
    """How a source fares.

    Attributes:
        won, tied, lost: of its trials.
        preferred: 0..1, how probably it is preferred to people's pieces (without them: to the strongest source), of
            those who prefer one at all.
        low, high: the interval of that.
    """

    source: str
    won: int
    tied: int
    lost: int
    preferred: float
    low: float
    high: float


class ListeningResults:
    """The votes of a test, and what follows from them.

    Args:
        votes: all of them; those of known pieces and repeats are sorted out here.
        seed: of the bootstrap.
    """

    def __init__(self, votes: Sequence[Vote], seed: int = 0):
        self.votes, self._seed = list(votes), seed
        self.known = sum(vote.answer is None for vote in votes)
        self.raters = len({vote.rater for vote in votes})

    def of(self, mode: str) -> list[Vote]:
        """The votes that count, to one question."""
        return [vote for vote in self.votes if vote.mode == mode and vote.answer is not None and vote.repeats is None]

    @cached_property
    def strengths(self) -> list[Strength]:
        """How each source is liked, the best first."""
        votes = self.of(PREFER)
        names = sorted({source for vote in votes for source in vote.sources})
        if len(names) < 2:
            return []
        table = _Table(votes, names)
        wins, ties = table.counts(np.ones((1, len(votes))))
        theta = davidson(wins[0], ties[0])[0]
        anchor = names.index(PEOPLE) if PEOPLE in names else int(theta.argmax())
        generator = np.random.default_rng((self._seed, 17))
        draws = davidson(*table.counts(table.resampled(generator, DRAWS)))[0]  # (D, K)
        shares = _logistic(draws - draws[:, [anchor]])
        low, high = np.quantile(shares, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
        (wins,), (ties,) = wins.astype(int), ties.astype(int)
        rows = [
            Strength(name, int(wins[i].sum()), int(ties[i].sum()), int(wins[:, i].sum()), share, low[i], high[i])
            for i, (name, share) in enumerate(zip(names, _logistic(theta - theta[anchor]).tolist(), strict=True))
        ]
        return sorted(rows, key=lambda row: -row.preferred)

    @cached_property
    def guesses(self) -> dict[str, Guesses]:
        """Source -> how often it was told apart from people's pieces, and "all"; without those who could not tell."""
        right: dict[str, list[bool]] = {}
        for vote in self.of(PERSON):
            if vote.answer and PEOPLE in vote.sources:
                other = vote.sources[1 - vote.sources.index(PEOPLE)]
                chosen = vote.sources[int(vote.answer > 0)]
                for name in (other, "all"):
                    right.setdefault(name, []).append(chosen == PEOPLE)
        return {name: Guesses(sum(answers), len(answers)) for name, answers in sorted(right.items())}

    @cached_property
    def undecided(self) -> int:
        """How often nobody could tell."""
        return sum(vote.answer == 0 for vote in self.of(PERSON))

    @cached_property
    def consistency(self) -> tuple[int, int]:
        """Of the pairs that came twice, swapped, how many were answered alike, and how many there were."""
        first = {vote.trial: vote for vote in self.votes if vote.answer is not None}
        pairs = [(first[vote.repeats], vote) for vote in first.values() if vote.repeats in first]
        same = [np.sign(one.answer or 0) == -np.sign(other.answer or 0) for one, other in pairs]
        return sum(map(bool, same)), len(pairs)

    def remarks(self) -> list[str]:
        """What to make of it, plainly."""
        answers = {mode: len(self.of(mode)) for mode in (PREFER, PERSON)}
        lines = []
        same, pairs = self.consistency
        if pairs:
            lines.append(f"of {pairs} pairs that came twice, {same} were answered alike")
        if self.known:
            lines.append(f"{self.known} answers do not count: the listener knew a piece")
        if self.undecided:
            lines.append(f"{self.undecided} times nobody could tell; these are neither right nor wrong")
        if self.raters == 1:
            lines.append("one listener answered: this says nothing of what others would")
        for mode, count in answers.items():
            if 0 < count < FEW:
                lines.append(_how_little(mode, count))
        return lines

    def to_json(self) -> dict[str, Any]:
        """All of it, JSON-able."""
        return {
            "votes": len(self.votes),
            "raters": self.raters,
            "known": self.known,
            "consistency": [*map(int, self.consistency)],
            "strengths": [vars(row) for row in self.strengths],
            "guesses": {
                name: {"right": each.right, "answers": each.answers, "p": each.p_value, "interval": each.interval}
                for name, each in self.guesses.items()
            },
            "undecided": self.undecided,
            "remarks": self.remarks(),
        }


class _Table:
    """Votes as arrays, to be counted under weights."""

    def __init__(self, votes: Sequence[Vote], names: Sequence[str]):
        index = {name: i for i, name in enumerate(names)}
        sides = np.array([[index[source] for source in vote.sources] for vote in votes])  # (V, 2)
        answers = np.array([vote.answer for vote in votes])
        self._size = len(names)
        self._is_tie = answers == 0
        self._winner = np.where(answers > 0, sides[:, 1], sides[:, 0])
        self._loser = np.where(answers > 0, sides[:, 0], sides[:, 1])
        self._rater = np.unique([vote.rater for vote in votes], return_inverse=True)[1]
        pieces = [
            [f"{source} {piece}" for source, piece in zip(vote.sources, vote.pieces, strict=True)] for vote in votes
        ]
        self._piece = np.unique(pieces, return_inverse=True)[1].reshape(-1, 2)

    def counts(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """float (D, K, K) each: wins of the row over the column, and ties, which are symmetric.

        Args:
            weights: float (D, V).
        """
        cell = self._winner * self._size + self._loser
        one_hot = (cell[:, None] == np.arange(self._size**2)).astype(float)  # (V, K * K)
        wins = weights @ (one_hot * ~self._is_tie[:, None])
        ties = weights @ (one_hot * self._is_tie[:, None])
        wins, ties = (table.reshape(-1, self._size, self._size) for table in (wins, ties))
        return wins, ties + ties.swapaxes(1, 2)

    def resampled(self, generator: np.random.Generator, draws: int) -> np.ndarray:
        """float (draws, V): how often each vote stands in a draw of raters and, independently, of pieces."""
        raters, pieces = int(self._rater.max()) + 1, int(self._piece.max()) + 1
        of_rater = generator.multinomial(raters, np.full(raters, 1 / raters), draws)
        of_piece = generator.multinomial(pieces, np.full(pieces, 1 / pieces), draws)
        return np.asarray(of_rater[:, self._rater] * of_piece[:, self._piece].prod(-1), float)


def _logistic(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def _how_little(mode: str, answers: int) -> str:
    """What so few answers can prove."""
    least = next((right for right in range(answers + 1) if Guesses(right, answers).p_value < 0.05), None)
    needed = answers_needed()
    question = "which they prefer" if mode == PREFER else "which a person wrote"
    if least is None:
        can = "can prove nothing, even if all agree"
    else:
        can = (
            f"prove little: {least} would have to agree before chance is out of the question (p < 0.05), "
            f"and that would still fit a true share of {Guesses(least, answers).interval[0]:.0%}"
        )
    return f"{answers} answers to {question} {can}; to find a share of 60 in 100 takes about {needed}"
