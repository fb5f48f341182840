"""What is written, behind what a user has: the user's part stays as it is, note for note."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from musictool.music.score import Score, sort_notes


def joined(first: Score, second: Score, at_ticks: int) -> Score:
    """The first piece untouched, and the second with its 0 at a time of the first.

    A track of the second goes on in the first track of the first piece that is the same instrument, and else stands
    behind its tracks. The second's tempos, metres and keys hold from `at_ticks` on, but not before the first piece has
    ended; of what the first names none, the second's hold from the beginning.
    """
    cut = max(at_ticks, first.end_ticks)
    later = second.since(cut - at_ticks)
    tracks, notes = list(first.tracks), second.later(at_ticks).notes
    numbers = np.zeros(len(second.tracks), np.uint16)
    for number in np.unique(notes["track"]):
        track = second.tracks[number]
        same = (i for i, own in enumerate(tracks) if (own.program, own.is_drum) == (track.program, track.is_drum))
        numbers[number] = found = next(same, len(tracks))
        tracks += [track] * (found == len(tracks))
    notes["track"] = numbers[notes["track"]]
    return replace(
        first,
        notes=sort_notes(np.concatenate([first.notes, notes])),
        tracks=tuple(tracks),
        tempos=_followed(first.tempos, second.tempos, later.tempos, cut),
        metres=_followed(first.metres, second.metres, later.metres, cut),
        keys=_followed(first.keys, second.keys, later.keys, cut),
    )


def _followed(first: np.ndarray, whole: np.ndarray, later: np.ndarray, cut_ticks: int) -> np.ndarray:
    """A TEMPO, METRE or KEY table, and behind `cut_ticks` another, `whole`, of which `later` is what holds then."""
    if not len(whole):
        return first
    before, later = first[first["onset_ticks"] < cut_ticks], later.copy()
    later["onset_ticks"] += cut_ticks
    if not len(before):
        before = whole[:1].copy()
        before["onset_ticks"] = 0
    values = list(before.dtype.names or ())[1:]
    if before[values][-1] == later[values][0]:
        later = later[1:]
    return np.concatenate([before, later])
