"""A SoundFont 2 file as what a synthesiser needs: samples, and the regions that the keys of a preset play.

Read of the format: samples and loops, tuning, envelope, low-pass filter with its envelope, attenuation, pan, key and
velocity ranges. Not read: vibrato and tremolo, chorus and reverb, modulators, exclusive classes (keys that silence each
other), 24-bit samples.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from musictool.errors import BadFile

DRUM_BANK = 128
CENTS_8_HZ = 8.176  # frequencies are given in cents above it
NOT_SOUNDFONT = "is not a SoundFont 2 file (.sf2)"

# generators of the format (its section 8.1.2) that are ranges or switches, and are not added up
INSTRUMENT, KEY_RANGE, VELOCITY_RANGE, SAMPLE, LOOPS, ROOT_KEY = 41, 43, 44, 53, 54, 58
DEFAULTS = {8: 13500, 33: -12000, 34: -12000, 35: -12000, 36: -12000, 38: -12000, 56: 100, ROOT_KEY: -1}
DEFAULTS |= {26: -12000, 27: -12000, 28: -12000, 25: -12000}
ABSOLUTE = {KEY_RANGE, VELOCITY_RANGE, SAMPLE, LOOPS, ROOT_KEY, INSTRUMENT}

Generators = dict[int, int]


@dataclass(frozen=True, eq=False)
class Region:
    """One sample for a range of keys and velocities; `amounts` are those of the format's generators, by number."""

    start: int  # first frame of the sample, half-open up to `end`
    end: int
    loop_start: int
    loop_end: int
    sample_rate: int
    root_key: int
    correction_cents: int
    keys: tuple[int, int]
    velocities: tuple[int, int]
    amounts: dict[int, int]

    def covers(self, pitch: int, velocity: int) -> bool:
        """Whether the region sounds when a key is struck."""
        return self.keys[0] <= pitch <= self.keys[1] and self.velocities[0] <= velocity <= self.velocities[1]

    def amount(self, generator: int) -> int:
        """The value of a generator in the unit of the format."""
        return self.amounts.get(generator, DEFAULTS.get(generator, 0))

    def seconds(self, generator: int) -> float:
        """A generator in timecents: 1200 * log2(seconds)."""
        return 0.0 if self.amount(generator) <= -12000 else float(2.0 ** (self.amount(generator) / 1200))


@dataclass(frozen=True)
class SoundFont:
    """Samples int16 (frames,) and the regions of each (bank, program)."""

    samples: np.ndarray
    presets: dict[tuple[int, int], tuple[Region, ...]]

    def regions(self, program: int, is_drum: bool) -> tuple[Region, ...]:
        """The regions of a program; of the first program of the bank if it is missing, none if the bank is."""
        bank = DRUM_BANK if is_drum else 0
        regions = self.presets.get((bank, program)) or self.presets.get((bank, 0))
        return regions or next((self.presets[key] for key in sorted(self.presets) if key[0] == bank), ())


def default_path() -> Path:
    """`TimGM6mb.sf2` (General MIDI, 6 MB), which comes with the pretty_midi package; the package is not imported."""
    spec = find_spec("pretty_midi")
    if spec is None or spec.origin is None:
        raise BadFile("no SoundFont", "the package pretty_midi, which brings one, is not installed; pass --soundfont")
    return Path(spec.origin).with_name("TimGM6mb.sf2")


@cache
def load(path: Path) -> SoundFont:
    """A SoundFont from disk; the samples are mapped, and read when they are played.

    Raises:
        BadFile: for a missing file, and for one that is not a SoundFont 2.
    """
    try:
        with path.open("rb") as file:
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise BadFile("no SoundFont", f"cannot open {path}") from error
    if data[:4] != b"RIFF" or data[8:12] != b"sfbk":
        raise BadFile("bad SoundFont", f"{path} {NOT_SOUNDFONT}")
    try:
        chunks = dict(_chunks(data, 12, len(data)))
        return SoundFont(_samples(data, chunks, path), _presets(data, chunks))
    except (KeyError, IndexError, ValueError, TypeError) as error:
        raise BadFile("bad SoundFont", f"{path} {NOT_SOUNDFONT}, or it is damaged") from error


def _chunks(data: mmap.mmap, at: int, end: int) -> list[tuple[bytes, tuple[int, int]]]:
    """(name, (start, end)) of every chunk, those inside LIST chunks included."""
    chunks: list[tuple[bytes, tuple[int, int]]] = []
    while at + 8 <= end:
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"LIST":
            chunks += _chunks(data, at + 12, min(end, at + 8 + size))
        else:
            chunks.append((name, (at + 8, at + 8 + size)))
        at += 8 + size + size % 2
    return chunks


