"""What a generator without a likelihood is worth: how far what it writes lies from what people write.

From 100 places of the validation pieces it writes on for CHAIN segments, each in view of its own last one, and for
each instrument is compared with what stands there:

    cells           a segment: how much sounds
    strikes         a segment: keys that begin to sound; noise has as many of them as cells, music few
    pitch classes   a segment, 0 to 12 (not of drums: which are hit); noise has all of them
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

Honest limit: averages. Whether one chord suits the next, and what leads where, nothing here hears.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from musictool.dataset.dataset import Encoded
from musictool.metrics.variety import near_duplicates, variety
from musictool.music.instruments import DRUMS, INSTRUMENTS
from musictool.music.scales import SCALES

PLACES, CHAIN = 100, 4
SEEDS = 5  # of the samples that continue the same place, to see whether the noise has a say
ASSESSED = (
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
LITTLE = np.array([1.0, 1.0, 0.1, 0.05, 0.05])
LITTLE_OFF_SCALE = 0.02
KEYS = np.stack([np.roll(np.isin(range(12), SCALES["major"]), tonic) for tonic in range(12)]).astype(
    int
)  # (tonic, class)
COLLAPSED_VARIETY, COLLAPSED_DUPLICATES = 0.5, 0.5

Write = Callable[[np.ndarray], np.ndarray]  # segments uint8 0/1 (N, S, P, I) -> those that follow


def likeness(write: Write, encoded: Encoded) -> dict[str, float]:
    """A number for each of ASSESSED."""
    before, real = places(encoded)
    written = _chain(write, before)
    again = write(np.repeat(before[:: len(before) // min(len(before), PLACES // SEEDS)], SEEDS, axis=0))
    apart = np.abs(np.log((facts(written) + LITTLE) / (facts(real) + LITTLE)))
    ours, theirs = off_scale(written), off_scale(real)
    off = abs(np.log((ours + LITTLE_OFF_SCALE) / (theirs + LITTLE_OFF_SCALE)))
    duplicates, of_corpus = near_duplicates(written[-1]), near_duplicates(real[-1])
    return {
        "distance": float(np.mean([*apart.mean(axis=0), off])) + max(0.0, duplicates - of_corpus),
        "variety": variety(written[-1]),
        "corpus_variety": variety(real[-1]),
        "variety_of_seeds": float(np.mean([variety(group) for group in again.reshape(-1, SEEDS, *again.shape[1:])])),
        "near_duplicates": duplicates,
        "corpus_near_duplicates": of_corpus,
        "off_scale": ours,
        "corpus_off_scale": theirs,
    }


def has_collapsed(found: dict[str, float]) -> bool:
    """Whether samples repeat each other far more than the corpus does."""
    return (
        found["variety"] < COLLAPSED_VARIETY * found["corpus_variety"]
        or found["near_duplicates"] - found["corpus_near_duplicates"] > COLLAPSED_DUPLICATES
    )


def places(encoded: Encoded) -> tuple[np.ndarray, np.ndarray]:
    """Up to PLACES segments, (N, S, P, I), spread over the validation pieces (the training pieces, if there are none),
    and the CHAIN that follow them, (CHAIN, N, S, P, I); at the end of a piece its last one stays."""
    pieces = encoded.held_out()
    begin, end = encoded.offsets[pieces], encoded.offsets[pieces + 1]
    rows = np.concatenate([np.arange(*each) for each in zip(begin, end, strict=True)])
    last = np.repeat(end - 1, end - begin)
    chosen = np.unique(np.linspace(0, len(rows) - 1, PLACES).astype(np.int64))
    after = np.minimum(rows[chosen] + 1 + np.arange(CHAIN)[:, None], last[chosen])
    return encoded.rows(rows[chosen]), np.stack([encoded.rows(each) for each in after])


def _chain(write: Write, before: np.ndarray) -> np.ndarray:
    """(CHAIN, N, S, P, I), one after another."""
    written = [before]
    for _ in range(CHAIN):
        written.append(write(written[-1]))
    return np.stack(written[1:])


def facts(chains: np.ndarray) -> np.ndarray:
    """float64 (I, 5), the numbers above, of segments uint8 0/1 (CHAIN, N, S, P, I)."""
    segments = chains.reshape(-1, *chains.shape[2:])
    strikes = np.diff(segments, axis=1, prepend=np.zeros_like(segments[:, :1])) == 1
    found = [
        (
            segments[..., i].sum(axis=(1, 2)).mean(),
            strikes[..., i].sum(axis=(1, 2)).mean(),
            _classes(np.asarray(segments[..., i].any(axis=1)), i),
            segments[..., i].any(axis=(1, 2)).mean(),
            variety(chains[-1, ..., i]),
        )
        for i in range(len(INSTRUMENTS))
    ]
    return np.array(found)


def off_scale(chains: np.ndarray) -> float:
    """The share of the cells of pitched instruments that are off the scale of their chain, of segments uint8 0/1
    (CHAIN, N, S, P, I): the mean of the chains that have any."""
    pitched = [i for i in range(len(INSTRUMENTS)) if i != DRUMS]
    cells = chains[..., pitched].sum(axis=(0, 2, 4), dtype=np.int64)  # (N, P)
    classes = _octaves(cells).sum(axis=1)  # (N, 12)
    classes = classes[classes.any(axis=1)]
    return float(np.mean(1 - (classes @ KEYS.T).max(axis=1) / classes.sum(axis=1))) if len(classes) else 0.0


def _classes(used: np.ndarray, instrument: int) -> float:
    """How many pitch classes, or drums, of bool (N, P) a segment uses."""
    if instrument == DRUMS:
        return float(used.sum(axis=1).mean())
    return float(_octaves(used).any(axis=1).sum(axis=1).mean())


def _octaves(keys: np.ndarray) -> np.ndarray:
    """(N, P) -> (N, octaves, 12)."""
    count, pitches = keys.shape
    return np.pad(keys, ((0, 0), (0, -pitches % 12))).reshape(count, -1, 12)
