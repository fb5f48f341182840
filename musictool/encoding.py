"""What an encoding is: Score <-> one numpy array whose axis 0 is time.

The laws that every encoding keeps (tests/test_laws_encodings.py holds each file in this folder to them):

- encode(decode(encode(s))) equals encode(s): what an encoding loses, it loses once;
- every row keeps the Spec's dtype, shape and range;
- any array that the Spec allows decodes to a Score, since models emit nonsense;
- to_json and from_json give the same encoding back;
- transpose(encode(s), k) equals encode(s.transpose(k)), as far as the vocabulary knows the symbols and the pitches stay
  within the encoding's own;
- positions(rows) never go back, and what row t adds to decode(rows) does not begin before positions(rows)[t];
- stretch keeps the number of rows, and by 1 changes none;
- the pitches of decode(encode(s)) that are no drums are those that begins() says of the rows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np

from musictool import options
from musictool.errors import MusictoolError
from musictool.music.score import PITCHES, Score

Kind = Literal["tokens", "frames", "segments"]

# The symbols below FIRST_SYMBOL mean the same in every vocabulary and stand for no music.
PADDING = 0  # fills a window up behind the end of its piece; masked from loss and metrics
UNKNOWN = 1  # a symbol that the vocabulary lacks and has nothing near to
START = 2  # stands before the first row of each piece
FIRST_TOKEN = 3


@dataclass(frozen=True)
class Spec:
    """What an encoding promises a model about its arrays.

    Attributes:
        kind: tokens, int32 (T,) in FIRST_SYMBOL..size-1, UNKNOWN allowed; frames, uint8 0/1 (T, D); segments,
            uint8 0/1 (T, 32, 128, 5).
        shape: the shape of one row: () for tokens, (D,) for frames, (32, 128, 5) for segments.
        size: for tokens the number of symbols V, with the reserved ones; else the numbers in a row.
        features: for tokens, uint8 (V, F): what each symbol is made of (which pitches, which length, ...), so that a
            model can see that two symbols are alike; None if the encoding knows no such thing. Follows from the
            vocabulary, and is neither compared nor written down.
    """

    kind: Kind
    shape: tuple[int, ...]
    size: int
    features: np.ndarray | None = field(default=None, compare=False, repr=False)

    @property
    def unit(self) -> str:
        """What people call one row."""
        return {"tokens": "symbol", "frames": "frame", "segments": "segment"}[self.kind]

    @property
    def steps(self) -> int:
        """Time steps in one row; a symbol counts as one."""
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
    """One way of writing music down. A subclass is one file of this folder.

    Class attributes:
        name: as on the command line and in saved models; the file's name with hyphens.
        kind: which archs can learn it.
        Options: frozen dataclass of what can be set (see musictool/options.py).
        pitches: what it can write down as it is; other pitches come back moved by octaves.
        stretches: whether its rows count seconds, so that another tempo makes other rows; the others count beats.
    """

    name: ClassVar[str]
    kind: ClassVar[Kind]
    Options: ClassVar[type]
    pitches: ClassVar[range] = range(PITCHES)
    stretches: ClassVar[bool] = False

    def __init__(self, settings: Any = None):
        self.options: Any = settings if settings is not None else self.Options()

    @property
    @abstractmethod
    def spec(self) -> Spec:
        """The promise; for an encoding with a vocabulary, only after `fit` or `load_vocabulary`."""

    @abstractmethod
    def encode(self, score: Score) -> np.ndarray:
        """The rows of a piece, one a time step or event: spec.dtype (T, *spec.shape). Empty if it has no such music."""

    @abstractmethod
    def decode(self, rows: np.ndarray) -> Score:
        """The music of any array that the Spec allows; reserved symbols are passed over."""

    @abstractmethod
    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        """The rows (..., *spec.shape), with any axes before, `semitones` higher; drums and reserved symbols stay."""

    @abstractmethod
    def positions(self, rows: np.ndarray) -> np.ndarray:
        """int64 (T,), ticks: where in decode(rows) each of the rows (T, *spec.shape) takes effect; never falling."""

    def stretch(self, rows: np.ndarray, factor: float) -> np.ndarray:
        """The rows (..., *spec.shape), with any axes before, played `factor` times as long; drums are stretched too.

        Only an encoding that `stretches` has something to do here.
        """
        return rows

    def onset_pitches(self) -> np.ndarray:
        """bool (V, P) for tokens, (numbers in a row, P) otherwise: the pitches, drums aside, that each symbol begins.

        What begins no note, as a release or a wait, has none. This asks for the music of each symbol by itself; an
        encoding whose symbols say nothing by themselves, or which knows more quickly, says it otherwise.
        """
        spec = self.spec
        numbers = np.arange(spec.size) if spec.kind == "tokens" else np.eye(spec.size, dtype=np.uint8)
        begins = np.zeros((spec.size, PITCHES), bool)
        for number in range(spec.size):
            music = self.decode(numbers[number : number + 1].reshape(1, *spec.shape).astype(spec.dtype))
            begins[number, music.notes["pitch"][~music.is_drum]] = True
        return begins

    def ends(self) -> np.ndarray:
        """bool, shaped as begins(): the pitches that each symbol releases; none where notes end by themselves."""
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


def from_json(values: dict[str, Any], vocabulary: dict[str, Any] | None = None) -> Encoding:
    """The encoding that to_json (and vocabulary) described. Raises UnknownName for a name that this version lacks."""
    from musictool.registry import ENCODINGS

    cls = ENCODINGS.get(values["name"])
    encoding: Encoding = cls(options.from_json(cls.Options, values["options"]))
    if vocabulary is not None:
        encoding.load_vocabulary(vocabulary)
    return encoding
