"""musictool lofi: a piece as lo-fi hip hop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from musictool import options
from musictool.apps.lofi.options import LofiOptions
from musictool.cli import _output
from musictool.cli._flags import flags, force_flag

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
@flags(LofiOptions)
@force_flag
def command(source: Path, outs: tuple[Path, ...], force: bool, **given: Any) -> None:
    """Turn a music file into lo-fi: slowed, swung and softened, with drums on its own beats and rain behind it.

    SOURCE is any file that musictool reads. Its notes go to an electric piano on a worn tape, its own drums are
    replaced by a loop that follows its metre, and everything is brought to -14 LUFS.
    """
    given = options.pop_given(LofiOptions, given)
    chosen = options.build(LofiOptions, {**given, "seed": _output.seed_or_random(given.get("seed"))})
    from musictool.apps.lofi.lofi import lofi
    from musictool.generation.outputs import replacing_outputs
    from musictool.writing import checked_places

    outs = checked_places(outs or (Path("lofi.mp3"),), source, *chosen.sources)
    with replacing_outputs(outs, force):
        arrangement = lofi(source, outs, chosen, _output.load_engine)
    _output.say(f"drums {arrangement.style}, tempo {chosen.tempo:g}, seed {chosen.seed}")
    minutes, seconds = divmod(round(arrangement.seconds), 60)
    for out in outs:
        _output.say(f"wrote {out} ({minutes}:{seconds:02d}, {arrangement.sample.bars - 1} bars of music)")
