"""Many pieces as a handful of flat arrays: what travels between processes and what lies in `notes.h5`.

A Score per piece is what encodings need; a million small arrays is what no file and no pipe can carry. So the notes of
all pieces stand in one NOTE array, their tempos in another, and the row of a piece in `pieces` counts how many of each
are its own. Packing, slicing and concatenating are then a few numpy calls whatever the number of pieces.

    pieces   PIECE (P,)  how many rows of each other column belong to the piece, and its estimated key
    notes, tempos, metres, keys, tracks, chords   the tables of a Score, laid end to end
    names    uint8       the names of all tracks in UTF-8; a track's `name` counts its bytes
    titles   uint8       the titles of all pieces in UTF-8
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np

from musictool.music.key import NO_KEY
from musictool.music.score import CHORD, KEY, METRE, NOTE, TEMPO, Score, Track

TRACK = np.dtype([("program", np.uint8), ("is_drum", np.bool_), ("name", np.int32)])
COLUMNS: dict[str, np.dtype] = {
    "notes": NOTE,
    "tempos": TEMPO,
    "metres": METRE,
    "keys": KEY,
    "tracks": TRACK,
    "names": np.dtype(np.uint8),
    "titles": np.dtype(np.uint8),
    "chords": CHORD,
}
TABLES = ("notes", "tempos", "metres", "keys", "chords")  # the columns that a Score has too
PIECE = np.dtype([*((name, np.int32) for name in COLUMNS), ("key", np.int8)])


class Packed:
    """Pieces laid end to end.

    Args:
        pieces: PIECE (P,), one row per piece; `key` is 0..11 for C major..B major, 12..23 for minor, NO_KEY unknown.
        columns: the other arrays by the names in COLUMNS.
    """

    def __init__(self, pieces: np.ndarray, columns: Mapping[str, np.ndarray]):
        self.pieces = pieces
        self.columns = dict(columns)

    def __len__(self) -> int:
        return len(self.pieces)

    def __reduce__(self) -> tuple[object, ...]:
        return Packed, (self.pieces, self.columns)

    @cached_property
    def starts(self) -> dict[str, np.ndarray]:
        """int64 (P + 1,) for each column: where each piece begins; the last is the length of the column."""
        return starts_of(self.pieces)

    def slice(self, start: int, stop: int) -> Packed:
        """The pieces start..stop - 1, as views."""
        rows = {name: (at[start], at[stop]) for name, at in self.starts.items()}
        return Packed(self.pieces[start:stop], {name: self.columns[name][a:b] for name, (a, b) in rows.items()})

    def score(self, index: int) -> Score:
        """One piece; its arrays are views of the columns."""
        starts = self.starts
        # its rows of each column, without a copy
        part = {name: self.columns[name][at[index] : at[index + 1]] for name, at in starts.items()}
        return Score(
            notes=part["notes"],
            tracks=_tracks(part["tracks"], part["names"]),
            tempos=part["tempos"],
            metres=part["metres"],
            keys=part["keys"],
            title=part["titles"].tobytes().decode(),
            chords=part["chords"],
        )

    def __iter__(self) -> Iterator[Score]:
        return (self.score(index) for index in range(len(self)))


def starts_of(pieces: np.ndarray) -> dict[str, np.ndarray]:
    """int64 (P + 1,) for each column, from the counts in PIECE rows."""
    starts = {}
    for name in COLUMNS:
        at = np.zeros(len(pieces) + 1, np.int64)
        np.cumsum(pieces[name], out=at[1:])
        starts[name] = at
    return starts


def pack(scores: Sequence[Score]) -> Packed:
    """The inverse of iterating over a Packed."""
    pieces = np.zeros(len(scores), PIECE)
    pieces["key"] = NO_KEY
    # piece by piece: its texts as bytes, and how long each of its parts is
    tracks, names, titles = [], [], []
    for index, score in enumerate(scores):
        track_names = [_utf8(track.name) for track in score.tracks]
        title = _utf8(score.title)
        tracks += [(t.program, t.is_drum, len(name)) for t, name in zip(score.tracks, track_names, strict=True)]
        names += track_names
        titles.append(title)
        for table in TABLES:
            pieces[table][index] = len(getattr(score, table))
        pieces["tracks"][index], pieces["names"][index] = len(track_names), sum(map(len, track_names))
        pieces["titles"][index] = len(title)
    # the parts of all pieces, end to end
    columns = {table: _joined([getattr(score, table) for score in scores], COLUMNS[table]) for table in TABLES}
    columns["tracks"] = np.array(tracks, TRACK)
    columns["names"] = np.frombuffer(b"".join(names), np.uint8)
    columns["titles"] = np.frombuffer(b"".join(titles), np.uint8)
    return Packed(pieces, columns)


def concatenate(parts: Iterable[Packed]) -> Packed:
    """All pieces of all parts, in order."""
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    pieces = _joined([part.pieces for part in parts], PIECE)
    return Packed(pieces, {name: _joined([part.columns[name] for part in parts], COLUMNS[name]) for name in COLUMNS})


def _joined(arrays: Sequence[np.ndarray], dtype: np.dtype) -> np.ndarray:
    if len(arrays) == 1:
        return arrays[0]
    # as raw bytes: comparing structured dtypes field by field, array by array, would cost more than the copying
    raw = np.dtype((np.void, dtype.itemsize))
    return np.concatenate([np.zeros(0, raw), *(array.view(raw) for array in arrays)]).view(dtype)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _tracks(rows: np.ndarray, names: np.ndarray) -> tuple[Track, ...]:
    text = names.tobytes()
    tracks, at = [], 0
    for program, is_drum, length in rows.tolist():
        tracks.append(Track(program, is_drum, text[at : at + length].decode()))
        at += length
    return tuple(tracks)
