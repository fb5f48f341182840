from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool import reading
from musictool.errors import BadFile
from musictool.music.score import Score, Track
from musictool.readers import _archive, lpd
from tests.readers.smf import DATA, rows

STEPS = 192  # two bars of 4/4 at 24 steps a beat


def csc(roll: np.ndarray, track: int = 0) -> dict[str, np.ndarray]:
    """The four arrays of a roll (steps, 128), cell by cell."""
    cells = [(step, roll[step, pitch]) for pitch in range(128) for step in range(len(roll)) if roll[step, pitch]]
    counts = np.count_nonzero(roll, axis=0)
    return {
        f"pianoroll_{track}_csc_data": np.array([value for _, value in cells], roll.dtype),
        f"pianoroll_{track}_csc_indices": np.array([step for step, _ in cells], np.int32),
        f"pianoroll_{track}_csc_indptr": np.append(0, np.cumsum(counts)).astype(np.int32),
        f"pianoroll_{track}_csc_shape": np.array(roll.shape),
    }


def info(*tracks: tuple[int, bool, str], resolution: int = 24, key: str = "resolution") -> dict[str, Any]:
    named = {str(i): {"program": p, "is_drum": d, "name": n} for i, (p, d, n) in enumerate(tracks)}
    return {key: resolution, "name": "song", **named}


def write(path: Path, arrays: dict[str, np.ndarray], about: object) -> Path:
    """A file as pypianoroll writes it: numpy first, the JSON text behind."""
    np.savez_compressed(path, **arrays)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("info.json", json.dumps(about), zipfile.ZIP_DEFLATED)
    return path


def roll(*notes: tuple[int, int, int, int], steps: int = STEPS, dtype: Any = np.uint8) -> np.ndarray:
    """A roll (steps, 128) of notes (pitch, first step, steps, velocity)."""
    cells = np.zeros((steps, 128), dtype)
    for pitch, first, length, velocity in notes:
        cells[first : first + length, pitch] = velocity
    return cells


def read(path: Path) -> Score:
    result = reading.read(path)
    assert result.remark == ""
    assert len(result.scores) == 1
    return result.scores[0]


def read_roll(path: Path, cells: np.ndarray, resolution: int = 24, **arrays: np.ndarray) -> Score:
    about = info((0, False, "Piano"), resolution=resolution)
    return read(write(path / "a.npz", {**csc(cells), **arrays}, about))


def columns(score: Score) -> list[tuple[int, int, int, int]]:
    return [row[:4] for row in rows(score)]


@pytest.mark.parametrize("layout", ["legacy", "current"])
def test_a_song_is_read_with_all_that_a_file_of_either_layout_holds(tmp_path: Path, layout: str):
    tempo, downbeat = np.full(STEPS, 90.0), np.arange(STEPS) % 96 == 0
    if layout == "current":
        tempo, downbeat = tempo[:, None], downbeat[:, None]
    arrays = {
        "tempo": tempo,
        "downbeat": downbeat,
        **csc(roll((36, 0, 1, 100), (36, 24, 1, 101)), 0),
        **csc(roll(), 1),
        **csc(roll((40, 0, 48, 80), (43, 48, 144, 90)), 2),
    }
    about = info(
        (0, True, "Drums"),
        (0, False, "Piano"),
        (32, False, "Bass"),
        key="resolution" if layout == "current" else "beat_resolution",
    )
    score = read(write(tmp_path / "song.npz", arrays, about))
    assert rows(score) == [
        (0, 20, 36, 100, True),
        (0, 960, 40, 80, False),
        (480, 20, 36, 101, True),
        (960, 2880, 43, 90, False),
    ]
    assert score.tracks == (Track(0, True, "Drums"), Track(32, False, "Bass"))  # a silent track is no track
    assert score.title == "song"
    assert score.tempos.tolist() == [(0, pytest.approx(90))]
    assert score.metres.tolist() == [(0, 4, 4)]
    assert not len(score.keys)


def test_a_change_of_velocity_is_a_new_stroke_and_a_run_never_crosses_a_pitch(tmp_path: Path):
    cells = roll((60, 0, 24, 80), (60, 24, 24, 90), (60, 100, 92, 70), (61, 0, 10, 70), (127, 191, 1, 5))
    assert columns(read_roll(tmp_path, cells)) == [
        (0, 200, 61, 70),
        (0, 480, 60, 80),
        (480, 480, 60, 90),
        (2000, 1840, 60, 70),
        (3820, 20, 127, 5),
    ]


