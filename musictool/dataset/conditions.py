"""What a model can be conditioned on: density, pitch classes, key, chords, instruments and label.

Each condition is a group of numbers in one vector that a network reads beside every row:

    density     one number for each of DENSITIES, notes per second: 1 at the nearest, shared where it lies between two
    histogram   the share of each pitch class C..B; they add up to 1
    key         1 at the piece's key, of the 24 of musictool/music/key.py
    instruments 1 at each of the five of musictool/music/instruments.py that plays in the piece
    chords      1 at the chord of the half bar that the piece has come to, of the 24 of musictool/music/chords.py
    label       1 at the piece's value of one column of the metadata (genre, artist, folder, ...)

A group of zeros conditions on nothing. Training drops each group in CONDITION_DROPOUT of the windows, so that the same
model also writes freely, as Performance RNN does (Simon and Oore 2017).

All but the label come from 16 numbers beside each row, the controls, of which the first 13 say what follows it:

    0       note density: notes per second that begin in the DENSITY_SECONDS from the row's position on
    1..12   pitch classes C..B: the share of the sounding time in the HISTOGRAM_SECONDS from there on; they add up to 1,
            or are all equal where nothing sounds
    13      the key of the whole piece, an index into KEY_NAMES; NO_KEY where nothing but drums sounds
    14      the instruments of the whole piece: the sum of 2^i for each index i into INSTRUMENTS that plays
    15      the chord, see half_bar_chords of musictool/music/harmony.py; of where the rows before this one have come to
            (Encoding.reached), so that it is known before the row is

Drums count for the density and not for the pitch classes. Near the end of a piece the density is that of what is left
of it. Time is that of the decoded piece; where an encoding counts beats and keeps no tempo, at the tempo with which the
piece began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import takewhile
from typing import Any

import numpy as np

from musictool.corpus.corpus import Corpus
from musictool.corpus.keys import key_index
from musictool.encoding import Encoding
from musictool.errors import BadOption, UnknownName
from musictool.music.chords import NONE, TRIADS
from musictool.music.grid import GRID_TICKS, leading_silence_ticks
from musictool.music.harmony import half_bar_chords, time_since
from musictool.music.instruments import INSTRUMENTS, instrument_of, note_instruments
from musictool.music.key import KEY_NAMES
from musictool.music.score import Score, Track, transposed_chords

CONTROLS = 16
HISTOGRAM, KEY, PLAYING, CHORD = slice(1, 13), 13, 14, 15  # where in them
DENSITY_SECONDS = 3.0
HISTOGRAM_SECONDS = 5.0
SHORTEST_SECONDS = 0.25  # what is left of a piece counts as at least this long
_PRIOR_SECONDS = 0.01  # added to each pitch class

DENSITIES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
CONTROL_SIZES = {
    "density": len(DENSITIES),
    "histogram": 12,
    "key": len(KEY_NAMES),
    "instruments": len(INSTRUMENTS),
    "chords": TRIADS,
}
CONDITION_DROPOUT = 0.2
MAX_LABELS = 1000
FOLDER = "folder"  # the column that every corpus has: the folder that a file lies in


@dataclass(frozen=True)
class Conditions:
    """The conditions that one model knows.

    Attributes:
        controls: some of CONTROL_SIZES.
        column: the metadata column of the label; "" for none.
        labels: what stood there in the training corpus; the order of the label's numbers.
    """

    controls: tuple[str, ...] = ()
    column: str = ""
    labels: tuple[str, ...] = ()

    @property
    def sizes(self) -> dict[str, int]:
        """Group -> how many numbers it has, in the order of the vector."""
        label = {"label": len(self.labels)} if self.column else {}
        return {name: CONTROL_SIZES[name] for name in self.controls} | label

    @property
    def size(self) -> int:
        """C, the numbers of the vector."""
        return sum(self.sizes.values())

    def with_chords(self, vector: np.ndarray, chords: np.ndarray) -> np.ndarray:
        """float32 (..., C): a vector (C,) with each of the chords, int (...), NONE for nothing."""
        vectors = np.broadcast_to(vector, (*chords.shape, self.size)).copy()
        first = sum(self.sizes[name] for name in takewhile(lambda name: name != "chords", self.sizes))
        vectors[..., first : first + TRIADS] = chords[..., None] == np.arange(TRIADS)
        return vectors

    def vectors(self, controls: np.ndarray | None, label: np.ndarray, mask: np.ndarray, length: int) -> np.ndarray:
        """float32 (B, length, C).

        Args:
            controls: float (B, length, CONTROLS), needed if the model has any.
            label: int (B,), the index of each window's label, -1 for none.
            mask: bool (B, groups), False where a group is all zeros.
        """
        groups = [np.zeros((len(label), length, 0))]
        for name, is_given in zip(self.sizes, mask.T, strict=True):
            if name == "label":
                values = np.repeat((label[:, None] == np.arange(len(self.labels)))[:, None], length, axis=1)
            else:
                assert controls is not None
                values = _OF_CONTROL[name](controls)
            groups.append(values * is_given[:, None, None])
        return np.concatenate(groups, axis=-1).astype(np.float32)

    def vector(
        self,
        density: float | None = None,
        histogram: Sequence[float] | None = None,
        label: str | None = None,
        key: int | None = None,
        instruments: Sequence[Track] | None = None,
    ) -> np.ndarray:
        """float32 (C,): the vector of what is given, zeros for the rest.

        Args:
            density: notes per second.
            histogram: 12 weights, C..B, of any sum above 0.
            label: one of the labels, in any case.
            key: an index into KEY_NAMES.
            instruments: who plays.

        Raises:
            BadOption: for what this model was not trained on, or a value out of range.
            UnknownName: for another label, with a suggestion.
        """
        given = {"density": density, "histogram": histogram, "key": key, "instruments": instruments, "label": label}
        for name, value in given.items():
            if value is not None and name not in self.sizes:
                raise BadOption(
                    f"this model was not trained to be asked for a {name}; train one with "
                    + ("--label COLUMN" if name == "label" else f"--controls {name}")
                )
        of_group: dict[str, Callable[[Any], np.ndarray]] = {
            "density": self._density,
            "histogram": self._histogram,
            "key": np.eye(len(KEY_NAMES)).__getitem__,
            "instruments": lambda tracks: np.isin(range(len(INSTRUMENTS)), [instrument_of(track) for track in tracks]),
            "label": self._label,
        }
        values = ((size, name, given.get(name)) for name, size in self.sizes.items())  # no chords: see with_chords
        groups = [np.zeros(size) if value is None else of_group[name](value) for size, name, value in values]
        return np.concatenate([np.zeros(0), *groups]).astype(np.float32)

    def _density(self, density: Any) -> np.ndarray:
        if not 0 < density <= 1000:
            raise BadOption(f"--density {density} is not above 0 (to 1000) notes per second")
        return density_shares(np.array(density))

    def _histogram(self, histogram: Any) -> np.ndarray:
        weights = np.array(histogram, float)
        if weights.shape != (12,) or not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
            raise BadOption("--pitch-histogram is 12 numbers of at least 0, for C to B, not all of them 0")
        return np.asarray(weights / weights.sum())

    def _label(self, label: Any) -> np.ndarray:
        matches = [known for known in self.labels if known.lower() == label.lower()]
        if not matches:
            raise UnknownName.of(self.column, label, self.labels)
        return np.eye(len(self.labels))[self.labels.index(label if label in matches else matches[0])]

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Conditions:
        """The inverse of to_json."""
        return cls(tuple(values["controls"]), str(values["column"]), tuple(values["labels"]))


def density_shares(density: np.ndarray) -> np.ndarray:
    """float32 (..., len(DENSITIES)): 1 at the nearest of DENSITIES, on a logarithmic scale, or shared between two."""
    scale = np.arange(len(DENSITIES))
    place = np.interp(np.log(np.maximum(density, 1e-3)), np.log(DENSITIES), scale)[..., None]
    return np.maximum(0, 1 - np.abs(place - scale)).astype(np.float32)


def _key(controls: np.ndarray) -> np.ndarray:
    """(..., CONTROLS) -> (..., 24): 1 at the key."""
    return controls[..., KEY, None] == np.arange(len(KEY_NAMES))


def _chords(controls: np.ndarray) -> np.ndarray:
    """(..., CONTROLS) -> (..., 24): 1 at the chord; NONE has none."""
    return controls[..., CHORD, None] == np.arange(TRIADS)


def _instruments(controls: np.ndarray) -> np.ndarray:
    """(..., CONTROLS) -> (..., 5): 1 at each that plays."""
    return controls[..., PLAYING, None].astype(np.int64) >> np.arange(len(INSTRUMENTS)) & 1


_OF_CONTROL: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "density": lambda controls: density_shares(controls[..., 0]),
    "histogram": lambda controls: controls[..., HISTOGRAM],
    "key": _key,
    "instruments": _instruments,
    "chords": _chords,
}


def controls_of(encoding: Encoding, rows: np.ndarray, score: Score) -> np.ndarray:
    """float16 (T, CONTROLS) beside the rows (T, ...) of one piece.

    Args:
        score: the piece that they were made of.
    """
    music = encoding.decode(rows)
    if not len(music.tempos) and not encoding.stretches:
        music = replace(music, tempos=score.tempos[:1])
    at = music.to_seconds(encoding.positions(rows))  # (T,), seconds
    whole = np.zeros((len(at), 2))
    playing = np.unique(note_instruments(music))
    whole[:] = key_index(music), (2 ** playing[playing >= 0]).sum()
    chords = chords_before(encoding, rows, music, score)
    parts = [_density(music, at)[:, None], _histogram(music, at), whole, chords[:, None]]
    return np.concatenate(parts, axis=1).astype(np.float16)


def chords_before(encoding: Encoding, rows: np.ndarray, music: Score, score: Score) -> np.ndarray:
    """int64 (T,): the chord of the half bar that the rows (T, ...) before each have come to; NONE without a note.

    Args:
        music: the rows, decoded.
        score: the piece that they were made of, whose bars and chord symbols count; where the encoding writes it in
            another time, as without its rhythm, those of `music`.
    """
    if not len(music.notes):
        return np.full(len(rows), NONE)
    silence, is_own_time = leading_silence_ticks(score, music), True
    notes = score.notes if music.is_drum.any() else score.notes[~score.is_drum]
    # the file's last note, where a piece in the file's time has its own
    end = notes["onset_ticks"][-1:].astype(np.int64)
    end = music.to_ticks(float(score.to_seconds(end)[0])) if encoding.stretches else int(end[0])
    if abs(end - silence - int(music.notes["onset_ticks"][-1])) > GRID_TICKS:
        metres = music.metres if len(music.metres) else score.metres
        score, silence, is_own_time = replace(music, metres=metres), 0, False
    lines, chords = half_bar_chords(score)
    if encoding.stretches and is_own_time:
        lines = np.array([music.to_ticks(seconds) for seconds in score.to_seconds(lines).tolist()])
    reached = np.append(0, encoding.reached(rows)[:-1])
    return chords[np.maximum(np.searchsorted(lines - silence, reached, side="right") - 1, 0)]


def transposed_controls(values: np.ndarray, semitones: int) -> np.ndarray:
    """Controls (..., CONTROLS) of the same music `semitones` higher."""
    transposed = values.copy()
    transposed[..., HISTOGRAM] = np.roll(values[..., HISTOGRAM], semitones, axis=-1)
    key = values[..., KEY]
    transposed[..., KEY] = np.where(key < 0, key, transposed_chords(key, semitones))  # a key is numbered as its triad
    transposed[..., CHORD] = transposed_chords(values[..., CHORD], semitones)
    return transposed


def stretched_controls(values: np.ndarray, factor: float) -> np.ndarray:
    """Controls (..., CONTROLS) of the same music played `factor` times as long."""
    return np.concatenate([values[..., :1] / np.asarray(factor, values.dtype), values[..., 1:]], axis=-1)


def _density(music: Score, at: np.ndarray) -> np.ndarray:
    """float64 (T,)."""
    onsets = music.to_seconds(music.notes["onset_ticks"])
    notes = np.searchsorted(onsets, at + DENSITY_SECONDS) - np.searchsorted(onsets, at)
    return notes / np.clip(music.seconds - at, SHORTEST_SECONDS, DENSITY_SECONDS)


def _histogram(music: Score, at: np.ndarray) -> np.ndarray:
    """float64 (T, 12)."""
    notes = music.notes[~music.is_drum]
    onsets = music.to_seconds(notes["onset_ticks"])
    ends = music.to_seconds(notes["onset_ticks"].astype(np.int64) + notes["duration_ticks"])
    sounding = np.zeros((len(at), 12))
    for pitch_class in range(12):
        of_class = notes["pitch"] % 12 == pitch_class
        # what sounds between two times is what has begun by then, less what has ended
        for sign, times in ((1, onsets[of_class]), (-1, ends[of_class])):
            times = np.sort(times)
            sounding[:, pitch_class] += sign * (time_since(times, at + HISTOGRAM_SECONDS) - time_since(times, at))
    sounding += _PRIOR_SECONDS
    return sounding / sounding.sum(axis=1, keepdims=True)


def labels_of(corpus: Corpus, column: str) -> list[str]:
    """What stands in a metadata column for each piece; "" where nothing does, or where there is no such column."""
    column, labels = column.strip().lower(), []
    for file in corpus.files:
        folder = {FOLDER: str(file["path"]).rpartition("/")[0]}
        labels += [str({**folder, **file["about"]}.get(column, ""))] * file["pieces"]
    selected: list[str] = corpus.selected(labels)
    return selected


def of_corpus(corpus: Corpus, controls: Sequence[str], column: str, known: Sequence[str] = ()) -> Conditions:
    """The conditions for a model of this corpus: these controls, and the labels that stand in `column` ("" for none).

    Args:
        known: labels that come first, whether they stand there or not, or there is no such column.

    Raises:
        UnknownName: for a column that no file has, and no known labels.
        BadOption: for a column with too few or too many different values to learn from.
    """
    if not column:
        return Conditions(tuple(controls))
    columns = {FOLDER, *(name for file in corpus.files for name in file["about"])}
    if not known and column.strip().lower() not in columns:
        raise UnknownName.of("column of --label", column, columns)
    labels = (*known, *sorted(set(labels_of(corpus, column)) - {"", *known}))
    if not 2 <= len(labels) <= MAX_LABELS:
        raise BadOption(f"--label {column}: {corpus.name} has {len(labels)} different values, not 2 to {MAX_LABELS}")
    return Conditions(tuple(controls), column, labels)
