"""A Score as a piano-roll figure: bars from left to right, pitches from low to high, one colour per track.

The opacity of a note is its velocity. Drums are below the pitches, one lane per drum sound, as diamonds. A long piece
wraps into rows, as in printed music; beyond twelve rows each holds more bars instead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from musictool.drawing.colours import BLACK_KEY, FAINT_LINE, LINE, TEXT, of_tracks
from musictool.drawing.figure import fit_text
from musictool.drawing.layout import ABOVE, BELOW, BETWEEN, LEFT, RIGHT, Layout, layout
from musictool.music.gm import program_name
from musictool.music.score import Score

BLACK_KEYS = (1, 3, 6, 8, 10)
DIGIT_INCHES, GAP_INCHES = 0.07, 0.07  # of the number of a bar, and behind it
MAX_NUMBERS = 20  # of bars in a row
MAX_LEGENDS = 12
LEGEND_LINE = 0.2  # inches
LEGEND_TOP = 0.52  # inches below the upper edge


class Piece(NamedTuple):
    """A piece to draw: its music, its title, and a remark for its heading."""

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
    """The rows of a piece; the last ends `end` inches below the upper edge."""
    rows, (width, height) = len(plan.edges_ticks) - 1, plan.row_size
    for row in range(rows):
        bottom = size[1] - end + (rows - 1 - row) * (height + BETWEEN)
        ticks = plan.edges_ticks[row : row + 2]
        share = float(ticks[1] - ticks[0]) / plan.longest_row_ticks
        box = (LEFT / size[0], bottom / size[1], width * share / size[0], height / size[1])
        draw_row(figure.add_axes(box), score, plan, ticks)


def draw_row(axes: Any, score: Score, plan: Layout, ticks: np.ndarray) -> None:
    """Draw the notes from ticks[0] to ticks[1], with the keys, bars and names of the axes."""
    axes.set_xlim(*ticks)
    axes.set_ylim(plan.bottom, plan.high)
    # black keys, a line at each C, and a line above the drums
    keys = [pitch for pitch in range(plan.low, plan.high) if pitch % 12 in BLACK_KEYS]
    axes.bar(ticks[0], 1, ticks[1] - ticks[0], keys, align="edge", color=BLACK_KEY, linewidth=0, zorder=0)
    cs = [pitch for pitch in range(plan.low, plan.high) if pitch % 12 == 0]
    axes.hlines(cs, *ticks, colors=FAINT_LINE, linewidth=0.6, zorder=1)
    bars = plan.bars_ticks[(plan.bars_ticks >= ticks[0]) & (plan.bars_ticks < ticks[1])]
    if plan.drum_lanes:
        axes.hlines([plan.low], *ticks, colors=LINE, linewidth=0.6, zorder=1)
    names = [(pitch + 0.5, f"C{pitch // 12 - 1}") for pitch in cs if len(score.notes) > score.is_drum.sum()]
    if plan.drum_lanes:
        names.append((float(np.mean([*plan.drum_lanes.values()])), "drums"))
    axes.set_yticks([place for place, _ in names], [name for _, name in names])
    _draw_bars(axes, plan, bars)
    axes.tick_params(length=0, pad=2, labelsize=7.5, labelcolor=TEXT)
    for side in axes.spines.values():
        side.set(color=LINE, linewidth=0.6)
    _notes(axes, score, plan, ticks)


def _draw_bars(axes: Any, plan: Layout, bars: np.ndarray) -> None:
    """Lines and numbers of every bar if there is room, else of every second, fourth, ... bar of a row."""
    every = _number_interval(plan)
    numbers = np.searchsorted(plan.bars_ticks, bars) + 1
    lines = bars if _bars_per_row(plan) <= 2 * MAX_NUMBERS else bars[::every]
    axes.vlines(lines, *axes.get_ylim(), colors=LINE, linewidth=0.6, zorder=1)
    axes.set_xticks(bars[::every], [str(number) for number in numbers[::every]], ha="left")
    axes.annotate(
        "bar", (0, 0), (-4, -2), "axes fraction", "offset points", ha="right", va="top", fontsize=7.5, color=TEXT
    )


def _number_interval(plan: Layout) -> int:
    """One of how many bars has a number, in all rows alike, so that no number touches the next."""
    rows = [
        plan.bars_ticks[(plan.bars_ticks >= low) & (plan.bars_ticks < high)]
        for low, high in pairwise(plan.edges_ticks.tolist())
    ]
    digits = len(str(len(plan.bars_ticks) - 1))
    room = (DIGIT_INCHES * digits + GAP_INCHES) / plan.row_size[0] * plan.longest_row_ticks

    def fits(every: int) -> bool:
        return _bars_per_row(plan) / every <= MAX_NUMBERS and all((np.diff(row[::every]) >= room).all() for row in rows)

    return next((every for every in (1, 2, 4, 5, 10, 20, 50, 100) if fits(every)), len(plan.bars_ticks))


def _bars_per_row(plan: Layout) -> float:
    return len(plan.bars_ticks) / (len(plan.edges_ticks) - 1)


def _notes(axes: Any, score: Score, plan: Layout, ticks: np.ndarray) -> None:
    from matplotlib.collections import PolyCollection

    onsets = score.notes["onset_ticks"].astype(np.int64)
    ends = onsets + score.notes["duration_ticks"]
    # pitched notes as rectangles, a little shorter than they are so that repeated notes show
    inside = (onsets < ticks[1]) & (ends > ticks[0])
    drums, colours = score.is_drum, _rgba(score)
    pitched = inside & ~drums
    left, bottom = onsets[pitched], score.notes["pitch"][pitched] + 0.04
    min_width = plan.longest_row_ticks // 800 + 1
    right = np.maximum(ends[pitched] - np.minimum(24, (ends[pitched] - left) // 8), left + min_width)
    corners = np.stack([left, bottom, left, bottom + 0.92, right, bottom + 0.92, right, bottom], 1).reshape(-1, 4, 2)
    axes.add_collection(
        PolyCollection(list(corners), facecolors=colours[pitched], linewidths=0, zorder=3), autolim=False
    )
    # drums as diamonds on their lanes
    struck = inside & drums & (onsets >= ticks[0])
    lanes = [plan.drum_lanes[pitch] for pitch in score.notes["pitch"][struck].tolist()]
    axes.scatter(onsets[struck], lanes, 9, colours[struck], marker="d", linewidths=0, zorder=3, clip_on=False)


def _rgba(score: Score) -> np.ndarray:
    """float64 (N, 4), 0..1: the colour of each note's track, with its velocity as opacity."""
    from matplotlib.colors import to_rgba

    table = np.array([to_rgba(colour) for colour in of_tracks(score)]).reshape(-1, 4)
    colours = table[score.notes["track"]]
    colours[:, 3] = 0.35 + 0.65 * np.minimum(1.0, score.notes["velocity"] / 100)
    return colours


