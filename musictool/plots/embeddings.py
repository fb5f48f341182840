"""Token embeddings of a model in two dimensions, coloured by register and by whether a note begins or ends.

A network reads each token as a vector. Where training went well, tokens that are used alike are near to each other:
octaves, neighbours, the note-on and note-off of a pitch. On the left each is coloured by its mean pitch, on the right
by what it does; the labels name those of --label ("C4,E4,G4", or tokens as the vocabulary writes them), or the most
frequent. A page (.html) also names the point under the mouse.

The vectors are those that the network reads: for encodings whose tokens have features (a pitch, a length), the sum of
the token's own vector and those of its features. With t-SNE, the default, only neighbourhoods mean something, not the
distances of groups; --method pca shows the two directions of the largest variance. Of more than 2000 tokens the most
frequent are drawn.

Source: the figures of Huang and Wu, "Deep Learning for Music" (2016). Limit: vectors that share features by
construction (the same pitch, say) are similar before any training, which proves no learning.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from musictool.drawing import slide
from musictool.drawing.colours import COLOURS
from musictool.drawing.labels import write_labels
from musictool.drawing.plot import Plot, PlotInput, PlotOptions
from musictool.errors import BadOption
from musictool.music.pitches import pitch_name
from musictool.plots._projection import NAMES, projected
from musictool.plots._vectors import BEGINS, ENDS, NEITHER, Vectors, vectors_of

TAKES = ("model",)
ACCEPTS = ("label", "method", "seed")
MAX_VECTORS = 2000
LABELS, MIN_DISTANCE = 12, 0.09  # names without --label, and between them, as a share of the panel's width
MARGINS = slide.Margins(left=slide.MARGIN, above=slide.HEADING + slide.TITLES, below=0.8)
NO_PITCH = "#B9B9C0"
KINDS = {BEGINS: (COLOURS[0], "o"), ENDS: (COLOURS[1], "v"), NEITHER: ("#8A8A92", "s")}


def draw(inputs: Sequence[PlotInput], options: PlotOptions) -> Plot:
    """Two panels, or one if all tokens do the same."""
    if len(inputs) > 1:
        raise BadOption(f"embeddings are drawn of one model, not of {len(inputs)}")
    (model,) = inputs
    every = vectors_of(model)
    vectors = every.select(np.sort(np.lexsort((every.tokens, -every.counts))[:MAX_VECTORS]))
    chosen = [index for label in options.label for index in vectors.find(label)]
    remarks = (
        [f"the {MAX_VECTORS} most frequent of {len(every):,} tokens are drawn"] if len(every) > MAX_VECTORS else []
    )
    method = options.method or "tsne"
    points = projected(vectors.vectors, method, options.seed)
    chosen = list(dict.fromkeys(chosen)) or spread(points, vectors.most_frequent())
    noun = "tokens" if every.encoding.kind == "tokens" else "keys"
    facts = f"{NAMES[method]} of the vectors of {len(vectors):,} {noun} of {vectors.encoding.name} · {model.name}"
    pale = "" if vectors.counts.all() else " · pale: does not occur"
    figure = slide.slide(f"Embeddings of {noun}", facts + pale)
    both = len(set(vectors.kinds)) > 1
    panels = slide.panels(figure, 1, 1 + both, MARGINS, wspace=0.08)
    gids = [_by_register(figure, panels[0], points, vectors)]
    if both:
        gids.append(_by_kind(panels[1], points, vectors))
    for axes in panels:
        axes.scatter(*points[chosen].T, s=46, facecolors="none", edgecolors="black", linewidths=1.2, zorder=5)
        write_labels(axes, points, chosen, [vectors.name(index) for index in chosen])
    names = [vectors.name(index) for index in range(len(vectors))]
    tooltips = {gid: [names[i] for i in indices.tolist()] for panel in gids for gid, indices in panel.items()}
    return Plot(figure, f"Embeddings of {model.name}", remarks, tooltips)


def spread(points: np.ndarray, candidates: Sequence[int]) -> list[int]:
    """The first of the candidates, indices of points (N, 2), that are far enough apart to be named."""
    scaled = points / np.maximum(np.ptp(points, axis=0), 1e-9)
    chosen: list[int] = []
    for index in candidates:
        if len(chosen) < LABELS and all(np.hypot(*(scaled[index] - scaled[other])) > MIN_DISTANCE for other in chosen):
            chosen.append(index)
    return chosen


def _scatter(axes: Any, points: np.ndarray, colour: Any, marker: str, occurs: np.ndarray, **style: Any) -> Any:
    alpha = np.where(occurs, 1.0, 0.25)
    return axes.scatter(*points.T, s=36, c=colour, marker=marker, alpha=alpha, linewidths=0, **style)


def _titled(axes: Any, points: np.ndarray, title: str) -> None:
    slide.empty(axes)
    axes.set_title(title, fontsize=slide.LABEL, loc="left")
    low, high = points.min(axis=0), points.max(axis=0)
    margin = 0.08 * (high - low) + 1e-9
    axes.set(xlim=(low[0] - margin[0], high[0] + margin[0]), ylim=(low[1] - margin[1], high[1] + margin[1]))


def _by_register(figure: Any, axes: Any, points: np.ndarray, vectors: Vectors) -> dict[str, np.ndarray]:
    """Draw the panel; returns the gid of each group of points -> their indices."""
    _titled(axes, points, "by register")
    pitch, occurs = vectors.pitch, vectors.counts > 0
    with_pitch, without = np.flatnonzero(np.isfinite(pitch)), np.flatnonzero(np.isnan(pitch))
    drawn = {}
    if len(without):
        _scatter(axes, points[without], NO_PITCH, "s", occurs[without], gid="no-register")
        drawn["no-register"] = without
    if len(with_pitch):
        occurring = with_pitch[occurs[with_pitch]] if occurs[with_pitch].any() else with_pitch
        low, high = float(pitch[occurring].min()), float(pitch[occurring].max())
        style = {"cmap": "viridis", "vmin": low, "vmax": high, "gid": "register"}
        dots = _scatter(axes, points[with_pitch], pitch[with_pitch], "o", occurs[with_pitch], **style)
        _register_bar(figure, axes, dots, low, high)
        drawn["register"] = with_pitch
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


def _by_kind(axes: Any, points: np.ndarray, vectors: Vectors) -> dict[str, np.ndarray]:
    """Draw the panel; returns the gid of each group of points -> their indices."""
    from matplotlib.lines import Line2D

    _titled(axes, points, "by what it does")
    drawn, marks = {}, []
    for kind, (colour, marker) in KINDS.items():
        indices = np.flatnonzero(vectors.kinds == kind)
        if len(indices):
            gid = kind.replace(" ", "-")
            _scatter(axes, points[indices], colour, marker, vectors.counts[indices] > 0, gid=gid)
            marks.append(Line2D([], [], linestyle="", marker=marker, color=colour, markersize=7))
            drawn[gid] = indices
    box = {"loc": "upper left", "bbox_to_anchor": (0, -0.03), "ncols": len(marks), "columnspacing": 1.2}
    slide.legend(axes, marks, [kind for kind in KINDS if kind in vectors.kinds], handletextpad=0.1, **box)
    return drawn
