"""How surely a classifier tells two sets of pieces apart that hears one bar of them, two, four or eight.

The classifier two-sample test (Lopez-Paz and Oquab, "Revisiting Classifier Two-Sample Tests", ICLR 2017): a
classifier learns from some pieces of either set what gives them away (musictool/metrics/told_apart_features.py), and is
asked about windows of pieces that it has not heard. The area under its ROC curve (AUC) is the probability that, given a
window of either set, it finds the right one: 0.5 by guessing, 1 always. It is the mean over FOLDS parts of the pieces,
each held out once; only windows that are held out together are compared. The classifier is the mean of two that err in
different ways, extremely randomised trees (Geurts et al., 2006) and logistic regression.

Each piece is first transposed by -3 to 3 semitones, at random, so that a key alone says nothing.

Limits: eight bars are more than enough for any flaw, so the AUC of a fair model soon stays at 1; then ask one bar. Few
pieces give a wide interval, and a classifier that has learnt from few hears less. What the numbers do not count it does
not hear. And 0.5 says alike, not good.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from musictool.metrics.told_apart_counts import Words
from musictool.metrics.told_apart_features import BarCounts
from musictool.music.instruments import DRUMS, NO_INSTRUMENT, note_instruments
from musictool.music.score import Score
from musictool.workers.processes import cores

BARS = (1, 2, 4, 8)
FOLDS = 5
MIN_PIECES = 4  # of either set
MAX_BARS = 16  # of each piece that are heard, in each length of window
HALVINGS = 4  # ways of halving the people's pieces
FACTS = 5
TREES = 60
TREES_OF_HALVES = 20  # as there are so many halvings
_BOOTSTRAPS = 200
_INTERVAL = (2.5, 97.5)  # percentiles
_TRANSPOSITIONS = range(-3, 4)
_LEAST_EFFECT = 0.04  # of the AUC of a fact beyond 0.5
_CHANCE = 0.1  # of comparisons in which any number is a fact though nothing tells the sides apart
_MOST_ALIKE = 0.75  # rank correlation of two facts


@dataclass(frozen=True)
class Auc:
    """How surely windows of two sets are told apart.

    Attributes:
        auc: 0.5 by guessing, 1 always.
        low, high: the 95% interval, by drawing pieces with replacement.
        windows: of either set.
    """

    auc: float
    low: float
    high: float
    windows: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.auc:.3f} ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True)
class Fact:
    """What gives samples away.

    Attributes:
        text: in words, with both values.
        name: of the number.
        samples, people: its mean.
        auc: of this number alone, at least 0.5.
    """

    text: str
    name: str
    samples: float
    people: float
    auc: float


@dataclass(frozen=True)
class ToldApart:
    """Samples against people's pieces.

    Attributes:
        samples: bars of a window -> AUC; without the lengths that too few pieces have.
        halves: bars of a window -> (mean, lowest, highest) AUC of HALVINGS random halvings of the people's pieces: what
            chance gives.
        facts: at most FACTS, the surest first.
    """

    samples: dict[int, Auc]
    halves: dict[int, tuple[float, float, float]]
    facts: tuple[Fact, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON-able; the keys of both tables are bars, as text."""
        samples = {
            str(bars): {"auc": auc.auc, "interval": [auc.low, auc.high], "windows": list(auc.windows)}
            for bars, auc in self.samples.items()
        }
        halves = {str(bars): {"auc": auc, "range": [low, high]} for bars, (auc, low, high) in self.halves.items()}
        return {"samples": samples, "halves": halves, "facts": [vars(fact) for fact in self.facts]}


