"""Distributions of musical features: pieces of one kind against a corpus, each feature a panel.

For every piece the features of muspy are counted (musictool/metrics/musical.py says what each means), and how they are
spread over the pieces is drawn, smoothed, on one grid for all sets. The number beside a panel's name is the overlap
with the corpus: the area that lies under both curves, 1 where they are the same.

Things are corpora, and files, which count as one set: plot a folder of a model's songs against the corpus that it
learned from. Of files alone the corpus is that of --corpus, or the one prepared last. A corpus by itself is drawn as
its training pieces against its validation pieces, which shows how much pieces of one kind differ by chance.

Of a corpus of more than 500 pieces 500 are counted, spread over all of it. Source of the overlapping area: Yang and
Lerch, "On the evaluation of generative models in music" (2018). Honest limit: a model can write music of the right
spread that is no music at all; and of a handful of pieces a distribution says little.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from musictool.corpus.corpus import Corpus, Split
from musictool.drawing.colours import COLOURS
from musictool.drawing.plot import Drawn, Thing, Wishes, music
from musictool.errors import BadOption, NoMusic
from musictool.metrics.distributions import agreement, densities
from musictool.metrics.musical import FEATURES, musical_features
from musictool.music.score import Score
from musictool.plots import _slide as slide

TAKES = ("file", "corpus")
WISHES = ("corpus",)
MOST_PIECES, FEWEST_PIECES, MOST_SETS = 500, 2, 4
COLUMNS, ROWS = 4, 2
SAME = 0.9  # share of pieces with one value from which on a feature says nothing
SHOWN = (  # the order in which panels are filled; what hardly any piece has makes room for the next
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
class Set:
    """Pieces that are counted together: their name, and float64 (pieces, features), nan where a piece has none."""

    name: str
    values: np.ndarray

    def of(self, feature: str) -> np.ndarray:
        """float64 (pieces that have it,)."""
        column = self.values[:, _COLUMN[feature]]
        return np.asarray(column[np.isfinite(column)])


def draw(things: Sequence[Thing], wishes: Wishes) -> Drawn:
    """A panel a feature; the first set is what the others are compared with."""
    sets = _sets(things, wishes.corpus)
    for each in sets:
        if len(each.values) < FEWEST_PIECES:
            raise NoMusic(f"{each.name}: {len(each.values)} is too few pieces for a distribution; two are the least")
    shown = [name for name in SHOWN if _says_something(name, sets)][: COLUMNS * ROWS]
    if not shown:
        raise NoMusic("these pieces are all alike in every feature; there is no distribution to draw")
    reference, *others = sets
    title = f"{' and '.join(each.name for each in others)} against {reference.name}" if others else reference.name
    number = f"; the number: overlap with {reference.name}" if others else ""
    figure = slide.slide(title, "how the features of pieces are spread" + number)
    margins = slide.Margins(left=slide.MARGIN, above=slide.HEADING + 0.62, below=0.4)
    all_axes = slide.panels(figure, ROWS, COLUMNS, margins, wspace=0.16, hspace=0.55)
    for axes in all_axes[len(shown) :]:
        axes.set_axis_off()
    for axes, name in zip(all_axes, shown, strict=False):
        _panel(axes, name, sets)
    _legend(figure, sets)
    return Drawn(figure, title, [f"{each.name}: {len(each.values)} pieces" for each in sets])


def _says_something(feature: str, sets: Sequence[Set]) -> bool:
    """Whether enough pieces have the feature, and they are not nearly all the same in it."""
    values = [each.of(feature) for each in sets]
    if min(len(each) for each in values) < FEWEST_PIECES:
        return False
    _, counts = np.unique(np.concatenate(values), return_counts=True)
    return bool(counts.max() < SAME * counts.sum())


def _sets(things: Sequence[Thing], corpus: str | Any | None) -> list[Set]:
    corpora = [Corpus.open(thing.path) for thing in things if thing.what == "corpus"]
    files = [music(thing) for thing in things if thing.what == "file"]
    if corpus is not None or not corpora:
        corpora = [Corpus.open(corpus), *corpora]
    own = [Set(_named(things), _counted(files))] if files else []
    if len(corpora) == 1 and not own:
        (only,) = corpora
        if min(np.bincount(only.is_validation, minlength=2)) < FEWEST_PIECES:
            return [Set(only.name, _counted(_some(only, None)))]
        sides: tuple[Split, ...] = "train", "validation"
        names = "training pieces", "validation pieces"
        return [
            Set(f"{only.name}'s {name}", _counted(_some(only, side))) for name, side in zip(names, sides, strict=True)
        ]
    if len(corpora) + len(own) > MOST_SETS:
        raise BadOption(
            f"{len(corpora) + len(own)} sets of pieces are more than one can tell apart; {MOST_SETS} are not"
        )
    return [*(Set(each.name, _counted(_some(each, None))) for each in corpora), *own]


def _named(things: Sequence[Thing]) -> str:
    """What files together are called: the folder that they lie in, if it is one."""
    paths = [thing.path for thing in things if thing.what == "file"]
    folders = {path.absolute().parent.name for path in paths}
    return paths[0].stem if len(paths) == 1 else folders.pop() if len(folders) == 1 else f"{len(paths)} files"


def _some(corpus: Corpus, side: Split | None) -> Iterable[Score]:
    """At most MOST_PIECES of a corpus, or of one side of it, spread evenly."""
    wanted = np.arange(len(corpus)) if side is None else np.flatnonzero(corpus.is_validation == (side == "validation"))
    chosen = wanted[np.linspace(0, len(wanted) - 1, min(MOST_PIECES, len(wanted))).astype(int)]
    return (corpus.score(index) for index in chosen.tolist())


def _counted(scores: Iterable[Score]) -> np.ndarray:
    rows = [list(musical_features(score).values()) for score in scores]
    return np.array(rows, np.float64).reshape(-1, len(FEATURES))


def _panel(axes: Any, feature: str, sets: Sequence[Set]) -> None:
    slide.plain(axes)
    axes.spines["left"].set_visible(False)
    axes.set_yticks([])
    values = [each.of(feature) for each in sets]
    overlaps = [agreement(values[0], other).overlap for other in values[1:]]
    words = feature.removeprefix("n_").removesuffix("_16").replace("_", " ")
    axes.set_title(words, fontsize=slide.TICK, loc="left", pad=5)
    numbers = " ".join(f"{overlap:.2f}" for overlap in overlaps)
    axes.set_title(numbers, fontsize=slide.TICK, loc="right", pad=5, weight="bold")
    edges, shares = densities(*values)
    middles = (edges[1:] + edges[:-1]) / 2
    for own, colour in zip(shares, COLOURS, strict=False):
        axes.fill_between(middles, own, color=colour, alpha=0.25, linewidth=0)
        axes.plot(middles, own, color=colour, linewidth=1.8)
    shown = np.flatnonzero(np.max(shares, axis=0) > 0.01 * np.max(shares))
    axes.set(xlim=middles[shown[[0, -1]]], ylim=(0, None))
    axes.locator_params(axis="x", nbins=4, prune="both")


def _legend(figure: Any, sets: Sequence[Set]) -> None:
    from matplotlib.patches import Patch

    marks = [Patch(facecolor=colour, alpha=0.6) for _, colour in zip(sets, COLOURS, strict=False)]
    width, height = figure.get_size_inches()
    names = [f"{each.name} ({len(each.values)})" for each in sets]
    place = (slide.MARGIN / width, 1 - 0.84 / height)
    slide.legend(figure, marks, names, loc="upper left", bbox_to_anchor=place, ncols=len(sets), columnspacing=1.6)
