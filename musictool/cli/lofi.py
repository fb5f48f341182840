"""musictool lofi: a piece as lo-fi hip hop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from musictool.cli import _output

_PATH = click.Path(path_type=Path)


@click.command(epilog="\b\nExample:\n    musictool lofi song.mid --out lofi.mp3")
@click.argument("source", type=_PATH)
@click.option(
    "--out",
    "outs",
    multiple=True,
    type=_PATH,
    help="File to write: sound, or the notes as .mid or .png; may be repeated.  [default: lofi.mp3]",
)
@click.option("--tempo", type=float, default=80.0, show_default=True, help="Beats a minute, 60 to 100; usual is 70-90.")
@click.option("--swing", type=float, default=0.57, show_default=True, help="0.5: even eighths; 0.67: triplets.")
@click.option("--drums", help="boom-bap, brushes, dusty, half-time, or none.  [default: by chance]")
@click.option(
    "--background",
    "backgrounds",
    multiple=True,
    help="rain, vinyl, none, or a sound file of yours; may be repeated.  [default: rain and vinyl]",
)
@click.option("--minutes", type=float, help="How long.  [default: as the piece is; with --model 3]")
@click.option("--model", help="The model that goes on with the piece up to --minutes. Without it the piece repeats.")
@click.option("--soundfont", type=_PATH, help="SoundFont (.sf2).  [default: the one inside the pretty_midi package]")
@click.option("--seed", type=int, help="Fixes everything that is random.  [default: drawn and printed]")
def command(source: Path, outs: tuple[Path, ...], **given: Any) -> None:
    """Turn a music file into lo-fi: slowed, swung and softened, with drums on its own beats and rain behind it.

    SOURCE is any file that musictool reads. Its notes go to an electric piano on a worn tape, its own drums are
    replaced by a loop that follows its metre, and everything is brought to -14 LUFS.
    """
    from musictool.apps.lofi.lofi import Wishes, lofi

    given["backgrounds"] = given["backgrounds"] or Wishes.backgrounds
    wishes = Wishes(**given | {"seed": _output.drawn(given["seed"])})
    if wishes.model is not None:
        _output.load_backend()
    outs = outs or (Path("lofi.mp3"),)
    arranged = lofi(source, outs, wishes)
    _output.say(f"drums {arranged.style}, tempo {wishes.tempo:g}, seed {wishes.seed}")
    minutes, seconds = divmod(round(arranged.seconds), 60)
    for out in outs:
        _output.say(f"wrote {out} ({minutes}:{seconds:02d}, {arranged.sample.bars - 1} bars of music)")
