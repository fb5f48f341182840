"""How well a model reconstructs human pieces from their latents, and how many numbers of a latent are in use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from musictool.metrics.reconstruction import active_units, note_scores, scores_of_copying
from musictool.music.instruments import INSTRUMENTS
from musictool.music.score import Score

if TYPE_CHECKING:
    from musictool.models.model import Model

PARTS = ("precision", "recall", "f1")


@dataclass(frozen=True)
class Reconstruction:
    """See musictool/metrics/reconstruction.py.

    Attributes:
        decoded: (precision, recall, f1) of each instrument and of "all", of segments decoded from their own latents.
        copied: the same of copying the segment before.
        active: of each instrument, how many numbers of its latent are in use.
        latent: of how many.
    """

    decoded: dict[str, tuple[float, float, float]]
    copied: dict[str, tuple[float, float, float]]
    active: dict[str, int]
    latent: int

    @classmethod
    def of(cls, model: Model, scores: Sequence[Score]) -> Reconstruction | None:
        """The reconstruction of some pieces; None if the model has no latents, or the pieces have no rows for it."""
        from musictool.arch import LatentArch
        from musictool.generation.latents import segments_of
        from musictool.sampling.sampler import Sampler

        if model.spec.kind != "segments" or not issubclass(model.arch_class, LatentArch):
            return None
        pieces = [rows for rows in (segments_of(model, score) for score in scores) if len(rows)]
        if not pieces:
            return None
        rows = np.concatenate(pieces)
        arch = model.player(model.engine_for(len(rows)))
        assert isinstance(arch, LatentArch)
        latents = arch.latents(rows)
        decoded = note_scores(arch.decode_latents(latents, Sampler(), 0), rows)
        active = dict(zip(INSTRUMENTS, active_units(latents).tolist(), strict=True))
        return cls(decoded, scores_of_copying(pieces), active, latents.shape[-1])

    def lines(self) -> list[tuple[str, str]]:
        """(name, cell) of each number that is defined, such as ("f1:piano", "0.333")."""
        sides = (("", self.decoded), (", copying the segment before", self.copied))
        cells = [
            (f"{part}:{name}{suffix}", f"{values[name][i]:.3f}")
            for i, part in enumerate(PARTS)
            for name in self.decoded
            for suffix, values in sides
            if not math.isnan(values[name][i])
        ]
        return cells + [(f"active:{name}", f"{number} of {self.latent}") for name, number in self.active.items()]

    def to_json(self) -> dict[str, Any]:
        """JSON-able; nan is null."""
        scores = {
            side: {
                name: {part: None if math.isnan(x) else x for part, x in zip(PARTS, triple, strict=True)}
                for name, triple in values.items()
            }
            for side, values in (("decoded", self.decoded), ("copied", self.copied))
        }
        return {**scores, "active": self.active, "latent": self.latent}
