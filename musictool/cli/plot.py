"""musictool plot: see music, models and corpora."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from musictool.cli import _output
from musictool.registry import PLOTS

_PATH = click.Path(path_type=Path)


@click.command(epilog="\b\nExample:\n    musictool plot song.mid --out song.svg")
@click.argument("things", nargs=-1, required=True)
@click.option(
    "--out", type=_PATH, default=Path("plot.png"), show_default=True, help="A .png, .svg, .pdf or .html file."
)
@click.option("--kind", metavar="|".join(PLOTS.names()), help="What to draw; see musictool list plots.")
@click.option("--bars", type=click.IntRange(min=1), help="Bars of each piece, from its beginning.  [default: all]")
@click.option("--against", type=click.Choice(["epochs", "minutes"]), help="What curves are drawn against.")
@click.option("--label", help='Notes or symbols that embeddings names, as "C4,E4,G4".  [default: the commonest]')
@click.option(
    "--method", type=click.Choice(["tsne", "pca"]), help="How many dimensions become two, for embeddings and latent."
)
@click.option("--style", "style", multiple=True, type=_PATH, help="Music file that latent marks; may be repeated.")
@click.option("--corpus", help="A corpus's name or folder, for features and latent.")
@click.option("--alike", type=click.Choice(["chroma", "roll"]), help="What similarity compares bars by.")
@click.option(
    "--seed", type=click.IntRange(min=0), help="t-SNE begins with points drawn with it.  [default: with PCA's]"
)
def command(things: tuple[str, ...], out: Path, kind: str | None, label: str | None, **wishes: Any) -> None:
    """Draw THINGS, one or several, into a picture or a page.

    A thing is a music file, a folder of them, a model or a corpus. Of files it draws the piano-rolls one under another,
    of models the training curves, of a corpus its features; --kind chooses another plot.
    """
    from musictool.apps.plot import plot

    labels = tuple(name.strip() for name in (label or "").split(",") if name.strip())
    done = plot(things, out, kind, loads=_output.load_backend, label=labels, **wishes)
    for remark in done.remarks:
        _output.say(remark)
    _output.say(f"wrote {done.out} ({done.kind})")
