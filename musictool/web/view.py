"""What the page shows of a piece: the notes of its piano-roll, its bars and its key."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from musictool.corpus.keys import key_of
from musictool.music.gm import program_name
from musictool.music.score import DEFAULT_BPM, Score
from musictool.sampling.loops import period_of_notes

MOST_NOTES = 20_000  # that are drawn


def view(score: Score, primer: Score | None = None) -> dict[str, Any]:
    """JSON-able; notes are [onset, duration, pitch, track, velocity], and all times are in seconds.

    Args:
        primer: what the piece begins with.
    """
    notes = score.notes[:MOST_NOTES]
    onsets = score.to_seconds(notes["onset_ticks"])
    ends = score.to_seconds(notes["onset_ticks"] + notes["duration_ticks"].astype(np.int64))
    columns = (onsets.round(3), (ends - onsets).round(3), notes["pitch"], notes["track"], notes["velocity"])
    metre = score.metres[0] if len(score.metres) else None
    primer_end = 0 if primer is None else primer.end_ticks
    return {
        "notes": [list(note) for note in zip(*(column.tolist() for column in columns), strict=True)],
        "bars": score.to_seconds(score.bar_onsets_ticks()).round(3).tolist(),
        "seconds": round(score.seconds, 3),
        "primer_seconds": round(float(score.to_seconds(np.array([primer_end]))[0]), 3),
        "key": key_of(score),
        "bpm": round(float(score.tempos["bpm"][0]) if len(score.tempos) else DEFAULT_BPM, 1),
        "metre": "4/4" if metre is None else f"{metre['numerator']}/{metre['denominator']}",
        "tracks": [{"name": _name(track), "drums": track.is_drum} for track in score.tracks],
        "digest": digest(score),
        "loops": bool(period_of_notes(score)),
    }


def digest(score: Score) -> str:
    """The same for the same notes, whatever their seed was: by it the page never plays a piece twice."""
    columns = [score.notes[name].astype(np.int64) for name in ("onset_ticks", "pitch")]
    return hashlib.sha256(np.stack(columns).tobytes()).hexdigest()[:16]


def _name(track: Any) -> str:
    return "Drums" if track.is_drum else program_name(track.program)
