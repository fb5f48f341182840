"""A Score as a piano-roll figure: bars from left to right, pitches from low to high, one colour per track.

A note's opacity is its velocity. Drums stand below the pitches, one lane per drum sound, as diamonds. A long piece
wraps into rows, as in printed music; beyond twelve rows each holds more bars instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from musictool.drawing.colours import BAR_LINE, BLACK_KEY, C_LINE, WORDS, of_tracks
from musictool.drawing.layout import ABOVE, BELOW, BETWEEN, LEFT, RIGHT, Layout, layout
from musictool.drawing.words import Legend, draw_heading
from musictool.music.score import Score

BLACK_KEYS = (1, 3, 6, 8, 10)
DIGIT_INCHES, GAP_INCHES = 0.07, 0.07  # of a bar's number, and behind it
MOST_NUMBERS = 20  # of bars in a row


class Piece(NamedTuple):
    """A piece to draw: its music, its title, and what else its heading says."""

    score: Score
    title: str
    remark: str = ""


def figure_of(pieces: Sequence[Piece]) -> Any:
    """A matplotlib Figure of pieces one under another, each with its heading and legend."""
    from matplotlib.figure import Figure

    plans = [layout(piece.score) for piece in pieces]
    width = max(plan.row_size[0] for plan in plans)
    legends = [Legend(piece.score, width) for piece in pieces]
    heights = [ABOVE + legend.height + _rows_height(plan) + BELOW for plan, legend in zip(plans, legends, strict=True)]
    size = (LEFT + width + RIGHT, sum(heights))
    figure, down = Figure(size, facecolor="white"), 0.0
    for piece, plan, legend, height in zip(pieces, plans, legends, heights, strict=True):
        draw_heading(figure, piece.score, piece.title, size, down, piece.remark)
        legend.draw(figure, size, down)
        _draw_rows(figure, piece.score, plan, size, down + height - BELOW)
        down += height
    return figure


def _rows_height(plan: Layout) -> float:
    """Inches of all rows."""
    rows = len(plan.edges_ticks) - 1
    return rows * plan.row_size[1] + (rows - 1) * BETWEEN


def _draw_rows(figure: Any, score: Score, plan: Layout, size: tuple[float, float], end: float) -> None:
    """The rows of a piece, of which the last ends so many inches below the upper edge."""
    rows, (width, height) = len(plan.edges_ticks) - 1, plan.row_size
    for row in range(rows):
        bottom = size[1] - end + (rows - 1 - row) * (height + BETWEEN)
        ticks = plan.edges_ticks[row : row + 2]
        share = float(ticks[1] - ticks[0]) / plan.longest_row_ticks
        box = (LEFT / size[0], bottom / size[1], width * share / size[0], height / size[1])
        draw_row(figure.add_axes(box), score, plan, ticks)


def draw_row(axes: Any, score: Score, plan: Layout, ticks: np.ndarray) -> None:
    axes.set_xlim(*ticks)
    axes.set_ylim(plan.bottom, plan.high)
    keys = [pitch for pitch in range(plan.low, plan.high) if pitch % 12 in BLACK_KEYS]
    axes.bar(ticks[0], 1, ticks[1] - ticks[0], keys, align="edge", color=BLACK_KEY, linewidth=0, zorder=0)
    cs = [pitch for pitch in range(plan.low, plan.high) if pitch % 12 == 0]
    axes.hlines(cs, *ticks, colors=C_LINE, linewidth=0.6, zorder=1)
    bars = plan.bars_ticks[(plan.bars_ticks >= ticks[0]) & (plan.bars_ticks < ticks[1])]
    if plan.drum_lanes:
        axes.hlines([plan.low], *ticks, colors=BAR_LINE, linewidth=0.6, zorder=1)
    names = [(pitch + 0.5, f"C{pitch // 12 - 1}") for pitch in cs if len(score.notes) > score.is_drum.sum()]
    if plan.drum_lanes:
        names.append((float(np.mean([*plan.drum_lanes.values()])), "drums"))
    axes.set_yticks([place for place, _ in names], [name for _, name in names])
    _number_bars(axes, plan, bars)
    axes.tick_params(length=0, pad=2, labelsize=7.5, labelcolor=WORDS)
    for side in axes.spines.values():
        side.set(color=BAR_LINE, linewidth=0.6)
    _notes(axes, score, plan, ticks)


def _number_bars(axes: Any, plan: Layout, bars: np.ndarray) -> None:
    """Lines and numbers of every bar where there is room for them, else of every second, fourth, ... of a row."""
    every = _numbered(plan)
    numbers = np.searchsorted(plan.bars_ticks, bars) + 1
    lines = bars if _bars_a_row(plan) <= 2 * MOST_NUMBERS else bars[::every]
    axes.vlines(lines, *axes.get_ylim(), colors=BAR_LINE, linewidth=0.6, zorder=1)
    axes.set_xticks(bars[::every], [str(number) for number in numbers[::every]], ha="left")
    axes.annotate(
        "bar", (0, 0), (-4, -2), "axes fraction", "offset points", ha="right", va="top", fontsize=7.5, color=WORDS
    )


def _numbered(plan: Layout) -> int:
    """Of how many bars one has a number, in all rows alike, so that no number touches the next, however short a bar."""
    rows = [plan.bars_ticks[(plan.bars_ticks >= low) & (plan.bars_ticks < high)] for low, high in _edges(plan)]
    digits = len(str(len(plan.bars_ticks) - 1))
    room = (DIGIT_INCHES * digits + GAP_INCHES) / plan.row_size[0] * plan.longest_row_ticks

    def fits(every: int) -> bool:
        return _bars_a_row(plan) / every <= MOST_NUMBERS and all((np.diff(row[::every]) >= room).all() for row in rows)

    return next((every for every in (1, 2, 4, 5, 10, 20, 50, 100) if fits(every)), len(plan.bars_ticks))


def _edges(plan: Layout) -> list[tuple[int, int]]:
    return list(pairwise(plan.edges_ticks.tolist()))


def _bars_a_row(plan: Layout) -> float:
    return len(plan.bars_ticks) / (len(plan.edges_ticks) - 1)


def _notes(axes: Any, score: Score, plan: Layout, ticks: np.ndarray) -> None:
    from matplotlib.collections import PolyCollection

    onsets = score.notes["onset_ticks"].astype(np.int64)
    ends = onsets + score.notes["duration_ticks"]
    inside = (onsets < ticks[1]) & (ends > ticks[0])
    drums, colours = score.is_drum, _rgba(score)
    pitched = inside & ~drums
    left, bottom = onsets[pitched], score.notes["pitch"][pitched] + 0.04
    thinnest = plan.longest_row_ticks // 800 + 1
    right = np.maximum(ends[pitched] - np.minimum(24, (ends[pitched] - left) // 8), left + thinnest)  # repeats show
    corners = np.stack([left, bottom, left, bottom + 0.92, right, bottom + 0.92, right, bottom], 1).reshape(-1, 4, 2)
    axes.add_collection(
        PolyCollection(list(corners), facecolors=colours[pitched], linewidths=0, zorder=3), autolim=False
    )
    struck = inside & drums & (onsets >= ticks[0])
    lanes = [plan.drum_lanes[pitch] for pitch in score.notes["pitch"][struck].tolist()]
    axes.scatter(onsets[struck], lanes, 9, colours[struck], marker="d", linewidths=0, zorder=3, clip_on=False)


def _rgba(score: Score) -> np.ndarray:
    """float64 (N, 4), 0..1: each note's track as a colour, its velocity as opacity."""
    from matplotlib.colors import to_rgba

    table = np.array([to_rgba(colour) for colour in of_tracks(score)]).reshape(-1, 4)
    colours = table[score.notes["track"]]
    colours[:, 3] = 0.35 + 0.65 * np.minimum(1.0, score.notes["velocity"] / 100)
    return colours
