"""What the symbols of a model stand for: their vectors, their pitches, their names, and how often they are met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from musictool.drawing.plot import Thing
from musictool.encoding import FIRST_TOKEN, Encoding
from musictool.errors import BadModel, UnknownName
from musictool.models.info import read_info
from musictool.models.parts import array, open_encoding
from musictool.music.pitches import pitch_name, pitch_of
from musictool.music.score import PITCHES

BEGINS, ENDS, NEITHER = "begins notes", "ends a note", "neither"


@dataclass(frozen=True)
class Symbols:
    """The symbols of a model that stand for music; of one that learns frames, the keys.

    Attributes:
        encoding: that they are of.
        ids: int64 (N,), what number each has.
        vectors: float32 (N, D).
        begins, ends: bool (N, P), the pitches.
        counts: int64 (N,), how often each was met, where the vocabulary or the model's primers say so; else 0.
    """

    encoding: Encoding
    ids: np.ndarray
    vectors: np.ndarray
    onset_pitches: np.ndarray
    ends: np.ndarray
    counts: np.ndarray

    @property
    def pitch(self) -> np.ndarray:
        """float64 (N,): the mean pitch that each begins or ends; nan where there is none."""
        own = self.onset_pitches | self.ends
        total = own.sum(axis=1)
        return np.where(total > 0, own @ np.arange(PITCHES) / np.maximum(total, 1), np.nan)

    @property
    def kinds(self) -> np.ndarray:
        """object (N,): BEGINS, ENDS or NEITHER."""
        return np.where(self.onset_pitches.any(axis=1), BEGINS, np.where(self.ends.any(axis=1), ENDS, NEITHER))

    def __len__(self) -> int:
        return len(self.ids)

    def some(self, chosen: np.ndarray) -> Symbols:
        """Those of these indices."""
        columns = (column[chosen] for column in (self.ids, self.vectors, self.onset_pitches, self.ends, self.counts))
        return Symbols(self.encoding, *columns)

    def name(self, index: int) -> str:
        """ "C4" or "C4 E4 G4" for what begins notes, "C4 off" for what ends one, else its text or its number."""
        for pitches, after in ((self.onset_pitches[index], ""), (self.ends[index], " off")):
            if pitches.any():
                return " ".join(pitch_name(int(pitch)) for pitch in np.flatnonzero(pitches)) + after
        return self.text(index)

    def text(self, index: int) -> str:
        """As the vocabulary writes it; where there is none, its number."""
        vocabulary = getattr(self.encoding, "texts", None)
        return str(vocabulary.text_of(int(self.ids[index]))) if vocabulary is not None else f"token {self.ids[index]}"

    def find(self, label: str) -> list[int]:
        """The indices that a user's label means: of a note the commonest symbol of it alone that begins it, and the
        commonest that ends it; or the symbol of that text. Raises UnknownName for what is no symbol of the model."""
        try:
            wanted = np.arange(PITCHES) == pitch_of(label)
        except ValueError:
            texts = [self.text(index) for index in range(len(self))]
            if label not in texts:
                raise UnknownName.of("symbol or note", label, texts) from None
            return [texts.index(label)]
        found = []
        for pitches in (self.onset_pitches, self.ends):
            same = np.flatnonzero((pitches == wanted).all(axis=1))
            if len(same):
                found.append(int(same[np.argmax(self.counts[same])]))
        if not found:
            raise UnknownName(f"no symbol of this model is the note {label} by itself")
        return found

    def commonest(self) -> list[int]:
        """The symbols that begin or end notes and were met, the commonest first, each name once."""
        found: dict[str, int] = {}
        for index in np.lexsort((self.ids, -self.counts)).tolist():
            if self.counts[index] and (self.onset_pitches[index].any() or self.ends[index].any()):
                found.setdefault(self.name(index), index)
        return list(found.values())


def symbols_of(thing: Thing) -> Symbols:
    """The symbols of a model. Raises BadModel for one that has none, or none yet."""
    info = read_info(thing.path)
    encoding = open_encoding(thing.path, info)
    vectors = _vectors(thing, info, encoding)
    ids = np.arange(FIRST_TOKEN if encoding.kind == "tokens" else 0, len(vectors))
    onset_pitches, ends = encoding.onset_pitches(), encoding.ends()
    if encoding.kind != "tokens":
        ids = ids[onset_pitches.any(axis=1)]
    return Symbols(
        encoding, ids, vectors[ids], onset_pitches[ids], ends[ids], _counts(thing, encoding, len(vectors))[ids]
    )


def _vectors(thing: Thing, info: dict[str, Any], encoding: Encoding) -> np.ndarray:
    """float32 (V, D): the vector of each symbol (its own and those of its features), or of each key of a frame."""
    path, size = thing.path / "network.weights.h5", encoding.spec.size
    none = f"{thing.name}: the arch {info['arch']['name']} has no symbol vectors; recurrent nets and Transformers have"
    if not info["weights"]:
        raise BadModel(f"{thing.name} has no weights yet: its first epoch is not over")
    if encoding.kind == "segments" or not path.is_file():
        raise BadModel(none)
    try:
        with h5py.File(path) as file:
            layer = _layer(file, "symbols" if encoding.kind == "tokens" else "keys")
            if layer is None:
                raise BadModel(none)
            vectors = array(file, f"{layer}/0").astype(np.float32)
            features = encoding.spec.features
            if features is not None:
                vectors = vectors + features.astype(np.float32) @ array(file, f"{layer}/2").astype(np.float32)
        if vectors.ndim != 2 or len(vectors) != size or not np.isfinite(vectors).all():
            raise ValueError(f"vectors of the shape {vectors.shape} for {size} symbols")
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise BadModel(f"{path} cannot be read: {error}") from None
    return vectors


def _layer(file: h5py.File, name: str) -> str | None:
    """Where the weights of the layer of this name lie in a file that Keras wrote."""
    return file.visititems(lambda path, item: path if item.attrs.get("name") == name else None)


def _counts(thing: Thing, encoding: Encoding, size: int) -> np.ndarray:
    """int64 (V,): from the vocabulary, else from the openings of pieces that the model keeps."""
    counts = np.zeros(size, np.int64)
    symbols = getattr(encoding, "symbols", None)
    if symbols is not None:
        counts[FIRST_TOKEN:] = symbols.counts
        return counts
    try:
        with h5py.File(thing.path / "primers.h5") as file:
            rows = array(file, "rows")
    except (OSError, KeyError, ValueError) as error:
        raise BadModel(f"{thing.path / 'primers.h5'} cannot be read: {error}") from None
    if encoding.kind == "tokens":
        return np.bincount(rows[(rows >= 0) & (rows < size)].astype(np.int64), minlength=size)
    return rows.reshape(-1, size).sum(axis=0, dtype=np.int64) if rows.size % size == 0 else counts
