"""Latent space of a vae: the latents of the segments of its corpus, instrument by instrument, and those of a style.

A vae turns two bars of an instrument into a few numbers, and such numbers back into two bars. Each dot is one segment
of the corpus's validation pieces (of the training pieces, if there are none): the mean of its posterior. The stars are
the segments of the files of --style. Segments that are near to each other are the same kind of bars to the network; a
style whose stars are close together is one that it can be steered to. Silent segments are left out.

PCA shows the two directions of the largest variance, and keeps distances; the crosses are the means of corpus and
style, and steering moves from one to the other. --method tsne shows neighbourhoods instead. At most 1500
segments of 200 pieces are drawn; a page (.html) says which each one is.

Source: Tham and Kim, "Generating music using deep learning" (2021), who steer the latent vectors of five such networks.
Limit: two dimensions are a small part of the space, and what overlaps in them may be far apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from musictool.corpus.corpus import Corpus
from musictool.corpus.training_corpus import corpus_of
from musictool.drawing import slide
from musictool.drawing.colours import COLOURS
from musictool.drawing.plot import Plot, PlotInput, PlotOptions, first_piece, inputs_of
from musictool.errors import BadModel, BadOption, NoMusic
from musictool.models.info import read_info
from musictool.music.instruments import INSTRUMENTS
from musictool.music.score import Score
from musictool.plots._projection import NAMES, projected

TAKES = ("model",)
ACCEPTS = ("style", "method", "seed", "corpus")
NETWORK = True
MAX_PIECES, MAX_SEGMENTS = 200, 1500
MIN_SEGMENTS = 3
DOT, STAR = COLOURS[:2]
MARGINS = slide.Margins(left=slide.MARGIN, above=slide.HEADING + slide.TITLES, below=0.3)
MEANS = "#00486F", "#7A3500"  # of the dots, of the stars


def draw(inputs: Sequence[PlotInput], options: PlotOptions) -> Plot:
    """A panel for each instrument that plays."""
    if len(inputs) > 1:
        raise BadOption(f"a latent space is drawn of one model, not of {len(inputs)}")
    (named,) = inputs
    model = _opened(named)
    corpus = Corpus.open(options.corpus) if options.corpus else corpus_of(model.info, model.name)
    rows, names = _segments(model, _validation(corpus))
    chosen = np.linspace(0, len(rows) - 1, min(MAX_SEGMENTS, len(rows))).astype(int)
    rows, names = rows[chosen], [names[index] for index in chosen.tolist()]
    styled, style_names = _segments(model, _files(options.style))
    if not len(rows):
        raise NoMusic(f"{corpus.name} has no segment that {named.name} could be shown")
    segments, all_names = np.concatenate([rows, styled]), [*names, *style_names]
    means = np.asarray(model.arch.latents(segments), np.float64)  # (T, I, Z)
    is_style: np.ndarray = np.arange(len(segments)) >= len(rows)
    method = options.method or "pca"
    facts = f"{NAMES[method]} of {len(rows):,} segments of {corpus.name}, {means.shape[-1]} numbers each"
    figure = slide.slide(f"Latent space of {named.name}", facts)
    panels = slide.panels(figure, 2, 3, MARGINS, wspace=0.06, hspace=0.24)
    tooltips: dict[str, list[str]] = {}
    for instrument, axes in enumerate(panels[:-1]):
        sounds = np.asarray(segments[..., instrument].any(axis=(1, 2)))
        slide.empty(axes)
        axes.set_title(INSTRUMENTS[instrument], fontsize=slide.LABEL, loc="left")
        if sounds.sum() < MIN_SEGMENTS:
            axes.text(0.5, 0.5, "does not play", transform=axes.transAxes, ha="center", fontsize=slide.LABEL)
            continue
        points = projected(means[sounds, instrument], method, options.seed)
        _panel(axes, points, is_style[sounds], method == "pca", INSTRUMENTS[instrument])
        shown = [name for name, is_shown in zip(all_names, sounds.tolist(), strict=True) if is_shown]
        tooltips |= _tooltips(shown, is_style[sounds], INSTRUMENTS[instrument])
    _legend(panels[-1], bool(len(styled)), method == "pca", corpus.name)
    return Plot(figure, f"Latent space of {named.name}", tooltips=tooltips)


def _opened(named: PlotInput) -> Any:
    """The model, if it has a latent space. Raises BadModel, if possible before a network is loaded."""
    info = read_info(named.path)
    message = f"{named.name}: the arch {info['arch']['name']} has no latent space; a vae has"
    if info["spec"]["kind"] != "segments":
        raise BadModel(message)
    from musictool.models.model import Model

    model = Model.open(named.path)
    if not hasattr(model.arch, "latents"):
        raise BadModel(message)
    return model


def _validation(corpus: Corpus) -> Iterable[tuple[str, Score]]:
    """Names and Scores of validation pieces, spread over all of them; of training pieces, if there are none."""
    pieces = np.flatnonzero(corpus.is_validation if corpus.is_validation.any() else ~corpus.is_validation)
    chosen = pieces[np.linspace(0, len(pieces) - 1, min(MAX_PIECES, len(pieces))).astype(int)]
    return ((corpus.ids[index], corpus.score(index)) for index in chosen.tolist())


def _files(paths: Sequence[Path]) -> Iterable[tuple[str, Score]]:
    for path in paths:
        for named in inputs_of(path):
            if named.kind != "file":
                raise BadOption(f"--style {path}: it is a {named.kind}; a style is music files, or a folder of them")
            yield named.name, first_piece(named)


def _segments(model: Any, pieces: Iterable[tuple[str, Score]]) -> tuple[np.ndarray, list[str]]:
    """uint8 (T, S, P, I), the segments of pieces, and a name for each."""
    from musictool.generation.latents import segments_of

    rows, names = [np.zeros((0, *model.encoding.spec.shape), np.uint8)], []
    for name, score in pieces:
        segments = segments_of(model, score)
        rows.append(segments)
        names += [f"{name}, segment {number}" for number in range(1, len(segments) + 1)]
    return np.concatenate(rows), names


def _panel(axes: Any, points: np.ndarray, is_style: np.ndarray, with_means: bool, name: str) -> None:
    corpus, style = points[~is_style], points[is_style]
    axes.scatter(*corpus.T, s=30, c=DOT, alpha=0.55, linewidths=0, gid=f"{name}-corpus")
    axes.scatter(*style.T, s=95, c=STAR, marker="*", linewidths=0.5, edgecolors="white", gid=f"{name}-style", zorder=3)
    for side, colour in zip((corpus, style), MEANS, strict=True):
        if with_means and len(side) and len(style):
            axes.scatter(*side.mean(axis=0), s=130, c=colour, marker="X", linewidths=1.2, edgecolors="white", zorder=4)


def _tooltips(names: list[str], is_style: np.ndarray, instrument: str) -> dict[str, list[str]]:
    sides = {"corpus": ~is_style, "style": is_style}
    return {
        f"{instrument}-{side}": [names[index] for index in np.flatnonzero(mask).tolist()]
        for side, mask in sides.items()
    }


def _legend(axes: Any, has_style: bool, with_means: bool, corpus: str) -> None:
    from matplotlib.lines import Line2D

    axes.set_axis_off()
    entries = [(DOT, "o", 7, f"segments of {corpus}"), (STAR, "*", 13, "segments of the style")]
    if with_means:
        entries += [(MEANS[0], "X", 10, f"mean of {corpus}"), (MEANS[1], "X", 10, "mean of the style")]
    shown = entries if has_style else entries[:1]
    marks = [
        Line2D([], [], linestyle="", marker=mark, color=colour, markersize=size) for colour, mark, size, _ in shown
    ]
    slide.legend(axes, marks, [label for *_, label in shown], loc="center", labelspacing=0.8)
