"""Piano-roll of files: pitches against bars, a colour a track, several files one under another.

It is the picture that `musictool render` writes, with the estimated key in its heading: bars from left to right, the
names of all Cs on the left, the black keys shaded, velocity as strength of colour, drums as diamonds below. Long pieces
wrap into rows of sixteen bars; beyond twelve rows each holds more bars instead. --bars 8 draws the first eight bars,
which are read more easily from afar.

Honest limit: the key is one for the whole piece (Krumhansl and Schmuckler's way), whatever it does in between; pieces
that stand one under another have each their own span of pitches.
"""

from __future__ import annotations

from collections.abc import Sequence

from musictool.corpus.keys import key_of
from musictool.drawing.plot import Drawn, Thing, Wishes, music, told_apart
from musictool.errors import BadOption

TAKES = ("file",)
WISHES = ("bars",)
MOST_FILES = 24


def draw(things: Sequence[Thing], wishes: Wishes) -> Drawn:
    """A figure with every file."""
    from musictool.drawing.roll import Piece, figure_of

    if len(things) > MOST_FILES:
        raise BadOption(f"{len(things)} piano-rolls are too many for one picture: at most {MOST_FILES} pieces")
    scores = [music(thing, wishes.bars) for thing in things]
    titles = [score.title or name for score, name in zip(scores, told_apart(things), strict=True)]
    keys = [key_of(score) or "" for score in scores]
    figure = figure_of([Piece(*each) for each in zip(scores, titles, keys, strict=True)])
    return Drawn(figure, titles[0] if len(titles) == 1 else f"{titles[0]} and {len(titles) - 1} more")
