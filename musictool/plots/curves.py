"""Training curves of models: the loss of each epoch on training and validation pieces, and what had to be beaten.

Full lines are validation pieces, dashed ones training pieces; a ring marks the epoch whose weights were kept. Training
pieces are judged while dropout is at work and as they go by, so their line may lie above the other one. The dotted line
is the best of the three ways of guessing that learn next to nothing. Models whose rows differ (of another encoding, or
frames) cannot be compared by nats a row, and each such group has a panel of its own; so has each stage of a model that
is trained in several, and each measure of one that has no likelihood.

With --against minutes the curves show what an arch does in a given time rather than in so many epochs.

Honest limit: nats a row of models that learned different corpora, or vocabularies, are not comparable even where the
encoding is one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from musictool.drawing.colours import COLOURS, WORDS
from musictool.drawing.plot import Drawn, Thing, Wishes, told_apart
from musictool.errors import BadModel, BadOption
from musictool.models.info import read_info
from musictool.plots import _slide as slide
from musictool.plots._history import AGAINST, Curve, curves_of

TAKES = ("model",)
WISHES = ("against",)
MOST_PANELS = 6
FLOOR = "#77777F"
FLOOR_WORDS: dict[str, Any] = {"color": WORDS, "fontsize": slide.TICK, "ha": "right", "va": "bottom"}


def draw(things: Sequence[Thing], wishes: Wishes) -> Drawn:
    """A panel for each group of models that can be compared."""
    if wishes.against not in AGAINST:
        raise BadOption(f"--against {wishes.against}: curves are drawn against {' or '.join(AGAINST)}")
    curves, remarks = [], []
    for thing, name in zip(things, told_apart(things), strict=True):
        own = curves_of(thing, name, wishes.against)
        curves += own
        if not own:
            remarks.append(f"{_no_curve(thing, name)}; left out")
    if not curves:
        raise BadModel(
            f"{remarks[0].removesuffix('; left out')}" + (" (nor has any other)" if len(remarks) > 1 else "")
        )
    groups: dict[str, list[Curve]] = defaultdict(list)
    for curve in curves:
        groups[curve.about].append(curve)
    remarks += [f"no room for {about}; plot fewer models" for about in list(groups)[MOST_PANELS:]]
    title = curves[0].model if len(things) == 1 else f"Training of {len({curve.model for curve in curves})} models"
    return Drawn(_figure(title, dict(list(groups.items())[:MOST_PANELS]), AGAINST[wishes.against]), title, remarks)


def _no_curve(thing: Thing, name: str) -> str:
    """Why a model has none."""
    if read_info(thing.path)["weights"]:
        return f"{name} has no curve: it was not trained in epochs"
    return f"{name} has no curve yet: its first epoch is not over"


def _figure(title: str, groups: dict[str, list[Curve]], x: str) -> Any:
    models = list(dict.fromkeys(curve.model for own in groups.values() for curve in own))
    colours = dict(zip(models, (COLOURS[i % len(COLOURS)] for i in range(len(models))), strict=True))
    columns = min(len(groups), 2)
    rows = -(-len(groups) // columns)
    alone = len(groups) == 1
    facts = "full line: validation pieces · dashed: training pieces · ring: what was kept"
    figure = slide.slide(title, f"{next(iter(groups))} · {facts}" if alone else facts, 2.4 + 3.2 * rows)
    margins = slide.PLAIN if alone else slide.Margins(above=slide.HEADING + slide.TITLES)
    all_axes = slide.panels(figure, rows, columns, margins, wspace=0.2, hspace=0.45)
    for axes in all_axes[len(groups) :]:
        axes.set_axis_off()
    for axes, (about, own) in zip(all_axes, groups.items(), strict=False):
        _panel(axes, own, colours, x)
        if not alone:
            axes.set_title(about, fontsize=slide.LABEL, color=WORDS, loc="left")
    return figure


def _panel(axes: Any, curves: list[Curve], colours: dict[str, str], x: str) -> None:
    slide.plain(axes)
    axes.grid(axis="y", color="#E6E6EA", linewidth=0.8)
    axes.set_xlabel(x, fontsize=slide.LABEL, color=WORDS)
    marks, names = [], []
    for curve in sorted(curves, key=lambda curve: float(curve.shown[curve.kept])):
        colour, kept, few = colours[curve.model], curve.kept, "o" if len(curve.x) < 20 else ""
        if curve.shown is curve.validation:
            axes.plot(curve.x, curve.training, "--", color=colour, linewidth=1.3, alpha=0.75)
        marks += axes.plot(curve.x, curve.shown, marker=few, markersize=4, color=colour, linewidth=2.4)
        axes.plot(curve.x[kept], curve.shown[kept], "o", markersize=11, mfc="none", mec=colour, mew=2)
        names.append(f"{curve.model}: {curve.shown[kept]:.3f}")
    lines = np.concatenate([line for curve in curves for line in (curve.shown, curve.training)])
    low, high = slide.round_numbers(lines[np.isfinite(lines)])
    floors, top = {curve.floor for curve in curves}, 1.0
    if len(floors) == 1 and (floor := floors.pop()):
        nats, name = floor
        if low < nats < high + (high - low):  # else the curves would lie flat below it
            high = max(high, nats + 0.1 * (high - low))
            top = min(top, (nats - low) / (high - low) - 0.02)
            axes.text(1, nats, f"{name}: {nats:.3f}", transform=axes.get_yaxis_transform(), **FLOOR_WORDS)
        axes.axhline(nats, color=FLOOR, linestyle=":", linewidth=1.8)
    if x == "epoch":
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    else:
        axes.set_xlim(left=0)
    axes.set_ylim(low, high)
    slide.legend(axes, marks, names, loc="upper right", bbox_to_anchor=(1, top if top > 0.5 else 1))
