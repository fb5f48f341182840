"""The vectors of a model's tokens, or of the keys of its frames, with their pitches, names and counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from musictool.drawing.plot import PlotInput
from musictool.encoding import FIRST_TOKEN, Encoding
from musictool.errors import BadModel, UnknownName
from musictool.models.info import read_info
from musictool.models.parts import MOST_PRIMER_BYTES, open_encoding
from musictool.music.pitches import pitch_name, pitch_of
from musictool.music.score import PITCHES
from musictool.strict.hdf5 import array, opened
from musictool.vocabulary import LearnedEncoding

BEGINS, ENDS, NEITHER = "begins notes", "ends a note", "neither"


@dataclass(frozen=True)
class Vectors:
    """The vectors of the tokens of a model (without those below FIRST_TOKEN), or of the keys of its frames.

    Attributes:
        encoding: of the tokens or frames.
        tokens: int64 (N,), the tokens; or the keys, as columns of a frame.
        vectors: float32 (N, D).
        onset_pitches, ends: bool (N, P), the pitches that each begins and ends.
        counts: int64 (N,), how often each occurs, by the vocabulary or the model's primers; else 0.
    """

    encoding: Encoding
    tokens: np.ndarray
    vectors: np.ndarray
    onset_pitches: np.ndarray
    ends: np.ndarray
    counts: np.ndarray

    @property
    def pitch(self) -> np.ndarray:
        """float64 (N,): the mean pitch that each begins or ends; nan without one."""
        pitches = self.onset_pitches | self.ends
        total = pitches.sum(axis=1)
        return np.where(total > 0, pitches @ np.arange(PITCHES) / np.maximum(total, 1), np.nan)

    @property
    def kinds(self) -> np.ndarray:
        """object (N,): BEGINS, ENDS or NEITHER."""
        return np.where(self.onset_pitches.any(axis=1), BEGINS, np.where(self.ends.any(axis=1), ENDS, NEITHER))

    def __len__(self) -> int:
        return len(self.tokens)

    def select(self, chosen: np.ndarray) -> Vectors:
        """Those at these indices."""
        columns = (column[chosen] for column in (self.tokens, self.vectors, self.onset_pitches, self.ends, self.counts))
        return Vectors(self.encoding, *columns)

    def name(self, index: int) -> str:
        """ "C4" or "C4 E4 G4" for what begins notes, "C4 off" for what ends one, else the text of the token."""
        for pitches, suffix in ((self.onset_pitches[index], ""), (self.ends[index], " off")):
            if pitches.any():
                return " ".join(pitch_name(int(pitch)) for pitch in np.flatnonzero(pitches)) + suffix
        return self.text(index)

    def text(self, index: int) -> str:
        """The token as the vocabulary writes it; "token 5" without a vocabulary."""
        token = int(self.tokens[index])
        if isinstance(self.encoding, LearnedEncoding):
            return self.encoding.texts.text_of(token)
        return f"token {token}"

    def find(self, label: str) -> list[int]:
        """The indices of a label: for a note the most frequent tokens that begin and end it alone; else the token of
        that text. Raises UnknownName if the model has none."""
        try:
            pitch = np.arange(PITCHES) == pitch_of(label)
        except ValueError:
            texts = [self.text(index) for index in range(len(self))]
            if label not in texts:
                raise UnknownName.of("token or note", label, texts) from None
            return [texts.index(label)]
        indices = []
        for pitches in (self.onset_pitches, self.ends):
            same = np.flatnonzero((pitches == pitch).all(axis=1))
            if len(same):
                indices.append(int(same[np.argmax(self.counts[same])]))
        if not indices:
            raise UnknownName(f"no token of this model is the note {label} by itself")
        return indices

    def most_frequent(self) -> list[int]:
        """Those that begin or end notes and occur, the most frequent first, each name once."""
        by_name: dict[str, int] = {}
        for index in np.lexsort((self.tokens, -self.counts)).tolist():
            if self.counts[index] and (self.onset_pitches[index].any() or self.ends[index].any()):
                by_name.setdefault(self.name(index), index)
        return list(by_name.values())


def vectors_of(model: PlotInput) -> Vectors:
    """The vectors of a model. Raises BadModel for one that has none, or none yet."""
    info = read_info(model.path)
    encoding = open_encoding(model.path, info)
    vectors = _weights(model, info, encoding)
    tokens = np.arange(FIRST_TOKEN if encoding.kind == "tokens" else 0, len(vectors))
    onset_pitches, ends = encoding.onset_pitches(), encoding.ends()
    if encoding.kind != "tokens":
        tokens = tokens[onset_pitches.any(axis=1)]
    counts = _counts(model, encoding, len(vectors))
    return Vectors(encoding, tokens, vectors[tokens], onset_pitches[tokens], ends[tokens], counts[tokens])


def _weights(model: PlotInput, info: dict[str, Any], encoding: Encoding) -> np.ndarray:
    """float32 (V, D): the vector of each token (its own plus those of its features), or of each key of a frame."""
    path, size = model.path / "network.weights.h5", encoding.spec.size
    message = (
        f"{model.name}: the arch {info['arch']['name']} has no embedding; recurrent networks and Transformers have"
    )
    if not info["weights"]:
        raise BadModel(f"{model.name} has no weights yet: its first epoch is not over")
    if encoding.kind == "segments" or not path.is_file():
        raise BadModel(message)
    try:
        with opened(path) as file:
            layer = _layer(file, "embedding" if encoding.kind == "tokens" else "keys")
            if layer is None:
                raise BadModel(message)
            vectors = array(file, f"{layer}/0").astype(np.float32)
            if encoding.kind == "frames":
                vectors = vectors[:size]  # behind the keys are the bar positions
            features = encoding.spec.features
            if features is not None:
                vectors = vectors + features.astype(np.float32) @ array(file, f"{layer}/2").astype(np.float32)
        if vectors.ndim != 2 or len(vectors) != size or not np.isfinite(vectors).all():
            raise ValueError(f"vectors of the shape {vectors.shape} for {size} tokens")
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise BadModel(f"{path} cannot be read: {error}") from None
    return vectors


def _layer(file: h5py.File, name: str) -> str | None:
    """The path of the weights of the layer of this name in a file that Keras wrote."""
    return file.visititems(lambda path, item: path if item.attrs.get("name") == name else None)


def _counts(model: PlotInput, encoding: Encoding, size: int) -> np.ndarray:
    """int64 (V,): from the vocabulary, else from the primers of the model."""
    counts = np.zeros(size, np.int64)
    if isinstance(encoding, LearnedEncoding):
        counts[FIRST_TOKEN:] = encoding.texts.counts
        return counts
    try:
        with opened(model.path / "primers.h5", MOST_PRIMER_BYTES) as file:
            rows = array(file, "rows")
    except (OSError, KeyError, ValueError) as error:
        raise BadModel(f"{model.path / 'primers.h5'} cannot be read: {error}") from None
    if encoding.kind == "tokens":
        return np.bincount(rows[(rows >= 0) & (rows < size)].astype(np.int64), minlength=size)
    return rows.reshape(-1, size).sum(axis=0, dtype=np.int64) if rows.size % size == 0 else counts
