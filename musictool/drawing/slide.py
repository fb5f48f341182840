"""A figure as wide and as legible as a slide, and what all plots share: heading, margins, frames, legends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from musictool.drawing.colours import LINE, TEXT
from musictool.drawing.figure import fit_text

WIDTH, HEIGHT = 10.0, 5.625  # inches: 16 to 9
TITLE, FACTS, LABEL, TICK = 16.0, 11.5, 12.0, 11.0  # points
MARGIN = 0.35  # inches
HEADING, TITLES = 0.85, 0.3  # inches that the heading takes, and titles of panels
LETTER = 0.6  # the mean width of a letter, as a share of its size


class Margins(NamedTuple):
    """Inches around the axes."""

    left: float = 0.75
    right: float = MARGIN
    above: float = HEADING
    below: float = 0.6


PLAIN = Margins()


def slide(title: str, facts: str, height: float = HEIGHT, width: float = WIDTH) -> Any:
    """A matplotlib Figure of so many inches, with its heading."""
    from matplotlib.figure import Figure

    figure = Figure((width, height), facecolor="white")
    room = width - 2 * MARGIN
    left, top = MARGIN / width, 1 - 0.2 / height
    title = fit_text(title, int(room * 72 / TITLE / LETTER))
    facts = fit_text(facts, int(room * 72 / FACTS / (LETTER - 0.06)))
    figure.text(left, top, title, fontsize=TITLE, weight="bold", va="top", parse_math=False)
    figure.text(left, top - 0.33 / height, facts, fontsize=FACTS, color=TEXT, va="top", parse_math=False)
    return figure


def panels(figure: Any, rows: int, columns: int, margins: Margins = PLAIN, **gaps: float) -> list[Any]:
    """Axes below the heading, row by row; `gaps`: wspace and hspace of matplotlib's grid."""
    width, height = figure.get_size_inches()
    left, right, above, below = margins
    box = {"left": left / width, "right": 1 - right / width, "bottom": below / height, "top": 1 - above / height}
    grid = figure.add_gridspec(rows, columns, **box, **gaps)
    return [figure.add_subplot(grid[row, column]) for row in range(rows) for column in range(columns)]


def plain(axes: Any, *, frame: bool = False) -> None:
    """Thin lines, and only the two axes unless a frame is wanted."""
    for name, side in axes.spines.items():
        side.set(color=LINE, linewidth=0.8, visible=frame or name in ("left", "bottom"))
    axes.tick_params(length=0, pad=4, labelsize=TICK, labelcolor=TEXT)
    axes.set_axisbelow(True)


def empty(axes: Any) -> None:
    """A frame without numbers, for positions that mean nothing by themselves."""
    plain(axes, frame=True)
    axes.set(xticks=[], yticks=[])
    axes.margins(0.06)


def legend(target: Any, marks: Sequence[Any], names: Sequence[str], **placement: Any) -> Any:
    """A legend without a frame, with the names as plain text."""
    style = {
        "fontsize": TICK,
        "framealpha": 0.85,
        "edgecolor": "none",
        "borderaxespad": 0.2,
        "handletextpad": 0.5,
        "labelspacing": 0.4,
    }
    shown = target.legend(marks, [fit_text(name, 60) for name in names], **{**style, **placement})
    for text in shown.get_texts():
        text.set_parse_math(False)
    return shown


def round_numbers(values: np.ndarray) -> tuple[float, float]:
    """The least and the greatest of finite values, with a margin."""
    low, high = float(values.min()), float(values.max())
    margin = 0.04 * (high - low) or 0.5
    return low - margin, high + margin
