"""Copied music is found, in any transposition, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from musictool.metrics.copying import MIN_STRUCK, WINDOW, Copied, CopyIndex
from musictool.music.score import Score, Track

Notes = list[tuple[int, float, float]]


def random_notes(seed: int, quarters: int = 32) -> Notes:
    rng = np.random.default_rng(seed)
    steps = np.flatnonzero(rng.random(4 * quarters) < 0.6)
    return [(int(pitch), step / 4, 0.25) for step in steps for pitch in rng.integers(40, 90, rng.integers(1, 4))]


def moved(notes: Notes, semitones: int, quarters: float = 0) -> Notes:
    return [(pitch + semitones, onset + quarters, length) for pitch, onset, length in notes]


def between(notes: Notes, begin: float, end: float) -> Notes:
    return [note for note in notes if begin <= note[1] < end]


def plain_windows(score: Score) -> dict[int, frozenset[tuple[int, int]]]:
    """The notes of each window that counts, from its lowest first note on, by its first step."""
    steps = (score.notes["onset_ticks"] // 120).tolist()
    struck = set(zip(steps, score.notes["pitch"].tolist(), strict=True))
    windows = {}
    for start in sorted({step for step, _ in struck}):
        notes = {(step, pitch) for step, pitch in struck if start <= step < start + WINDOW}
        low = min(pitch for step, pitch in notes if step == start)
        if len({step for step, _ in notes}) >= MIN_STRUCK:
            windows[start] = frozenset((step - start, pitch - low) for step, pitch in notes)
    return windows


def plain_share(score: Score, indexed: list[Score]) -> float:
    known = {window for piece in indexed for window in plain_windows(piece).values()}
    windows = plain_windows(score)
    return sum(window in known for window in windows.values()) / len(windows) if windows else 0.0


PIECES = [Score.from_notes(random_notes(seed)) for seed in range(5)]


def test_a_passage_moved_in_pitch_and_time_is_found_where_it_stands():
    passage = moved(between(random_notes(2), 8, 16), 5, 4)  # steps 32..63 of piece 2, now at 48..79
    own = [*between(random_notes(11), 0, 12), *passage, *moved(between(random_notes(12), 0, 12), 0, 20)]
    copied = CopyIndex.of(PIECES).find(Score.from_notes(own))
    first, last = passage[0][1] * 4, passage[-1][1] * 4
    assert (copied.piece, copied.semitones) == (2, 5)
    assert (copied.start, copied.longest) == (first, last - first + 1)
    assert copied.piece_start == first - 16
    assert 0 < copied.share < 0.5


def test_the_share_is_that_of_comparing_every_window_with_every_other():
    rng = np.random.default_rng(7)
    for _ in range(20):  # few pitches and few steps: many windows are alike by chance
        pieces = [
            Score.from_notes([(int(rng.choice([60, 62, 65])), step, 0.5) for step in range(12)]) for _ in range(6)
        ]
        sample, *indexed = pieces
        assert CopyIndex.of(indexed).find(sample).share == pytest.approx(plain_share(sample, indexed))


def test_a_piece_of_the_index_is_copied_as_a_whole():
    copied = CopyIndex.of(PIECES).find(PIECES[3].transpose(-7))
    last = int(PIECES[3].notes["onset_ticks"].max()) // 120
    first = int(PIECES[3].notes["onset_ticks"].min()) // 120
    assert copied == Copied(copied.windows, 1.0, last - first + 1, first, 3, first, -7)


def test_other_music_is_not_copied():
    other = Score.from_notes(random_notes(99))
    assert CopyIndex.of(PIECES).find(other) == Copied(len(plain_windows(other)), 0.0)


def test_lengths_loudness_and_drums_do_not_matter():
    notes = between(random_notes(1), 0, 16)
    held = Score.from_notes([(pitch, onset, 2) for pitch, onset, _ in notes])
    copied = CopyIndex.of(PIECES).find(held)
    assert copied.piece == 1
    assert copied.share > 0.7  # all but the windows that end in the silence behind it
    assert copied.longest >= 60
    drums = Score.from_notes(notes, [Track(is_drum=True)])
    assert CopyIndex.of(PIECES).find(drums) == Copied(0, 0.0)


def test_a_run_does_not_go_on_into_the_next_piece():
    one, two = between(random_notes(20), 0, 8), between(random_notes(21), 0, 8)
    index = CopyIndex.of([Score.from_notes(one), Score.from_notes(two)])
    copied = index.find(Score.from_notes([*one, *moved(two, 0, 8)]))
    assert copied.longest <= 33


def test_few_notes_and_an_empty_index_find_nothing():
    few = Score.from_notes([(60, 0, 1), (62, 1, 1), (64, 2, 1)])
    assert CopyIndex.of([few]).find(few) == Copied(0, 0.0)
    assert CopyIndex.of([]).find(PIECES[0]).share == 0
    assert CopyIndex.of([Score.from_notes([])]).find(Score.from_notes([])) == Copied(0, 0.0)
