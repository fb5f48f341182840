"""Encodings whose vocabulary is learned from a corpus: the bytes, the text and the number of each token.

Such an encoding writes a piece as *token bytes* first, whatever any vocabulary has, and looks them up afterwards. So a
corpus is gone through once, in any number of processes: the token bytes are counted, a vocabulary is made of the
counts, and a table turns what was written as bytes into tokens.

    token bytes   what one row says, in a form that its encoding can take apart again: b"\\x3c\\x84"
    token text    the same for people, and for vocabulary.json: "C4:4"
    token         the number that a network reads, int32: 3

The most frequent token bytes have the first token, FIRST_TOKEN, the next ones FIRST_TOKEN + 1, and so on; what a
vocabulary has grown by since stands behind, in an order of its own. The tokens below mean padding, unknown and start in
every vocabulary (musictool/encoding.py).

Finding a token is one dictionary look-up. Token bytes that the vocabulary lacks become the nearest known ones; which
these are depends on what the tokens mean (a subclass). The search is done once for each, and its result kept.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from musictool.encoding import FIRST_TOKEN, UNKNOWN, Encoding, Spec
from musictool.errors import BadModel
from musictool.music.score import Score

RESERVED = ("<padding>", "<unknown>", "<start>")
_REMEMBERED = 500_000  # token bytes that are missing and were searched for: some 60 MB
_RARE = 32  # what stands this many times beyond the vocabulary's end is not transposed: it could not reach it

Key = TypeVar("Key", str, bytes)
Self = TypeVar("Self", bound="LearnedVocabulary")


class TokenFormat(ABC):
    """The tokens that an encoding makes under its options, as bytes and as text.

    Attributes:
        name: the encoding's.
        always: the token bytes that every vocabulary has, whatever the corpus.
    """

    name: str
    always: tuple[bytes, ...] = ()

    @abstractmethod
    def to_text(self, token_bytes: bytes) -> str:
        """The token text of canonical bytes."""

    @abstractmethod
    def parse(self, text: str) -> bytes:
        """The bytes of a token text; anything, or ValueError, for a text that `to_text` never gives."""

    @abstractmethod
    def transpose(self, token_bytes: Sequence[bytes], semitones: int) -> list[bytes]:
        """Canonical bytes `semitones` higher; pitches that leave the encoding's own by octaves."""

    def canonical(self, token_bytes: bytes) -> bytes:
        """The one form that stands for all that have the same text."""
        return token_bytes

    def from_text(self, text: str) -> bytes:
        """The canonical bytes of a token text. Raises BadModel for one that these options never make."""
        try:
            token_bytes = self.parse(text)
            if self.canonical(token_bytes) == token_bytes and self.to_text(token_bytes) == text:
                return token_bytes
        except ValueError:
            pass
        raise BadModel(f"the vocabulary does not fit: '{text}' is no token of {self.name} with these options")


