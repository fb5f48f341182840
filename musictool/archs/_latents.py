"""What an arch of segments can do besides if it knows latents: a few numbers for each instrument of a segment."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np

from musictool.sampling.sampler import Sampler


class Latents(ABC):
    """An arch whose segments become latents, and whose latents become segments. It can be given a style (Guidance)."""

    @abstractmethod
    def latents(self, rows: np.ndarray) -> np.ndarray:
        """uint8 0/1 (T, S, P, I) -> float32 (T, I, Z): of each segment the likeliest latents (posterior means)."""

    @abstractmethod
    def decoded(self, latents: np.ndarray, sampler: Sampler, seed: int) -> np.ndarray:
        """float32 (T, I, Z) -> uint8 0/1 (T, S, P, I): what segments of these latents play.

        Args:
            sampler: its temperature and threshold.
            seed: fixes the draws of a threshold that draws.
        """
