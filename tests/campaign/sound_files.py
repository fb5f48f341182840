"""Sound files of every format that `prepare` reads: what the campaign damages."""

from __future__ import annotations

import random
import struct
from pathlib import Path

from musictool.reading import read, suffixes
from musictool.writers import midi
from tests.readers.test_lpd import PIANO, SOUND, write

MOST_BYTES = 60_000  # of one file
PER_SUFFIX = 40


def sound_files(folder: Path, seed: int) -> dict[str, list[bytes]]:
    """Suffix -> the contents of some files: of the music21 package, written by musictool, and made by the tests.

    Args:
        folder: an empty one to work in.
    """
    import music21

    rng = random.Random(seed)
    found: dict[str, list[Path]] = {suffix: [] for suffix in suffixes()}
    for path in sorted(Path(music21.__file__).with_name("corpus").rglob("*")):
        if path.suffix in found and path.stat().st_size <= MOST_BYTES:
            found[path.suffix].append(path)
    chosen = {suffix: rng.sample(paths, min(PER_SUFFIX, len(paths))) for suffix, paths in found.items()}
    files = {suffix: [path.read_bytes() for path in paths] for suffix, paths in chosen.items()}
    songs = [_as_midi(path, folder / "song.mid") for path in chosen[".krn"] + chosen[".mxl"]]
    for suffix in (".mid", ".midi", ".kar"):
        files[suffix] += songs
    files[".musicxml"] += files[".xml"]
    files[".rmi"] += [_in_riff(song) for song in songs]
    files[".npz"].append(write(folder / "roll.npz", SOUND, PIANO).read_bytes())
    missing = [suffix for suffix, contents in files.items() if not contents]
    assert not missing, f"there is no sound file of {missing}"
    return files


def _as_midi(source: Path, path: Path) -> bytes:
    midi.write(read(source).scores[0], path)
    return path.read_bytes()


def _in_riff(song: bytes) -> bytes:
    data = b"data" + struct.pack("<I", len(song)) + song + bytes(len(song) % 2)
    return b"RIFF" + struct.pack("<I", len(data) + 4) + b"RMID" + data
