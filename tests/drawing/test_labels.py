from __future__ import annotations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from musictool.drawing.labels import write_labels


def boxes(points: np.ndarray, chosen: list[int], names: list[str]) -> list:
    figure = Figure((5, 5))
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    write_labels(axes, points, chosen, names)
    canvas.draw()
    return [Text.get_window_extent(text, canvas.get_renderer()) for text in axes.texts]  # without its line


def test_names_of_near_points_do_not_overlap():
    points = np.array([[0.5, 0.5], [0.5, 0.51], [0.51, 0.5], [0.49, 0.5]])
    drawn = boxes(points, [0, 1, 2, 3], ["C4", "C4 off", "G4", "G4 off"])
    assert not any(one.overlaps(other) for i, one in enumerate(drawn) for other in drawn[:i])


def test_a_name_stays_inside_and_keeps_off_the_points():
    points = np.array([[0.99, 0.99], *([[0.9, y] for y in np.linspace(0.9, 1, 20)])])
    (box,) = boxes(points, [0], ["C4 E4 G4"])
    assert box.x1 <= 500
    assert box.y1 <= 500
    assert not any(box.contains(*(500 * point)) for point in points)
