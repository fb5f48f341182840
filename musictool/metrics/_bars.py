"""The bar that the metrics count by: that of a piece's first metre, for many of them know one only."""

from __future__ import annotations

from musictool.music.score import Score, bar_ticks


def bar_of(score: Score) -> int:
    """Ticks of a bar of the piece's first metre; of 4/4 if it names none."""
    first = score.metres[:1]
    return bar_ticks(int(first["numerator"][0]), int(first["denominator"][0])) if len(first) else bar_ticks(4, 4)
