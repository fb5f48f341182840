"""What can be heard in a few bars of a piece, as some 200 numbers, each with the words that say it.

All but the drums is heard as one keyboard would sound it (musictool/metrics/told_apart_keyboard.py). Drums are counted
by themselves, by their place in the bar, and the instruments one by one where either side is a band; loudness counts
where it varies on both sides (musictool/metrics/told_apart_band.py). None of it depends on the key: pitch classes are
counted from the tonic of the bars' key, intervals from the bass. The register is heard as it is. Bars are as long as
the piece's metre says, and begin where the ear puts them (musictool/metrics/told_apart_bars.py).

Sources: pitch classes as in Yang and Lerch (2018); keys as in musictool/music/key.py.
"""

from __future__ import annotations

import numpy as np

from musictool.metrics.told_apart_band import count_drums, count_instruments, count_loudness
from musictool.metrics.told_apart_bars import bar_lines
from musictool.metrics.told_apart_counts import SHARE, Counts, Words
from musictool.metrics.told_apart_keyboard import (
    CHORD_OF,
    LONGEST,
    QUARTER_NOTES,
    RHYTHM_BOUNDS,
    SEMITONES,
    TRIAD,
    count_chords,
    count_lines,
    count_moves,
    count_notes,
    count_onsets,
    count_time,
)
from musictool.metrics.told_apart_slices import KeyboardSlices, bits
from musictool.music.key import PROFILES
from musictool.music.score import TICKS_PER_QUARTER, Score

DEGREES: tuple[str, ...] = ("tonic", "flat second", "second", "minor third", "major third", "fourth")
DEGREES += ("tritone", "fifth", "flat sixth", "sixth", "flat seventh", "leading note")

_SCALES = np.isin(np.arange(12), (0, 2, 4, 5, 7, 9, 11)), np.isin(np.arange(12), (0, 2, 3, 5, 7, 8, 10, 11))


class BarCounts:
    """A piece, counted bar by bar.

    Args:
        score: without notes it has no window.
        is_band, has_drums, has_loudness: whether instruments, drums and loudness count; the same for all pieces.
    """

    _whole_bars = range(0)

    def __init__(self, score: Score, is_band: bool = False, has_drums: bool = False, has_loudness: bool = False):
        if not len(score.notes):
            return
        lines, self._whole_bars = bar_lines(score)
        drums = score.is_drum
        self._counts = counts = Counts(lines, score.end_ticks)
        self._slices = slices = KeyboardSlices.of(score.notes[~drums], score.end_ticks)
        self._bar = bar = counts.bar_of(slices.times)
        count_notes(counts, slices, bar)
        count_onsets(counts, slices, bar)
        count_chords(counts, slices, bar)
        count_lines(counts, slices, bar)
        count_moves(counts, slices, bar)
        count_time(counts, slices, bar)
        if has_loudness:
            count_loudness(counts, score.notes)
        if is_band:
            count_instruments(counts, score)
        if has_drums:
            count_drums(counts, score.notes[drums])
        self._classes = np.zeros((len(counts), 12))  # ticks that each pitch class sounds
        np.add.at(self._classes, (bar[slices.first], slices.pitches % 12), slices.lengths)
        self._waits = np.diff(slices.times, append=score.end_ticks) / TICKS_PER_QUARTER
        self._above, self._below = np.stack(counts.above, axis=1), np.stack(counts.below, axis=1)  # (B, Q)

    def windows(self, bars: int, most: int) -> tuple[np.ndarray, dict[str, Words]]:
        """The numbers of windows of some whole bars that do not overlap, at most `most` of them, spread over the piece.

        Returns:
            float64 (W, F), nan where there is nothing to count, and the words of each of the F numbers by its name;
            (0, 0) and no words for a piece with fewer bars.
        """
        fit = len(self._whole_bars) // bars
        if not fit:
            return np.zeros((0, 0)), {}
        chosen = np.unique(np.linspace(0, fit - 1, min(most, fit)).astype(np.int64))
        starts = self._whole_bars.start + bars * chosen
        index = starts[:, None] + np.arange(bars)  # (W, bars)
        above, below = self._above[index].sum(axis=1), self._below[index].sum(axis=1)  # (W, Q)
        quotients = np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)
        keys, key_words = _in_key(self._classes[index].sum(axis=1))
        wholes = [self._whole(int(start), bars) for start in starts]
        words = self._counts.words | key_words | {name: words for name, (words, _) in wholes[0].items()}
        return np.column_stack([quotients, keys, [[value for _, value in whole.values()] for whole in wholes]]), words

    def _whole(self, start: int, bars: int) -> dict[str, tuple[Words, float]]:
        """What is no quotient: ranges, how varied a window is, how it ends, and what its bars have in common."""
        s = self._slices
        first, last = np.searchsorted(self._bar, (start, start + bars)).tolist()
        top, bass, waits = s.top[first:last], s.bass[first:last], self._waits[first:last]
        chords = bits(s.above_bass[first:last])
        steps = np.diff(top)
        figures = np.lib.stride_tricks.sliding_window_view(steps, 3) if len(steps) > 2 else np.zeros((0, 3))
        numbers = {}
        for name, voice, line in (("top", "the top voice", top), ("bass", "the bass", bass)):
            text = f"{voice} ranges too {{widely|narrowly}}"
            numbers[f"{name} range"] = Words(text, SEMITONES, f"{name} range"), _range(line)
            text = f"{voice} has too {{many|few}} different notes"
            numbers[f"{name} varies"] = Words(text, SHARE, f"{name} range"), _distinct(line)
        numbers |= {
            "range": (Words("the range is too {wide|narrow}", SEMITONES, "range"), _range(np.append(top, bass))),
            "different chords": (Words("too {many|few} different chords", SHARE, "variety"), _distinct(chords)),
            "figures again": (
                Words("the top voice repeats too {many|few} figures", SHARE, "figures"),
                1 - _distinct(figures),
            ),
            "rhythms": (
                Words("too {many|few} different note values", "", "variety of rhythm"),
                float(len(np.unique(np.digitize(waits, RHYTHM_BOUNDS)))),
            ),
            "longest wait": (
                Words("the longest pause between onsets is too {long|short}", QUARTER_NOTES, "pauses"),
                min(LONGEST, float(waits.max(initial=0.0))),
            ),
            "last wait": (
                Words("last chords are too {long|short}", QUARTER_NOTES, "last chord"),
                min(LONGEST, float(waits[-1])) if len(waits) else np.nan,
            ),
            "last is a triad": (
                Words("too {many|few} endings on a triad in root position", SHARE, "last chord"),
                float(CHORD_OF[chords[-1]] == TRIAD) if len(chords) else np.nan,
            ),
            "last fifth": (
                Words("too {many|few} endings in which the bass falls a fifth", SHARE, "last step"),
                float((bass[-1] - bass[-2]) % 12 == 5) if len(bass) > 1 else np.nan,
            ),
        }
        for lag, which in ((1, "neighbouring bars"), (2, "bars two apart"), (4, "bars four apart")):
            for name, pattern in self._counts.patterns.items() if lag < bars else ():
                one, other = pattern[start : start + bars - lag], pattern[start + lag : start + bars]
                words = Words(f"{which} have too {{much|little}} in common in their {name}", SHARE, f"{name} again")
                numbers[f"{name} again, {which}"] = words, _in_common(one, other)
        return numbers


