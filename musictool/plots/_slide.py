"""A figure as wide and as legible as a slide, and what all plots do alike: heading, margins, frames, legends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from musictool.drawing.colours import BAR_LINE, WORDS
from musictool.drawing.words import drawable

WIDTH, HEIGHT = 10.0, 5.625  # inches: 16 to 9
TITLE, FACTS, LABEL, TICK = 16.0, 11.5, 12.0, 11.0  # points
MARGIN = 0.35  # inches
HEADING, TITLES = 0.85, 0.3  # inches that the heading takes, and titles of panels
LETTER = 0.6  # of a letter's size: how wide it is, on average


class Margins(NamedTuple):
    """Inches around the axes."""

    left: float = 0.75
    right: float = MARGIN
    above: float = HEADING
    below: float = 0.6


PLAIN = Margins()

PITCH_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")


def pitch_name(pitch: int) -> str:
    """C4 for 60."""
    return f"{PITCH_NAMES[pitch % 12]}{pitch // 12 - 1}"


def slide(title: str, facts: str, height: float = HEIGHT, width: float = WIDTH) -> Any:
    """A matplotlib Figure of so many inches, with its heading."""
    from matplotlib.figure import Figure

    figure = Figure((width, height), facecolor="white")
    room = width - 2 * MARGIN
    left, top = MARGIN / width, 1 - 0.2 / height
    title = drawable(title, int(room * 72 / TITLE / LETTER))
    facts = drawable(facts, int(room * 72 / FACTS / (LETTER - 0.06)))
    figure.text(left, top, title, fontsize=TITLE, weight="bold", va="top", parse_math=False)
    figure.text(left, top - 0.33 / height, facts, fontsize=FACTS, color=WORDS, va="top", parse_math=False)
    return figure


def panels(figure: Any, rows: int, columns: int, margins: Margins = PLAIN, **apart: float) -> list[Any]:
    """Axes below the heading, row by row; `apart`: wspace and hspace of matplotlib's grid."""
    width, height = figure.get_size_inches()
    left, right, above, below = margins
    box = {"left": left / width, "right": 1 - right / width, "bottom": below / height, "top": 1 - above / height}
    grid = figure.add_gridspec(rows, columns, **box, **apart)
    return [figure.add_subplot(grid[row, column]) for row in range(rows) for column in range(columns)]


def plain(axes: Any, *, frame: bool = False) -> None:
    """Quiet lines; no frame but the two axes, unless one is wanted."""
    for name, side in axes.spines.items():
        side.set(color=BAR_LINE, linewidth=0.8, visible=frame or name in ("left", "bottom"))
    axes.tick_params(length=0, pad=4, labelsize=TICK, labelcolor=WORDS)
    axes.set_axisbelow(True)


def empty(axes: Any) -> None:
    """A frame without numbers, for places that mean nothing by themselves."""
    plain(axes, frame=True)
    axes.set(xticks=[], yticks=[])
    axes.margins(0.06)


def legend(target: Any, marks: Sequence[Any], names: Sequence[str], **where: Any) -> Any:
    """Names beside marks, without a frame, as they are written."""
    style = {
        "fontsize": TICK,
        "framealpha": 0.85,
        "edgecolor": "none",
        "borderaxespad": 0.2,
        "handletextpad": 0.5,
        "labelspacing": 0.4,
    }
    drawn = target.legend(marks, [drawable(name, 60) for name in names], **{**style, **where})
    for text in drawn.get_texts():
        text.set_parse_math(False)
    return drawn


def round_numbers(values: np.ndarray) -> tuple[float, float]:
    """The least and the most of finite values, a little apart."""
    low, high = float(values.min()), float(values.max())
    air = 0.04 * (high - low) or 0.5
    return low - air, high + air
