"""A piece at one steady tempo: its own beats and bars, at so many beats per minute, whatever its tempos were.

The beat is that of the metre: a dotted quarter in 6/8, a half note in 2/2, else a quarter. Music that would be slowed
too far changes its metrical level instead: two bars of fast 4/4 become one, two fast bars of 3/4 one of 6/8, and very
slow 4/4 gets twice the beats. For notes off any grid (a transcribed performance) beats are tracked first
(musictool/apps/lofi/beat_tracking.py).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from musictool.apps.lofi.beat_tracking import is_on_grid, track_beats
from musictool.music.score import METRE, TEMPO, TICKS_PER_QUARTER, Score, bar_ticks, sort_notes

HALVE_FROM = 1.7  # times the target tempo
HALVE_WALTZ_FROM = 2.5
DOUBLE_BELOW = 0.6
WHOLE_NOTE = 4 * TICKS_PER_QUARTER


def is_compound(numerator: int, denominator: int) -> bool:
    """Whether a beat is three notes of the denominator: 6/8, 9/8, 12/8, 3/8."""
    return denominator >= 8 and numerator % 3 == 0


def beat_ticks(numerator: int, denominator: int) -> int:
    """The length of a beat of a metre."""
    if is_compound(numerator, denominator):
        return 3 * WHOLE_NOTE // denominator
    return WHOLE_NOTE // 2 if denominator <= 2 else TICKS_PER_QUARTER


def with_tempo(score: Score, tempo: float) -> Score:
    """The piece at `tempo` beats per minute throughout, without empty bars at its beginning."""
    if not is_on_grid(score):
        score = track_beats(score)
    return _at_tempo(_from_first_bar(_at_level(_with_metre(score), tempo)), tempo)


def _with_metre(score: Score) -> Score:
    """The piece with a metre at 0: 4/4 if it has none."""
    metres = score.metres
    if not len(metres) or metres["onset_ticks"][0] > 0:
        metres = np.concatenate([np.array([(0, 4, 4)], METRE), metres])
    return replace(score, metres=metres)


def beats(score: Score) -> float:
    """Beats up to the end of the last note."""
    bars = np.append(score.bar_onsets_ticks(), score.end_ticks)
    beat_lengths = np.array([beat_ticks(*metre) for metre in _metres_of_bars(score)])
    return float((np.diff(bars) / beat_lengths).sum())


def _metres_of_bars(score: Score) -> list[tuple[int, int]]:
    at = np.searchsorted(score.metres["onset_ticks"], score.bar_onsets_ticks(), side="right") - 1
    return [(int(score.metres["numerator"][i]), int(score.metres["denominator"][i])) for i in at]


def _at_level(score: Score, tempo: float) -> Score:
    """The piece at the metrical level whose own tempo is nearest to the target."""
    ratio = beats(score) / max(score.seconds, 1e-3) * 60 / tempo
    metres = {(int(n), int(d)) for n, d in zip(score.metres["numerator"], score.metres["denominator"], strict=True)}
    if metres == {(3, 4)} and ratio >= HALVE_WALTZ_FROM:
        scaled = _scaled(score, 1, 2)
        waltz = scaled.metres.copy()
        waltz["numerator"], waltz["denominator"] = 6, 8
        return replace(scaled, metres=waltz)
    if not all(n % 2 == 0 and not is_compound(n, d) for n, d in metres):
        return score
    if ratio >= HALVE_FROM:
        return _scaled(score, 1, 2)
    return _scaled(score, 2, 1) if ratio < DOUBLE_BELOW else score


def _scaled(score: Score, times: int, parts: int) -> Score:
    """All times multiplied by times / parts; metres stay the same, so that bars hold other notes than before."""
    notes, metres = score.notes.copy(), score.metres.copy()
    ends = (notes["onset_ticks"].astype(np.int64) + notes["duration_ticks"]) * times // parts
    notes["onset_ticks"] = notes["onset_ticks"].astype(np.int64) * times // parts
    notes["duration_ticks"] = np.maximum(1, ends - notes["onset_ticks"])
    metres["onset_ticks"] = metres["onset_ticks"].astype(np.int64) * times // parts
    return replace(score, notes=sort_notes(notes), metres=metres)


def _from_first_bar(score: Score) -> Score:
    bars = score.bar_onsets_ticks()
    first = int(bars[np.searchsorted(bars, score.notes["onset_ticks"][0], side="right") - 1])
    return score.since(first) if first else score


def _at_tempo(score: Score, tempo: float) -> Score:
    quarters = [
        (int(onset), tempo * beat_ticks(int(numerator), int(denominator)) / TICKS_PER_QUARTER)
        for onset, numerator, denominator in score.metres
    ]
    return replace(score, tempos=np.array(quarters, TEMPO))


def repeat_to_bars(score: Score, bars: int) -> Score:
    """The first `bars` bars of a piece of steady tempo, which is repeated if it is shorter."""
    length = score.bar_line_ticks(score.bars)
    rounds = -(-bars // score.bars)
    tables = [_repeated(table, rounds, length) for table in (score.notes, score.tempos, score.metres)]
    whole = replace(score, notes=sort_notes(tables[0]), tempos=tables[1], metres=tables[2])
    end = whole.bar_line_ticks(bars)
    tempos, metres = (table[table["onset_ticks"] < end] for table in tables[1:])
    return replace(whole.until(end), tempos=tempos, metres=metres)


def _repeated(table: np.ndarray, rounds: int, length: int) -> np.ndarray:
    """A table, `rounds` times, each `length` ticks after the one before."""
    copies = np.tile(table, rounds)
    copies["onset_ticks"] += np.repeat(np.arange(rounds, dtype=np.int32) * length, len(table))
    return copies


def delay_by_a_bar(score: Score) -> Score:
    """A piece of steady tempo after one empty bar of its first metre."""
    bar = bar_ticks(int(score.metres["numerator"][0]), int(score.metres["denominator"][0]))
    tables = []
    for table in (score.notes, score.tempos, score.metres):
        later = table.copy()
        later["onset_ticks"] += bar
        tables.append(later)
    tables[1]["onset_ticks"][0] = tables[2]["onset_ticks"][0] = 0
    return replace(score, notes=tables[0], tempos=tables[1], metres=tables[2])


def with_swing(score: Score, swing: float) -> Score:
    """A piece of steady tempo with swung eighths: the first of a pair takes the share `swing` of it; 0.5 is even.

    Notes on a beat stay there; bars of compound metres do not change.
    """
    notes = score.notes.copy()
    ends = notes["onset_ticks"].astype(np.int64) + notes["duration_ticks"]
    notes["onset_ticks"], ends = (_swung_ticks(score, ticks, swing) for ticks in (notes["onset_ticks"], ends))
    notes["duration_ticks"] = np.maximum(1, ends - notes["onset_ticks"])
    return replace(score, notes=sort_notes(notes))


def _swung_ticks(score: Score, ticks: np.ndarray, swing: float) -> np.ndarray:
    """int64 (N,): where times (N,) are with swing."""
    ticks = np.asarray(ticks, np.int64)
    metre = score.metres[np.maximum(0, np.searchsorted(score.metres["onset_ticks"], ticks, side="right") - 1)]
    compound = (metre["denominator"] >= 8) & (metre["numerator"] % 3 == 0)
    # the position within a quarter note: its first half is stretched, its second half shortened
    since = ticks - metre["onset_ticks"]
    position = since % TICKS_PER_QUARTER
    half = TICKS_PER_QUARTER // 2
    first = position * 2 * swing
    second = swing * TICKS_PER_QUARTER + (position - half) * 2 * (1 - swing)
    moved = np.round(np.where(position < half, first, second)).astype(np.int64)
    return np.where(compound, ticks, ticks - position + moved)