def told_apart(
    samples: Sequence[Score],
    people: Sequence[Score],
    seed: int = 1,
    *,
    paired: bool = False,
    bars: Sequence[int] = BARS,
    halves: bool = True,
) -> ToldApart:
    """How surely samples are told from people's pieces, and what gives them away.

    Args:
        samples, people: MIN_PIECES of either with as many bars as a window, or that length of window is left out.
        seed: fixes the folds, the classifiers and the transpositions.
        paired: that samples[i] was people[i] before it was encoded and decoded; both are held out together.
        bars: of a window, each length by itself.
        halves: whether halves of the people's pieces are told apart, too.
    """
    if paired and len(samples) != len(people):
        raise ValueError(f"{len(samples)} samples and {len(people)} people's pieces are no pairs")
    rng = np.random.default_rng(seed)
    sides = _counted(samples, people, rng, paired)
    data_of = {length: data for length in bars if (data := _Data.of(sides, length, paired)) is not None}
    facts: tuple[Fact, ...] = ()
    for length in data_of:
        if length <= 4:
            facts = _facts(data_of[length])
    halved = [n for n in data_of if halves and len(np.unique(data_of[n].piece[~data_of[n].label])) >= 2 * MIN_PIECES]
    # classifiers are learnt side by side: their libraries let other threads run
    with ThreadPoolExecutor(cores()) as pool:
        aucs = pool.map(partial(_auc, seed=seed), data_of.values())
        pairs = list(product((data_of[n] for n in halved), range(HALVINGS)))
        areas = pool.map(lambda pair: _half(pair[0], pair[1], seed), pairs)
        results = dict(zip(data_of, aucs, strict=True))
        of_halves = np.array(list(areas)).reshape(len(halved), HALVINGS)
    chance = {n: (float(of.mean()), float(of.min()), float(of.max())) for n, of in zip(halved, of_halves, strict=True)}
    return ToldApart(results, chance, facts)


def _counted(
    samples: Sequence[Score], people: Sequence[Score], rng: np.random.Generator, paired: bool
) -> tuple[list[BarCounts], list[BarCounts]]:
    """Each piece of either side counted bar by bar, in a key of its own."""
    both = (*samples, *people)
    options = {
        "is_band": any(_instruments(score) > 1 for score in both),
        "has_drums": any(score.is_drum.any() for score in both),
        "has_loudness": all(2 * sum(map(_loudness_varies, side)) > len(side) for side in (samples, people)),
    }
    shifts = rng.choice(_TRANSPOSITIONS, len(both))
    if paired:
        shifts[len(samples) :] = shifts[: len(samples)]
    counted = [BarCounts(score.transpose(int(shift)), **options) for score, shift in zip(both, shifts, strict=True)]
    return counted[: len(samples)], counted[len(samples) :]


def _instruments(score: Score) -> int:
    playing = note_instruments(score)
    return len(np.unique(playing[(playing != NO_INSTRUMENT) & (playing != DRUMS)]))


def _loudness_varies(score: Score) -> bool:
    return len(score.notes) > 0 and bool(np.ptp(score.notes["velocity"]) > 0)


