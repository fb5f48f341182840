"""From Constraints to the Guidance of a continuation: the tokens that are banned, and the conditions."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np

from musictool.errors import BadOption
from musictool.generation.request import Constraints
from musictool.models.model import Model
from musictool.music.chords import whole_bars
from musictool.music.instruments import INSTRUMENTS, TRACKS, instrument_of
from musictool.music.score import PITCHES, Track, transposed_chords
from musictool.sampling.guidance import Guidance

_LEAST = 2  # tokens that begin a note, for there to be something to choose


def guidance_of(
    model: Model, constraints: Constraints, transposition: int = 0, needs_onset_mask: bool = False
) -> Guidance:
    """What a continuation by the model is bound to.

    Args:
        transposition: semitones by which the model's music is higher than the user's.
        needs_onset_mask: whether to say which tokens begin notes, for a repetition penalty.

    Raises:
        BadOption: if nothing that the model could write is left, or it was not trained with a condition or chords.
        UnknownName: for a label that it does not know.
    """
    histogram = constraints.histogram
    if histogram is not None:
        histogram = tuple(np.roll(histogram, transposition).tolist())
    known, tonality, tracks = model.conditions, constraints.key_index, constraints.tracks
    if tonality is not None:
        tonality = int(transposed_chords(np.array(tonality), transposition))  # a key is numbered as its triad
    values: dict[str, Any] = {
        "density": constraints.density,
        "histogram": histogram,
        "label": constraints.label,
        # --key and --instruments bind any model by what is banned, and are conditions of one that knows them
        "key": tonality if "key" in known.controls else None,
        "instruments": tracks if "instruments" in known.controls else None,
    }
    conditions = None if all(value is None for value in values.values()) else known.vector(**values)
    chords = None if "chords" in known.controls else _chords_of_bars(model, constraints, transposition)
    if constraints.pitches.all() and constraints.tracks is None and not needs_onset_mask:
        return Guidance(conditions=conditions, chords=chords)
    onset_pitches = model.encoding.onset_pitches()  # (V, P)
    banned = _banned(onset_pitches, constraints, transposition)
    if constraints.tracks is not None:
        silent = _silent(model, constraints.tracks, onset_pitches)
        banned = silent if banned is None else banned | silent
    return Guidance(banned, conditions, chords=chords, onset_mask=np.any(onset_pitches, axis=1))


def _chords_of_bars(model: Model, constraints: Constraints, transposition: int) -> tuple[int, ...] | None:
    """The chord of each bar, for an arch that is given chords; None for any. Raises BadOption for one that is not."""
    halves = constraints.chord_halves
    if halves is None:
        return None
    if not model.arch_class.supports_chords:
        raise BadOption(
            f"--chords: {model.name} was not trained to be asked for chords; train one with --controls chords, or of "
            "--arch midinet"
        )
    if (bars := whole_bars(halves)) is None:
        raise BadOption(f"--chords '{constraints.chords}': {model.name} takes one chord a bar; leave out the commas")
    return tuple(transposed_chords(np.array(bars), transposition).tolist())


def allowed_instruments(model: Model, tracks: Collection[Track]) -> list[Track]:
    """Those of the instruments of a model's encoding that are among `tracks`. An encoding that has only five of them
    has each for all programs of its kind.

    Raises:
        BadOption: if there are none.
    """
    known = dict.fromkeys(track for track in model.encoding.instruments() if track is not None)
    kinds = [instrument_of(track) for track in tracks]
    is_of_five = set(known) == set(TRACKS)
    allowed = [track for track in known if (instrument_of(track) in kinds if is_of_five else track in tracks)]
    if not allowed:
        names = ", ".join(INSTRUMENTS) if known else "none; take one trained with --encoding note-duration"
        raise BadOption(f"--instruments: {model.name} has none of these to choose; it knows {names}")
    return allowed


def _silent(model: Model, tracks: Collection[Track], onset_pitches: np.ndarray) -> np.ndarray:
    """bool (V,) or (D,): what chooses or plays other instruments than these; if they are drums alone, all pitches."""
    allowed = allowed_instruments(model, tracks)
    silent = np.array([track is not None and track not in allowed for track in model.encoding.instruments()])
    return silent | onset_pitches.any(axis=1) if all(track.is_drum for track in allowed) else silent


def _banned(onset_pitches: np.ndarray, constraints: Constraints, transposition: int) -> np.ndarray | None:
    """bool (V,) or (D,): what begins a note that is not allowed; None if all notes are."""
    if constraints.pitches.all():
        return None
    # the allowed pitches, at the height at which the model writes them
    allowed = np.isin(np.arange(PITCHES) - transposition, np.flatnonzero(constraints.pitches))
    banned = np.any(onset_pitches & ~allowed, axis=1)  # (V, P) -> (V,)
    if (np.any(onset_pitches, axis=1) & ~banned).sum() < _LEAST:
        flags = {"--key": constraints.key, "--scale": constraints.scale, "--pitch-range": constraints.pitch_range}
        given = " ".join(f"{name} {value}" for name, value in flags.items() if value is not None)
        raise BadOption(f"{given} leaves this model no notes to choose from; widen it")
    return banned
