"""Names beside points, placed so that they hide neither each other nor, where possible, the points."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from musictool.drawing.colours import TEXT

SIZE = 10.5  # points
LETTER = 0.72  # the mean width of a bold letter, as a share of its size
DISTANCES = (8.0, 16.0, 28.0, 44.0)  # points from a point to its name
DIRECTIONS = 16
RING = 4.0  # points around a point that has a name


def write_labels(axes: Any, points: np.ndarray, chosen: Sequence[int], names: Sequence[str]) -> None:
    """Name some of the points (N, 2), in data coordinates; the limits of the axes must be set before."""
    from matplotlib.patheffects import withStroke

    scale = 72 / axes.figure.dpi
    places = axes.transData.transform(points) * scale  # points of the figure
    edges = axes.get_window_extent().get_points() * scale  # (2, 2): lower left, upper right
    taken: list[np.ndarray] = []
    for index, name in zip(chosen, names, strict=True):
        width, height = len(name) * SIZE * LETTER + 2, SIZE * 1.25
        others = places[[other for other in chosen if other != index]]
        box = _best(places, places[index], (width, height), taken, others, edges)
        taken.append(box)
        middle = box.mean(axis=0) - places[index]
        is_far = bool((np.abs(middle) - [width / 2, height / 2] > DISTANCES[0] + 1).any())
        axes.annotate(
            name,
            points[index],
            middle,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=SIZE,
            weight="bold",
            parse_math=False,
            zorder=6,
            path_effects=[withStroke(linewidth=2.5, foreground="white")],
            arrowprops={"arrowstyle": "-", "color": TEXT, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 3}
            if is_far
            else None,
        )


def _best(
    places: np.ndarray,
    point: np.ndarray,
    size: tuple[float, float],
    taken: list[np.ndarray],
    others: np.ndarray,
    edges: np.ndarray,
) -> np.ndarray:
    """(2, 2), the corners of the best box beside a point: that with the least cost.

    What counts most is that it crosses no other name, then that it is inside the frame, then that it hides no point
    that has a name, then how many other points it hides and how far it is from its own.
    """
    half = np.array(size) / 2
    lowest, best = np.inf, np.zeros((2, 2))
    for distance, turn in product(DISTANCES, range(DIRECTIONS)):
        direction = np.array([np.cos(2 * np.pi * turn / DIRECTIONS), np.sin(2 * np.pi * turn / DIRECTIONS)])
        middle = point + direction * (distance + half * [1, 1])
        box = np.stack([middle - half, middle + half])
        hidden = int(((places > box[0]) & (places < box[1])).all(axis=1).sum())
        named = int(((others > box[0] - RING) & (others < box[1] + RING)).all(axis=1).sum())
        crossed = sum(bool(((box[0] < other[1]) & (other[0] < box[1])).all()) for other in taken)
        outside = bool((box[0] < edges[0]).any() or (box[1] > edges[1]).any())
        cost = 1000 * crossed + 200 * outside + 60 * named + 3 * hidden + distance / 4
        if cost < lowest:
            lowest, best = cost, box
    return best
