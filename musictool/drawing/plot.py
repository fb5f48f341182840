"""The contract of a plot: what a module of musictool/plots/ provides, and what it is given.

A plot is a module with three names:

    TAKES: tuple[str, ...]        the kinds of PlotInput that it is drawn from: "file", "model", "corpus"
    ACCEPTS: tuple[str, ...]      the fields of PlotOptions that it uses
    draw(inputs: Sequence[PlotInput], options: PlotOptions) -> Plot

and, where it loads a network and so Keras and its backend, NETWORK = True.

`inputs` are at least one, all of kinds that it takes. Plot modules import matplotlib and other slow packages in `draw`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from musictool import home, options
from musictool.errors import BadFile, NoMusic
from musictool.options import LAST_SEED, flag

if TYPE_CHECKING:
    from musictool.music.score import Score


class PlotInput(NamedTuple):
    """What a user named: a music file, or the folder of a model or a corpus."""

    kind: str  # "file", "model" or "corpus"
    path: Path

    @property
    def name(self) -> str:
        """The name for headings and messages."""
        return self.path.stem if self.kind == "file" else self.path.name


@dataclass(frozen=True)
class PlotOptions:
    """The options of all plots; each accepts some of them (its ACCEPTS)."""

    bars: int | None = flag(None, "Bars of each piece, from its beginning.", least=1, default_text="all")
    against: Literal["epochs", "minutes"] = flag("epochs", "x axis of curves.", metavar="[epochs|minutes]")
    label: tuple[str, ...] = flag(
        (), 'Notes or tokens that embeddings names, as "C4,E4,G4".', default_text="the most frequent"
    )
    method: Literal["tsne", "pca"] | None = flag(
        None, "Projection of embeddings and latent to two dimensions.", metavar="[tsne|pca]"
    )
    style: tuple[Path, ...] = flag((), "Music file that latent marks; may be repeated.", repeated=True)
    corpus: str | None = flag(None, "Name or folder of a corpus, for features and latent.", metavar="NAME")
    alike: Literal["chroma", "roll"] = flag("chroma", "What similarity compares bars by.", metavar="[chroma|roll]")
    seed: int | None = flag(None, "Random seed of t-SNE.", least=0, most=LAST_SEED, default_text="begin with PCA")

    def __post_init__(self) -> None:
        options.check(self)


@dataclass(frozen=True)
class Plot:
    """A figure, and what belongs to it.

    Attributes:
        figure: of matplotlib.
        title: as text.
        remarks: lines about what was left out, or what to know.
        tooltips: the gid of points in the figure -> the text of each on a page when the mouse is over it.
    """

    figure: Any
    title: str
    remarks: list[str] = field(default_factory=list)
    tooltips: dict[str, list[str]] = field(default_factory=dict)


def inputs_of(name: str | Path) -> list[PlotInput]:
    """What a name or a path means: a file, a model, a corpus, or all music files in a folder.

    Raises:
        UnknownName: if it is none of these, with a suggestion.
        NoMusic: for a folder that is none of these and has no music in it.
    """
    from musictool.reading import suffixes

    path = Path(name).expanduser()
    markers = [path / marker for marker in (home.CORPUS_MARKER, home.MODEL_MARKER)]
    if str(name) and path.is_dir() and not any(marker.exists() for marker in markers):
        files = sorted(file for file in path.rglob("*") if file.is_file() and file.suffix.lower() in suffixes())
        if files:
            return [PlotInput("file", file) for file in files]
        if not (home.corpora_folder() / name).is_dir() and not (home.models_folder() / name).is_dir():
            raise NoMusic(f"{path} holds no file that musictool reads ({' '.join(sorted(suffixes()))})")
    return [PlotInput(*home.locate(name))]


def first_piece(file: PlotInput, bars: int | None = None) -> Score:
    """The first piece in a file, or its first bars.

    Raises:
        BadFile: for a file without notes, or none in these bars.
    """
    from musictool.reading import read_named

    score = read_named(file.path).scores[0]
    if bars is not None:
        score = score.until(score.bar_line_ticks(bars))
    if not len(score.notes):
        raise BadFile("no notes", f"in its first {bars} bars" if bars else "").of(file.path)
    return score


def unique_names(inputs: Sequence[PlotInput]) -> list[str]:
    """The name of each, with that of its folder where two have the same."""
    names = [each.name for each in inputs]
    return [
        name if names.count(name) == 1 else f"{each.path.parent.name}/{name}"
        for name, each in zip(names, inputs, strict=True)
    ]
