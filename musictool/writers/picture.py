"""Score -> piano-roll picture: bars from left to right, pitches from low to high, one colour a track.

A note's strength of colour is its velocity. Drums stand below the pitches, one lane a drum sound, as diamonds. A long
piece wraps into rows, as in printed music; beyond twelve rows each holds more bars instead.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from musictool.atomic import replacing
from musictool.music.gm import program_name
from musictool.music.score import Score
from musictool.writers._picture_layout import Layout, layout

SUFFIXES = (".png", ".svg", ".pdf")

# Okabe and Ito's colours without yellow and black, then some of Paul Tol's: told apart by the colour-blind
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#332288", "#882255", "#999933", "#44AA99")
DRUM_COLOUR = "#333333"
BLACK_KEY, BAR_LINE, C_LINE, WORDS = "#F0F0F2", "#C9C9CF", "#DCDCE2", "#55555C"
BLACK_KEYS = (1, 3, 6, 8, 10)

MOST_LEGENDS = 12
LEFT, RIGHT, ABOVE, BELOW, BETWEEN = 0.5, 0.2, 0.6, 0.3, 0.34  # margins, inches
LEGEND_LINE = 0.2
NUMBER_INCHES = 0.3  # room that a bar's number needs


def write(score: Score, path: Path, dots_per_inch: int = 150) -> None:
    """Draw a piece; the same Score and title give the same bytes with the same version of matplotlib."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    path = Path(path)
    figure = _figure(score, layout(score), score.title or path.stem)
    FigureCanvasAgg(figure)
    undated: dict[str, dict[str, Any]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    with replacing(path) as partial, matplotlib.rc_context({"svg.hashsalt": "musictool"}):
        suffix = path.suffix.lower()
        figure.savefig(partial, format=suffix[1:], dpi=dots_per_inch, metadata=undated.get(suffix))


def _figure(score: Score, plan: Layout, title: str) -> Any:
    from matplotlib.figure import Figure

    rows = len(plan.edges_ticks) - 1
    width, height = plan.row_size
    used = np.unique(score.notes["track"]).tolist()
    legend = _legend_entries(score, used)
    columns = max(1, int(width / (0.45 + 0.068 * max(len(name) for name, _, _ in legend)))) if legend else 1
    lines = -(-len(legend) // columns)
    size = (LEFT + width + RIGHT, ABOVE + LEGEND_LINE * lines + rows * height + (rows - 1) * BETWEEN + BELOW)
    figure = Figure(size, facecolor="white")
    for row in range(rows):
        bottom = BELOW + (rows - 1 - row) * (height + BETWEEN)
        ticks = plan.edges_ticks[row : row + 2]
        share = float(ticks[1] - ticks[0]) / plan.longest_row_ticks
        box = (LEFT / size[0], bottom / size[1], width * share / size[0], height / size[1])
        draw_row(figure.add_axes(box), score, plan, ticks)
    draw_heading(figure, score, title, size)
    if legend:
        _legend(figure, legend, -(-len(legend) // lines), (LEFT / size[0], 1 - 0.52 / size[1]))
    return figure


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
    """Lines and numbers: of every bar where a row has few, else of every second, fourth, fifth, tenth..."""
    a_row = len(plan.bars_ticks) / (len(plan.edges_ticks) - 1)
    every = next(n for n in (1, 2, 4, 5, 10, 20, 50, 100, 10**9) if a_row / n <= 20)
    numbers = np.searchsorted(plan.bars_ticks, bars) + 1
    room = NUMBER_INCHES / plan.row_size[0] * plan.longest_row_ticks
    shown: list[int] = []
    lines = bars if every <= 2 else bars[(numbers - 1) % every == 0]
    axes.vlines(lines, *axes.get_ylim(), colors=BAR_LINE, linewidth=0.6, zorder=1)
    for i, number in enumerate(numbers):
        if not shown or ((number - 1) % every == 0 and bars[i] - bars[shown[-1]] >= room):
            shown.append(i)
    axes.set_xticks(bars[shown], [str(number) for number in numbers[shown]], ha="left")
    axes.annotate(
        "bar", (0, 0), (-4, -2), "axes fraction", "offset points", ha="right", va="top", fontsize=7.5, color=WORDS
    )


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

    table = np.array([to_rgba(colour) for colour in _colours(score)]).reshape(-1, 4)
    colours = table[score.notes["track"]]
    colours[:, 3] = 0.35 + 0.65 * np.minimum(1.0, score.notes["velocity"] / 100)
    return colours


def _colours(score: Score) -> list[str]:
    """A colour for each track; the drums' own for drums."""
    pitched = [track for track in np.unique(score.notes["track"]).tolist() if not score.tracks[track].is_drum]
    seats = {track: COLOURS[i % len(COLOURS)] for i, track in enumerate(pitched)}
    return [seats.get(track, DRUM_COLOUR) for track in range(len(score.tracks))]


def draw_heading(figure: Any, score: Score, title: str, size: tuple[float, float]) -> None:
    minutes, seconds = divmod(math.ceil(score.seconds), 60)
    bars, notes = (f"{n} {word}{'s' * (n != 1)}" for n, word in ((score.bars, "bar"), (len(score.notes), "note")))
    facts = f"{bars} · {minutes}:{seconds:02} · {notes}"
    top, room = 1 - 0.12 / size[1], int((size[0] - LEFT - RIGHT) / 0.115)
    figure.text(LEFT / size[0], top, _drawable(title, room), fontsize=11, va="top", weight="bold", parse_math=False)
    figure.text(LEFT / size[0], top - 0.21 / size[1], facts, fontsize=8, va="top", color=WORDS)


def _legend_entries(score: Score, used: list[int]) -> list[tuple[str, str, bool]]:
    """(name, colour, is it drums) of each track in use; none for a single one."""
    if len(used) < 2:
        return []
    colours = _colours(score)
    names = [_drawable(_label(score, track), 30) for track in used]
    repeated = [f" ({names[: i + 1].count(name)})" if names.count(name) > 1 else "" for i, name in enumerate(names)]
    entries = [
        (name + number, colours[track], score.tracks[track].is_drum)
        for name, number, track in zip(names, repeated, used, strict=True)
    ]
    if len(entries) > MOST_LEGENDS:
        entries[MOST_LEGENDS:] = [(f"and {len(entries) - MOST_LEGENDS} more", "none", False)]
    return entries


def _legend(figure: Any, labels: list[tuple[str, str, bool]], columns: int, place: tuple[float, float]) -> None:
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


def _label(score: Score, track: int) -> str:
    part = score.tracks[track]
    return part.name.strip() or program_name(part.program, part.is_drum)


def _drawable(words: str, room: int) -> str:
    """At most `room` letters; those that matplotlib's own font lacks become a square."""
    known = _letters()
    words = "".join(letter if ord(letter) in known else "\N{WHITE SQUARE}" for letter in " ".join(words.split()))
    return words if len(words) <= room else words[: max(1, room - 1)] + "…"


def _letters() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(findfont(FontProperties())).get_charmap())
