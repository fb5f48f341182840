"""Symbol embeddings of a model in two dimensions, coloured by register and by whether a note begins or ends.

Every symbol that a network reads is a vector to it. Where training went well, symbols that are used alike lie near to
each other: octaves, neighbours, a note's press and its release. On the left each is coloured by its mean pitch, on the
right by what it does; the labels name those of --label ("C4,E4,G4", or symbols as the vocabulary writes them), or the
commonest. A page (.html) also names each point that the mouse rests on.

Drawn is what the network really reads: for encodings whose symbols are made of features (a pitch, a length), the sum of
a symbol's own vector and those of its features. With t-SNE, the usual way, only neighbourhoods mean something, not how
far apart groups lie; with --method pca it is the two directions in which the vectors differ most. Of more than 2000
symbols the commonest are drawn.

Source: the figures of Huang and Wu, "Deep Learning for Music" (2016). Honest limit: vectors that share features by
construction (the same pitch, say) are alike before any training; that they lie together is no proof of learning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from musictool.drawing.colours import COLOURS
from musictool.drawing.plot import Drawn, Thing, Wishes
from musictool.errors import BadOption
from musictool.music.pitches import pitch_name
from musictool.plots import _slide as slide
from musictool.plots._flat import NAMES, flattened
from musictool.plots._labels import write_labels
from musictool.plots._symbols import BEGINS, ENDS, NEITHER, Symbols, symbols_of

TAKES = ("model",)
WISHES = ("label", "method", "seed")
MOST = 2000
LABELS, APART = 12, 0.09  # names that are written unless some are wished, and how far apart, of the panel's width
MARGINS = slide.Margins(left=slide.MARGIN, above=slide.HEADING + slide.TITLES, below=0.8)
NO_PITCH = "#B9B9C0"
KINDS = {BEGINS: (COLOURS[0], "o"), ENDS: (COLOURS[1], "v"), NEITHER: ("#8A8A92", "s")}


def draw(things: Sequence[Thing], wishes: Wishes) -> Drawn:
    """Two panels, or one where all symbols do the same."""
    if len(things) > 1:
        raise BadOption(f"embeddings are drawn of one model, not of {len(things)}")
    (thing,) = things
    every = symbols_of(thing)
    symbols = every.some(np.sort(np.lexsort((every.ids, -every.counts))[:MOST]))
    chosen = [index for label in wishes.label for index in symbols.find(label)]
    remarks = [f"{MOST} of {len(every):,} symbols are drawn, the commonest"] if len(every) > MOST else []
    method = wishes.method or "tsne"
    points = flattened(symbols.vectors, method, wishes.seed)
    chosen = list(dict.fromkeys(chosen)) or spread(points, symbols.commonest())
    what = "symbols" if every.encoding.kind == "tokens" else "keys"
    facts = f"{NAMES[method]} of the vectors of {len(symbols):,} {what} of {symbols.encoding.name} · {thing.name}"
    pale = "" if symbols.counts.all() else " · pale: rare or never met"
    figure = slide.slide(f"Embeddings of {what}", facts + pale)
    both = len(set(symbols.kinds)) > 1
    panels = slide.panels(figure, 1, 1 + both, MARGINS, wspace=0.08)
    drawn = [_by_register(figure, panels[0], points, symbols)]
    if both:
        drawn.append(_by_kind(panels[1], points, symbols))
    for axes in panels:
        axes.scatter(*points[chosen].T, s=46, facecolors="none", edgecolors="black", linewidths=1.2, zorder=5)
        write_labels(axes, points, chosen, [symbols.name(index) for index in chosen])
    names = [symbols.name(index) for index in range(len(symbols))]
    tips = {gid: [names[i] for i in indices.tolist()] for own in drawn for gid, indices in own.items()}
    return Drawn(figure, f"Embeddings of {thing.name}", remarks, tips)


def spread(points: np.ndarray, candidates: Sequence[int]) -> list[int]:
    """The first of some points (N, 2) that lie far enough apart for each to have its name."""
    scaled = points / np.maximum(np.ptp(points, axis=0), 1e-9)
    found: list[int] = []
    for index in candidates:
        if len(found) < LABELS and all(np.hypot(*(scaled[index] - scaled[other])) > APART for other in found):
            found.append(index)
    return found


def _scatter(axes: Any, points: np.ndarray, colour: Any, marker: str, is_met: np.ndarray, **style: Any) -> Any:
    alpha = np.where(is_met, 1.0, 0.25)
    return axes.scatter(*points.T, s=36, c=colour, marker=marker, alpha=alpha, linewidths=0, **style)


def _titled(axes: Any, points: np.ndarray, words: str) -> None:
    slide.empty(axes)
    axes.set_title(words, fontsize=slide.LABEL, loc="left")
    low, high = points.min(axis=0), points.max(axis=0)
    air = 0.08 * (high - low) + 1e-9
    axes.set(xlim=(low[0] - air[0], high[0] + air[0]), ylim=(low[1] - air[1], high[1] + air[1]))


def _by_register(figure: Any, axes: Any, points: np.ndarray, symbols: Symbols) -> dict[str, np.ndarray]:
    """Draw the panel; the gid of what was drawn -> the indices of its points."""
    _titled(axes, points, "by register")
    pitch, is_met = symbols.pitch, symbols.counts > 0
    has, none = np.flatnonzero(np.isfinite(pitch)), np.flatnonzero(np.isnan(pitch))
    drawn = {}
    if len(none):
        _scatter(axes, points[none], NO_PITCH, "s", is_met[none], gid="no-register")
        drawn["no-register"] = none
    if len(has):
        heard = pitch[has][is_met[has]] if is_met[has].any() else pitch[has]
        low, high = float(heard.min()), float(heard.max())
        style = {"cmap": "viridis", "vmin": low, "vmax": high, "gid": "register"}
        dots = _scatter(axes, points[has], pitch[has], "o", is_met[has], **style)
        _register_bar(figure, axes, dots, low, high)
        drawn["register"] = has
    return drawn


def _register_bar(figure: Any, axes: Any, dots: Any, low: float, high: float) -> None:
    from matplotlib.cm import ScalarMappable

    box = axes.get_position()
    bar = figure.add_axes((box.x0, 0.45 / slide.HEIGHT, box.width, 0.13 / slide.HEIGHT))
    figure.colorbar(ScalarMappable(dots.norm, dots.cmap), cax=bar, orientation="horizontal")
    cs = [c for c in range(0, 128, 12) if low <= c <= high] or [round((low + high) / 2)]
    bar.set_xticks(cs, [pitch_name(c) for c in cs])
    slide.plain(bar)
    for side in bar.spines.values():
        side.set_visible(False)


def _by_kind(axes: Any, points: np.ndarray, symbols: Symbols) -> dict[str, np.ndarray]:
    """Draw the panel; the gid of what was drawn -> the indices of its points."""
    from matplotlib.lines import Line2D

    _titled(axes, points, "by what it does")
    drawn, marks = {}, []
    for kind, (colour, marker) in KINDS.items():
        own = np.flatnonzero(symbols.kinds == kind)
        if len(own):
            gid = kind.replace(" ", "-")
            _scatter(axes, points[own], colour, marker, symbols.counts[own] > 0, gid=gid)
            marks.append(Line2D([], [], linestyle="", marker=marker, color=colour, markersize=7))
            drawn[gid] = own
    box = {"loc": "upper left", "bbox_to_anchor": (0, -0.03), "ncols": len(marks), "columnspacing": 1.2}
    slide.legend(axes, marks, [kind for kind in KINDS if kind in symbols.kinds], handletextpad=0.1, **box)
    return drawn