class Vocabulary:
    """The token texts of an encoding and how often each was met. How a text is read is its encoding's business.

    Args:
        texts: all different, in the order of their tokens.
        counts: how often each stands in the training pieces, transposed copies included.

    Attributes:
        counts: int64 (len(texts),).
        size: V, the number of tokens, with the reserved ones.
    """

    def __init__(self, texts: Iterable[str], counts: Iterable[int]):
        self.texts = tuple(texts)
        self.counts = np.array(list(counts), np.int64)
        self.size = FIRST_TOKEN + len(self.texts)
        self._tokens = {text: token for token, text in enumerate(self.texts, FIRST_TOKEN)}
        if len(self._tokens) != len(self.texts) or len(self.counts) != len(self.texts):
            raise ValueError("token texts must differ, and each has one count")

    def __len__(self) -> int:
        """The number of tokens, without the reserved ones."""
        return len(self.texts)

    def token_of(self, text: str) -> int:
        """The token of a text; UNKNOWN for one that is not here."""
        return self._tokens.get(text, UNKNOWN)

    def text_of(self, token: int) -> str:
        """The text of a token in 0..size-1; "<padding>", "<unknown>" and "<start>" for the reserved ones."""
        if not 0 <= token < self.size:
            raise IndexError(f"{token} is no token of a vocabulary of {self.size}")
        return RESERVED[token] if token < FIRST_TOKEN else self.texts[token - FIRST_TOKEN]

    @property
    def fingerprint(self) -> str:
        """sha256 (hex) of the texts in their order: two vocabularies of one fingerprint give the same tokens."""
        return hashlib.sha256("\n".join(self.texts).encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """JSON-able."""
        return {"symbols": list(self.texts), "counts": self.counts.tolist()}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Vocabulary:
        """The inverse of to_json. Raises BadModel for what is no vocabulary."""
        try:
            texts = [_checked_text(text) for text in values["symbols"]]
            return cls(texts, [int(count) for count in values["counts"]])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise BadModel(f"the vocabulary is damaged ({error!r}); prepare or train again") from None


class LearnedVocabulary(ABC):
    """The tokens that an encoding has learned.

    Args:
        token_bytes: canonical and all different, most frequent first; where the vocabulary has grown, part by part.
        counts: of each.
        token_format: how they are written.

    Attributes:
        texts: the same as text.
    """

    def __init__(self, token_bytes: Sequence[bytes], counts: Sequence[int], token_format: TokenFormat):
        self.token_format = token_format
        self.texts = Vocabulary(map(token_format.to_text, token_bytes), counts)
        self._token_bytes = (*[b""] * FIRST_TOKEN, *token_bytes)
        self._tokens = self._known()
        self._transpositions: dict[int, np.ndarray] = {}

    @property
    @abstractmethod
    def features(self) -> np.ndarray:
        """uint8 (V, F), 0 or 1: what each token is made of; nothing for the reserved ones."""

    @property
    @abstractmethod
    def onset_pitches(self) -> np.ndarray:
        """bool (V, P): the pitches that each token begins; none for the reserved ones."""

    @abstractmethod
    def nearest(self, token_bytes: Sequence[bytes]) -> np.ndarray:
        """int64 (len(token_bytes),): the known token nearest to each canonical bytes that have none, or -1."""

    @classmethod
    def of(
        cls: type[Self],
        counts: Mapping[bytes, int],
        transpositions: Iterable[int],
        max_vocabulary: int,
        token_format: TokenFormat,
    ) -> Self:
        """The most frequent tokens of music in which what `counts` counts also stands at each transposition."""
        limit = max_vocabulary - FIRST_TOKEN - len(token_format.always)
        # one count for all that have the same text
        merged: Counter[bytes] = Counter()
        for token_bytes, count in counts.items():
            merged[token_format.canonical(token_bytes)] += count
        # the counts of the transposed copies; what is too rare to matter has none
        original = dict.fromkeys(token_format.always, 0) | dict(most_frequent(merged, _RARE * limit))
        total = dict(original)
        for semitones in set(transpositions) - {0}:
            transposed = token_format.transpose(list(original), semitones)
            for token_bytes, count in zip(transposed, original.values(), strict=True):
                total[token_bytes] = total.get(token_bytes, 0) + count
        # what every vocabulary has, and the most frequent others
        always = {token_bytes: total.pop(token_bytes) for token_bytes in token_format.always}
        chosen = most_frequent(dict(most_frequent(total, limit)) | always, max_vocabulary)
        return cls([token_bytes for token_bytes, _ in chosen], [count for _, count in chosen], token_format)

    def grown(self: Self, counts: Mapping[bytes, int], transpositions: Iterable[int], max_vocabulary: int) -> Self:
        """These tokens with their numbers, and behind them those that `of` finds in other music and that are new."""
        other = type(self).of(counts, transpositions, max_vocabulary, self.token_format)
        theirs = dict(zip(other._token_bytes[FIRST_TOKEN:], other.texts.counts.tolist(), strict=True))
        ours = dict(zip(self._token_bytes[FIRST_TOKEN:], self.texts.counts.tolist(), strict=True))
        total = {token_bytes: ours.get(token_bytes, 0) + theirs.get(token_bytes, 0) for token_bytes in [*ours, *theirs]}
        return type(self)(list(total), list(total.values()), self.token_format)

    @classmethod
    def from_json(cls: type[Self], values: Mapping[str, Any], token_format: TokenFormat) -> Self:
        """From what `texts.to_json()` gave. Raises BadModel for other texts than `token_format` makes."""
        vocabulary = Vocabulary.from_json(values)
        token_bytes = [token_format.from_text(text) for text in vocabulary.texts]
        missing = set(token_format.always) - set(token_bytes)
        if missing:
            needed = token_format.to_text(min(missing))
            raise BadModel(f"the vocabulary does not fit: {token_format.name} needs '{needed}'")
        return cls(token_bytes, vocabulary.counts.tolist(), token_format)

    def find(self, token_bytes: Sequence[bytes]) -> np.ndarray:
        """int32 (len(token_bytes),): the token of each; negative, -token, of the nearest one where it has none."""
        if len(self._tokens) > self.texts.size + _REMEMBERED:
            self._tokens = self._known()
        tokens = list(map(self._tokens.get, token_bytes))
        if None in tokens:
            self._remember({item for item, token in zip(token_bytes, tokens, strict=True) if token is None})
            tokens = list(map(self._tokens.get, token_bytes))
        return np.array(tokens, np.int32)

    def transposition(self, semitones: int) -> np.ndarray:
        """int32 (V,): the token of each token's music `semitones` higher, or the nearest; reserved ones stay."""
        if semitones not in self._transpositions:
            transposed = self.token_format.transpose(self._token_bytes[FIRST_TOKEN:], semitones)
            table = np.concatenate([np.arange(FIRST_TOKEN, dtype=np.int32), np.abs(self.find(transposed))])
            self._transpositions[semitones] = table
        return self._transpositions[semitones]

    def _known(self) -> dict[bytes, int]:
        return {item: token for token, item in enumerate(self._token_bytes) if token >= FIRST_TOKEN}

    def _remember(self, missing: set[bytes]) -> None:
        """Note the tokens of bytes that have none: of known ones written otherwise, else of the nearest."""
        canonical = {item: self.token_format.canonical(item) for item in missing}
        new = sorted({item for item in canonical.values() if item not in self._tokens})
        nearest = self.nearest(new)
        self._tokens.update(zip(new, (-np.where(nearest < 0, UNKNOWN, nearest)).tolist(), strict=True))
        self._tokens.update({item: self._tokens[same] for item, same in canonical.items()})


V = TypeVar("V", bound=LearnedVocabulary)


class LearnedEncoding(Encoding, Generic[V]):
    """An encoding of the kind tokens with a vocabulary that `fit` makes.

    A subclass writes `token_bytes`, `decode` and `positions`, and says what the format of its tokens is.

    Class attributes:
        vocabulary_type: what its tokens make up.
    """

    kind = "tokens"
    vocabulary_type: type[V]

    def __init__(self, settings: Any = None):
        super().__init__(settings)
        self._format = self.token_format()
        self._learned: V | None = None

    @abstractmethod
    def token_format(self) -> TokenFormat:
        """How the tokens look that these options make."""

    @abstractmethod
    def token_bytes(self, score: Score) -> list[bytes]:
        """A piece as bytes, one item a row. They depend on the piece and the options alone."""

    @property
    def learned(self) -> V:
        """The vocabulary. Raises ValueError before there is one."""
        if self._learned is None:
            raise ValueError(f"{self.name} has no vocabulary yet: call fit or load_vocabulary first")
        return self._learned

    @property
    def texts(self) -> Vocabulary:
        """The vocabulary as text. Raises ValueError before there is one."""
        return self.learned.texts

    @property
    def spec(self) -> Spec:
        return Spec("tokens", (), self.texts.size, self.learned.features)

    def fit(self, scores: Iterable[Score], transpositions: Iterable[int] = (0,)) -> None:
        """Keep the tokens that are most frequent in `scores` and in their copies at each of `transpositions`."""
        counts: Counter[bytes] = Counter()
        for score in scores:
            counts.update(self.token_bytes(score))
        self.learn(counts, transpositions)

    def learn(self, counts: Mapping[bytes, int], transpositions: Iterable[int] = (0,)) -> None:
        """Make the vocabulary.

        Args:
            counts: how often each token bytes stand in the training pieces, not transposed.
            transpositions: the semitones at which each piece will also be met.
        """
        self._learned = self.vocabulary_type.of(counts, transpositions, self.options.max_vocabulary, self._format)

    def grow(self, counts: Mapping[bytes, int], transpositions: Iterable[int] = (0,)) -> None:
        """Add what other music has, counted as for `learn`, behind the tokens that there are."""
        self._learned = self.learned.grown(counts, transpositions, self.options.max_vocabulary)

    def vocabulary(self) -> dict[str, Any] | None:
        """JSON-able, for vocabulary.json; None before there is a vocabulary."""
        return None if self._learned is None else self.texts.to_json()

    def load_vocabulary(self, values: dict[str, Any]) -> None:
        """The inverse of vocabulary(). Raises BadModel for texts that these options do not make."""
        self._learned = self.vocabulary_type.from_json(values, self._format)

    def find(self, token_bytes: Sequence[bytes]) -> np.ndarray:
        """int32 (len(token_bytes),): the token of each; where the vocabulary lacks it, -token of the nearest one
        (-UNKNOWN where nothing is near)."""
        return self.learned.find(token_bytes)

    def transposition(self, semitones: int) -> np.ndarray:
        """int32 (V,): the token of each token's music `semitones` higher, or the nearest; reserved ones stay."""
        return self.learned.transposition(semitones)

    def onset_pitches(self) -> np.ndarray:
        """bool (V, P): the pitches that each token begins."""
        return self.learned.onset_pitches

    def encode(self, score: Score) -> np.ndarray:
        """int32 (T,): the tokens of a piece; the nearest where the vocabulary lacks one."""
        return np.abs(self.find(self.token_bytes(score)))

    def transpose(self, rows: np.ndarray, semitones: int) -> np.ndarray:
        """Each token moved by `semitones`, pitches that leave the encoding's own by octaves; the nearest known one."""
        return self.transposition(semitones)[rows]


def most_frequent(counts: Mapping[Key, int], limit: int) -> list[tuple[Key, int]]:
    """Up to `limit` of the keys with their counts, most frequent first; the smaller key first among equals."""
    items: Iterable[tuple[Key, int]] = counts.items()
    if len(counts) > limit:  # sort only what can be among them
        every = np.fromiter(counts.values(), np.int64, len(counts))
        least = np.partition(every, len(every) - limit)[len(every) - limit] if limit > 0 else every.max() + 1
        items = (item for item in items if item[1] >= least)
    return sorted(items, key=lambda item: (-item[1], item[0]))[: max(limit, 0)]


def _checked_text(text: Any) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is not text")
    return text
