"""Where the bars of a tune begin."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from genres.upbeats import on_bar_lines
from musictool.music.score import METRE, Score


def jig(upbeat: float) -> Score:
    """Eighths in 6/8, the first of each bar loud, and all of them a tick late."""
    score = Score.from_notes([(60 + i, i / 2, 1 / 2) for i in range(24)])
    notes = score.notes.copy()
    notes["velocity"] = np.where((notes["onset_ticks"] - upbeat * 480) % 1440 == 0, 105, 80)
    notes["onset_ticks"] += 1
    notes["duration_ticks"] -= 1
    return replace(score, notes=notes, metres=np.array([(0, 6, 8)], METRE))


def test_an_upbeat_stands_before_the_first_bar_line():
    notes = on_bar_lines(jig(0.5)).notes
    assert notes["onset_ticks"][:3].tolist() == [1200, 1440, 1680]
    assert (notes["onset_ticks"][notes["velocity"] == 105] % 1440 == 0).all()
    assert set(notes["duration_ticks"].tolist()) == {240}


def test_a_tune_without_an_upbeat_begins_at_once():
    assert on_bar_lines(jig(0)).notes["onset_ticks"][:2].tolist() == [0, 240]


def test_accents_that_do_not_agree_say_nothing():
    plain = Score.from_notes([(60, 0, 1), (62, 1, 1)])
    assert on_bar_lines(plain) is plain
    astray = jig(0)
    astray.notes["velocity"] = np.where(np.arange(24) % 5 == 0, 105, 80)
    assert on_bar_lines(astray) is astray
