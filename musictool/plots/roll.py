"""Piano-roll of files: pitches against bars, a colour per track, several files one under another.

It is the picture that `musictool render` writes, with the estimated key in its heading: bars from left to right, the
names of all Cs on the left, the black keys shaded, velocity as opacity, drums as diamonds below. Long pieces wrap into
rows of sixteen bars; beyond twelve rows each holds more bars instead. --bars 8 draws the first eight bars only, which
are easier to read.

Limit: the key is one for the whole piece (Krumhansl and Schmuckler's method), whatever it does in between; of several
pieces each has its own range of pitches.
"""

from __future__ import annotations

from collections.abc import Sequence

from musictool.corpus.keys import key_of
from musictool.drawing.plot import Plot, PlotInput, PlotOptions, first_piece, unique_names
from musictool.errors import BadOption

TAKES = ("file",)
ACCEPTS = ("bars",)
MAX_FILES = 24


def draw(inputs: Sequence[PlotInput], options: PlotOptions) -> Plot:
    """A figure with every file."""
    from musictool.drawing.roll import Piece, figure_of

    if len(inputs) > MAX_FILES:
        raise BadOption(f"{len(inputs)} piano-rolls are too many for one picture: at most {MAX_FILES} pieces")
    scores = [first_piece(file, options.bars) for file in inputs]
    titles = [score.title or name for score, name in zip(scores, unique_names(inputs), strict=True)]
    keys = [key_of(score) or "" for score in scores]
    figure = figure_of([Piece(*piece) for piece in zip(scores, titles, keys, strict=True)])
    return Plot(figure, titles[0] if len(titles) == 1 else f"{titles[0]} and {len(titles) - 1} more")
