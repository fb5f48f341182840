"""Distributions of musical features: sets of pieces against a corpus, a panel per feature.

For every piece the features of muspy are computed (musictool/metrics/musical.py says what each means), and their
distributions over the pieces are drawn, smoothed, on one grid for all sets. The number beside the name of a panel is
the overlap with the corpus: the area under both curves, 1 where they are the same.

Things are corpora, and files, which count as one set: plot a folder of a model's songs against the corpus that it
was trained on. For files alone the corpus is that of --corpus, or the one prepared last. A corpus by itself is drawn as
its training pieces against its validation pieces, which shows how much pieces of one kind differ by chance.

Of a corpus of more than 500 pieces, 500 are used, spread over all of it. Source of the overlapping area: Yang and
Lerch, "On the evaluation of generative models in music" (2018). Limit: a model can write music of the right
distribution that makes no sense; and the distribution of a handful of pieces says little.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from musictool.corpus.corpus import Corpus, Split
from musictool.drawing import slide
from musictool.drawing.colours import COLOURS
from musictool.drawing.plot import Plot, PlotInput, PlotOptions, first_piece
from musictool.errors import BadOption, NoMusic
from musictool.metrics.distributions import agreement, densities
from musictool.metrics.musical import FEATURES, musical_features
from musictool.music.score import Score

TAKES = ("file", "corpus")
ACCEPTS = ("corpus",)
MAX_PIECES, MIN_PIECES, MAX_SETS = 500, 2, 4
COLUMNS, ROWS = 4, 2
SAME = 0.9  # share of pieces with one value from which on a feature is not shown
SHOWN = (  # in the order of the panels; a feature that is not shown makes room for the next
    "pitch_range",
    "n_pitches_used",
    "n_pitch_classes_used",
    "polyphony",
    "scale_consistency",
    "pitch_class_entropy",
    "empty_beat_rate",
    "groove_consistency_16",
    "drum_pattern_consistency",
    "polyphony_rate",
    "pitch_entropy",
)
_COLUMN = {name: column for column, name in enumerate(FEATURES)}


@dataclass(frozen=True)
class PieceSet:
    """Pieces with one curve: their name, and float64 (pieces, features), nan where a piece has no such feature."""

    name: str
    values: np.ndarray

    def of(self, feature: str) -> np.ndarray:
        """float64 (pieces that have it,)."""
        column = self.values[:, _COLUMN[feature]]
        return np.asarray(column[np.isfinite(column)])


def draw(inputs: Sequence[PlotInput], options: PlotOptions) -> Plot:
    """A panel per feature; the others are compared with the first set."""
    sets = _sets(inputs, options.corpus)
    for pieces in sets:
        if len(pieces.values) < MIN_PIECES:
            raise NoMusic(
                f"{pieces.name}: {len(pieces.values)} is too few pieces for a distribution; two are the least"
            )
    shown = [name for name in SHOWN if _varies(name, sets)][: COLUMNS * ROWS]
    if not shown:
        raise NoMusic("these pieces are all alike in every feature; there is no distribution to draw")
    reference, *others = sets
    title = f"{' and '.join(each.name for each in others)} against {reference.name}" if others else reference.name
    number = f"; the number: overlap with {reference.name}" if others else ""
    figure = slide.slide(title, "distributions of the features of pieces" + number)
    margins = slide.Margins(left=slide.MARGIN, above=slide.HEADING + 0.62, below=0.4)
    all_axes = slide.panels(figure, ROWS, COLUMNS, margins, wspace=0.16, hspace=0.55)
    for axes in all_axes[len(shown) :]:
        axes.set_axis_off()
    for axes, name in zip(all_axes, shown, strict=False):
        _panel(axes, name, sets)
    _legend(figure, sets)
    return Plot(figure, title, [f"{each.name}: {len(each.values)} pieces" for each in sets])


def _varies(feature: str, sets: Sequence[PieceSet]) -> bool:
    """Whether enough pieces of each set have the feature, and with different values."""
    values = [each.of(feature) for each in sets]
    if min(len(each) for each in values) < MIN_PIECES:
        return False
    _, counts = np.unique(np.concatenate(values), return_counts=True)
    return bool(counts.max() < SAME * counts.sum())


def _sets(inputs: Sequence[PlotInput], corpus: str | Any | None) -> list[PieceSet]:
    corpora = [Corpus.open(each.path) for each in inputs if each.kind == "corpus"]
    files = [first_piece(each) for each in inputs if each.kind == "file"]
    if corpus is not None or not corpora:
        corpora = [Corpus.open(corpus), *corpora]
    of_files = [PieceSet(_common_name(inputs), _features(files))] if files else []
    if len(corpora) == 1 and not of_files:
        (only,) = corpora
        if min(np.bincount(only.is_validation, minlength=2)) < MIN_PIECES:
            return [PieceSet(only.name, _features(_some(only, None)))]
        splits: tuple[Split, ...] = "train", "validation"
        names = "training pieces", "validation pieces"
        return [
            PieceSet(f"{only.name}'s {name}", _features(_some(only, split)))
            for name, split in zip(names, splits, strict=True)
        ]
    if len(corpora) + len(of_files) > MAX_SETS:
        raise BadOption(
            f"{len(corpora) + len(of_files)} sets of pieces are too many for one picture: at most {MAX_SETS}"
        )
    return [*(PieceSet(each.name, _features(_some(each, None))) for each in corpora), *of_files]


def _common_name(inputs: Sequence[PlotInput]) -> str:
    """A name for all files together: that of their folder, if they are in one."""
    paths = [each.path for each in inputs if each.kind == "file"]
    folders = {path.absolute().parent.name for path in paths}
    return paths[0].stem if len(paths) == 1 else folders.pop() if len(folders) == 1 else f"{len(paths)} files"


def _some(corpus: Corpus, split: Split | None) -> Iterable[Score]:
    """At most MAX_PIECES of a corpus, or of one split of it, spread evenly."""
    pieces = (
        np.arange(len(corpus)) if split is None else np.flatnonzero(corpus.is_validation == (split == "validation"))
    )
    chosen = pieces[np.linspace(0, len(pieces) - 1, min(MAX_PIECES, len(pieces))).astype(int)]
    return (corpus.score(index) for index in chosen.tolist())


def _features(scores: Iterable[Score]) -> np.ndarray:
    """float64 (pieces, features)."""
    rows = [list(musical_features(score).values()) for score in scores]
    return np.array(rows, np.float64).reshape(-1, len(FEATURES))


def _panel(axes: Any, feature: str, sets: Sequence[PieceSet]) -> None:
    slide.plain(axes)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    values = [each.of(feature) for each in sets]
    overlaps = [agreement(values[0], other).overlap for other in values[1:]]
    label = feature.removeprefix("n_").removesuffix("_16").replace("_", " ")
    axes.set_title(label, fontsize=slide.TICK, loc="left", pad=5)
    numbers = " ".join(f"{overlap:.2f}" for overlap in overlaps)
    axes.set_title(numbers, fontsize=slide.TICK, loc="right", pad=5, weight="bold")
    edges, shares = densities(*values)
    middles = (edges[1:] + edges[:-1]) / 2
    for share, colour in zip(shares, COLOURS, strict=False):
        axes.fill_between(middles, share, color=colour, alpha=0.25, linewidth=0)
        axes.plot(middles, share, color=colour, linewidth=1.8)
    shown = np.flatnonzero(np.max(shares, axis=0) > 0.01 * np.max(shares))
    axes.set(xlim=middles[shown[[0, -1]]], ylim=(0, None))
    axes.locator_params(axis="x", nbins=4, prune="both")


def _legend(figure: Any, sets: Sequence[PieceSet]) -> None:
    from matplotlib.patches import Patch

    marks = [Patch(facecolor=colour, alpha=0.6) for _, colour in zip(sets, COLOURS, strict=False)]
    width, height = figure.get_size_inches()
    names = [f"{each.name} ({len(each.values)})" for each in sets]
    place = (slide.MARGIN / width, 1 - 0.84 / height)
    slide.legend(figure, marks, names, loc="upper left", bbox_to_anchor=place, ncols=len(sets), columnspacing=1.6)
