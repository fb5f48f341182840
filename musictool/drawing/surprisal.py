"""The surprisal of a piece under a model: a piano-roll, and above each of its rows a graph of the nats.

A bar of the graph is at the time at which rows of the encoding take effect, as high as the sum of their nats; the line
through it is the mean over a bar of music. All rows of the picture have one scale.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from musictool.drawing.colours import COLOURS, LINE, TEXT
from musictool.drawing.figure import save
from musictool.drawing.layout import ABOVE, BELOW, BETWEEN, LEFT, RIGHT, Layout, layout
from musictool.drawing.roll import draw_heading, draw_row
from musictool.music.score import Score

GRAPH_INCHES = 0.7
MEAN, NATS = COLOURS[:2]


def draw(score: Score, onsets_ticks: np.ndarray, nats: np.ndarray, path: Path, dots_per_inch: int = 150) -> None:
    """Draw a piece and the nats (T,) of rows that take effect at onsets_ticks, int64 (T,), ascending."""
    save(_figure(score, layout(score), onsets_ticks, nats), path, score.title, dots_per_inch)


def _figure(score: Score, plan: Layout, onsets_ticks: np.ndarray, nats: np.ndarray) -> Any:
    from matplotlib.figure import Figure

    rows, (width, height) = len(plan.edges_ticks) - 1, plan.row_size
    step = height + GRAPH_INCHES + BETWEEN  # from row to row
    size = (LEFT + width + RIGHT, ABOVE + rows * step - BETWEEN + BELOW)
    figure = Figure(size, facecolor="white")
    times, first = np.unique(onsets_ticks, return_index=True)
    heights = np.add.reduceat(nats, first) if len(nats) else nats
    for row in range(rows):
        bottom = BELOW + (rows - 1 - row) * step
        ticks = plan.edges_ticks[row : row + 2]
        share = width * float(ticks[1] - ticks[0]) / plan.longest_row_ticks / size[0]
        left = LEFT / size[0]
        draw_row(figure.add_axes((left, bottom / size[1], share, height / size[1])), score, plan, ticks)
        box = (left, (bottom + height) / size[1], share, GRAPH_INCHES / size[1])
        _graph(figure.add_axes(box), plan, ticks, times, heights)
    draw_heading(figure, score, score.title, size)
    return figure


def _graph(axes: Any, plan: Layout, ticks: np.ndarray, times: np.ndarray, heights: np.ndarray) -> None:
    """The graph above one row."""
    top = max(1.0, float(heights.max(initial=0))) * 1.08
    axes.set_xlim(*ticks)
    axes.set_ylim(0, top)
    bars = plan.bars_ticks[(plan.bars_ticks >= ticks[0]) & (plan.bars_ticks < ticks[1])]
    axes.vlines(bars, 0, top, colors=LINE, linewidth=0.6, zorder=1)
    axes.vlines(times, 0, heights, colors=NATS, linewidth=1.1, zorder=3)
    axes.stairs(_means(plan.bars_ticks, times, heights), plan.bars_ticks, color=MEAN, linewidth=1.2, zorder=4)
    axes.set_xticks([])
    axes.set_yticks([0, int(top)], ["", f"{int(top)} nats"])
    axes.tick_params(length=0, pad=2, labelsize=7.5, labelcolor=TEXT)
    for side in axes.spines.values():
        side.set(color=LINE, linewidth=0.6)


def _means(bars_ticks: np.ndarray, times: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """float64 (bars,): the mean height in each bar, 0 where nothing takes effect."""
    bar = (np.searchsorted(bars_ticks, times, side="right") - 1).clip(0, len(bars_ticks) - 2)
    count = np.bincount(bar, minlength=len(bars_ticks) - 1)
    means: np.ndarray = np.bincount(bar, heights, minlength=len(bars_ticks) - 1) / np.maximum(count, 1)
    return means