def _samples(data: mmap.mmap, chunks: dict[bytes, tuple[int, int]], path: Path) -> np.ndarray:
    start, end = chunks[b"smpl"]
    if data[start : start + 4] == b"OggS":
        raise BadFile("bad SoundFont", f"{path} has compressed samples (.sf3), which are not supported; use an .sf2")
    return np.frombuffer(data, "<i2", (end - start) // 2, start)


TABLES = {
    b"phdr": [("name", "S20"), ("program", "<u2"), ("bank", "<u2"), ("bag", "<u2"), ("rest", "<u4", 3)],
    b"inst": [("name", "S20"), ("bag", "<u2")],
    b"pbag": [("generator", "<u2"), ("modulator", "<u2")],
    b"ibag": [("generator", "<u2"), ("modulator", "<u2")],
    b"pgen": [("kind", "<u2"), ("amount", "<i2")],
    b"igen": [("kind", "<u2"), ("amount", "<i2")],
    b"shdr": [("name", "S20"), ("at", "<u4", 4), ("rate", "<u4"), ("root", "u1"), ("cents", "i1"), ("rest", "<u2", 2)],
}


def _presets(data: mmap.mmap, chunks: dict[bytes, tuple[int, int]]) -> dict[tuple[int, int], tuple[Region, ...]]:
    """(bank, program) -> its regions: each zone of the preset names an instrument, each zone of that a sample."""
    tables = {}
    for name, columns in TABLES.items():
        dtype = np.dtype(columns)  # type: ignore[call-overload]
        start, end = chunks[name]
        tables[name.decode()] = np.frombuffer(data, dtype, (end - start) // dtype.itemsize, start)
    headers = tables["phdr"]
    return {
        (int(header["bank"]), int(header["program"])): tuple(
            _region(tables["shdr"][inner[SAMPLE]], outer, inner)
            for outer in _zones(tables, "p", *_bags(headers, i), INSTRUMENT)
            for inner in _zones(tables, "i", *_bags(tables["inst"], outer[INSTRUMENT]), SAMPLE)
            if _intersection(outer, inner, KEY_RANGE) and _intersection(outer, inner, VELOCITY_RANGE)
        )
        for i, header in enumerate(headers[:-1])
    }


def _bags(headers: np.ndarray, i: int) -> tuple[int, int]:
    return int(headers["bag"][i]), int(headers["bag"][i + 1])


def _zones(tables: dict[str, np.ndarray], level: str, first: int, last: int, target: int) -> list[Generators]:
    """The zones that have the generator `target`, with the amounts of the global zone, which may come first."""
    bags, generators = tables[level + "bag"]["generator"], tables[level + "gen"]
    zones: list[Generators] = []
    common: Generators = {}
    for bag in range(first, last):
        zone = dict(generators[bags[bag] : bags[bag + 1]].tolist())
        if target in zone:
            zones.append(common | zone)
        elif bag == first:
            common = zone
    return zones


def _intersection(outer: Generators, inner: Generators, kind: int) -> tuple[int, int] | None:
    """The lowest and highest value (both included) in both ranges."""
    ranges = [(zone[kind] & 0xFF, zone[kind] >> 8 & 0xFF) for zone in (outer, inner) if kind in zone]
    low, high = max((r[0] for r in ranges), default=0), min((r[1] for r in ranges), default=127)
    return (low, high) if low <= high else None


def _region(sample: np.void, outer: Generators, inner: Generators) -> Region:
    # amounts of the preset are added to those of the instrument
    amounts = dict(inner)
    for kind, amount in outer.items():
        if kind not in ABSOLUTE:
            amounts[kind] = amounts.get(kind, DEFAULTS.get(kind, 0)) + amount
    # fine (frames) and coarse (32768 frames) offsets of start, end, loop start and loop end
    start, end, loop_start, loop_end = (int(at) for at in sample["at"])
    shift = [
        amounts.get(fine, 0) + 32768 * amounts.get(coarse, 0) for fine, coarse in ((0, 4), (1, 12), (2, 45), (3, 50))
    ]
    root = amounts.get(ROOT_KEY, -1)
    return Region(
        start + shift[0],
        end + shift[1],
        loop_start + shift[2],
        loop_end + shift[3],
        int(sample["rate"]),
        root if root >= 0 else int(sample["root"]),
        int(sample["cents"]),
        _intersection(outer, inner, KEY_RANGE) or (0, 127),
        _intersection(outer, inner, VELOCITY_RANGE) or (0, 127),
        amounts,
    )