def draw_heading(
    figure: Any, score: Score, title: str, size: tuple[float, float], down: float = 0.0, remark: str = ""
) -> None:
    """The title and a line of facts, `down` inches below the upper edge."""
    minutes, seconds = divmod(math.ceil(score.seconds), 60)
    bars, notes = (f"{n} {noun}{'s' * (n != 1)}" for n, noun in ((score.bars, "bar"), (len(score.notes), "note")))
    facts = f"{bars} · {minutes}:{seconds:02} · {notes}" + (f" · {remark}" if remark else "")
    top, letters = 1 - (down + 0.12) / size[1], int((size[0] - LEFT - RIGHT) / 0.115)
    figure.text(LEFT / size[0], top, fit_text(title, letters), fontsize=11, va="top", weight="bold", parse_math=False)
    figure.text(LEFT / size[0], top - 0.21 / size[1], facts, fontsize=8, va="top", color=TEXT)


class Legend:
    """The names and colours of the tracks of a piece, in columns; empty for a single track.

    Args:
        width: inches of the rows of the picture.
    """

    def __init__(self, score: Score, width: float):
        self.entries = _legend_entries(score)
        longest = max((len(name) for name, _, _ in self.entries), default=0)
        max_columns = max(1, int(width / (0.45 + 0.068 * longest)))
        self.lines = -(-len(self.entries) // max_columns)
        self.columns = -(-len(self.entries) // max(1, self.lines))

    @property
    def height(self) -> float:
        """Inches."""
        return LEGEND_LINE * self.lines

    def draw(self, figure: Any, size: tuple[float, float], down: float) -> None:
        """Draw it below a heading that is `down` inches below the upper edge."""
        if self.entries:
            _draw_legend(figure, self.entries, self.columns, (LEFT / size[0], 1 - (down + LEGEND_TOP) / size[1]))


def _legend_entries(score: Score) -> list[tuple[str, str, bool]]:
    """(name, colour, is_drum) of each track in use; none for a single one."""
    used = np.unique(score.notes["track"]).tolist()
    if len(used) < 2:
        return []
    colours = of_tracks(score)
    names = [fit_text(_track_name(score, track), 30) for track in used]
    repeated = [f" ({names[: i + 1].count(name)})" if names.count(name) > 1 else "" for i, name in enumerate(names)]
    entries = [
        (name + number, colours[track], score.tracks[track].is_drum)
        for name, number, track in zip(names, repeated, used, strict=True)
    ]
    if len(entries) > MAX_LEGENDS:
        entries[MAX_LEGENDS:] = [(f"and {len(entries) - MAX_LEGENDS} more", "none", False)]
    return entries


def _draw_legend(figure: Any, labels: list[tuple[str, str, bool]], columns: int, place: tuple[float, float]) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], linestyle="", marker="d" if is_drum else "s", color=colour, markersize=6, markeredgewidth=0)
        for _, colour, is_drum in labels
    ]
    legend = figure.legend(
        marks,
        [label for label, _, _ in labels],
        loc="upper left",
        bbox_to_anchor=place,
        ncols=columns,
        fontsize=8,
        frameon=False,
        borderpad=0,
        borderaxespad=0,
        handletextpad=0.2,
        handlelength=1.2,
        columnspacing=1.4,
        labelspacing=0.35,
    )
    for text in legend.get_texts():
        text.set_parse_math(False)


def _track_name(score: Score, track: int) -> str:
    described = score.tracks[track]
    return described.name.strip() or program_name(described.program, described.is_drum)
