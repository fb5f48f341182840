"""Packed pieces and what became of their files, as one HDF5 file that is written once and then only read.

`notes.h5` of a corpus is a store, and so is each part that an unfinished `prepare` leaves behind. The bytes of a store
depend on nothing but the pieces and the records in it: blocks are cut by a rule that sees only the pieces.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from musictool.corpus.packed import COLUMNS, PIECE, Packed, starts_of
from musictool.strict import json as strict_json
from musictool.strict.hdf5 import new_file, open_file

BLOCK_PIECES = 512  # a block ends after so many pieces,
BLOCK_NOTES = 1 << 19  # or before it would hold more notes than this (6 MB); a longer piece is a block of its own
CHUNK_ROWS = {"notes": 1 << 14}  # 196 kB; the other columns are small
OTHER_CHUNK_ROWS = 1 << 11


class Store:
    """Reading a store; a context manager.

    Attributes:
        pieces: PIECE (P,), all of them, in memory.
        starts: int64 (P + 1,) by column, where each piece begins.
    """

    def __init__(self, path: Path):
        # stores are never changed once they stand, so a lock on them would only hinder other readers
        self.path = path
        self._handle: h5py.File | None = None
        self.pieces: np.ndarray = _known_columns(self._file["pieces"][:])
        self.starts = starts_of(self.pieces)
        for name, starts in self.starts.items():
            rows = self._file[name].shape if name in self._file else (0,)
            if (np.diff(starts) < 0).any() or rows != (starts[-1],):
                raise ValueError(f"its {name} are not those of its pieces")

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def __len__(self) -> int:
        return len(self.pieces)

    @property
    def _file(self) -> h5py.File:
        if self._handle is None:
            self._handle = open_file(self.path, compressed=True, locking=False)
        return self._handle

    def close(self) -> None:
        """Give the file back; it opens again when something more is read."""
        if self._handle is not None:
            self._handle.close()
            self._handle = None

    @property
    def meta(self) -> Any:
        """The JSON that was written with the pieces."""
        return strict_json.parse(self._file["meta"][:].tobytes())

    def flags(self, name: str) -> np.ndarray:
        """An extra array that was written with the pieces."""
        return self._file[name][:]

    def slice(self, start: int, stop: int) -> Packed:
        """The pieces start..stop - 1, read from disk."""
        columns = {}
        for name, dtype in COLUMNS.items():
            first, last = int(self.starts[name][start]), int(self.starts[name][stop])
            rows = self._file[name][first:last] if last > first else np.zeros(0, dtype)
            columns[name] = rows.astype(dtype, copy=False)
        return Packed(self.pieces[start:stop], columns)


def _known_columns(pieces: np.ndarray) -> np.ndarray:
    """PIECE (P,): with 0 rows of each column that a store of an earlier version lacks."""
    if pieces.dtype == PIECE:
        return pieces
    known = np.zeros(len(pieces), PIECE)
    for name in pieces.dtype.names or ():
        known[name] = pieces[name]
    return known


def block_bounds(
    notes: np.ndarray, most_pieces: int = BLOCK_PIECES, most_notes: int = BLOCK_NOTES
) -> Iterator[tuple[int, int]]:
    """Half-open ranges of pieces that are together small enough to be held in memory.

    Args:
        notes: int (P,), how many notes each piece has.
        most_pieces: in one range.
        most_notes: the same; a piece of more is a range of its own.
    """
    start, total = 0, 0
    for index, count in enumerate(notes.tolist()):
        if index > start and (index - start == most_pieces or total + count > most_notes):
            yield start, index
            start, total = index, 0
        total += count
    if start < len(notes):
        yield start, len(notes)


def write(
    path: Path,
    pieces: np.ndarray,
    read: Callable[[int, int], Packed],
    meta: Any,
    flags: dict[str, np.ndarray] = {},
    *,
    compress: bool = True,
) -> None:
    """Write a store.

    Args:
        path: a new file.
        pieces: PIECE (P,), all of them.
        read: gives the pieces start..stop - 1 of them, when they are asked for; a block at a time.
        meta: JSON-able.
        flags: extra arrays, which can be read without the JSON.
        compress: to about a fifth, which takes longer than to write it.
    """
    starts = starts_of(pieces)
    with new_file(path, locking=False) as file:
        for name, dtype in COLUMNS.items():
            _create(file, name, int(starts[name][-1]), dtype, compress)
        for first, last in block_bounds(pieces["notes"]):
            block = read(first, last)
            for name in COLUMNS:
                if len(block.columns[name]):
                    file[name][starts[name][first] : starts[name][last]] = block.columns[name]
        file["pieces"] = pieces
        for name, values in flags.items():
            file[name] = values
        file["meta"] = np.frombuffer(json.dumps(meta).encode(), np.uint8)


def _create(file: h5py.File, name: str, rows: int, dtype: np.dtype, compress: bool) -> None:
    chunk = CHUNK_ROWS.get(name, OTHER_CHUNK_ROWS)
    if rows <= chunk or not compress:  # small tables lie as they are: no chunk index, no filter
        file.create_dataset(name, (rows,), dtype)
    else:  # gzip, as the output of lzf depends on what happens to lie in its uncleared hash table
        file.create_dataset(name, (rows,), dtype, chunks=(chunk,), compression="gzip", compression_opts=1, shuffle=True)
