"""The words of a piano-roll picture: heading and legend, in letters that matplotlib's own font has."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from musictool.drawing.colours import WORDS, of_tracks
from musictool.drawing.layout import LEFT, RIGHT
from musictool.music.gm import program_name
from musictool.music.score import Score

MOST_LEGENDS = 12
LEGEND_LINE = 0.2  # inches
LEGEND_TOP = 0.52  # inches below the upper edge


def draw_heading(
    figure: Any, score: Score, title: str, size: tuple[float, float], down: float = 0.0, remark: str = ""
) -> None:
    """The title and what the piece is, so many inches below the upper edge."""
    minutes, seconds = divmod(math.ceil(score.seconds), 60)
    bars, notes = (f"{n} {word}{'s' * (n != 1)}" for n, word in ((score.bars, "bar"), (len(score.notes), "note")))
    facts = f"{bars} · {minutes}:{seconds:02} · {notes}" + (f" · {remark}" if remark else "")
    top, room = 1 - (down + 0.12) / size[1], int((size[0] - LEFT - RIGHT) / 0.115)
    figure.text(LEFT / size[0], top, drawable(title, room), fontsize=11, va="top", weight="bold", parse_math=False)
    figure.text(LEFT / size[0], top - 0.21 / size[1], facts, fontsize=8, va="top", color=WORDS)


class Legend:
    """The names of a piece's tracks beside their colours, in columns; empty for a single track.

    Args:
        width: inches of the rows of the picture.
    """

    def __init__(self, score: Score, width: float):
        self.entries = _entries(score)
        longest = max((len(name) for name, _, _ in self.entries), default=0)
        most = max(1, int(width / (0.45 + 0.068 * longest)))
        self.lines = -(-len(self.entries) // most)
        self.columns = -(-len(self.entries) // max(1, self.lines))

    @property
    def height(self) -> float:
        """Inches."""
        return LEGEND_LINE * self.lines

    def draw(self, figure: Any, size: tuple[float, float], down: float) -> None:
        """Below a heading that stands so many inches below the upper edge."""
        if self.entries:
            _draw(figure, self.entries, self.columns, (LEFT / size[0], 1 - (down + LEGEND_TOP) / size[1]))


def _entries(score: Score) -> list[tuple[str, str, bool]]:
    """(name, colour, is it drums) of each track in use; none for a single one."""
    used = np.unique(score.notes["track"]).tolist()
    if len(used) < 2:
        return []
    colours = of_tracks(score)
    names = [drawable(_label(score, track), 30) for track in used]
    repeated = [f" ({names[: i + 1].count(name)})" if names.count(name) > 1 else "" for i, name in enumerate(names)]
    entries = [
        (name + number, colours[track], score.tracks[track].is_drum)
        for name, number, track in zip(names, repeated, used, strict=True)
    ]
    if len(entries) > MOST_LEGENDS:
        entries[MOST_LEGENDS:] = [(f"and {len(entries) - MOST_LEGENDS} more", "none", False)]
    return entries


def _draw(figure: Any, labels: list[tuple[str, str, bool]], columns: int, place: tuple[float, float]) -> None:
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


def drawable(words: str, room: int) -> str:
    """At most `room` letters; those that matplotlib's own font lacks become a square."""
    known = _letters()
    words = "".join(letter if ord(letter) in known else "\N{WHITE SQUARE}" for letter in " ".join(words.split()))
    return words if len(words) <= room else words[: max(1, room - 1)] + "…"


def _letters() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(findfont(FontProperties())).get_charmap())
