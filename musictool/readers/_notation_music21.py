"""`--reader music21` for MusicXML and Humdrum: through music21, with what it loses and mistakes.

music21 10.5 does not let the measures of all parts begin together, gives the unpitched notes of a part one drum, plays
cue notes, and loses spines that split.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from typing import Any

from musictool.errors import BadFile
from musictool.music.score import Score
from musictool.reading import Reading


def read(data: bytes, form: str) -> Reading:
    """The piece in the bytes of a file.

    Args:
        form: "musicxml" or "humdrum".

    Raises:
        BadFile: "no notes", "too many notes", "too long", "unreadable" (music21 does not understand it).
    """
    silence = contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO())
    with warnings.catch_warnings(), silence[0], silence[1]:
        warnings.simplefilter("ignore")
        try:
            score = _score(data, form)
        except BadFile:
            raise
        except Exception as error:  # one corpus file: whatever music21 does with it becomes a named reason
            raise BadFile("unreadable", f"music21: {type(error).__name__}: {error}"[:200]) from error
    if score is None:
        raise BadFile("no notes")
    return Reading([score])


def _score(data: bytes, form: str) -> Score | None:
    from music21 import converter

    from musictool.readers import _notation_walk as notation_walk

    piece: Any = converter.parseData(data if form == "musicxml" else data.decode(), format=form)
    metadata = piece.metadata
    title = (metadata.title or metadata.movementName or "") if metadata else ""
    return notation_walk.score(list(getattr(piece, "parts", ())) or [piece], " ".join(str(title).split())[:200])
