"""What a plot is, and what it is drawn of.

A plot is a module of this folder with three names:

    TAKES: tuple[str, ...]                                which things it is drawn of: "file", "model", "corpus"
    WISHES: tuple[str, ...]                               which of Wishes it heeds
    draw(things: Sequence[Thing], wishes: Wishes) -> Drawn

and, where it needs a network and so what computes for Keras, NETWORK = True.

`things` are never none, and all of what it takes. Plot modules import matplotlib and other heavy things inside `draw`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from musictool import home
from musictool.errors import BadFile, NoMusic
from musictool.music.score import Score
from musictool.reading import read_named, suffixes


class Thing(NamedTuple):
    """What a user named: a music file, or the folder of a model or a corpus."""

    what: str  # "file", "model" or "corpus"
    path: Path

    @property
    def name(self) -> str:
        """As people call it."""
        return self.path.stem if self.what == "file" else self.path.name


@dataclass(frozen=True)
class Wishes:
    """What can be wished of a plot; each heeds some of them (its WISHES).

    Attributes:
        bars: how many of a piece, from its beginning; None for all.
        label: notes ("C4") or symbols ("on:60:4") that get their names; the commonest if there are none.
        method: how many dimensions become two, "tsne" or "pca"; None for the plot's own.
        against: what curves are drawn against, "epochs" or "minutes".
        alike: what bars are compared by, "chroma" or "roll".
        style: music files that are marked.
        corpus: a corpus's name or folder; None for the one that suits.
        seed: of t-SNE's beginning; None for PCA's points.
    """

    bars: int | None = None
    label: tuple[str, ...] = ()
    method: str | None = None
    against: str = "epochs"
    alike: str = "chroma"
    style: tuple[Path, ...] = ()
    corpus: str | Path | None = None
    seed: int | None = None


@dataclass(frozen=True)
class Drawn:
    """A figure, and what is to be said beside it.

    Attributes:
        figure: of matplotlib.
        title: in words.
        remarks: lines about what was left out, or what to know.
        tips: the gid of points in the figure -> what a page says of each when the mouse rests on it.
    """

    figure: Any
    title: str
    remarks: list[str] = field(default_factory=list)
    tips: dict[str, list[str]] = field(default_factory=dict)


def located(thing: str | Path) -> list[Thing]:
    """What a name or a path means: a file, a model, a corpus, or all music files in a folder.

    Raises:
        UnknownName: if it is nothing of the kind, with a suggestion.
        NoMusic: for a folder that is none of these and has no music in it.
    """
    path = Path(thing).expanduser()
    markers = [path / marker for marker in (home.CORPUS_MARKER, home.MODEL_MARKER)]
    if str(thing) and path.is_dir() and not any(marker.exists() for marker in markers):
        files = sorted(each for each in path.rglob("*") if each.is_file() and each.suffix.lower() in suffixes())
        if files:
            return [Thing("file", each) for each in files]
        if not (home.corpora_folder() / thing).is_dir() and not (home.models_folder() / thing).is_dir():
            raise NoMusic(f"{path} holds no file that musictool reads ({' '.join(sorted(suffixes()))})")
    return [Thing(*home.locate(thing))]


def music(thing: Thing, bars: int | None = None) -> Score:
    """The piece in a file, of several the first, or so many of its bars.

    Raises:
        BadFile: for a file without notes, or none in these bars.
    """
    score = read_named(thing.path).scores[0]
    if bars is not None:
        score = score.until(score.bar_line_ticks(bars))
    if not len(score.notes):
        raise BadFile("no notes", f"in its first {bars} bars" if bars else "").of(thing.path)
    return score


def told_apart(things: Sequence[Thing]) -> list[str]:
    """A name for each, with as much of its folder as tells it from the others."""
    names = [thing.name for thing in things]
    return [
        name if names.count(name) == 1 else f"{thing.path.parent.name}/{name}"
        for name, thing in zip(names, things, strict=True)
    ]