@dataclass(frozen=True)
class _Data:
    """Windows of both sides.

    Attributes:
        values: float64 (W, F), without nan.
        known: bool (W, F), where there was something to count.
        label: bool (W,), whether it is a sample's.
        piece: int64 (W,), numbers from 0 on; those of samples come first.
        group: int64 (W,), what is held out together.
        words: of the F numbers, by name.
        paired: whether a group is a sample and the human piece that it was.
    """

    values: np.ndarray
    known: np.ndarray
    label: np.ndarray
    piece: np.ndarray
    group: np.ndarray
    words: dict[str, Words]
    paired: bool

    @classmethod
    def of(cls, sides: tuple[list[BarCounts], list[BarCounts]], bars: int, paired: bool) -> _Data | None:
        """None for fewer than MIN_PIECES on a side that have so many bars."""
        most = max(1, MAX_BARS // bars)
        values, label, piece, group = [], [], [], []
        words: dict[str, Words] = {}
        for side, pieces in enumerate(sides):
            enough = 0
            for number, counted in enumerate(pieces):
                windows, words_of = counted.windows(bars, most)
                count = len(windows)
                if not count:
                    continue
                enough, words = enough + 1, words_of
                values.append(windows)
                label += [side == 0] * count
                piece += [side * len(sides[0]) + number] * count
                group += [number if paired else side * len(sides[0]) + number] * count
            if enough < MIN_PIECES:
                return None
        matrix = np.concatenate(values)
        known = ~np.isnan(matrix)
        # where nothing is known, the median of all windows
        with np.errstate(all="ignore"):
            middle = np.nan_to_num(np.nanmedian(np.where(known.any(axis=0), matrix, 0.0), axis=0))
        matrix = np.where(known, matrix, middle)
        return cls(matrix, known, np.array(label), np.array(piece), np.array(group), words, paired)


def _folds(label: np.ndarray, group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """int64 (W,): the fold of each window; each group whole, and groups of either label spread evenly."""
    fold = np.zeros(len(group), np.int64)
    of_samples, of_people = np.unique(group[label]), np.unique(group[~label])
    if np.intersect1d(of_samples, of_people).size:  # pairs: a piece whose other side is too short is one more of them
        both = [np.union1d(of_samples, of_people)]
    else:
        both = [of_samples, of_people]
    folds = min(FOLDS, *map(len, both))
    number: dict[int, int] = {}
    for one in both:
        number |= {int(g): i % folds for i, g in enumerate(rng.permutation(one))}
    for i, g in enumerate(group.tolist()):
        fold[i] = number[g]
    return fold


def _scores(values: np.ndarray, label: np.ndarray, fold: np.ndarray, seed: int, trees: int) -> np.ndarray:
    """float64 (W,): how sure a classifier that was learnt from the other folds is that a window is a sample's."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression

    score = np.zeros(len(label))
    for held in np.unique(fold):
        train, test = fold != held, fold == held
        forest = ExtraTreesClassifier(
            trees, min_samples_leaf=2, max_features=0.15, class_weight="balanced", random_state=seed, n_jobs=1
        )
        forest.fit(values[train], label[train])
        mean, deviation = values[train].mean(axis=0), values[train].std(axis=0)
        scaled = np.clip((values - mean) / np.where(deviation > 0, deviation, 1.0), -5, 5)
        linear = LogisticRegression(C=0.01, class_weight="balanced", solver="liblinear", random_state=seed)
        linear.fit(scaled[train], label[train])
        guesses = [model.predict_proba(x[test])[:, 1] for model, x in ((forest, values), (linear, scaled))]
        score[test] = sum(np.log(np.clip(guess, 0.01, 0.99) / (1 - np.clip(guess, 0.01, 0.99))) for guess in guesses)
    return score


def _wins(score: np.ndarray, label: np.ndarray, piece: np.ndarray, fold: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """float64 (samples, people) each: over the windows of two pieces that are in one fold, how often the sample's has
    the higher score (half for a tie), and how many pairs there are."""
    ours, theirs = np.unique(piece[label]), np.unique(piece[~label])
    wins, pairs = np.zeros((2, len(ours), len(theirs)))
    for held in np.unique(fold):
        one, other = np.flatnonzero(label & (fold == held)), np.flatnonzero(~label & (fold == held))
        if not len(one) or not len(other):
            continue
        higher = np.sign(score[one][:, None] - score[other]) / 2 + 0.5
        rows, columns = np.searchsorted(ours, piece[one]), np.searchsorted(theirs, piece[other])
        np.add.at(wins, (rows[:, None], columns), higher)
        np.add.at(pairs, (rows[:, None], columns), 1.0)
    return wins, pairs


def _auc(data: _Data, seed: int) -> Auc:
    rng = np.random.default_rng(seed)
    fold = _folds(data.label, data.group, rng)
    score = _scores(data.values, data.label, fold, seed, TREES)
    wins, pairs = _wins(score, data.label, data.piece, fold)
    drawn = []
    for _ in range(_BOOTSTRAPS):
        rows, columns = (rng.multinomial(n, np.full(n, 1 / n)).astype(np.float64) for n in wins.shape)
        below = rows @ pairs @ columns
        if below:
            drawn.append(float(rows @ wins @ columns / below))
    low, high = np.percentile(drawn, _INTERVAL)
    count = int(data.label.sum())
    return Auc(float(wins.sum() / pairs.sum()), float(low), float(high), (count, len(data.label) - count))


def _half(data: _Data, halving: int, seed: int) -> float:
    """The AUC of one of HALVINGS halvings of the people's pieces."""
    people = np.flatnonzero(~data.label)
    values, piece = data.values[people], data.piece[people]
    pieces = np.unique(piece)
    rng = np.random.default_rng([seed, halving])
    label = np.isin(piece, rng.permutation(pieces)[: len(pieces) // 2])
    fold = _folds(label, piece, rng)
    wins, pairs = _wins(_scores(values, label, fold, seed, TREES_OF_HALVES), label, piece, fold)
    return float(wins.sum() / pairs.sum())


def _facts(data: _Data) -> tuple[Fact, ...]:
    """The numbers that by themselves tell the sides apart best, that surely do, and that do not say the same."""
    from scipy.stats import rankdata

    names = list(data.words)
    ranks = rankdata(data.values, axis=0)  # (W, F)
    ours, theirs = int(data.label.sum()), int((~data.label).sum())
    area = (ranks[data.label].sum(axis=0) - ours * (ours + 1) / 2) / (ours * theirs)  # Mann and Whitney's U
    effect = np.abs(area - 0.5)
    effect[(effect < _LEAST_EFFECT) | (_p_values(data, ranks) * len(names) > _CHANCE)] = 0.0
    scaled = (ranks - ranks.mean(axis=0)) / np.maximum(ranks.std(axis=0), 1e-9)
    chosen: list[int] = []
    for i in np.argsort(-effect, kind="stable").tolist():
        if len(chosen) == FACTS or not effect[i]:
            break
        same_topic = any(data.words[names[i]].topic == data.words[names[j]].topic for j in chosen)
        if not same_topic and all(abs(float((scaled[:, i] * scaled[:, j]).mean())) < _MOST_ALIKE for j in chosen):
            chosen.append(i)
    return tuple(_fact(data, names[i], i, float(area[i])) for i in chosen)


def _p_values(data: _Data, ranks: np.ndarray) -> np.ndarray:
    """float64 (F,): of Welch's t-test of the pieces' mean ranks; of pairs, of a t-test of their differences."""
    from scipy.stats import t

    pieces, index = np.unique(data.piece, return_inverse=True)
    sums = np.zeros((len(pieces), ranks.shape[1]))
    np.add.at(sums, index, ranks)
    means = sums / np.bincount(index)[:, None]  # (pieces, F)
    label, group = np.zeros(len(pieces), bool), np.zeros(len(pieces), np.int64)
    label[index], group[index] = data.label, data.group
    if data.paired:
        _, ours, theirs = np.intersect1d(group[label], group[~label], return_indices=True)
        sides = [means[label][ours] - means[~label][theirs]]
        difference = sides[0].mean(axis=0)
    else:
        sides = [means[label], means[~label]]
        difference = sides[0].mean(axis=0) - sides[1].mean(axis=0)
    variance = sum(side.var(axis=0, ddof=1) / len(side) for side in sides)
    value = np.abs(difference) / np.sqrt(np.maximum(variance, 1e-12))
    return np.asarray(2 * t.sf(value, min(map(len, sides)) - 1))


def _fact(data: _Data, name: str, number: int, area: float) -> Fact:
    known = data.known[:, number]
    samples, people = (
        float(data.values[side & known, number].mean()) if (side & known).any() else 0.0
        for side in (data.label, ~data.label)
    )
    # by the means, so that words and values agree
    return Fact(data.words[name].say(samples, people), name, samples, people, max(area, 1 - area))
