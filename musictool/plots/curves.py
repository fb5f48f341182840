"""Training curves of models: the loss of each epoch on training and validation pieces, and the best baseline.

Solid lines are validation pieces, dashed ones training pieces; a ring marks the epoch whose weights were kept. The loss
on training pieces is measured with dropout and while the weights still change, so it may be above the other one. The
dotted line is the best of the three baselines. Models of different encodings cannot be compared by nats per row, and
each such group has a panel of its own; so has each stage of a model that is trained in several, and each measure of one
that has no likelihood.

With --against minutes the curves show what an arch reaches in a given time rather than in a number of epochs.

Limit: nats per row of models with different corpora, or vocabularies, are not comparable even for one encoding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from musictool.drawing import slide
from musictool.drawing.colours import COLOURS, TEXT
from musictool.drawing.plot import Plot, PlotInput, PlotOptions, unique_names
from musictool.errors import BadModel
from musictool.models.info import read_info
from musictool.plots._history import X_LABELS, Curve, curves_of

TAKES = ("model",)
ACCEPTS = ("against",)
MAX_PANELS = 6
BASELINE = "#77777F"
BASELINE_TEXT: dict[str, Any] = {"color": TEXT, "fontsize": slide.TICK, "ha": "right", "va": "bottom"}


def draw(inputs: Sequence[PlotInput], options: PlotOptions) -> Plot:
    """A panel for each group of models that can be compared."""
    curves, remarks = [], []
    for model, name in zip(inputs, unique_names(inputs), strict=True):
        curves_of_model = curves_of(model, name, options.against)
        curves += curves_of_model
        if not curves_of_model:
            remarks.append(f"{_no_curve(model, name)}; left out")
    if not curves:
        raise BadModel(
            f"{remarks[0].removesuffix('; left out')}" + (" (nor has any other)" if len(remarks) > 1 else "")
        )
    groups: dict[str, list[Curve]] = defaultdict(list)
    for curve in curves:
        groups[curve.panel].append(curve)
    remarks += [f"no room for {panel}; plot fewer models" for panel in list(groups)[MAX_PANELS:]]
    title = curves[0].model if len(inputs) == 1 else f"Training of {len({curve.model for curve in curves})} models"
    return Plot(_figure(title, dict(list(groups.items())[:MAX_PANELS]), X_LABELS[options.against]), title, remarks)


def _no_curve(model: PlotInput, name: str) -> str:
    """Why a model has no curve."""
    if read_info(model.path)["weights"]:
        return f"{name} has no curve: it was not trained in epochs"
    return f"{name} has no curve yet: its first epoch is not over"


def _figure(title: str, groups: dict[str, list[Curve]], x: str) -> Any:
    models = list(dict.fromkeys(curve.model for curves in groups.values() for curve in curves))
    colours = dict(zip(models, (COLOURS[i % len(COLOURS)] for i in range(len(models))), strict=True))
    columns = min(len(groups), 2)
    rows = -(-len(groups) // columns)
    alone = len(groups) == 1
    facts = "solid: validation pieces · dashed: training pieces · ring: the weights that were kept"
    figure = slide.slide(title, f"{next(iter(groups))} · {facts}" if alone else facts, 2.4 + 3.2 * rows)
    margins = slide.PLAIN if alone else slide.Margins(above=slide.HEADING + slide.TITLES)
    all_axes = slide.panels(figure, rows, columns, margins, wspace=0.2, hspace=0.45)
    for axes in all_axes[len(groups) :]:
        axes.set_axis_off()
    for axes, (panel, curves) in zip(all_axes, groups.items(), strict=False):
        _panel(axes, curves, colours, x)
        if not alone:
            axes.set_title(panel, fontsize=slide.LABEL, color=TEXT, loc="left")
    return figure


def _panel(axes: Any, curves: list[Curve], colours: dict[str, str], x: str) -> None:
    slide.plain(axes)
    axes.grid(axis="y", color="#E6E6EA", linewidth=0.8)
    axes.set_xlabel(x, fontsize=slide.LABEL, color=TEXT)
    marks, names = [], []
    for curve in sorted(curves, key=lambda curve: float(curve.shown[curve.kept])):
        colour, kept, marker = colours[curve.model], curve.kept, "o" if len(curve.x) < 20 else ""
        if curve.shown is curve.validation:
            axes.plot(curve.x, curve.training, "--", color=colour, linewidth=1.3, alpha=0.75)
        marks += axes.plot(curve.x, curve.shown, marker=marker, markersize=4, color=colour, linewidth=2.4)
        axes.plot(curve.x[kept], curve.shown[kept], "o", markersize=11, mfc="none", mec=colour, mew=2)
        names.append(f"{curve.model}: {curve.shown[kept]:.3f}")
    lines = np.concatenate([line for curve in curves for line in (curve.shown, curve.training)])
    low, high = slide.round_numbers(lines[np.isfinite(lines)])
    baselines, top = {curve.baseline for curve in curves}, 1.0
    if len(baselines) == 1 and (baseline := baselines.pop()):
        level, name = baseline
        if low < level < high + (high - low):  # else the curves would be flat below it
            high = max(high, level + 0.1 * (high - low))
            top = min(top, (level - low) / (high - low) - 0.02)
            axes.text(1, level, f"{name}: {level:.3f}", transform=axes.get_yaxis_transform(), **BASELINE_TEXT)
        axes.axhline(level, color=BASELINE, linestyle=":", linewidth=1.8)
    if x == "epoch":
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    else:
        axes.set_xlim(left=0)
    axes.set_ylim(low, high)
    slide.legend(axes, marks, names, loc="upper right", bbox_to_anchor=(1, top if top > 0.5 else 1))
