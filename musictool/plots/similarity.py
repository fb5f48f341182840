"""Self-similarity of pieces: every bar against every bar, dark where two are similar.

A repeated passage is a line parallel to the diagonal, a section that stays the same a dark square, an ABA form a dark
corner. Two bars are compared by how long each pitch class sounds in them (--alike chroma: the same harmony in another
octave or rhythm is similar), or by the keys that are down in each sixteenth part of the bar, drums too (--alike roll:
only what is literally repeated is similar). The measure is the cosine, from 0 to 1. Sand-coloured bars are silent.

Source: Foote, "Visualizing music and audio using self-similarity" (1999), in bars instead of moments. Limit: a bar is
as long as the metre says; where a file has none, 4/4 is taken, and a passage repeated a beat later does not show.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from musictool.drawing import slide
from musictool.drawing.figure import fit_text
from musictool.drawing.plot import Plot, PlotInput, PlotOptions, first_piece, unique_names
from musictool.errors import BadOption
from musictool.music.score import PITCHES, Score

TAKES = ("file",)
ACCEPTS = ("alike", "bars")
FEATURES = {"chroma": "how long each pitch class sounds", "roll": "the keys that are down"}
STEPS = 16  # per bar, of the rolls that are compared
MAX_FILES = 6
SIDES = {1: 5.4, 2: 4.0, 3: 2.7}  # inches of a matrix, by how many are side by side
GAP, DROP = 0.22, 0.4  # between columns and between rows, as a share of a matrix
SILENT = "#E9DCC4"
MAX_BARS = 2000  # the matrix has a number for each pair


def draw(inputs: Sequence[PlotInput], options: PlotOptions) -> Plot:
    """A matrix for each file."""
    if len(inputs) > MAX_FILES:
        raise BadOption(f"{len(inputs)} matrices are too many for one picture: at most {MAX_FILES} pieces")
    scores = [first_piece(file, options.bars) for file in inputs]
    names = [score.title or name for score, name in zip(scores, unique_names(inputs), strict=True)]
    matrices = [self_similarity(_checked(score), options.alike) for score in scores]
    title = f"Self-similarity of {names[0] if len(names) == 1 else f'{len(names)} pieces'}"
    facts = f"bars against bars: cosine of {FEATURES[options.alike]}"
    return Plot(_figure(title, facts, names, matrices), title)


def self_similarity(score: Score, by: str = "chroma") -> np.ndarray:
    """float64 (bars, bars), 0..1: the cosine of every two bars; nan where one of the two is silent."""
    vectors = bar_chroma(score) if by == "chroma" else bar_rolls(score)
    # cosine: the vectors scaled to length 1, and their products
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    scaled = vectors / np.maximum(lengths, 1e-12)
    similarity = np.clip(scaled @ scaled.T, 0, 1)
    sounds = lengths[:, 0] > 0
    return np.where(sounds[:, None] & sounds, similarity, np.nan)


def bar_chroma(score: Score) -> np.ndarray:
    """float64 (bars, 12): the share of a bar for which each pitch class sounds, all voices added; no drums."""
    keys = _sounding(score, 1)[:, 0, :PITCHES]  # (bars, P)
    return np.stack([keys[:, pitch::12].sum(axis=1) for pitch in range(12)], axis=1)


def bar_rolls(score: Score) -> np.ndarray:
    """float64 (bars, STEPS * 2 P): how much of each part of a bar each key sounds; drums have keys of their own."""
    sounding = np.minimum(_sounding(score, STEPS), 1)
    return sounding.reshape(len(sounding), -1)


def _sounding(score: Score, steps: int) -> np.ndarray:
    """float64 (bars, steps, 2 P): how long each key sounds in each equal part of each bar, as a share of that part."""
    # the borders of the parts of all bars
    bars = score.bar_onsets_ticks()
    last = score.bar_line_ticks(len(bars))
    edges = np.append(bars, last)
    parts = (edges[:-1, None] + np.diff(edges)[:, None] * np.arange(steps) / steps).reshape(-1)
    borders = np.append(parts, last)
    onsets = score.notes["onset_ticks"].astype(np.float64)
    ends = np.minimum(onsets + score.notes["duration_ticks"], last)
    keys = score.notes["pitch"] + PITCHES * score.is_drum
    # of each note, what of it is in each part from its onset on
    sounding = np.zeros((len(parts), 2 * PITCHES))
    first = np.searchsorted(borders, onsets, side="right") - 1
    for note in range(len(onsets)):
        part = int(first[note])
        while part < len(parts) and borders[part] < ends[note]:
            shared = min(ends[note], borders[part + 1]) - max(onsets[note], borders[part])
            sounding[part, keys[note]] += shared / (borders[part + 1] - borders[part])
            part += 1
    return sounding.reshape(len(bars), steps, 2 * PITCHES)


def _checked(score: Score) -> Score:
    """The piece, if its matrix is not too large."""
    if score.bars > MAX_BARS:
        raise BadOption(f"{score.bars:,} bars are too many for a matrix; draw the first ones: --bars {MAX_BARS}")
    return score


def _figure(title: str, facts: str, names: Sequence[str], matrices: Sequence[np.ndarray]) -> Any:
    columns = min(len(matrices), 3)
    rows, side = -(-len(matrices) // columns), SIDES[columns]
    above = slide.HEADING + slide.TITLES * (len(names) > 1)
    margins = slide.Margins(left=0.6, right=1.1, above=above, below=0.65)
    width = margins.left + margins.right + side * (columns + GAP * (columns - 1))
    height = margins.above + margins.below + side * (rows + DROP * (rows - 1))
    figure = slide.slide(title, facts, height, width)
    all_axes = slide.panels(figure, rows, columns, margins, wspace=GAP, hspace=DROP)
    for axes in all_axes[len(matrices) :]:
        axes.set_axis_off()
    for axes, name, matrix in zip(all_axes, names, matrices, strict=False):
        image = _panel(axes, matrix)
        if len(names) > 1:
            axes.set_title(fit_text(name, int(side * 10)), fontsize=slide.LABEL, loc="left", parse_math=False)
    box = (1 - 0.85 / width, margins.below / height, 0.16 / width, 1 - (margins.below + margins.above) / height)
    bar = figure.add_axes(box)
    figure.colorbar(image, cax=bar, ticks=[0, 0.5, 1])
    slide.plain(bar)
    return figure


def _panel(axes: Any, matrix: np.ndarray) -> Any:
    from matplotlib import colormaps

    bars = len(matrix)
    image = axes.imshow(
        matrix,
        cmap=colormaps["Blues"].with_extremes(bad=SILENT),
        vmin=0,
        vmax=1,
        origin="lower",
        extent=(0.5, bars + 0.5, 0.5, bars + 0.5),
        interpolation="nearest",
    )
    slide.plain(axes, frame=True)
    every = next(step for step in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512) if bars / step <= 12)
    ticks = np.arange(1, bars + 1, every)
    axes.set(xticks=ticks, yticks=ticks)
    axes.set_xlabel("bar", fontsize=slide.LABEL)
    return image
