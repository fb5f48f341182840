"""A piece at one steady pace: its own beats and bars, so many beats a minute, whatever its tempos were.

The beat is that of the metre: a dotted quarter in 6/8, a half note in 2/2, else a quarter. Music that would be slowed
too far is felt at another level instead: in two bars of fast 4/4 as one, in two fast bars of 3/4 as one of 6/8, and
very slow 4/4 with twice the beats. Where the notes keep to no grid at all (a transcribed performance), beats are
followed first (musictool/apps/lofi/beat_tracking.py).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from musictool.apps.lofi.beat_tracking import followed, is_on_grid
from musictool.music.score import METRE, TEMPO, TICKS_PER_QUARTER, Score, bar_ticks, sort_notes

HALVE_FROM = 1.7  # times the wanted pace
HALVE_WALTZ_FROM = 2.5
DOUBLE_BELOW = 0.6
WHOLE_NOTE = 4 * TICKS_PER_QUARTER


def is_compound(numerator: int, denominator: int) -> bool:
    """Whether beats are of three: 6/8, 9/8, 12/8, 3/8."""
    return denominator >= 8 and numerator % 3 == 0


def beat_ticks(numerator: int, denominator: int) -> int:
    """The length of a beat of a metre."""
    if is_compound(numerator, denominator):
        return 3 * WHOLE_NOTE // denominator
    return WHOLE_NOTE // 2 if denominator <= 2 else TICKS_PER_QUARTER


def paced(score: Score, tempo: float) -> Score:
    """The piece at `tempo` beats a minute throughout, its first bar with a note being its first."""
    if not is_on_grid(score):
        score = followed(score)
    return _steady(_from_first_bar(_at_level(_with_metre(score), tempo)), tempo)


def _with_metre(score: Score) -> Score:
    """With a metre named at 0; 4/4 if none is."""
    metres = score.metres
    if not len(metres) or metres["onset_ticks"][0] > 0:
        metres = np.concatenate([np.array([(0, 4, 4)], METRE), metres])
    return replace(score, metres=metres)


def beats(score: Score) -> float:
    """Beats up to the end of the last note."""
    bars = np.append(score.bar_onsets_ticks(), score.end_ticks)
    each = np.array([beat_ticks(*metre) for metre in _metres_of_bars(score)])
    return float((np.diff(bars) / each).sum())


def _metres_of_bars(score: Score) -> list[tuple[int, int]]:
    at = np.searchsorted(score.metres["onset_ticks"], score.bar_onsets_ticks(), side="right") - 1
    return [(int(score.metres["numerator"][i]), int(score.metres["denominator"][i])) for i in at]


def _at_level(score: Score, tempo: float) -> Score:
    """Felt at the level whose own pace is nearest to what is wanted."""
    faster = beats(score) / max(score.seconds, 1e-3) * 60 / tempo
    metres = {(int(n), int(d)) for n, d in zip(score.metres["numerator"], score.metres["denominator"], strict=True)}
    if metres == {(3, 4)} and faster >= HALVE_WALTZ_FROM:
        scaled = _scaled(score, 1, 2)
        waltz = scaled.metres.copy()
        waltz["numerator"], waltz["denominator"] = 6, 8
        return replace(scaled, metres=waltz)
    if not all(n % 2 == 0 and not is_compound(n, d) for n, d in metres):
        return score
    if faster >= HALVE_FROM:
        return _scaled(score, 1, 2)
    return _scaled(score, 2, 1) if faster < DOUBLE_BELOW else score


def _scaled(score: Score, times: int, parts: int) -> Score:
    """All times multiplied, the metres' names kept: bars are then of other notes than before."""
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


def _steady(score: Score, tempo: float) -> Score:
    quarters = [
        (int(onset), tempo * beat_ticks(int(numerator), int(denominator)) / TICKS_PER_QUARTER)
        for onset, numerator, denominator in score.metres
    ]
    return replace(score, tempos=np.array(quarters, TEMPO))


def of_bars(score: Score, bars: int) -> Score:
    """The first `bars` bars of a paced piece; where it is shorter, it begins again as often as it takes."""
    own = score.bars
    length = score.bar_line_ticks(own)
    rounds = -(-bars // own)
    tables = [_again(table, rounds, length) for table in (score.notes, score.tempos, score.metres)]
    whole = replace(score, notes=sort_notes(tables[0]), tempos=tables[1], metres=tables[2])
    end = whole.bar_line_ticks(bars)
    tempos, metres = (table[table["onset_ticks"] < end] for table in tables[1:])
    return replace(whole.until(end), tempos=tempos, metres=metres)


def _again(table: np.ndarray, rounds: int, length: int) -> np.ndarray:
    """A table, `rounds` times, each `length` ticks after the one before."""
    copies = np.tile(table, rounds)
    copies["onset_ticks"] += np.repeat(np.arange(rounds, dtype=np.int32) * length, len(table))
    return copies


def a_bar_later(score: Score) -> Score:
    """A paced piece behind one empty bar of its first metre."""
    bar = bar_ticks(int(score.metres["numerator"][0]), int(score.metres["denominator"][0]))
    tables = []
    for table in (score.notes, score.tempos, score.metres):
        later = table.copy()
        later["onset_ticks"] += bar
        tables.append(later)
    tables[1]["onset_ticks"][0] = tables[2]["onset_ticks"][0] = 0
    return replace(score, notes=tables[0], tempos=tables[1], metres=tables[2])


def swung(score: Score, swing: float) -> Score:
    """A paced piece whose eighths come in pairs of unequal length: the first has `swing` of the pair; 0.5 is even.

    What stands on a beat stays there; bars of compound metres stay as they are.
    """
    notes = score.notes.copy()
    ends = notes["onset_ticks"].astype(np.int64) + notes["duration_ticks"]
    notes["onset_ticks"], ends = (_swung(score, ticks, swing) for ticks in (notes["onset_ticks"], ends))
    notes["duration_ticks"] = np.maximum(1, ends - notes["onset_ticks"])
    return replace(score, notes=sort_notes(notes))


def _swung(score: Score, ticks: np.ndarray, swing: float) -> np.ndarray:
    """int64 (N,)."""
    ticks = np.asarray(ticks, np.int64)
    metre = score.metres[np.maximum(0, np.searchsorted(score.metres["onset_ticks"], ticks, side="right") - 1)]
    compound = (metre["denominator"] >= 8) & (metre["numerator"] % 3 == 0)
    since = ticks - metre["onset_ticks"]
    place = since % TICKS_PER_QUARTER
    half = TICKS_PER_QUARTER // 2
    first = place * 2 * swing
    second = swing * TICKS_PER_QUARTER + (place - half) * 2 * (1 - swing)
    moved = np.round(np.where(place < half, first, second)).astype(np.int64)
    return np.where(compound, ticks, ticks - place + moved)
