"""Standard MIDI files written byte by byte, for tests that need them exactly so."""

from __future__ import annotations

import struct
from pathlib import Path

from musictool.music.score import Score

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"  # real music beside the checkout, where there is any
END = bytes.fromhex("00 ff 2f 00")


def track(events: bytes, length: int | None = None) -> bytes:
    """An MTrk chunk; `length` lies about its size."""
    return b"MTrk" + struct.pack(">I", len(events) if length is None else length) + events


def header(tracks: int = 1, division: int = 480, form: int = 1) -> bytes:
    return b"MThd" + struct.pack(">IHHH", 6, form, tracks, division)


def smf(*tracks: str, division: int = 480, form: int = 1) -> bytes:
    """A whole file from the events of its tracks in hexadecimal; the end of track is added."""
    chunks = [track(bytes.fromhex(events) + END) for events in tracks]
    return header(len(tracks), division, form) + b"".join(chunks)


def rows(score: Score) -> list[tuple[int, int, int, int, bool]]:
    """(onset, duration, pitch, velocity, is_drum) of each note, sorted."""
    notes = score.notes
    columns = [notes[name].tolist() for name in ("onset_ticks", "duration_ticks", "pitch", "velocity")]
    return sorted(zip(*columns, score.is_drum.tolist(), strict=True))
