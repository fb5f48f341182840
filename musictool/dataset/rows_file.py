"""Arrays as HDF5 files whose `rows` lie in one run, so that they can be memory-mapped and are never read whole."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

import h5py
import numpy as np

from musictool.encoding import Spec
from musictool.strict.hdf5 import new_file, open_file

COPIED_BYTES = 1 << 24


def lengths_of(path: Path) -> np.ndarray:
    """int64 (pieces,): how many of the `rows` each piece has."""
    with open_file(path, locking=False) as file:
        lengths: np.ndarray = file["lengths"][:]
    return lengths


def mapped(path: Path, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """The `rows` of an HDF5 file, which lie in one run. Raises ValueError where they are of another shape or dtype."""
    with open_file(path, locking=False) as file:
        rows = file["rows"]
        if rows.shape != shape or rows.dtype != dtype:
            raise ValueError(f"{path.name} holds other rows")
        begin = rows.id.get_offset()
    return np.memmap(path, dtype, "r", begin, shape)


def release_pages(rows: np.ndarray) -> None:
    """Give back the memory of what has been read of mapped rows: it is read again when it is wanted.

    The system takes such memory back itself when there is need, but until then it counts as this process's, and a pass
    over a large corpus would end with all of it.
    """
    if isinstance(rows, np.memmap) and rows.mode == "r" and isinstance(rows.base, mmap.mmap):
        with suppress(AttributeError):  # not every system can
            rows.base.madvise(mmap.MADV_DONTNEED)


def fill(rows: h5py.Dataset, parts: Iterable[np.ndarray]) -> None:
    """Put arrays into a dataset, one behind the other."""
    first = 0
    for part in parts:
        rows[first : first + len(part)] = part
        first += len(part)


def write_rows(path: Path, plain: Path, lengths: np.ndarray, spec: Spec) -> None:
    """An HDF5 file whose `rows` lie in one run, so that they can be memory-mapped."""
    with new_file(path, locking=False) as file, open(plain, "rb") as source:
        file["lengths"] = lengths
        rows = file.create_dataset("rows", (int(lengths.sum()), *spec.stored_shape), spec.dtype)
        row_bytes = spec.dtype.itemsize * int(np.prod(spec.stored_shape))
        read = partial(source.read, max(1, COPIED_BYTES // row_bytes) * row_bytes)
        fill(rows, (np.frombuffer(block, spec.dtype).reshape(-1, *spec.stored_shape) for block in iter(read, b"")))