def _range(values: np.ndarray) -> float:
    return float(np.ptp(values)) if len(values) else np.nan


def _distinct(values: np.ndarray) -> float:
    return len(np.unique(values, axis=0)) / len(values) if len(values) else np.nan


def _in_common(one: np.ndarray, other: np.ndarray) -> float:
    """The mean share of what is in either of two bars, bool (N, ...) each, that is in both; 1 for empty ones."""
    either, both = (one | other).sum(axis=1), (one & other).sum(axis=1)
    return float(np.divide(both, either, out=np.ones(len(one)), where=either > 0).mean())


def _in_key(classes: np.ndarray) -> tuple[np.ndarray, dict[str, Words]]:
    """float64 (W, 16), of ticks (W, 12): the degrees of each window's key, and how clear that is; and the words."""
    total = classes.sum(axis=1, keepdims=True)
    share = np.divide(classes, total, out=np.full_like(classes, np.nan), where=total > 0)
    # the key whose profile fits best, and how well
    fits = np.nan_to_num(share - 1 / 12) @ PROFILES.T  # (W, 24)
    key = fits.argmax(axis=1)
    clear = fits.max(axis=1) / np.linalg.norm(share - 1 / 12, axis=1).clip(1e-9)
    degrees = share[np.arange(len(share))[:, None], (key[:, None] + np.arange(12)) % 12]
    minor = key >= 12
    in_scale = (degrees * np.where(minor[:, None], _SCALES[1], _SCALES[0])).sum(axis=1)
    words = {f"degree: {name}": Words(f"too {{much|little}} of the key's {name}", SHARE, "degree") for name in DEGREES}
    words |= {
        "in scale": Words("too {few|many} notes are outside of the scale", SHARE, "scale"),
        "key is clear": Words("the key is too {plain|unclear}", "correlation with a key", "scale"),
        "minor": Words("too {much|little} is in minor", SHARE, "mode"),
        "pitch classes": Words("too {many|few} different pitch classes", "", "scale"),
    }
    return np.column_stack(
        [degrees, in_scale, clear, np.where(total[:, 0] > 0, minor, np.nan), (classes > 0).sum(axis=1)]
    ), words
