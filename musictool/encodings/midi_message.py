"""MIDI messages as tokens: each note-on and each note-off, with the time since the message before, is one token.

One token per message, in the order in which they are sent:

    on:60:0      strike middle C together with the message before
    off:60:12    a quarter note (12 steps) later, release it

Messages of one moment are sorted: offs before ons, each low to high. With tracks=merge all tracks that are no drums are
one stream; with tracks=concatenate they are laid end to end in time, in their order, each from its first note to its
last, as one voice after another.

A key is struck once at a time: a pitch that is struck while it sounds ends there and begins again, and of notes of one
pitch that begin together the longest stays. A model may write anything: an off of a pitch that does not sound is only
its time, an on of one that sounds ends it, a note that ends where it begins is left out, and what still sounds behind
the last message ends there (after a step at least). What no message ends lasts ten quarter notes at most.

A message that the vocabulary lacks becomes the one of the same key and kind whose time is nearest. Messages 0 steps and
a quarter note apart are therefore in every vocabulary; and a time other than 0 never becomes 0, so that no note is lost
and no order changes.

What is lost: velocities, drums, which track plays what, programs, tempo and metre, all timing finer than a step, the
part of a wait beyond `longest_quarters` (it is cut, for ons and offs alike), silence before the first note (with
concatenate: of each track). Pitches off the piano's keyboard (21..108) move by octaves.

Source: Allen Huang and Raymond Wu, "Deep Learning for Music" (2016), whose Bach corpus had 35,509 such tokens, its
times not quantised. 12 steps to a quarter note hold sixteenths and triplets; 24 also thirty-seconds. Limit: a model
has to remember every key that is down, for as long as it is down; it forgets some, and they sound on and on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from musictool.encodings._message_vocabulary import ON, STEP, MessageFormat, MessageVocabulary, to_bytes
from musictool.music.grid import in_steps, to_ticks, unique_strikes
from musictool.music.score import DEFAULT_VELOCITY, KEYBOARD, ON_KEYBOARD, Score
from musictool.options import option
from musictool.vocabulary import LearnedEncoding

UNRELEASED_QUARTERS = 10  # that a note lasts at most which no off ends


@dataclass(frozen=True)
class Options:
    """What can be set."""

    steps_per_quarter: int = option(
        12, "steps of the grid in a quarter note; 12: sixteenths, triplets", least=1, most=48
    )
    tracks: Literal["merge", "concatenate"] = option("merge", "all tracks as one stream, or one behind the other")
    longest_quarters: int = option(8, "quarter notes between two messages at most", least=1, most=32)
    max_vocabulary: int = option(8192, "vocabulary size at most, reserved tokens included", least=512, most=65536)


class MidiMessage(LearnedEncoding[MessageVocabulary]):
    """Note-ons and note-offs with their times: int32 (T,), two tokens per note; the vocabulary comes from `fit`."""

    name = "midi-message"
    pitches = KEYBOARD
    Options = Options
    vocabulary_type = MessageVocabulary

    @property
    def _longest(self) -> int:
        """Steps between two messages at most."""
        return self.options.longest_quarters * self.options.steps_per_quarter

    def token_format(self) -> MessageFormat:
        return MessageFormat(self.options.steps_per_quarter, self._longest)

    def token_bytes(self, score: Score) -> list[bytes]:
        """The messages of all notes that are no drums."""
        notes = score.notes[~score.is_drum]
        if not len(notes):
            return []
        onsets, lengths = in_steps(notes, self.options.steps_per_quarter)
        if self.options.tracks == "concatenate":
            onsets = _end_to_end(notes["track"], onsets, lengths)
        kept, ends = unique_strikes(ON_KEYBOARD[notes["pitch"]], onsets, onsets + lengths, notes["velocity"])
        pitches, onsets = ON_KEYBOARD[notes["pitch"]][kept], onsets[kept]
        # time, then off before on, then key in one number: sorted as they are sent
        sent = np.concatenate([onsets * STEP + ON + pitches, ends * STEP + pitches])
        sent.sort()
        times = sent // STEP
        waits = np.diff(times, prepend=times[0])
        return to_bytes(sent % STEP + np.minimum(waits, self._longest) * STEP)

    def decode(self, rows: np.ndarray) -> Score:
        """One piano track at velocity 80."""
        learned, rows = self.learned, np.asarray(rows, np.int64).reshape(-1)
        times = np.cumsum(learned.steps[rows])
        # the messages key by key; what is reserved first, as key 0
        order = np.argsort(learned.pitches[rows], kind="stable")
        keys, sent, is_on = learned.pitches[rows][order], times[order], learned.is_on[rows][order]
        # a note ends with the next message of its key, else behind the last message of all
        held = np.diff(keys, append=-1) == 0
        ends = np.where(held, np.roll(sent, -1), np.maximum(int(times.max(initial=0)), sent + 1))
        # what no off ends is cut
        released = held & ~np.roll(is_on, -1)
        longest = UNRELEASED_QUARTERS * self.options.steps_per_quarter
        ends = np.where(released, ends, np.minimum(ends, sent + longest))
        is_note = is_on & (ends > sent)
        onset_ticks, end_ticks = (to_ticks(steps[is_note], self.options.steps_per_quarter) for steps in (sent, ends))
        velocities = np.full(len(onset_ticks), DEFAULT_VELOCITY)
        return Score.from_columns(onset_ticks, end_ticks - onset_ticks, keys[is_note], velocities, velocities * 0)

    def positions(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: when each message is sent."""
        return to_ticks(np.cumsum(self.learned.steps[np.asarray(rows)]), self.options.steps_per_quarter)

    def ends(self) -> np.ndarray:
        """bool (V, P): the pitch of each off."""
        return self.learned.ends


def _end_to_end(tracks: np.ndarray, onsets: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """int64 (N,): onsets that let each track begin where the one before it ends, the first at 0."""
    _, track = np.unique(tracks, return_inverse=True)
    begins = np.full(int(track.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(begins, track, onsets)
    ends = np.zeros(len(begins), np.int64)
    np.maximum.at(ends, track, onsets + lengths)
    sizes = ends - begins
    return onsets + (np.cumsum(sizes) - sizes - begins)[track]
