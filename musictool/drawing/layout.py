"""The layout of a piano-roll picture: rows of whole bars, a range of pitches, lanes for drums."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from musictool.music.score import TICKS_PER_QUARTER, Score

ROW_TICKS = 64 * TICKS_PER_QUARTER  # 16 bars of 4/4
MAX_ROWS = 12
ROW_INCHES = 9.2  # the width of a full row; with the margins the picture is 10 inches wide
MIN_ROW_INCHES = 4.2
INCHES_PER_PITCH = (0.018, 0.036)  # at least and at most; in between all rows together are ROWS_INCHES high
ROWS_INCHES = 12.0
LEFT, RIGHT, ABOVE, BELOW, BETWEEN = 0.5, 0.2, 0.6, 0.3, 0.34  # margins, inches
MIN_PITCHES = 25
DRUM_GAP = 2  # pitches between the lowest pitch and the drums' lanes
DRUM_PITCHES = 24  # of the pitch axis that the lanes take at most


@dataclass(frozen=True)
class Layout:
    """Where everything goes. `edges_ticks` are the borders of the rows; pitches are in [low, high)."""

    edges_ticks: np.ndarray
    bars_ticks: np.ndarray
    low: int
    high: int
    drum_lanes: dict[int, float]  # pitch of a drum -> its lane on the pitch axis

    @property
    def bottom(self) -> float:
        """The lower end of the pitch axis, below the lanes."""
        return min(self.drum_lanes.values()) - 2 if self.drum_lanes else self.low

    @property
    def row_size(self) -> tuple[float, float]:
        """Inches: the width of the longest row, the height of each."""
        full = self.longest_row_ticks / ROW_TICKS
        pitches = self.high - self.bottom
        inches_per_pitch = np.clip(ROWS_INCHES / (pitches * (len(self.edges_ticks) - 1)), *INCHES_PER_PITCH)
        return max(MIN_ROW_INCHES, ROW_INCHES * min(1.0, full)), float(inches_per_pitch * pitches)

    @property
    def longest_row_ticks(self) -> int:
        """Length of the longest row."""
        return int(np.diff(self.edges_ticks).max())


def layout(score: Score) -> Layout:
    """Rows of whole bars, the pitches in use with a small margin, and a lane for each drum in use."""
    # bar lines, the last of them behind the last note
    bars = np.append(score.bar_onsets_ticks(), score.end_ticks)
    last_bar = int(bars[-2] - bars[-3]) if len(bars) > 2 else 4 * TICKS_PER_QUARTER
    bars[-1] = max(int(bars[-1]), int(bars[-2]) + last_bar)
    # the range of pitches, at least MIN_PITCHES
    drums = score.is_drum
    pitches = score.notes["pitch"][~drums].astype(int)
    low, high = (int(pitches.min()) - 1, int(pitches.max()) + 2) if len(pitches) else (60, 60)
    spare = max(0, MIN_PITCHES - (high - low)) if len(pitches) else 0
    low, high = low - spare // 2, high + spare - spare // 2
    # a lane for each drum below it
    sounds = np.unique(score.notes["pitch"][drums]).tolist()
    gap = min(2.0, DRUM_PITCHES / max(1, len(sounds)))
    lanes = {sound: low - DRUM_GAP - gap * (len(sounds) - 1 - i) for i, sound in enumerate(sounds)}
    return Layout(_row_edges(bars), bars, low, high, lanes)


def _row_edges(bars: np.ndarray) -> np.ndarray:
    """Borders of rows of about equal length, at bar lines."""
    length = int(bars[-1])
    rows = int(np.clip(-(-length // ROW_TICKS), 1, MAX_ROWS))
    per_row = -(-(len(bars) - 1) // rows)
    return np.unique(np.append(bars[:-1:per_row], length))
