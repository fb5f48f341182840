"""musictool plot: pictures of music, models and corpora."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from musictool.cli import _output
from musictool.cli._flags import flags, force_flag
from musictool.drawing.plot import PlotOptions
from musictool.registry import PLOTS


@click.command(epilog="\b\nExample:\n    musictool plot song.mid --out song.svg")
@click.argument("things", nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("plot.png"),
    show_default=True,
    help="A .png, .svg, .pdf or .html file.",
)
@click.option("--kind", metavar="|".join(PLOTS.names()), help="What to draw; see musictool list plots.")
@flags(PlotOptions)
@force_flag
def command(things: tuple[str, ...], out: Path, kind: str | None, force: bool, **given: Any) -> None:
    """Draw THINGS, one or several, into a picture or a page.

    A thing is a music file, a folder of them, a model or a corpus. Of files it draws the piano-rolls one under another,
    of models the training curves, of a corpus its features; --kind chooses another plot.
    """
    from musictool.apps.plot import check_suffix, plot
    from musictool.generation.outputs import replacing_outputs

    check_suffix(out)
    with replacing_outputs([out], force):
        done = plot(things, out, kind, loads=_output.load_backend, **given)
    for remark in done.remarks:
        _output.say(remark)
    _output.say(f"wrote {done.out} ({done.kind})")
