"""What a continuation is bound to: the tokens that are banned, the conditions, the style."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from musictool.music.bar_positions import BarPositions

COMMON = BarPositions()
MASKED_LOGIT = -1e9  # a logit that no temperature brings back


class RowConditions(Protocol):
    """Requested values that change from row to row, such as the chord of the bar that a piece has come to."""

    def of_rows(self, start: int, stop: int, written: np.ndarray | None = None) -> np.ndarray:
        """float32 (stop - start, B, C): what is requested of the rows from start to stop - 1, row 0 being the first
        behind the start row.

        Args:
            written: (B, T, ...), T >= stop - 1, the rows so far, without the start row; None for rows of the primer, or
                where a row is a step of time, whatever stands in it.
        """


@dataclass(frozen=True)
class Guidance:
    """What a continuation is bound to.

    Attributes:
        banned: bool (V,) for tokens, or (B, V), of each piece; (D,) for frames: what may not be drawn; None for nothing
            besides what the arch itself bans.
        style: uint8 0/1 (N, S, P, I), segments to write like, for archs of segments that know styles; None for none.
        alpha: how much of the style, 0 none to 1 nothing else.
        conditions: float32 (C,), requested values (musictool/dataset/conditions.py); None for no request.
        row_conditions: the same where they change from row to row; None for the same everywhere.
        bar_positions: of the B pieces, or of one for all, for an arch that reads them; row 0 is the first row behind
            the start row.
        chords: of each bar, one after another and over again (musictool/music/chords.py), for an arch that is given
            chords; None for any.
        onset_mask: bool (V,), the tokens that begin notes, to which alone a repetition penalty applies; None for all.
    """

    banned: np.ndarray | None = None
    conditions: np.ndarray | None = None
    row_conditions: RowConditions | None = None
    bar_positions: BarPositions = COMMON
    chords: tuple[int, ...] | None = None
    onset_mask: np.ndarray | None = None
    style: np.ndarray | None = None
    alpha: float = 0.0

    def logit_bias(self, size: int, reserved: int = 0) -> np.ndarray:
        """float32 (size,) or (B, size), to be added to logits: MASKED_LOGIT for what is banned or below `reserved`,
        otherwise 0."""
        banned = np.arange(size) < reserved
        return np.where(banned if self.banned is None else banned | self.banned, MASKED_LOGIT, 0.0).astype(np.float32)

    def onset_mask_of(self, size: int) -> np.ndarray:
        """bool (size,): the tokens that begin notes, or all."""
        return np.ones(size, bool) if self.onset_mask is None else self.onset_mask


FREE = Guidance()