def slow_notes(cells: np.ndarray) -> list[tuple[int, int, int, int]]:
    """(onset, duration in steps, pitch, velocity), a cell at a time."""
    notes = []
    for pitch in range(128):
        step = 0
        while step < len(cells):
            first = step
            while step < len(cells) and cells[step, pitch] == cells[first, pitch]:
                step += 1
            if cells[first, pitch] > 0:
                notes.append((first, step - first, pitch, min(int(cells[first, pitch]), 127)))
    return sorted(notes)


def test_the_vectorised_runs_agree_with_the_slow_ones(tmp_path: Path):
    rng = np.random.default_rng(0)
    for i in range(20):
        steps = int(rng.integers(1, 40))
        cells = (rng.integers(0, 4, (steps, 128)) * rng.integers(0, 2, (steps, 128)) * 50).astype(np.uint8)
        cells[:, rng.integers(0, 128, 60)] = 0
        cells[0, 64] = 50
        got = columns(read_roll(tmp_path, cells))
        assert [(a // 20, b // 20, c, d) for a, b, c, d in got] == slow_notes(cells), i


@pytest.mark.parametrize(
    "value, dtype, velocity",
    [(1, bool, 80), (1, np.uint8, 80), (1, np.float64, 80), (2, np.uint8, 2), (200, np.uint8, 127), (99.5, "f4", 99)],
)
def test_velocities_are_the_values_and_those_of_binary_rolls_the_default(
    tmp_path: Path, value: float, dtype: Any, velocity: int
):
    cells = np.zeros((4, 128), dtype)
    cells[:2, 60] = value
    assert columns(read_roll(tmp_path, cells)) == [(0, 40, 60, velocity)]


def test_cells_below_zero_and_no_numbers_are_silent(tmp_path: Path):
    cells = np.zeros((6, 128))
    cells[:6, 60] = [-5, 64, 64, np.nan, np.inf, -np.inf]
    assert columns(read_roll(tmp_path, cells)) == [(20, 40, 60, 64), (80, 20, 60, 127)]


@pytest.mark.parametrize(
    "resolution, onset, duration", [(24, 60, 40), (4, 360, 240), (12, 120, 80), (7, 206, 137), (480, 3, 2)]
)
def test_steps_of_any_resolution_become_ticks(tmp_path: Path, resolution: int, onset: int, duration: int):
    assert columns(read_roll(tmp_path, roll((60, 3, 2, 64)), resolution)) == [(onset, duration, 60, 64)]


NOTE = roll((60, 0, 192, 64))


@pytest.mark.parametrize(
    "bpm, expected",
    [
        (np.repeat([120.0, 60.0], 96), [(0, 120), (1920, 60)]),
        (np.repeat([[120.0], [60.0]], 96, axis=0), [(0, 120), (1920, 60)]),
        (np.resize([120.0, 120.0 + 1e-9], 192), [(0, 120)]),  # what summing up seconds leaves behind
        (np.repeat([np.nan, 120.0, 0.0, np.inf, -60.0, 120.0, 1e9, 60.0], 24), [(480, 120), (3360, 60)]),
        (np.full(192, np.nan), []),
        (np.array(100.0), [(0, 100)]),
        (np.full(192, 90, np.int16), [(0, 90)]),
        # eight beats whose list stands there 24 times over, as pypianoroll writes it
        (np.tile([120.0, 120, 60, 60, 60, 90, 90, 90], 24), [(0, 120), (960, 60), (2400, 90)]),
        # every beat another tempo: 1,152 steps that also repeat 24 times, and yet hold still within a beat
        (np.repeat(np.tile([120.0, 60.0], 24), 24), [(480 * i, 60 if i % 2 else 120) for i in range(48)]),
    ],
)
def test_tempos_stand_where_they_change(tmp_path: Path, bpm: np.ndarray, expected: list[tuple[int, float]]):
    score = read_roll(tmp_path, NOTE, tempo=bpm)
    assert score.tempos.tolist() == [(onset, pytest.approx(value)) for onset, value in expected]


@pytest.mark.parametrize(
    "downbeats, expected",
    [
        ([0, 96], [(0, 4, 4)]),
        ([0, 72, 144], [(0, 3, 4)]),
        ([0, 84, 168], [(0, 7, 8)]),
        ([0, 12, 36], [(0, 1, 8), (240, 1, 4)]),
        ([0, 96, 168], [(0, 4, 4), (1920, 3, 4)]),
        ([24, 96, 168], [(480, 3, 4)]),  # a pickup of one beat
        ([0, 73, 145], [(0, 3, 4), (1460, 3, 4)]),  # a bar of a step too much: the next begins where it is marked
        ([0, 2, 4, 6, 100], [(120, 4, 4)]),  # no bar is shorter than half an eighth
        ([0], []),  # all that pypianoroll marks in a piece of one metre
        ([], []),
    ],
)
def test_the_ways_between_downbeats_are_metres(
    tmp_path: Path, downbeats: list[int], expected: list[tuple[int, int, int]]
):
    marks = np.zeros(STEPS, bool)
    marks[downbeats] = True
    score = read_roll(tmp_path, NOTE, downbeat=marks)
    assert score.metres.tolist() == expected
    assert set(score.metres["onset_ticks"].tolist()) <= {step * 20 for step in downbeats}


def test_bars_begin_at_the_downbeats(tmp_path: Path):
    marks = np.zeros(STEPS, bool)
    marks[[24, 72, 156, 157]] = True
    bars = read_roll(tmp_path, NOTE, downbeat=marks).bar_onsets_ticks().tolist()
    assert bars[:4] == [0, 24 * 20, 72 * 20, 156 * 20]


def test_a_long_way_without_a_downbeat_is_no_bar(tmp_path: Path):
    cells = roll((60, 0, 5000, 64), steps=5000)
    marks = np.zeros(5000, bool)
    marks[[0, 96, 4000, 4072]] = True
    assert read_roll(tmp_path, cells, downbeat=marks).metres.tolist() == [(0, 4, 4), (80_000, 3, 4)]


def test_headers_that_python_2_wrote_are_read(tmp_path: Path):
    """As in the Lakh files themselves: lengths end in an L."""
    path = write(tmp_path / "a.npz", csc(roll((60, 0, 3, 64))), info((0, False, "Piano")))
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (3L,), }".ljust(117) + b"\n"
    members["pianoroll_0_csc_data.npy"] = b"\x93NUMPY\1\0" + struct.pack("<H", 118) + header + bytes([64, 64, 64])
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    assert columns(read(path)) == [(0, 60, 60, 64)]


def test_names_and_programs_may_be_missing_and_unknown_members_do_no_harm(tmp_path: Path):
    arrays = {**csc(roll((60, 0, 3, 64))), "../../outside": np.zeros(3), "/etc/other": np.zeros(3)}
    (tmp_path / "deep" / "er").mkdir(parents=True)
    about = {"resolution": 24, "name": None, "0": {"program": None}}
    path = write(tmp_path / "deep" / "er" / "a.npz", arrays, about)
    assert read(path).tracks == (Track(),)
    assert read(path).title == ""
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["a.npz"]


SOUND = csc(roll((60, 0, 3, 64), (61, 5, 2, 64)))
VALUES, CELLS, COUNTS, SHAPE = (f"pianoroll_0_csc_{part}" for part in ("data", "indices", "indptr", "shape"))
PIANO = info((0, False, "Piano"))


def without(name: str) -> dict[str, np.ndarray]:
    return {key: value for key, value in SOUND.items() if key != name}


REFUSED = {
    "no info.json": (SOUND, None, "not a piano-roll"),
    "info.json is a list": (SOUND, [1], "not a piano-roll"),
    "no resolution": (SOUND, {"0": {"program": 0}}, "not a piano-roll"),
    "a resolution of zero": (SOUND, {**PIANO, "resolution": 0}, "not a piano-roll"),
    "a resolution below zero": (SOUND, {**PIANO, "resolution": -24}, "not a piano-roll"),
    "a resolution of text": (SOUND, {**PIANO, "resolution": "24"}, "not a piano-roll"),
    "a resolution of billions": (SOUND, {**PIANO, "resolution": 10**30}, "not a piano-roll"),
    "a track that is no table": (SOUND, {**PIANO, "0": 5}, "not a piano-roll"),
    "program 128": (SOUND, {**PIANO, "0": {"program": 128}}, "not a piano-roll"),
    "no tracks": (SOUND, {"resolution": 24}, "no notes"),
    "a silent roll": (csc(roll()), PIANO, "no notes"),
    "no data": (without(VALUES), PIANO, "not a piano-roll"),
    "no indices": (without(CELLS), PIANO, "not a piano-roll"),
    "a second track without a roll": (SOUND, info((0, False, ""), (0, False, "")), "not a piano-roll"),
    "pickled objects": ({**SOUND, VALUES: np.array([{}] * 5, object)}, PIANO, "not a piano-roll"),
    "text": ({**SOUND, VALUES: np.array(["loud"] * 5)}, PIANO, "not a piano-roll"),
    "complex numbers": ({**SOUND, VALUES: np.zeros(5, complex)}, PIANO, "not a piano-roll"),
    "indices with decimals": ({**SOUND, CELLS: SOUND[CELLS].astype(float)}, PIANO, "not a piano-roll"),
    "more values than cells": ({**SOUND, VALUES: np.ones(9, np.uint8)}, PIANO, "not a piano-roll"),
    "cells behind the end": ({**SOUND, SHAPE: np.array([6, 128])}, PIANO, "not a piano-roll"),
    "cells before the beginning": ({**SOUND, CELLS: SOUND[CELLS] - 1}, PIANO, "not a piano-roll"),
    "cells in disorder": ({**SOUND, CELLS: SOUND[CELLS][::-1]}, PIANO, "not a piano-roll"),
    "a cell twice": ({**SOUND, CELLS: np.array([0, 1, 1, 5, 6])}, PIANO, "not a piano-roll"),
    "indptr that goes back": ({**SOUND, COUNTS: SOUND[COUNTS] - 9 * (np.arange(129) == 70)}, PIANO, "not a piano-roll"),
    "indptr from 1": ({**SOUND, COUNTS: np.maximum(SOUND[COUNTS], 1)}, PIANO, "not a piano-roll"),
    "indptr from -3": ({**SOUND, COUNTS: SOUND[COUNTS] - 3 * (np.arange(129) == 0)}, PIANO, "not a piano-roll"),
    "indptr past the cells": ({**SOUND, COUNTS: SOUND[COUNTS] * 2}, PIANO, "not a piano-roll"),
    "indptr of 2**63": ({**SOUND, COUNTS: SOUND[COUNTS].astype(np.uint64) * 2**62}, PIANO, "not a piano-roll"),
    "a roll of 127 pitches": ({**SOUND, SHAPE: np.array([192, 127])}, PIANO, "not a piano-roll"),
    "a roll of three axes": ({**SOUND, SHAPE: np.array([192, 128, 2])}, PIANO, "not a piano-roll"),
    "a step after 50,000 quarter notes": (
        {**SOUND, SHAPE: np.array([2**31, 128]), CELLS: SOUND[CELLS] + 2**30},
        PIANO,
        "too long",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_piano_roll_says_why(tmp_path: Path, name: str):
    arrays, about, reason = REFUSED[name]
    path = write(tmp_path / "a.npz", arrays, about)
    if about is None:
        np.savez(path, **arrays)
    with pytest.raises(BadFile) as error:
        reading.read(path)
    assert error.value.reason == reason, error.value


@pytest.mark.parametrize(
    "text, reason",
    [
        (b"", "not a piano-roll"),
        (b"{", "not a piano-roll"),
        (b"\xff\xfe", "not a piano-roll"),
        (b"[" * 100_000, "not a piano-roll"),
        (b'{"resolution": ' + b"9" * 10_000 + b"}", "not a piano-roll"),
        (b'"' + bytes(lpd.MAX_INFO_BYTES) + b'"', "too large"),
    ],
)
def test_an_info_json_that_is_none_says_so(tmp_path: Path, text: bytes, reason: str):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("info.json", text)
    with pytest.raises(BadFile) as error:
        reading.read(tmp_path / "a.npz")
    assert error.value.reason == reason


def npy(shape: str, dtype: str = "|u1", body: bytes = bytes(5)) -> bytes:
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header + body


@pytest.mark.parametrize(
    "data",
    [
        npy("(1099511627776,)"),
        npy("(1099511627776, 1099511627776)"),
        npy("(-5, -1)"),
        npy("(4,)"),
        npy("(5,)", "|O"),
        npy("((((5,)"),
        npy("[5]"),
        npy("(5,)", "|V1"),
        b"\x93NUMPY\1\0\xff\xff{",
        b"\x93NUMPY\3\0" + npy("(5,)")[8:],
        b"not an array",
        b"",
    ],
)
def test_a_header_that_does_not_fit_its_bytes_is_not_believed(tmp_path: Path, data: bytes):
    path = write(tmp_path / "a.npz", without(VALUES), PIANO)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"{VALUES}.npy", data)
    with pytest.raises(BadFile, match="not a piano-roll: "):
        reading.read(path)


@pytest.mark.parametrize("tracks, before", [(1, "_velocities"), (2, "build")])
def test_too_many_notes_are_refused_before_there_is_room_made_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tracks: int, before: str
):
    monkeypatch.setattr(reading, "MAX_NOTES", 3)
    monkeypatch.delattr(lpd, before)
    cells = roll(*((60, 9 * i, 3, 64) for i in range(4 // tracks)))
    arrays = {name: array for i in range(tracks) for name, array in csc(cells, i).items()}
    with pytest.raises(BadFile, match="too many notes: 4"):
        reading.read(write(tmp_path / "a.npz", arrays, info(*[(0, False, "")] * tracks)))


@pytest.mark.parametrize("name", ["tempo", "downbeat"])
def test_endless_tempos_and_downbeats_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str):
    monkeypatch.setattr(lpd, "MAX_STEPS", 100)
    with pytest.raises(BadFile, match=f"too long: {name} of 192 steps"):
        read_roll(tmp_path, NOTE, **{name: np.ones(192)})


def test_any_cut_and_any_flipped_byte_give_notes_or_a_reason(tmp_path: Path):
    whole = write(tmp_path / "a.npz", {**SOUND, "tempo": np.full(9, 120.0)}, PIANO).read_bytes()
    rng = np.random.default_rng(1)
    reasons = set()
    for i in range(400):
        data = bytearray(whole)
        for at in rng.integers(0, len(whole), rng.integers(1, 5)):
            data[at] = rng.integers(0, 256)
        (tmp_path / "b.npz").write_bytes(data if i % 2 else whole[: rng.integers(1, len(whole))])
        try:
            assert len(reading.read(tmp_path / "b.npz").scores[0].notes)
        except BadFile as error:
            reasons.add(error.reason)
    assert {"truncated", "unreadable"} <= reasons <= {"truncated", "unreadable", "not a piano-roll", "too large"}


def test_a_way_of_compressing_that_cannot_be_bounded_is_refused_unread(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("info.json", json.dumps(PIANO))
    with pytest.raises(BadFile, match=r"unreadable: 'info\.json' is compressed by method 12"):
        reading.read(tmp_path / "a.npz")


def test_an_archive_of_very_many_members_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_archive, "MAX_MEMBERS", 4)
    with pytest.raises(BadFile, match="too large: an archive of 5 members"):
        reading.read(write(tmp_path / "a.npz", SOUND, PIANO))


def dense(archive: Any, track: int) -> np.ndarray:
    """A roll (steps, 128), a pitch at a time."""
    data, indices, indptr, shape = (
        archive[f"pianoroll_{track}_csc_{p}"] for p in ("data", "indices", "indptr", "shape")
    )
    cells = np.zeros(shape, int)
    for pitch in range(128):
        span = slice(indptr[pitch], indptr[pitch + 1])
        cells[indices[span], pitch] = data[span]
    return cells


@pytest.mark.skipif(not (DATA / "lpd5").is_dir(), reason="no piano-rolls beside the checkout")
def test_the_notes_of_real_files_paint_the_rolls_that_they_were_read_from():
    files = sorted((DATA / "lpd5").rglob("*.npz"))[::20]
    assert files
    for path in files:
        score = read(path)
        with np.load(path) as archive:
            about = json.loads(archive["info.json"])
            rolls = {about[str(i)]["name"]: dense(archive, i) for i in range(5)}
        assert [track.name for track in score.tracks] == [name for name, cells in rolls.items() if cells.any()]
        for i, track in enumerate(score.tracks):
            to_roll = np.zeros_like(rolls[track.name])
            for note in score.notes[score.notes["track"] == i].tolist():
                onset, duration = note[0] // 20, note[1] // 20
                assert not to_roll[onset : onset + duration, note[2]].any()
                to_roll[onset : onset + duration, note[2]] = note[3]
            assert np.array_equal(to_roll, np.minimum(rolls[track.name], 127)), (path, track)
        assert score.metres.tolist() == [(0, 4, 4)]
