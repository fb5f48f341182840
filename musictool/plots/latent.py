"""Latent space of a vae: where it puts the segments of its corpus, instrument by instrument, and those of a style.

A vae turns two bars of an instrument into a few numbers, and such numbers back into two bars. Each dot is one segment
of the corpus's validation pieces (of the training pieces, if there are none): the mean of what the network says of it.
The stars are the segments of the files of --style. What lies near to each other the network takes for the same kind of
bars; a style whose stars stand together is one that it can be steered to. Silent segments are left out.

PCA shows the two directions in which the dots differ most, and keeps distances; the crosses are the middles of corpus
and style, and from one to the other goes the way of steering. --method tsne shows neighbourhoods instead. At most 1500
segments of 200 pieces are drawn; a page (.html) says which each one is.

Source: Tham and Kim, "Generating music using deep learning" (2021), who steer the latent vectors of five such networks.
Honest limit: two dimensions are a small part of the space, and what overlaps in them may be far apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from musictool.corpus.corpus import Corpus
from musictool.corpus.training_corpus import corpus_of
from musictool.drawing.colours import COLOURS
from musictool.drawing.plot import Drawn, Thing, Wishes, located, music
from musictool.errors import BadModel, BadOption, NoMusic
from musictool.models.info import read_info
from musictool.music.instruments import INSTRUMENTS
from musictool.music.score import Score
from musictool.plots import _slide as slide
from musictool.plots._flat import NAMES, flattened

TAKES = ("model",)
WISHES = ("style", "method", "seed", "corpus")
NETWORK = True
MOST_PIECES, MOST_SEGMENTS = 200, 1500
FEWEST_SEGMENTS = 3
DOT, STAR = COLOURS[:2]
MARGINS = slide.Margins(left=slide.MARGIN, above=slide.HEADING + slide.TITLES, below=0.3)
MIDDLES = "#00486F", "#7A3500"  # of the dots, of the stars


def draw(things: Sequence[Thing], wishes: Wishes) -> Drawn:
    """A panel for each instrument that plays."""
    if len(things) > 1:
        raise BadOption(f"a latent space is drawn of one model, not of {len(things)}")
    (thing,) = things
    model = _opened(thing)
    corpus = Corpus.open(wishes.corpus) if wishes.corpus else corpus_of(model.info, model.name)
    rows, names = _segments(model, _validation(corpus))
    chosen = np.linspace(0, len(rows) - 1, min(MOST_SEGMENTS, len(rows))).astype(int)
    rows, names = rows[chosen], [names[index] for index in chosen.tolist()]
    styled, style_names = _segments(model, _files(wishes.style))
    if not len(rows):
        raise NoMusic(f"{corpus.name} has no segment that {thing.name} could be shown")
    both, all_names = np.concatenate([rows, styled]), [*names, *style_names]
    means = np.asarray(model.arch.latents(both), np.float64)  # (T, I, Z)
    is_style: np.ndarray = np.arange(len(both)) >= len(rows)
    method = wishes.method or "pca"
    facts = f"{NAMES[method]} of {len(rows):,} segments of {corpus.name}, {means.shape[-1]} numbers each"
    figure = slide.slide(f"Latent space of {thing.name}", facts)
    panels = slide.panels(figure, 2, 3, MARGINS, wspace=0.06, hspace=0.24)
    tips: dict[str, list[str]] = {}
    for instrument, axes in enumerate(panels[:-1]):
        sounds = np.asarray(both[..., instrument].any(axis=(1, 2)))
        slide.empty(axes)
        axes.set_title(INSTRUMENTS[instrument], fontsize=slide.LABEL, loc="left")
        if sounds.sum() < FEWEST_SEGMENTS:
            axes.text(0.5, 0.5, "does not play", transform=axes.transAxes, ha="center", fontsize=slide.LABEL)
            continue
        points = flattened(means[sounds, instrument], method, wishes.seed)
        _panel(axes, points, is_style[sounds], method == "pca", INSTRUMENTS[instrument])
        own = [name for name, heard in zip(all_names, sounds.tolist(), strict=True) if heard]
        tips |= _tips(own, is_style[sounds], INSTRUMENTS[instrument])
    _legend(panels[-1], bool(len(styled)), method == "pca", corpus.name)
    return Drawn(figure, f"Latent space of {thing.name}", tips=tips)


def _opened(thing: Thing) -> Any:
    """The model, if it has a latent space. Raises BadModel, before a network is loaded where that can be known."""
    info = read_info(thing.path)
    none = f"{thing.name}: the arch {info['arch']['name']} has no latent space; a vae has"
    if info["spec"]["kind"] != "segments":
        raise BadModel(none)
    from musictool.models.model import Model

    model = Model.open(thing.path)
    if not hasattr(model.arch, "latents"):
        raise BadModel(none)
    return model


def _validation(corpus: Corpus) -> Iterable[tuple[str, Score]]:
    """Validation pieces, spread over all of them, and their names; pieces for training, if there is none."""
    side = np.flatnonzero(corpus.is_validation if corpus.is_validation.any() else ~corpus.is_validation)
    chosen = side[np.linspace(0, len(side) - 1, min(MOST_PIECES, len(side))).astype(int)]
    return ((corpus.ids[index], corpus.score(index)) for index in chosen.tolist())


def _files(paths: Sequence[Path]) -> Iterable[tuple[str, Score]]:
    for path in paths:
        for thing in located(path):
            if thing.what != "file":
                raise BadOption(f"--style {path}: it is a {thing.what}; a style is music files, or a folder of them")
            yield thing.name, music(thing)


def _segments(model: Any, pieces: Iterable[tuple[str, Score]]) -> tuple[np.ndarray, list[str]]:
    """uint8 (T, S, P, I), the segments of pieces, and a name for each."""
    from musictool.generation.latents import heard

    rows, names = [np.zeros((0, *model.encoding.spec.shape), np.uint8)], []
    for name, score in pieces:
        own = heard(model, score)
        rows.append(own)
        names += [f"{name}, segment {number}" for number in range(1, len(own) + 1)]
    return np.concatenate(rows), names


def _panel(axes: Any, points: np.ndarray, is_style: np.ndarray, middles: bool, name: str) -> None:
    corpus, style = points[~is_style], points[is_style]
    axes.scatter(*corpus.T, s=30, c=DOT, alpha=0.55, linewidths=0, gid=f"{name}-corpus")
    axes.scatter(*style.T, s=95, c=STAR, marker="*", linewidths=0.5, edgecolors="white", gid=f"{name}-style", zorder=3)
    for own, colour in zip((corpus, style), MIDDLES, strict=True):
        if middles and len(own) and len(style):
            axes.scatter(*own.mean(axis=0), s=130, c=colour, marker="X", linewidths=1.2, edgecolors="white", zorder=4)


def _tips(names: list[str], is_style: np.ndarray, instrument: str) -> dict[str, list[str]]:
    sides = {"corpus": ~is_style, "style": is_style}
    return {
        f"{instrument}-{side}": [names[index] for index in np.flatnonzero(own).tolist()] for side, own in sides.items()
    }


def _legend(axes: Any, has_style: bool, middles: bool, corpus: str) -> None:
    from matplotlib.lines import Line2D

    axes.set_axis_off()
    entries = [(DOT, "o", 7, f"segments of {corpus}"), (STAR, "*", 13, "segments of the style")]
    if middles:
        entries += [(MIDDLES[0], "X", 10, f"middle of {corpus}"), (MIDDLES[1], "X", 10, "middle of the style")]
    shown = entries if has_style else entries[:1]
    marks = [
        Line2D([], [], linestyle="", marker=mark, color=colour, markersize=size) for colour, mark, size, _ in shown
    ]
    slide.legend(axes, marks, [words for *_, words in shown], loc="center", labelspacing=0.8)
