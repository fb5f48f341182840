"""From what a user asks for to what binds a continuation: which symbols are banned, and which conditions hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musictool.errors import BadOption
from musictool.models.model import Model
from musictool.music.scales import CHROMATIC, classes_of, key_of, pitches_of, scale_of
from musictool.music.score import PITCHES
from musictool.sampling.sampler import Guidance

_LEAST = 2  # symbols that begin a note, for there to be something to choose


@dataclass(frozen=True)
class Constraints:
    """What a piece shall be like.

    Attributes:
        key: such as "A minor"; only notes of its scale are begun. None for any.
        scale: one of musictool.music.scales.SCALES, on the key's tonic; None for the key's own.
        pitch_range: such as "C3-C6" or "48-84"; only notes within are begun. None for all.
        density: notes a second; None for any. This and the next two are for models that were trained to be asked.
        histogram: 12 weights of pitch classes, C..B; None for any.
        label: one of the model's labels; None for any.
    """

    key: str | None = None
    scale: str | None = None
    pitch_range: str | None = None
    density: float | None = None
    histogram: tuple[float, ...] | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        self.pitches()

    @property
    def key_index(self) -> int | None:
        """The key, an index into musictool.music.key.KEY_NAMES."""
        if self.key is None or (self.scale is not None and scale_of(self.scale) == CHROMATIC):
            return None
        tonic, minor = key_of(self.key)
        return tonic + 12 * minor

    def pitches(self) -> np.ndarray:
        """bool (P,): the pitches that may be begun. Raises BadOption, UnknownName for what cannot be meant."""
        allowed = np.resize(classes_of(self.key, self.scale), PITCHES)
        if self.pitch_range is not None:
            allowed &= np.isin(np.arange(PITCHES), pitches_of(self.pitch_range))
        return allowed

    def guidance(self, model: Model, moved: int = 0, repetitions: bool = False) -> Guidance:
        """What a continuation by the model is bound to.

        Args:
            moved: semitones by which the model's music is higher than the user's.
            repetitions: whether it shall be said which symbols begin notes, for a repetition penalty.

        Raises:
            BadOption: if nothing that the model could write is left, or it was not trained to be asked for something.
            UnknownName: for a label that it does not know.
        """
        asked = self.histogram if self.histogram is None else np.roll(self.histogram, moved).tolist()
        wishes = (self.density, asked, self.label)
        conditions = None if wishes == (None,) * 3 else model.conditions.asked(*wishes)
        allowed = self.pitches()
        if allowed.all() and not repetitions:
            return Guidance(conditions=conditions)
        onset_mask = model.encoding.onset_pitches()
        return Guidance(self._banned(onset_mask, allowed, moved), conditions, np.any(onset_mask, axis=1))

    def _banned(self, onset_mask: np.ndarray, allowed: np.ndarray, moved: int) -> np.ndarray | None:
        """bool (V,) or (D,): what begins a note that is not allowed."""
        if allowed.all():
            return None
        there = np.arange(PITCHES) - moved
        allowed = np.isin(there, np.flatnonzero(allowed))
        banned = np.any(onset_mask & ~allowed, axis=1)
        if (np.any(onset_mask, axis=1) & ~banned).sum() < _LEAST:
            names = {"--key": self.key, "--scale": self.scale, "--pitch-range": self.pitch_range}
            asked = " ".join(f"{name} {value}" for name, value in names.items() if value is not None)
            raise BadOption(f"{asked} leaves this model no notes to choose from; widen it")
        return banned


def histogram_of(text: str) -> tuple[float, ...]:
    """The 12 numbers of "1,0,1,...". Raises BadOption for what is none."""
    try:
        weights = tuple(float(each) for each in text.split(","))
    except ValueError:
        weights = ()
    if len(weights) != 12:
        raise BadOption(f"--pitch-histogram '{text}' is not 12 numbers with commas between, for C to B")
    return weights
