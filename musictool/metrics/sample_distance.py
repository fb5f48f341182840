"""What a generator without a likelihood is worth: how far what it writes lies from what people write.

From 100 places of the validation pieces it writes CHAIN_LENGTH segments, each in view of its own last one, and for each
instrument is compared with what stands there:

    cells           per segment: how much sounds
    strikes         per segment: keys that begin to sound; noise has as many of them as cells, music few
    pitch classes   per segment, 0 to 12 (for drums: which are hit); noise has all of them
    playing         the share of segments in which the instrument plays
    variety         the mean distance of two samples (musictool/metrics/variety.py); one piece over and over has none

and for the band as a whole:

    off scale       the share of what sounds, drums left out, that is not in the major scale that holds most of a
                    chain; two in five of noise, one in twenty of songs

    distance = the mean over these six of |ln(samples' / corpus's)|, the first five averaged over the instruments
               + the share of near-duplicates that the samples have beyond the corpus's

So 0 is like the corpus in all of these, 0.7 is off by a factor of two in each; collapse and noise both cost. Training
pieces lie 0.08 to 0.18 from as many validation pieces where these are 28, and up to 0.31 where they are 22, so less is
not better than that.

Limit: averages. Whether one chord suits the next, and what leads where, is not measured.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from musictool.dataset.dataset import Encoded
from musictool.metrics.variety import near_duplicates, variety
from musictool.music.instruments import DRUMS
from musictool.music.scales import SCALES

MAX_PLACES, CHAIN_LENGTH = 100, 4
SEEDS = 5  # samples that continue the same place, to see whether the noise has a say
EVAL_METRICS = (
    "distance",
    "variety",
    "corpus_variety",
    "variety_of_seeds",
    "near_duplicates",
    "corpus_near_duplicates",
    "off_scale",
    "corpus_off_scale",
)
# Added to both sides of a ratio, so that nothing is divided by nothing: cells, strikes, classes, share, distance.
EPSILON = np.array([1.0, 1.0, 0.1, 0.05, 0.05])
OFF_SCALE_EPSILON = 0.02
MAJOR_KEYS = np.stack([np.roll(np.isin(range(12), SCALES["major"]), tonic) for tonic in range(12)]).astype(
    int
)  # (tonic, class)
COLLAPSED_VARIETY, COLLAPSED_DUPLICATES = 0.5, 0.5

Write = Callable[[np.ndarray], np.ndarray]  # segments uint8 0/1 (N, S, P, I) -> those that follow


def sample_distance(write: Write, encoded: Encoded) -> dict[str, float]:
    """A number for each of EVAL_METRICS."""
    # write chains from each place, and several answers to some of the places
    previous, real = places(encoded)
    samples = _chain(write, previous)  # (CHAIN_LENGTH, N, S, P, I)
    answers = write(np.repeat(previous[:: len(previous) // min(len(previous), MAX_PLACES // SEEDS)], SEEDS, axis=0))

    # log ratios of each statistic of each instrument, and of what is off the scale
    log_ratios = np.abs(np.log((statistics(samples) + EPSILON) / (statistics(real) + EPSILON)))  # (I, 5)
    of_samples, of_corpus = off_scale(samples), off_scale(real)
    off_ratio = abs(np.log((of_samples + OFF_SCALE_EPSILON) / (of_corpus + OFF_SCALE_EPSILON)))

    duplicates, corpus_duplicates = near_duplicates(samples[-1]), near_duplicates(real[-1])
    seeds = answers.reshape(-1, SEEDS, *answers.shape[1:])
    return {
        "distance": float(np.mean([*log_ratios.mean(axis=0), off_ratio])) + max(0.0, duplicates - corpus_duplicates),
        "variety": variety(samples[-1]),
        "corpus_variety": variety(real[-1]),
        "variety_of_seeds": float(np.mean([variety(group) for group in seeds])),
        "near_duplicates": duplicates,
        "corpus_near_duplicates": corpus_duplicates,
        "off_scale": of_samples,
        "corpus_off_scale": of_corpus,
    }


def has_collapsed(metrics: dict[str, float]) -> bool:
    """Whether samples repeat each other far more than the corpus does."""
    return (
        metrics["variety"] < COLLAPSED_VARIETY * metrics["corpus_variety"]
        or metrics["near_duplicates"] - metrics["corpus_near_duplicates"] > COLLAPSED_DUPLICATES
    )


def places(encoded: Encoded) -> tuple[np.ndarray, np.ndarray]:
    """Up to MAX_PLACES segments, (N, S, P, I), spread over the validation pieces (the training pieces, if there are
    none), and the CHAIN_LENGTH that follow them, (CHAIN_LENGTH, N, S, P, I); at the end of a piece its last one stays.
    """
    pieces = encoded.held_out()
    begin, end = encoded.offsets[pieces], encoded.offsets[pieces + 1]
    rows = np.concatenate([np.arange(*limits) for limits in zip(begin, end, strict=True)])
    last = np.repeat(end - 1, end - begin)  # of the piece of each row
    chosen = np.unique(np.linspace(0, len(rows) - 1, MAX_PLACES).astype(np.int64))
    after = np.minimum(rows[chosen] + 1 + np.arange(CHAIN_LENGTH)[:, None], last[chosen])  # (CHAIN_LENGTH, N)
    return encoded.rows(rows[chosen]), np.stack([encoded.rows(numbers) for numbers in after])


def _chain(write: Write, previous: np.ndarray) -> np.ndarray:
    """(CHAIN_LENGTH, N, S, P, I), one after another."""
    written = [previous]
    for _ in range(CHAIN_LENGTH):
        written.append(write(written[-1]))
    return np.stack(written[1:])


def statistics(chains: np.ndarray) -> np.ndarray:
    """float64 (I, 5), the numbers above, of segments uint8 0/1 (CHAIN_LENGTH, N, S, P, I)."""
    segments = chains.reshape(-1, *chains.shape[2:])
    strikes = np.diff(segments, axis=1, prepend=np.zeros_like(segments[:, :1])) == 1
    return np.array(
        [
            (
                segments[..., i].sum(axis=(1, 2)).mean(),
                strikes[..., i].sum(axis=(1, 2)).mean(),
                _pitch_classes(np.asarray(segments[..., i].any(axis=1)), i),
                segments[..., i].any(axis=(1, 2)).mean(),
                variety(chains[-1, ..., i]),
            )
            for i in range(chains.shape[-1])
        ]
    )


def off_scale(chains: np.ndarray) -> float:
    """The share of the cells of pitched instruments that are off the scale of their chain, of segments uint8 0/1
    (CHAIN_LENGTH, N, S, P, I): the mean of the chains that have any."""
    pitched = [i for i in range(chains.shape[-1]) if i != DRUMS]
    cells = chains[..., pitched].sum(axis=(0, 2, 4), dtype=np.int64)  # (N, P)
    classes = _by_octave(cells).sum(axis=1)  # (N, 12)
    classes = classes[classes.any(axis=1)]
    return float(np.mean(1 - (classes @ MAJOR_KEYS.T).max(axis=1) / classes.sum(axis=1))) if len(classes) else 0.0


def _pitch_classes(used: np.ndarray, instrument: int) -> float:
    """How many pitch classes, or drums, of bool (N, P) a segment uses."""
    if instrument == DRUMS:
        return float(used.sum(axis=1).mean())
    return float(_by_octave(used).any(axis=1).sum(axis=1).mean())


def _by_octave(keys: np.ndarray) -> np.ndarray:
    """(N, P) -> (N, octaves, 12)."""
    count, pitches = keys.shape
    return np.pad(keys, ((0, 0), (0, -pitches % 12))).reshape(count, -1, 12)
