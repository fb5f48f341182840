"""Draw a plot of files, models or corpora into a file: the function behind `musictool plot`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musictool import options
from musictool.drawing.figure import SUFFIXES, save
from musictool.drawing.plot import PlotInput, PlotOptions, inputs_of
from musictool.errors import BadOption, UnknownName
from musictool.registry import PLOTS
from musictool.writing import make_folder

DEFAULT_PLOTS = {"file": "roll", "model": "curves", "corpus": "features"}  # by the kind of input


@dataclass(frozen=True)
class Plotted:
    """What was drawn.

    Attributes:
        kind: the plot.
        inputs: what it was drawn from.
        out: the file.
        remarks: what was left out, or what to know.
    """

    kind: str
    inputs: tuple[PlotInput, ...]
    out: Path
    remarks: tuple[str, ...]


def plot(
    things: str | Path | Sequence[str | Path],
    out: str | Path,
    kind: str | None = None,
    dots_per_inch: int = 150,
    loads: Callable[[], object] = lambda: None,
    **given: Any,
) -> Plotted:
    """Draw one or several things into a file: .png, .svg, .pdf, or .html (a self-contained page).

    Args:
        things: music files, folders of them, and names or folders of models and corpora.
        kind: the plot, one of PLOTS; None for the default: the piano-roll of a file, the training curves of a model,
            the features of a corpus.
        loads: called before a network is loaded, which takes seconds.
        given: fields of PlotOptions (musictool/drawing/plot.py); None for the default.

    Raises:
        UnknownName: for an unknown thing, suffix, plot or option, with a suggestion.
        BadOption: for a plot that does not take such things or accept such an option, and for a folder that cannot be
            written to.
        BadFile, BadModel, BadCorpus, NoMusic: for things that cannot be drawn.
    """
    out = Path(out)
    check_suffix(out)
    if kind is not None and kind not in PLOTS.names():
        raise UnknownName.of("plot", kind, PLOTS.names())
    names = [things] if isinstance(things, str | Path) else list(things)
    inputs = tuple(each for name in names for each in inputs_of(name))
    if not inputs:
        raise BadOption("there is nothing to plot; name a file, a model or a corpus")
    kind = kind or default_plot(inputs)
    given = {name: value for name, value in given.items() if value not in (None, (), [])}
    _check(kind, inputs, given)
    chosen = options.build(PlotOptions, given)
    make_folder(out)
    module = PLOTS.module(kind)
    if getattr(module, "NETWORK", False):
        loads()
    drawn = module.draw(inputs, chosen)
    save(drawn.figure, out, drawn.title, dots_per_inch, drawn.tooltips)
    return Plotted(kind, inputs, out, tuple(drawn.remarks))


def check_suffix(out: Path) -> None:
    """Raises UnknownName for a file that is no picture."""
    if out.suffix.lower() not in SUFFIXES:
        raise UnknownName.of(f"suffix of {out.name}, which should be a picture:", out.suffix, SUFFIXES)


def default_plot(inputs: Sequence[PlotInput]) -> str:
    """The plot of inputs where none is chosen. Raises BadOption if they have none in common."""
    kinds = {each.kind for each in inputs}
    if kinds == {"file", "corpus"}:
        return DEFAULT_PLOTS["corpus"]
    if len(kinds) > 1:
        raise BadOption(f"{' and '.join(sorted(kinds))} have no plot in common; name things of one kind")
    return DEFAULT_PLOTS[kinds.pop()]


def _check(kind: str, inputs: Sequence[PlotInput], given: dict[str, Any]) -> None:
    """Raises BadOption if a plot does not take the inputs or does not accept an option."""
    module = PLOTS.module(kind)
    for each in inputs:
        if each.kind not in module.TAKES:
            fitting = [name for name in PLOTS.names() if each.kind in PLOTS.module(name).TAKES]
            raise BadOption(
                f"--kind {kind}: it is not drawn of a {each.kind}, as {each.name} is one; "
                f"of a {each.kind}: {', '.join(fitting)}"
            )
    known = [field.name for field in options.flag_fields(PlotOptions)]
    for name in given:
        if name not in known:
            raise UnknownName.of("option", name, known)
        if name not in module.ACCEPTS:
            accepting = [plot for plot in PLOTS.names() if name in PLOTS.module(plot).ACCEPTS]
            raise BadOption(f"--{name}: the plot {kind} does not accept it; {', '.join(accepting)} does")
