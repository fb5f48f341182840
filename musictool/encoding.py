"""What an encoding is: Score <-> one numpy array whose axis 0 is time.

The laws that every encoding keeps (tests/test_laws_encodings.py holds each file of musictool/encodings to them):

- encode(decode(encode(s))) equals encode(s): what an encoding loses, it loses once;
- every row keeps the Spec's dtype, shape and range;
- any array that the Spec allows decodes to a Score, since models emit nonsense;
- to_json and from_json give the same encoding back;
- transpose(encode(s), k) equals encode(s.transpose(k)), as far as the vocabulary has the tokens and the pitches stay
  within the encoding's own;
- positions(rows) never go back, and what row t adds to decode(rows) does not begin before positions(rows)[t];
- reached(rows) of rows does not depend on those behind them, and in music no row stands before what is reached;
- stretch keeps the number of rows, and by 1 changes none;
- the pitches of decode(encode(s)) that are no drums are those that onset_pitches() gives for the rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from musictool import options
from musictool.errors import MusictoolError
from musictool.music.score import PITCHES, Score, Track

Kind = Literal["tokens", "frames", "segments"]

# The tokens below FIRST_TOKEN mean the same in every vocabulary and stand for no music.
PADDING = 0  # fills a window up behind the end of its piece; masked from loss and metrics
UNKNOWN = 1  # what the vocabulary lacks and has nothing near to
START = 2  # stands before the first row of each piece
FIRST_TOKEN = 3


@dataclass(frozen=True)
class Spec:
    """What an encoding promises a model about its arrays.

    Attributes:
        kind: tokens, int32 (T,) in FIRST_TOKEN..size-1, UNKNOWN allowed; frames, uint8 0/1 (T, D); segments,
            uint8 0/1 (T, 32, 128, 5).
        shape: the shape of one row: () for tokens, (D,) for frames, (32, 128, 5) for segments.
        size: for tokens the vocabulary size V, with the reserved ones; else the numbers in a row.
        features: for tokens, uint8 (V, F): what each token is made of (which pitches, which length, ...), so that a
            network can share what it learns of similar tokens; None if the encoding has no such table. Follows from
            the vocabulary, and is neither compared nor written down.
    """

    kind: Kind
    shape: tuple[int, ...]
    size: int
    features: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def unit(self) -> str:
        """What one row is called in printed texts: nats per token."""
        return {"tokens": "token", "frames": "frame", "segments": "segment"}[self.kind]

    @property
    def steps(self) -> int:
        """Time steps in one row; a token counts as one."""
        return self.shape[0] if self.kind == "segments" else 1

    @property
    def dtype(self) -> np.dtype:
        """The dtype of the encoded array."""
        return np.dtype(np.int32 if self.kind == "tokens" else np.uint8)

    @property
    def start(self) -> np.ndarray:
        """The row that stands before the first row of a piece: START, or silence."""
        return np.full(self.shape, START if self.kind == "tokens" else 0, self.dtype)

    @property
    def stored_shape(self) -> tuple[int, ...]:
        """The shape of a row as `store` makes it."""
        return () if self.kind == "tokens" else (-(-self.size // 8),)

    def store(self, rows: np.ndarray) -> np.ndarray:
        """The rows (..., *shape) as they lie on disk: 0/1 numbers as bits, (..., *stored_shape)."""
        if self.kind == "tokens":
            return rows
        return np.packbits(rows.reshape(*rows.shape[: rows.ndim - len(self.shape)], self.size), axis=-1)

    def restore(self, stored: np.ndarray) -> np.ndarray:
        """The inverse of store."""
        if self.kind == "tokens":
            return stored
        return np.unpackbits(stored, axis=-1, count=self.size).reshape(*stored.shape[:-1], *self.shape)

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {"kind": self.kind, "shape": list(self.shape), "size": self.size}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Spec:
        """The inverse of to_json."""
        return cls(values["kind"], tuple(values["shape"]), values["size"])


class Encoding(ABC):
    """One way of writing music down. A subclass is one file of musictool/encodings.

    Class attributes:
        name: as on the command line and in saved models; the file's name with hyphens.
        kind: which archs can learn it.
        Options: frozen dataclass of what can be set (see musictool/options.py).
        pitches: what it can write down as it is; other pitches come back moved by octaves.
        parts: names of the tracks that it decodes which stand for the corpus's own, one for each; empty where there are
            none, or where it writes programs down.
        stretches: whether its rows count seconds, so that another tempo makes other rows; the others count beats.
        UNNAMED: what options mean in models that were saved before there were these options.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    Options: ClassVar[type]
    pitches: ClassVar[range] = range(PITCHES)
    parts: ClassVar[tuple[str, ...]] = ()
    stretches: ClassVar[bool] = False
    UNNAMED: ClassVar[dict[str, Any]] = {}

    def __init__(self, settings: Any = None):
        self.options: Any = settings if settings is not None else self.Options()

    @property
    @abstractmethod
    def spec(self) -> Spec:
        """The promise; for an encoding with a vocabulary, only after `fit` or `load_vocabulary`."""

    @abstractmethod
    def encode(self, score: Score) -> np.ndarray:
        """The rows of a piece, one per time step or event: spec.dtype (T, *spec.shape); empty without such music."""

    @abstractmethod
    def decode(self, rows: np.ndarray) -> Score:
        """The music of any array that the Spec allows; reserved tokens are skipped."""

    @abstractmethod
    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        """The rows (..., *spec.shape), with any axes before, `semitones` higher; drums and reserved tokens stay."""

    @abstractmethod
    def positions(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: where in decode(rows) each of the rows (T, *spec.shape) takes effect; never falling."""

    def reached(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: how far decode(rows) has come with each of the rows, by these and those before them alone:
        about where the next row stands."""
        return self.positions(rows)

    def why_not(self, score: Score) -> str:
        """Why `encode` leaves out a piece that has notes; empty where it does not."""
        return ""

    @property
    def rows_per_quarter(self) -> int | None:
        """Rows in a quarter note, where each row is a step of a grid that begins at tick 0; None otherwise."""
        return None

    def stretch(self, rows: np.ndarray, factor: float) -> np.ndarray:
        """The rows (..., *spec.shape), with any axes before, played `factor` times as long; drums are stretched too.

        Only an encoding that `stretches` has something to do here.
        """
        return rows

    def onset_pitches(self) -> np.ndarray:
        """bool (V, P) for tokens, (numbers in a row, P) otherwise: the pitches, drums aside, that each token begins.

        What begins no note, such as a release or a wait, has none. This decodes each token by itself; an encoding
        whose tokens mean nothing by themselves, or which has a quicker way, overrides it.
        """
        spec = self.spec
        numbers = np.arange(spec.size) if spec.kind == "tokens" else np.eye(spec.size, dtype=np.uint8)
        onsets = np.zeros((spec.size, PITCHES), bool)
        for number in range(spec.size):
            music = self.decode(numbers[number : number + 1].reshape(1, *spec.shape).astype(spec.dtype))
            onsets[number, music.notes["pitch"][~music.is_drum]] = True
        return onsets

    def instruments(self) -> Sequence[Track | None]:
        """For each token, or each number in a row: the instrument that it chooses or plays, None where it is none.

        An encoding without instruments has none.
        """
        return [None] * self.spec.size

    def choosing(self, rows: np.ndarray, allowed: Collection[Track]) -> np.ndarray:
        """The rows, and behind them what chooses one of the allowed instruments, where none of these plays on.

        Args:
            allowed: some of `instruments()`.
        """
        return rows

    def ends(self) -> np.ndarray:
        """bool, shaped as onset_pitches(): the pitches that each token releases; none where notes end by themselves."""
        return np.zeros((self.spec.size, PITCHES), bool)

    def fit(self, scores: Iterable[Score], transpositions: Iterable[int] = (0,)) -> None:  # noqa: B027
        """Build the vocabulary from the training pieces, as if each also stood at every transposition.

        An encoding whose vocabulary is fixed has nothing to do here.
        """

    def vocabulary(self) -> dict[str, Any] | None:
        """JSON-able, for vocabulary.json; None if the options alone say everything."""
        return None

    def load_vocabulary(self, values: dict[str, Any]) -> None:
        """The inverse of vocabulary()."""
        raise MusictoolError(f"the encoding {self.name} has no vocabulary to load")

    def to_json(self) -> dict[str, Any]:
        """Name and options; the vocabulary is kept beside it."""
        return {"name": self.name, "options": options.to_json(self.options)}


def one_hot(values: np.ndarray, size: int) -> np.ndarray:
    """uint8 (V, size): row v has its 1 at values[v]; a row whose value is none of 0..size-1 has none."""
    return (values[:, None] == np.arange(size)).astype(np.uint8)


def from_json(values: dict[str, Any], vocabulary: dict[str, Any] | None = None) -> Encoding:
    """The encoding that to_json (and vocabulary) described. Raises UnknownName for a name that this version lacks."""
    from musictool.registry import ENCODINGS

    cls = ENCODINGS.get(values["name"])
    encoding: Encoding = cls(options.from_json(cls.Options, {**cls.UNNAMED, **values["options"]}))
    if vocabulary is not None:
        encoding.load_vocabulary(vocabulary)
    return encoding
