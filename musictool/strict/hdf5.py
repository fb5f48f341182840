"""Arrays of an HDF5 file that lie in the file itself, and are as large there as they are said to be; and new files.

HDF5 can point at other files (external and soft links, external storage, virtual datasets), and can promise arrays
without end in a small file (compression, fill values). Neither is read.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from musictool.strict.files import check_regular

MOST_ITEMS = 1_000_000  # groups and arrays
DEFLATE_RATIO = 1100  # what gzip makes of zeros
MOST_DEPTH = 64  # of groups within one another


def open_file(
    path: Path, most_bytes: int | None = None, *, compressed: bool = False, locking: bool | None = None
) -> h5py.File:
    """A file, open for reading, with nothing in it but groups and such arrays.

    Args:
        most_bytes: of the file, and so of all of its arrays.
        compressed: whether arrays may be so, by as much as gzip can.
        locking: as for h5py.File.

    Raises:
        OSError: if there is none, or it is damaged.
        ValueError: for one that holds something else, or is larger.
    """
    size = check_regular(path, most_bytes)
    file = h5py.File(path, "r", locking=locking)
    try:
        _check(file, size, DEFLATE_RATIO if compressed else 1)
    except BaseException:
        file.close()
        raise
    return file


class _NewFile(h5py.File):
    """A file whose arrays stay open as long as it does: what one cannot write as it closes is lost in silence."""

    def __init__(self, path: Path, locking: bool | None):
        self._arrays: list[h5py.Dataset] = []
        super().__init__(path, "w", locking=locking)

    def create_dataset(self, *args: Any, **kwargs: Any) -> h5py.Dataset:
        self._arrays.append(super().create_dataset(*args, **kwargs))
        return self._arrays[-1]


@contextmanager
def new_file(path: Path, locking: bool | None = None) -> Iterator[h5py.File]:
    """A file to write in the block, all of which is on disk when the block has ended well.

    What HDF5 cannot write when it closes a file (the disk is full) it only complains of on stderr, and then crashes the
    process at its end. So all is written before anything is closed, and where that fails, the rest goes nowhere.
    """
    file = _NewFile(path, locking)
    try:
        yield file
        file.flush()
    except BaseException:
        with suppress(Exception):  # where there is no descriptor, as on Windows, it closes as it can
            _write_elsewhere(file.id.get_vfd_handle())
        raise
    finally:
        file.close()


def _write_elsewhere(descriptor: int) -> None:
    """Let a descriptor be of a file in memory, which nobody will read."""
    nowhere = os.memfd_create("musictool") if hasattr(os, "memfd_create") else tempfile.mkstemp()[0]
    os.dup2(nowhere, descriptor)
    os.close(nowhere)


@contextmanager
def opened(path: Path, most_bytes: int | None = None) -> Iterator[h5py.File]:
    """`open_file` for a block."""
    with open_file(path, most_bytes) as file:
        yield file


def check_file(path: Path, most_bytes: int | None = None) -> None:
    """The checks of `opened`, for a file that a library is to read."""
    with opened(path, most_bytes):
        pass


def array(group: h5py.Group, name: str) -> np.ndarray:
    """An array of a file that `opened` has checked. Raises KeyError, ValueError where there is none."""
    dataset = group[name]
    if not isinstance(dataset, h5py.Dataset):
        raise ValueError(f"{name} is no array")
    values: np.ndarray = np.asarray(dataset[()])
    return values


def _item(group: h5py.Group, name: str) -> h5py.Group | h5py.Dataset:
    link = group.get(name, getlink=True)
    if link is None:
        raise KeyError(f"it has no {name}")
    if not isinstance(link, h5py.HardLink):
        raise ValueError(f"{name} is a link")
    return group[name]


def _check(file: h5py.File, size: int, ratio: int) -> None:
    """Raise ValueError for links, and for arrays that are not in the file's `size` bytes, `ratio` times as dense."""
    level: list[h5py.Group] = [file]
    items = total = 0
    for _ in range(MOST_DEPTH):
        inner: list[h5py.Group] = []
        for group in level:
            items += len(group)
            if items > MOST_ITEMS:
                raise ValueError(f"it has more than {MOST_ITEMS:,} groups and arrays")
            for name in group:
                item = _item(group, name)
                if isinstance(item, h5py.Group):
                    inner.append(item)
                elif isinstance(item, h5py.Dataset):
                    _check_array(item, ratio)
                    total += item.nbytes
                if total > size * ratio:  # one array under many names
                    raise ValueError(f"its arrays have more bytes than the {size:,} of the file")
        if not inner:
            return
        level = inner
    raise ValueError(f"its groups are nested deeper than {MOST_DEPTH} levels")


def _check_array(dataset: h5py.Dataset, ratio: int) -> None:
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"{dataset.name} lies in other files")
    if not _is_of_numbers(dataset.dtype):
        raise ValueError(f"{dataset.name} holds no numbers")
    if dataset.nbytes > dataset.id.get_storage_size() * ratio:
        raise ValueError(f"{dataset.name} is larger than what the file holds of it")


def _is_of_numbers(dtype: np.dtype) -> bool:
    if dtype.names is not None:
        return all(_is_of_numbers(dtype[name]) for name in dtype.names)
    return dtype.base.kind in "biuf"
