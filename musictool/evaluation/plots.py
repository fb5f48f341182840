"""The plots of an evaluation as SVG elements of a page: samples in one colour, human pieces in another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from musictool.drawing.colours import COLOURS as PLAIN
from musictool.drawing.figure import SALT, svg
from musictool.evaluation.evaluation import Evaluation
from musictool.evaluation.reference import Measures
from musictool.music.score import PITCHES

COLOURS = {"samples": PLAIN[1], "human": PLAIN[0], "encoded": PLAIN[2]}
TEXT, GRID = "#333333", "#cccccc"
BINS = 24
COLUMNS = 4  # panels of features beside each other
MAX_ROLLS = 4  # pieces of either side that are shown


def likelihood(evaluation: Evaluation) -> str:
    """Nats of the model, of its samples and of the baselines; "" without a likelihood."""
    nats = {name: likelihood.nats for name, likelihood in evaluation.likelihoods.items()}
    if "human" not in nats:
        return ""
    names = {"human": "human pieces", "samples": "its own samples"}
    figure, axes = _figure(7.4, 0.5 + 0.3 * len(nats))
    colours = [COLOURS.get(name, "#999999") for name in nats]
    axes.barh(range(len(nats)), list(nats.values()), 0.6, color=colours)
    for place, value in enumerate(nats.values()):
        axes.text(value, place, f"  {value:.3f}", va="center", fontsize=9, color=TEXT)
    axes.set_yticks(range(len(nats)), [names.get(name, f"{name}, human pieces") for name in nats])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12 * max(nats.values()))
    axes.set_xlabel(f"nats per {evaluation.likelihoods['human'].spec.unit}")
    return _svg(figure)


def features(evaluation: Evaluation) -> str:
    """Histograms of each musical feature on each side; "" where all pieces are alike in all of them."""
    names = [name for name in evaluation.samples.musical if _is_spread(name, list(evaluation.sides.values()))]
    if not names:
        return ""
    rows = -(-len(names) // COLUMNS)
    figure, panels = _figure(7.4, 1.35 * rows, rows, COLUMNS)
    for place, axes in enumerate(np.atleast_2d(panels).flat):
        if place >= len(names):
            axes.set_axis_off()
            continue
        values = {side: _known(measures.musical[names[place]]) for side, measures in evaluation.sides.items()}
        edges = np.histogram_bin_edges(np.concatenate(list(values.values())), BINS)
        for side, numbers in values.items():
            shares = np.histogram(numbers, edges)[0] / max(1, len(numbers))
            style = {"linestyle": ":"} if side == "encoded" else {}
            axes.stairs(shares, edges, color=COLOURS[side], linewidth=1.3, **style)
            if side != "encoded":
                axes.stairs(shares, edges, color=COLOURS[side], fill=True, alpha=0.22)
        axes.set_title(names[place], fontsize=8, color=TEXT, pad=3)
        axes.set_yticks([])
        axes.tick_params(labelsize=7)
        axes.locator_params(axis="x", nbins=4)
        axes.spines["left"].set_visible(False)
    return _svg(figure)


def distances(evaluation: Evaluation) -> str:
    """The overlap in each feature: of the samples, and of human pieces with each other."""
    names = [name for name, (samples, _) in evaluation.agreements.items() if samples is not None]
    if not names:
        return ""
    figure, axes = _figure(7.4, 0.6 + 0.26 * len(names))
    for side, which in (("human", 1), ("samples", 0)):
        points = [(both[which], place) for place, both in enumerate(evaluation.agreements[name] for name in names)]
        shown = [(agreement.overlap, place) for agreement, place in points if agreement is not None]
        if shown:
            axes.plot(*zip(*shown, strict=True), "o", color=COLOURS[side], markersize=6)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.02)
    axes.grid(axis="y", color=GRID, linewidth=0.5)
    axes.set_xlabel("overlap with the human pieces (1: wholly)")
    return _svg(figure)


def copying(evaluation: Evaluation) -> str:
    """The longest copied run of each piece, the longest first."""
    figure, axes = _figure(7.4, 2.2)
    for side in ("human", "samples"):
        runs = np.sort(evaluation.sides[side].longest_copied)[::-1]
        shares = (np.arange(len(runs)) + 0.5) / max(1, len(runs))
        axes.plot(100 * shares, runs, ".-", color=COLOURS[side], markersize=4, linewidth=1)
    axes.axhline(evaluation.p95_run, color=TEXT, linewidth=0.8, linestyle="--")
    axes.text(100, evaluation.p95_run, "95 of 100 human pieces ", ha="right", va="bottom", fontsize=8, color=TEXT)
    axes.set_xlim(0, 100)
    axes.set_ylim(0)
    axes.set_xlabel("% of the pieces, those with the longest copies first")
    axes.set_ylabel("sixteenths")
    return _svg(figure)


def variety(evaluation: Evaluation) -> str:
    """The distances of each two pieces, the samples beside the human pieces."""
    figure, panels = _figure(7.4, 3.2, 1, 2)
    for axes, (name, side) in zip(panels, list(evaluation.sides.items())[:2], strict=True):
        shown = axes.imshow(side.distances, vmin=0, vmax=1, cmap="cividis", interpolation="nearest")
        axes.set_title(f"{name}: {side.variety:.3f}", fontsize=9, color=TEXT)
        axes.set_xticks([])
        axes.set_yticks([])
    bar = figure.colorbar(shown, ax=panels, shrink=0.8, label="distance of two pieces")
    bar.outline.set_visible(False)
    return _svg(figure)


def rolls(evaluation: Evaluation) -> str:
    """The first samples and human pieces as piano-rolls."""
    shown = [
        (name, side, i) for name, side in list(evaluation.sides.items())[:2] for i in range(min(MAX_ROLLS, len(side)))
    ]
    rows = -(-len(shown) // 2)
    figure, panels = _figure(7.4, 1.05 * rows, rows, 2)
    columns = np.atleast_2d(panels)
    for axes in columns.flat:
        axes.set_axis_off()
    counts = {"samples": 0, "human": 0}
    for name, side, i in shown:
        axes = columns[counts[name], 0 if name == "samples" else 1] if counts[name] < rows else None
        counts[name] += 1
        if axes is not None:
            _roll(axes, side, i, COLOURS[name])
    return _svg(figure)


def _roll(axes: Any, side: Measures, piece: int, colour: str) -> None:
    from matplotlib.colors import ListedColormap

    axes.set_axis_on()
    picture = used_part(side.rolls[piece][:, :PITCHES]).T
    axes.imshow(
        picture, cmap=ListedColormap(["#ffffff", colour]), origin="lower", aspect="auto", interpolation="nearest"
    )
    axes.set_title(side.names[piece], fontsize=7.5, color=TEXT, pad=2, loc="left")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(visible=True, color=GRID)


def used_part(roll: np.ndarray) -> np.ndarray:
    """Of 0/1 (T, P): up to the last step that sounds, from the lowest to the highest pitch and one beyond each."""
    used = np.flatnonzero(roll.any(axis=0))
    low, high = (int(used[0]), int(used[-1])) if len(used) else (60, 72)
    steps = int(np.flatnonzero(roll.any(axis=1)).max(initial=31)) + 1
    return roll[:steps, max(0, low - 1) : high + 2]


def _is_spread(name: str, sides: Sequence[Measures]) -> bool:
    """Whether two pieces differ in a feature."""
    values = np.concatenate([_known(side.musical[name]) for side in sides if len(side)])
    return len(values) > 1 and float(np.ptp(values)) > 0


def _known(values: np.ndarray) -> np.ndarray:
    return values[~np.isnan(values)]


def _figure(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple[Any, Any]:
    """A figure of so many inches, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure((width, height), layout="constrained")
    panels = figure.subplots(rows, columns)
    for axes in np.atleast_1d(panels).flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(GRID)
        axes.tick_params(length=0, labelsize=9, labelcolor=TEXT)
        axes.xaxis.label.set(fontsize=9, color=TEXT)
        axes.yaxis.label.set(fontsize=9, color=TEXT)
    return figure, panels


def _svg(figure: Any) -> str:
    """The <svg> element; its text stays text, in the font of the page."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": SALT, "font.family": "sans-serif"}):
        FigureCanvasSVG(figure)
        return svg(figure, transparent=True)
