"""Piano-rolls of the Lakh Pianoroll Dataset: the `.npz` files that pypianoroll writes, LPD-5, LPD-17 or of any tracks.

An archive of plain arrays and one JSON text; K counts the tracks from 0, a step is 1/24 of a beat in Lakh:

    info.json               resolution (before pypianoroll 1.0: beat_resolution), steps per beat; name;
                            "K": {program, is_drum, name}
    pianoroll_K_csc_data    uint8 velocities or bool (C,), the cells of one roll that sound, pitch after pitch
    pianoroll_K_csc_indices the step of each cell (C,), ascending within a pitch
    pianoroll_K_csc_indptr  (129,): the cells of pitch p are indptr[p] to indptr[p + 1]
    pianoroll_K_csc_shape   (steps, 128)
    tempo                   beats a minute (steps,) or (steps, 1); may be missing
    downbeat                bool, 1 where a bar begins; may be missing

A note is a run of cells of one velocity: a change of velocity is taken for a new stroke, of drums too. pypianoroll
itself joins all cells that touch. Measured on 221 rolls against the MIDI files that they were made of, our rule finds
81% of the onsets of pitched tracks and 89% of drums where joining finds 72% and 83%; the price is 4% and 1% of false
strokes, most of them where a loud note ends over a soft one that goes on. Rolls of ones only are binary. (Dong et al.,
MuseGAN, 2018; Raffel, Learning-Based Methods for Comparing Sequences, 2016.)

Lost before we read: notes repeated without a gap at one velocity, lengths of drums, times between steps, keys. A beat
is taken for a quarter note, so that 6/8 may read as 3/4 or 6/4. pypianoroll marks no downbeats after the last change of
metre, and none but the first where nothing changes: such files say nothing of their metre.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from musictool.errors import BadFile
from musictool.music.score import DEFAULT_VELOCITY, KEY, METRE, PITCHES, TEMPO, Track
from musictool.readers import _archive
from musictool.readers import _midi_parts as midi_parts
from musictool.readers._midi_parts import Parsed, Part, build, clean
from musictool.readers._npy import REASON, array, whole_numbers
from musictool.reading import MAX_UNPACKED_BYTES, Reading, check_count

SUFFIXES = (".npz",)

MAX_RESOLUTION = 10_000  # steps per beat
MAX_STEPS = 1 << 22  # of the tempos and downbeats; 175,000 beats of 24
MAX_INFO_BYTES = 1 << 20
_INFO = "info.json"
_MAX_BAR_EIGHTHS = 64  # a longer way between two downbeats is no bar
_MAX_MICROSECONDS = 0xFFFFFF  # a quarter note, as MIDI has it
_REPEATS = 24  # see _by_step


def read(path: Path, parser: str = "") -> Reading:
    """The piece in a `.npz` file that `reading.read` has let through; `parser` is a matter of MIDI and is ignored.

    Returns:
        One Score with the tracks that sound, in the file's order.

    Raises:
        BadFile: "not a piano-roll", "too large" (info.json), "no notes", "too many notes", "too long".
    """
    _archive.check(path, MAX_UNPACKED_BYTES)
    if not zipfile.is_zipfile(path):
        raise BadFile(REASON, f"{path.name} is no zip archive")
    with zipfile.ZipFile(path) as archive:
        info = _info(archive)
        resolution = _resolution(info)
        parsed = Parsed(
            resolution,
            _parts(archive, info),
            _tempos(_by_time(archive, "tempo"), resolution),
            _metres(np.flatnonzero(_by_time(archive, "downbeat")), resolution),
            np.zeros(0, KEY),
        )
    return Reading([build(parsed, _text(info.get("name")))])


def _info(archive: zipfile.ZipFile) -> dict[str, Any]:
    if _INFO not in archive.NameToInfo:
        raise BadFile(REASON, f"there is no {_INFO}")
    if archive.getinfo(_INFO).file_size > MAX_INFO_BYTES:
        raise BadFile("too large", f"{_INFO}; at most {MAX_INFO_BYTES:,} bytes are read")
    try:
        info = json.loads(archive.read(_INFO))
    except (ValueError, RecursionError) as error:
        raise BadFile(REASON, f"{_INFO}: {error}"[:200]) from error
    if not isinstance(info, dict):
        raise BadFile(REASON, f"{_INFO} is no table")
    return info


def _resolution(info: dict[str, Any]) -> int:
    resolution = info.get("resolution", info.get("beat_resolution"))
    if type(resolution) is not int or not 1 <= resolution <= MAX_RESOLUTION:
        raise BadFile(REASON, f"a resolution of {resolution!r} steps per beat"[:200])
    return resolution


def _text(value: object) -> str:
    return clean(value) if isinstance(value, str) else ""


def _by_time(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    """An array of one number per step; empty where there is none."""
    numbers = array(archive, name) if f"{name}.npy" in archive.NameToInfo else np.zeros(0)
    if len(numbers) > MAX_STEPS:
        raise BadFile("too long", f"{name} of {len(numbers):,} steps; at most {MAX_STEPS:,} are read")
    return numbers


def _parts(archive: zipfile.ZipFile, info: dict[str, Any]) -> list[Part]:
    parts: list[Part] = []
    notes = 0
    while (entry := info.get(str(len(parts)))) is not None:
        part = _part(archive, f"pianoroll_{len(parts)}_csc_", _track(entry))
        parts.append(part)
        if notes := notes + len(part.onset):
            check_count(notes)
    return parts


def _track(entry: Any) -> Track:
    program = (entry.get("program") or 0) if isinstance(entry, dict) else None
    if type(program) is not int or not 0 <= program < 128:
        raise BadFile(REASON, f"{_INFO} has a track {entry!r}"[:200])
    return Track(program, bool(entry.get("is_drum")), _text(entry.get("name")))


def _part(archive: zipfile.ZipFile, prefix: str, track: Track) -> Part:
    """The notes of one roll, in steps."""
    value, step = array(archive, prefix + "data"), whole_numbers(archive, prefix + "indices")
    first_cell = whole_numbers(archive, prefix + "indptr").astype(np.int64)  # (P + 1,)
    _check_cells(value, step, first_cell, whole_numbers(archive, prefix + "shape").tolist())
    begins = np.ones(len(step) + 1, bool)  # a run; one more begins behind the last cell
    begins[1:-1] = (step[1:] != step[:-1] + 1) | (value[1:] != value[:-1])
    begins[first_cell] = True
    if runs := np.count_nonzero(begins) - 1:
        check_count(runs)
    cell = np.flatnonzero(begins)
    cell, length = cell[:-1], np.diff(cell)
    sounds = value[cell] > 0
    cell, length = cell[sounds], length[sounds]
    return Part(
        track,
        step[cell].astype(np.int64),
        length,
        np.searchsorted(first_cell, cell, side="right") - 1,
        _velocities(value[cell]),
    )


def _check_cells(value: np.ndarray, step: np.ndarray, first_cell: np.ndarray, shape: list[int]) -> None:
    """Refuse what scipy would not make of a roll: cells outside it, twice, or out of order."""
    if len(shape) != 2 or shape[1] != PITCHES:
        raise BadFile(REASON, f"a roll of shape {shape}, not (steps, {PITCHES})"[:200])
    if len(first_cell) != PITCHES + 1 or first_cell[0] or (np.diff(first_cell) < 0).any():
        raise BadFile(REASON, "indptr does not count the cells of 128 pitches")
    if not len(step) == len(value) == first_cell[-1]:
        raise BadFile(REASON, f"{len(value):,} values at {len(step):,} cells of {first_cell[-1]:,}")
    if len(step) and not 0 <= int(step.min()) <= int(step.max()) < shape[0]:
        raise BadFile(REASON, f"cells at steps {step.min()} to {step.max()} of {shape[0]}")
    ascends = np.zeros(len(step) + 1, bool)
    ascends[1:-1] = step[1:] > step[:-1]
    ascends[first_cell] = True
    if not ascends.all():
        raise BadFile(REASON, "cells out of order")


def _velocities(values: np.ndarray) -> np.ndarray:
    """int64 (N,) 1..127, from values above 0 of any dtype."""
    if not len(values) or values.max() <= 1:
        return np.full(len(values), DEFAULT_VELOCITY)
    return np.clip(values, 1, 127).astype(np.int64)


def _tempos(bpm: np.ndarray, resolution: int) -> np.ndarray:
    """TEMPO in steps, a row where the tempo changes by a microsecond a quarter note; impossible ones are dropped."""
    with np.errstate(all="ignore"):
        bpm, steps = _by_step(bpm.astype(np.float64), resolution)
        microseconds = np.round(60e6 / bpm)
        at = np.flatnonzero((microseconds >= 1) & (microseconds <= _MAX_MICROSECONDS))
    if not len(at):
        return np.zeros(0, TEMPO)
    microseconds = microseconds[at]
    changes = np.append(True, microseconds[1:] != microseconds[:-1])
    return midi_parts.tempos(at[changes] * steps, microseconds[changes])


def _by_step(bpm: np.ndarray, resolution: int) -> tuple[np.ndarray, int]:
    """The tempos in order, and how many steps each lasts.

    pypianoroll writes the tempos of all beats 24 times over, one list behind the other, where it means each beat's
    tempo 24 times; such an array is known by its repeats, unless it also holds still within each beat.
    """
    beats, rest = divmod(len(bpm), _REPEATS)
    if rest or not beats or (bpm.reshape(_REPEATS, beats) != bpm[:beats]).any():
        return bpm, 1
    if len(bpm) % resolution == 0 and (bpm.reshape(-1, resolution) == bpm[::resolution, None]).all():
        return bpm, 1
    return bpm[:beats], resolution


def _metres(downbeats: np.ndarray, resolution: int) -> np.ndarray:
    """METRE in steps, from int (N,), the steps at which bars begin.

    A bar of a whole number of quarter notes counts them, another the nearest number of eighths; the metre is written
    again where a bar before it was not as long as it says. (Of one that is longer, the rest then stands as a bar of its
    own.)
    """
    ways = np.diff(downbeats)
    eighths = (4 * ways + resolution) // (2 * resolution)
    bars = (eighths >= 1) & (eighths <= _MAX_BAR_EIGHTHS)
    onsets, eighths = downbeats[:-1][bars], eighths[bars]
    is_change = np.ones(len(onsets), bool)
    is_change[1:] = (eighths[1:] != eighths[:-1]) | (2 * np.diff(onsets) != eighths[:-1] * resolution)
    quarters = eighths[is_change] % 2 == 0
    table = np.zeros(len(quarters), METRE)
    table["onset_ticks"] = onsets[is_change]
    table["numerator"] = np.where(quarters, eighths[is_change] // 2, eighths[is_change])
    table["denominator"] = np.where(quarters, 4, 8)
    return table
