"""Score -> piano-roll picture (musictool/drawing/roll.py): .png, .svg or .pdf."""

from __future__ import annotations

from pathlib import Path

from musictool.drawing.figure import SUFFIXES as SUFFIXES
from musictool.drawing.figure import save
from musictool.drawing.roll import Piece, figure_of
from musictool.music.score import Score


def write(score: Score, path: Path, dots_per_inch: int = 150) -> None:
    """Draw a piece; the same Score and title give the same bytes with the same version of matplotlib."""
    path = Path(path)
    title = score.title or path.stem
    save(figure_of([Piece(score, title)]), path, title, dots_per_inch)
