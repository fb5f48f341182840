"""Which rows a position of an attention layer can look at, for whole windows and for one row at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from keras import ops


@dataclass(frozen=True)
class Reach:
    """A window is cut into segments; a row sees what stands before it in its own, and some rows before that.

    Cutting keeps time and memory linear in the window's length. What is seen never depends on where a window ends, so
    that a row at a time, with the last `slots` rows kept, sees the same as the whole window does.

    Attributes:
        segment: S, rows of a segment.
        memory: M, rows before a segment that its rows can see.
        most: rows that one row can see, itself among them.
    """

    segment: int
    memory: int
    most: int

    @property
    def slots(self) -> int:
        """Rows that must be kept to see all that can be seen from the next."""
        return min(self.most, self.segment + self.memory)

    def cut(self, rows: int) -> tuple[int, int, int]:
        """(N, S, M) for a window of so many rows: one short segment without memory where one is enough."""
        if rows <= self.segment:
            return 1, rows, 0
        return -(-rows // self.segment), self.segment, self.memory

    def visible(self, rows: int) -> np.ndarray:
        """bool (N, 1, S, M + S): whether each row of a segment sees each row of the memory and the segment."""
        segments, segment, memory = self.cut(rows)
        age = np.arange(segment)[:, None] + memory - np.arange(memory + segment)  # (S, M + S)
        begins = np.arange(segments)[:, None, None] * segment
        exists = begins - memory + np.arange(memory + segment) >= 0  # (N, 1, M + S)
        return ((age >= 0) & (age < self.most) & exists)[:, None]

    def visible_slots(self, place: Any) -> Any:
        """bool (slots,): whether the row at `place`, an int32 scalar, sees what each slot of the ring holds."""
        age = self.ages(place)
        return ops.logical_and(age <= place, age <= ops.mod(place, self.segment) + self.memory)

    def ages(self, place: Any) -> Any:
        """int32 (slots,): how many rows before `place` each slot of the ring was written."""
        return ops.mod(place - ops.arange(self.slots, dtype="int32"), self.slots)

    def with_memory(self, segments: Any) -> Any:
        """float (B, N, H, S, d) -> (B, N, H, M + S, d): the M rows before each segment, zeros where there are none."""
        count, segment = segments.shape[1], segments.shape[3]
        if count == 1:
            return segments
        whole = -(-self.memory // segment)  # segments that the memory reaches into
        none = [(0, 0)] * 3
        before = [ops.pad(segments, [(0, 0), (i, 0), *none])[:, :count] for i in range(whole, 0, -1)]
        joined = ops.concatenate([*before, segments], axis=3)
        return joined[:, :, :, whole * segment - self.memory :]
