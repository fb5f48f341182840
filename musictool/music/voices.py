"""Who sings what: the notes of a piece shared out among four voices that sing one note at a time.

Tracks named Soprano, Alto, Tenor and Bass are these voices, and where there are all four, other tracks are left out.
Else, where a piece has at most four tracks that play one note at a time, each is a voice, the highest on average the
soprano; one of two is the bass, one of three the alto. Of any other music the notes of each onset are shared out from
the highest to the lowest voice, each to a voice that sang something near; where none is free, the note that has sounded
longest ends. Limit: of five notes at once one is left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

import numpy as np

from musictool.music.score import Score

NAMES = ("Soprano", "Alto", "Tenor", "Bass")
VOICES = len(NAMES)
LEFT_OUT = -1
BY_NUMBER = {1: (0,), 2: (0, 3), 3: (0, 1, 3), 4: (0, 1, 2, 3)}  # the voices of so many parts
_MOST_SHARED = 0.05  # of the notes of a track that is a voice begin with another one, or sound on into the next
_CROSSING = 12.0  # what two voices out of order cost, in semitones


def voices_of(score: Score, onsets: np.ndarray, lengths: np.ndarray, preferred: Collection[int] = ()) -> np.ndarray:
    """int64 (N,): the voice of each note, 0 for the soprano to 3 for the bass; LEFT_OUT for drums and what is too much.

    Args:
        onsets, lengths: int64 (N,), of the notes, in steps of a grid.
        preferred: tracks whose notes are left out last.
    """
    of_tracks = track_voices(score, onsets, lengths)
    if of_tracks is None:
        return _shared_out(score, onsets, lengths, np.isin(score.notes["track"], [*preferred]))
    return np.array([of_tracks.get(track, LEFT_OUT) for track in score.notes["track"].tolist()], np.int64)


def track_voices(score: Score, onsets: np.ndarray, lengths: np.ndarray) -> dict[int, int] | None:
    """Track -> voice, of a piece whose tracks are voices; None for any other piece.

    Args are those of `voices_of`.
    """
    notes = score.notes["track"]
    names = [track.name.strip().capitalize() for track in score.tracks]
    used = [track for track in np.unique(notes).tolist() if not score.tracks[track].is_drum]
    named = [track for track in used if names[track] in NAMES]
    if sorted(names[track] for track in named) == sorted(NAMES):
        used = named
    if len(used) > VOICES or not all(_is_a_voice(onsets[notes == track], lengths[notes == track]) for track in used):
        return None
    if used == named and len({names[track] for track in used}) == len(used):
        return {track: NAMES.index(names[track]) for track in used}
    heights = [-float(score.notes["pitch"][notes == track].mean()) for track in used]
    order = [track for _, track in sorted(zip(heights, used, strict=True))]
    return dict(zip(order, BY_NUMBER.get(len(order), ()), strict=True))


def one_at_a_time(voices: np.ndarray, onsets: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The notes of voices as these can sing them: of notes that begin together the longest, each until the next.

    Args:
        voices, onsets, lengths: int64 (N,), onsets and lengths in steps.

    Returns:
        int64 (M,) each: the indices of the notes that stay, by voice, then onset; and their lengths.
    """
    order = np.lexsort((lengths, onsets, voices))
    order = order[voices[order] != LEFT_OUT]
    voice, onset = voices[order], onsets[order]
    is_last = np.append((voice[1:] != voice[:-1]) | (onset[1:] != onset[:-1]), True)[: len(order)]
    order = order[is_last]
    gaps = np.append(np.diff(onsets[order]), np.iinfo(np.int64).max)[: len(order)]
    gaps = np.where(np.append(voices[order][1:] == voices[order][:-1], False)[: len(order)], gaps, lengths[order])
    return order, np.minimum(lengths[order], gaps)


def _is_a_voice(onsets: np.ndarray, lengths: np.ndarray) -> bool:
    """Whether notes follow each other, but for a few and for a step by which one may sound on."""
    order = np.argsort(onsets, kind="stable")
    gaps = np.diff(onsets[order])
    shared = (gaps == 0) | (lengths[order][:-1] > gaps + 1)
    return bool(shared.sum() <= _MOST_SHARED * len(onsets))


def _shared_out(score: Score, onsets: np.ndarray, lengths: np.ndarray, is_preferred: np.ndarray) -> np.ndarray:
    """`voices_of` for music whose tracks are none."""
    voices = np.full(len(onsets), LEFT_OUT, np.int64)
    pitches = score.notes["pitch"].astype(np.int64)
    candidates = np.flatnonzero(~score.is_drum)
    order = (-lengths[candidates], ~is_preferred[candidates], -pitches[candidates], onsets[candidates])
    candidates = candidates[np.lexsort(order)]
    ends, begins = [0] * VOICES, [0] * VOICES  # of what each voice sang last
    last: list[int | None] = [None] * VOICES
    groups = np.split(candidates, np.flatnonzero(np.diff(onsets[candidates])) + 1) if len(candidates) else []
    for group in groups:
        onset = int(onsets[group[0]])
        new = [note for i, note in enumerate(group) if not i or pitches[note] != pitches[group[i - 1]]]
        new = _outer(new, is_preferred)
        free = {voice for voice in range(VOICES) if ends[voice] <= onset}
        sounding = sorted((begins[voice], voice) for voice in range(VOICES) if voice not in free)
        while len(free) < len(new):
            free.add(sounding.pop(0)[1])
        kept = {voice: last[voice] for _, voice in sounding}
        heights = [int(pitches[note]) for note in new]
        chosen = min(combinations(sorted(free), len(new)), key=lambda choice: _cost(choice, heights, last, kept))
        for voice, note in zip(chosen, new, strict=True):
            voices[note], last[voice] = voice, int(pitches[note])
            begins[voice], ends[voice] = onset, onset + int(lengths[note])
    return voices


def _outer(notes: Sequence[int], is_preferred: np.ndarray) -> list[int]:
    """At most VOICES of notes, from the highest to the lowest: those that are preferred, and the outer ones."""
    notes = list(notes)
    while len(notes) > VOICES:
        others = [note for note in notes if not is_preferred[note]] or notes
        notes.remove(others[len(others) // 2])
    return notes


def _cost(
    choice: tuple[int, ...], heights: Sequence[int], last: Sequence[int | None], kept: Mapping[int, int | None]
) -> float:
    """How far voices move that take notes of these heights, and how often they cross those that sound on."""
    cost = 0.0
    usual = BY_NUMBER[len(choice)]
    for voice, usual_voice, height in zip(choice, usual, heights, strict=True):
        before = last[voice]
        cost += 2.0 * (voice != usual_voice) if before is None else abs(before - height)
        for other, other_height in kept.items():
            is_crossed = other_height is not None and (other_height - height) * (voice - other) < 0
            cost += _CROSSING * is_crossed
    return cost
