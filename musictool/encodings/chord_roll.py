"""What sounds at each step, by its parts; or as one token: the chord per time step of "Deep Learning for Music".

For each step of the grid there is a token that opens it, and behind it every pitch that sounds there, low to high, of
all tracks that are no drums: struck, if a note begins on this step, or held.

    step, struck 60, struck 64, struck 67    C major
    step, held 60, held 64, held 67          the same, as long as nothing changes
    step                                     no pitch sounds

The vocabulary is open: a network predicts a chord pitch by pitch, so there is none that it lacks. What is lost: all
timing finer than a step, velocities, which track plays what, programs, drums, tempo and metre. Pitches off the piano's
keyboard (21..108) move by octaves. Limit: most steps repeat the one before; note-chord writes only what changes.

With vocabulary=closed each step is one token: the MIDI numbers of all pitches that sound there, low to high.

    60-64-67    C major, as long as nothing changes one token per step
    rest        no pitch sounds

At most `max_polyphony` pitches are written; of more, `reduce_to` are chosen at random. The choice depends on `seed` and
the chord's shape (its intervals), and on nothing else: a chord loses the same voices wherever it stands, whichever
process writes it, and in every key. Lost besides: strikes (a pitch that sounds on two neighbouring steps is held from
the one to the other, so a repeated note becomes one long note), the voices that the choice leaves out, silence before
the first note; silence inside a piece is at most a whole note; and the rarest chords become the nearest.

Sources: closed: Allen Huang and Raymond Wu, "Deep Learning for Music" (2016), whose corpus of classical pieces
(MuseData) had 39,289 such tokens, cut to 21,510. Open: Liang, "BachBot" (2016), whose frames are these, high to low.
Limit of both: a model can be right nearly always and have learned nothing but to hold a chord.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, repeat
from typing import Any, ClassVar, Literal

import numpy as np

from musictool.encoding import FIRST_TOKEN
from musictool.encodings._chords import ChordFormat, ChordVocabulary, rest_bytes, to_bytes
from musictool.encodings._slices import Slices
from musictool.errors import BadOption
from musictool.music.grid import in_steps, to_ticks
from musictool.music.score import DEFAULT_VELOCITY, KEYBOARD, ON_KEYBOARD, Score
from musictool.options import LAST_SEED, option
from musictool.ragged import one_by_one
from musictool.vocabulary import LearnedEncoding

_LONGEST_REST_QUARTERS = 4


@dataclass(frozen=True)
class Options:
    """What can be set."""

    vocabulary: Literal["open", "closed"] = option(
        "open",
        "open: a chord is written by its parts; closed: as one token, which loses repeated notes and rare chords",
    )
    steps_per_quarter: int = option(4, "steps of the grid in a quarter note; 4: sixteenths", least=1, most=48)
    max_polyphony: int = option(4, "closed: pitches per token at most", least=1, most=len(KEYBOARD))
    reduce_to: int = option(3, "closed: how many are chosen of more than max_polyphony", least=1, most=len(KEYBOARD))
    seed: int = option(0, "closed: decides which are chosen", least=0, most=LAST_SEED)
    max_vocabulary: int = option(
        16384, "closed: vocabulary size at most, reserved tokens included", least=8, most=65536
    )

    def __post_init__(self) -> None:
        if self.reduce_to > self.max_polyphony:
            raise BadOption(f"option reduce_to: {self.reduce_to} is more than max_polyphony, {self.max_polyphony}")


class ChordRoll(Slices):
    """What sounds at each step: int32 (T,), a token for the step and one for each pitch; or ClosedChordRoll."""

    name = "chord-roll"
    Options = Options
    UNNAMED: ClassVar = {"vocabulary": "closed"}

    def __new__(cls, settings: Any = None) -> Any:
        if settings is not None and settings.vocabulary == "closed":
            return ClosedChordRoll(settings)
        return super().__new__(cls)

    def __init__(self, settings: Any = None):
        super().__init__(settings or Options(), longest=1, positions=False)


class StepChordFormat(ChordFormat):
    """The tokens of a closed vocabulary: chords that carry no time."""

    name = "chord-roll"
    pitches = KEYBOARD
    always = (rest_bytes(),)

    def to_text(self, token_bytes: bytes) -> str:
        return "-".join(map(str, token_bytes[:-1])) or "rest"

    def parse(self, text: str) -> bytes:
        pitches = [] if text == "rest" else [int(pitch) for pitch in text.split("-")]
        if sorted(set(pitches)) != pitches or not set(pitches) <= set(KEYBOARD):
            raise ValueError
        return bytes(pitches) + rest_bytes()


class ClosedChordRoll(LearnedEncoding[ChordVocabulary]):
    """The chord at each step: int32 (T,), one token per step of the grid; the vocabulary comes from `fit`."""

    name = "chord-roll"
    pitches = KEYBOARD
    Options = Options
    vocabulary_type = ChordVocabulary

    def token_format(self) -> StepChordFormat:
        return StepChordFormat()

    def token_bytes(self, score: Score) -> list[bytes]:
        """What sounds at each step, from the first note to the end of the last."""
        notes = score.notes[~score.is_drum]
        if not len(notes):
            return []
        onsets, lengths = in_steps(notes, self.options.steps_per_quarter)
        pitches, begins, ends = _sounding(ON_KEYBOARD[notes["pitch"]], onsets, onsets + lengths)
        # the stretches of time in which nothing changes, and which pitches sound in each
        times = np.sort(np.concatenate([begins, ends]))
        times = times[np.append(True, times[1:] > times[:-1])]
        first = np.searchsorted(times, begins)
        note, nth = one_by_one(np.searchsorted(times, ends) - first)
        between = first[note] + nth
        chords = to_bytes(between, pitches[note], np.arange(len(times) - 1), 0)
        # each chord once per step; a rest is cut
        steps = np.diff(times)
        longest_rest = _LONGEST_REST_QUARTERS * self.options.steps_per_quarter
        silent = np.bincount(between, minlength=len(steps)) == 0
        steps = np.where(silent, np.minimum(steps, longest_rest), steps)
        return list(chain.from_iterable(map(repeat, self._reduced(chords), steps.tolist())))

    def decode(self, rows: np.ndarray) -> Score:
        """One piano track at velocity 80; a pitch that neighbouring steps share is one note."""
        rows = np.asarray(rows, np.int64).reshape(-1)
        rows = rows[rows >= FIRST_TOKEN]
        steps, pitches = self.learned.notes(rows)
        places = np.sort(pitches * (len(rows) + 1) + steps)  # the last step of a pitch does not touch the next's first
        begins = np.flatnonzero(np.diff(places, prepend=-2) != 1)
        pitches, onsets = np.divmod(places[begins], len(rows) + 1)
        ends = onsets + np.diff(begins, append=len(places))
        onset_ticks, end_ticks = (to_ticks(times, self.options.steps_per_quarter) for times in (onsets, ends))
        velocities = np.full(len(begins), DEFAULT_VELOCITY)
        return Score.from_columns(onset_ticks, end_ticks - onset_ticks, pitches, velocities, velocities * 0)

    def positions(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: where the step of each token begins; reserved ones have none."""
        is_step = (np.asarray(rows) >= FIRST_TOKEN).astype(np.int64)
        return to_ticks(np.cumsum(is_step) - is_step, self.options.steps_per_quarter)

    def reached(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: where the step of each token ends."""
        return to_ticks(np.cumsum(np.asarray(rows) >= FIRST_TOKEN), self.options.steps_per_quarter)

    def _reduced(self, chords: list[bytes]) -> list[bytes]:
        """The same, with the voices left out that are too many."""
        longest = self.options.max_polyphony + 1
        if max(map(len, chords)) <= longest:
            return chords
        count, seed = self.options.reduce_to, self.options.seed
        return [_chosen(chord, count, seed) if len(chord) > longest else chord for chord in chords]


def _sounding(pitches: np.ndarray, onsets: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """int64 (M,) each: pitches, begins and ends of what sounds, where notes of one pitch that overlap or touch are one.

    Args:
        pitches, onsets, ends: int64 (N,), in any order; the last two in steps, a note at least 1 long.
    """
    stride = int(ends.max()) + 2
    begins, ends = np.sort(pitches * stride + onsets), np.sort(pitches * stride + ends)
    # As many notes have ended before begins[i] as had begun: silence, until it begins.
    silence = begins[1:] > ends[:-1]
    begins, ends = begins[np.append(True, silence)], ends[np.append(silence, True)]
    pitches = begins // stride
    return pitches, begins - pitches * stride, ends - pitches * stride


@lru_cache(maxsize=1 << 16)
def _chosen(chord: bytes, count: int, seed: int) -> bytes:
    """A chord reduced to `count` of its pitches: all as likely, the same for one seed and shape."""
    shape = bytes(pitch - chord[0] for pitch in chord[:-1])
    digest = hashlib.shake_128(seed.to_bytes(4, "little") + shape).digest(8 * len(shape))
    voices = np.argsort(np.frombuffer(digest, "<u8"), kind="stable")[:count]
    return bytes(chord[voice] for voice in sorted(voices.tolist())) + chord[-1:]
