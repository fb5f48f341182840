"""The sum of many files: the same wherever they lie and whatever they are called."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

BLOCK_BYTES = 1 << 20


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def sum_of_files(paths: Iterable[Path]) -> str:
    """The SHA-256 of the lines that are the SHA-256 of each file, in hex, sorted."""
    return hashlib.sha256("\n".join(sorted(map(sha256_of, paths))).encode()).hexdigest()
