"""A picture of files, models or corpora: which plot suits them, and into which file it goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from musictool.drawing.figure import SUFFIXES, save
from musictool.drawing.plot import Thing, Wishes, located
from musictool.errors import BadOption, UnknownName
from musictool.registry import PLOTS
from musictool.writing import make_folder

USUAL = {"file": "roll", "model": "curves", "corpus": "features"}  # what is drawn of a thing if nobody says what


@dataclass(frozen=True)
class Plotted:
    """What was drawn.

    Attributes:
        kind: the plot.
        things: of what.
        out: the file.
        remarks: what was left out, or what to know.
    """

    kind: str
    things: tuple[Thing, ...]
    out: Path
    remarks: tuple[str, ...]


def plot(
    things: str | Path | Sequence[str | Path],
    out: str | Path,
    kind: str | None = None,
    dots_per_inch: int = 150,
    loads: Callable[[], object] = lambda: None,
    **wishes: Any,
) -> Plotted:
    """Draw things into a file of the form that its suffix names: .png, .svg, .pdf, or .html (a page by itself).

    Args:
        things: one or several: music files, folders of them, and names or folders of models and corpora.
        kind: the plot, one of PLOTS; without one, what is usual: a file's piano-roll, a model's training curves, a
            corpus's features.
        loads: called before a network is loaded, which takes seconds.
        wishes: see plots/_base.py; None means nothing is wished.

    Raises:
        UnknownName: for a thing, a suffix or a plot that is none, with a suggestion.
        BadOption: for a plot that is not drawn of such things, or does not heed such a wish, and for a folder that
            nothing can be written into.
        BadFile, BadModel, BadCorpus, NoMusic: for things that cannot be drawn.
    """
    out = Path(out)
    check_suffix(out)
    if kind is not None and kind not in PLOTS.names():
        raise UnknownName.of("plot", kind, PLOTS.names())
    named = [things] if isinstance(things, str | Path) else list(things)
    found = tuple(each for thing in named for each in located(thing))
    if not found:
        raise BadOption("there is nothing to plot; name a file, a model or a corpus")
    kind = kind or usual(found)
    given = {name: value for name, value in wishes.items() if value not in (None, (), [])}
    _check(kind, found, given)
    make_folder(out)
    if getattr(PLOTS.module(kind), "NETWORK", False):
        loads()
    drawn = PLOTS.module(kind).draw(found, Wishes(**given))
    save(drawn.figure, out, drawn.title, dots_per_inch, drawn.tips)
    return Plotted(kind, found, out, tuple(drawn.remarks))


def check_suffix(out: Path) -> None:
    """Raises UnknownName for a file that is no picture."""
    if out.suffix.lower() not in SUFFIXES:
        raise UnknownName.of(f"suffix of {out.name}, which should be a picture:", out.suffix, SUFFIXES)


def usual(things: Sequence[Thing]) -> str:
    """The plot of things that nobody chose one for. Raises BadOption where they have none in common."""
    kinds = {thing.what for thing in things}
    if kinds == {"file", "corpus"}:
        return USUAL["corpus"]
    if len(kinds) > 1:
        raise BadOption(f"{' and '.join(sorted(kinds))} have no plot in common; name things of one kind")
    return USUAL[kinds.pop()]


def _check(kind: str, things: Sequence[Thing], wishes: dict[str, Any]) -> None:
    """Raises BadOption where a plot and its things or wishes do not suit each other."""
    module = PLOTS.module(kind)
    for thing in things:
        if thing.what not in module.TAKES:
            fitting = [name for name in PLOTS.names() if thing.what in PLOTS.module(name).TAKES]
            raise BadOption(
                f"--kind {kind}: it is not drawn of a {thing.what}, as {thing.name} is one; "
                f"of a {thing.what}: {', '.join(fitting)}"
            )
    known = {each.name for each in fields(Wishes)}
    for wish in wishes:
        if wish not in known:
            raise UnknownName.of("wish", wish, known)
        if wish not in module.WISHES:
            heeding = [name for name in PLOTS.names() if wish in PLOTS.module(name).WISHES]
            raise BadOption(f"--{wish}: the plot {kind} has no use for it; {', '.join(heeding)} has")
