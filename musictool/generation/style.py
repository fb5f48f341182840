"""What a piece shall sound like: other pieces, of which a share is mixed in while it is written.

Source: I. Tham and M. Kim, "Generating Music Using Deep Learning" (2021), where songs are steered so: the segments of
the style pieces are encoded, the different latents kept as a set for each instrument; for each new segment one is
drawn, and z' = alpha s + (1 - alpha) z. Honest limit: latents are mixed and not what they mean; between two segments
that have nothing in common may lie music that is like neither.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from musictool.corpus.corpus import Corpus
from musictool.corpus.training_corpus import corpus_of
from musictool.errors import BadFile, BadOption, NoMusic
from musictool.generation.latents import heard, knower, segments_of
from musictool.generation.validation import check_files
from musictool.models.model import Model
from musictool.models.parts import sha256
from musictool.reading import read_named

log = logging.getLogger(__name__)

DEFAULT_ALPHA = 0.5
MOST_SEGMENTS = 4096


@dataclass(frozen=True)
class Style:
    """Which pieces, and how much of them.

    Attributes:
        files: music files; all pieces of each.
        where: conditions, such as "artist=Queen", on the pieces of the corpus that the model has learnt; they join the
            files' ones.
        alpha: from 0, nothing of it, to 1, nothing else; None for DEFAULT_ALPHA.
    """

    files: tuple[Path, ...] = ()
    where: tuple[str, ...] = ()
    alpha: float | None = None

    def __post_init__(self) -> None:
        if self.alpha is not None and not 0 <= self.alpha <= 1:
            raise BadOption(f"--alpha {self.alpha:g} is not from 0, nothing of the style, to 1, nothing else")
        if self.alpha is not None and not self:
            raise BadOption(f"--alpha {self.alpha:g} of which style? Name one: --style FILE or --where COLUMN=VALUE")

    def __bool__(self) -> bool:
        return bool(self.files or self.where)

    @property
    def share(self) -> float:
        """How much of it there shall be."""
        return (DEFAULT_ALPHA if self.alpha is None else self.alpha) if self else 0.0

    def segments(self, model: Model) -> np.ndarray | None:
        """uint8 0/1 (N, S, P, I): all that the pieces consist of, at most MOST_SEGMENTS; None without a style.

        Raises:
            BadOption: if the model knows no styles, or no piece fulfils the conditions.
            BadFile, NoMusic: for a file that cannot be read, or has no note.
            BadCorpus: if the model's corpus is not at hand.
        """
        if not self:
            return None
        knower(model, "--style" if self.files else "--where")
        parts, count = [], 0
        for rows in self._pieces(model):
            parts.append(rows[: MOST_SEGMENTS - count])
            count += len(parts[-1])
            if count == MOST_SEGMENTS:
                log.warning("the style has over %d segments; the first of them are taken", MOST_SEGMENTS)
                break
        if not count:
            raise NoMusic(f"not one piece with {' and '.join(self.where)} has a note that the model knows")
        return np.concatenate(parts)

    def _pieces(self, model: Model) -> Iterator[np.ndarray]:
        check_files(self.files)
        for path in self.files:
            for score in read_named(path).scores:
                yield segments_of(model, score, f"the style {path}")
        if self.where:
            corpus = Corpus.open(corpus_of(model.info, model.name).folder)
            yield from (heard(model, score) for score in corpus.select(self.where).scores())

    def to_json(self) -> dict[str, Any]:
        """All of it, with the files' places and checksums."""
        files = {str(path.resolve()): sha256(path) for path in self.files}
        return {"files": files, "where": list(self.where), "alpha": self.alpha}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Style:
        """The style again. Raises BadFile for a file that is gone or has changed."""
        for name, checksum in values["files"].items():
            if not Path(name).is_file() or sha256(Path(name)) != checksum:
                raise BadFile("style changed", f"{name} is gone or is no longer the file that gave the style")
        return cls(tuple(map(Path, values["files"])), tuple(values["where"]), values["alpha"])
