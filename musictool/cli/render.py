"""musictool render: hear a piece, or see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from musictool.cli import _output
from musictool.cli._flags import force_flag


@click.command(epilog="\b\nExample:\n    musictool render song.mid --out song.wav --out song.png")
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--out",
    "outs",
    multiple=True,
    type=click.Path(path_type=Path),
    help="File to write, of the kind that its suffix names; may be repeated. Default: SOURCE with the suffix .wav.",
)
@click.option(
    "--soundfont",
    type=click.Path(path_type=Path),
    help="SoundFont (.sf2) that sounds are taken from. Default: the one inside the pretty_midi package.",
)
@click.option("--fluidsynth", is_flag=True, help="Let the program FluidSynth play, if it is installed.")
@click.option("--loudness", type=float, default=-14.0, show_default=True, help="LUFS of the sound, from -40 to -8.")
@force_flag
def command(source: Path, outs: tuple[Path, ...], force: bool, **of_sound: Any) -> None:
    """Turn a music file into sound, into a piano-roll picture, or into another music file.

    SOURCE is any file that musictool reads: MIDI, MusicXML, kern, ABC. What is written follows from the
    suffix of --out: .wav .flac .ogg .mp3 are sound, .png .svg .pdf .html pictures, .mid is MIDI, .musicxml and .abc
    are notation. Sound is brought to one loudness and never clips.
    """
    from musictool.apps.render import notes_in, render
    from musictool.generation.outputs import replacing_outputs
    from musictool.writing import checked_places

    outs = checked_places(outs or (source.with_suffix(".wav"),), *filter(None, [source, of_sound["soundfont"]]))
    with replacing_outputs(outs, force):
        score = render(source, outs, **of_sound)
    for out in outs:
        size = f"{out.stat().st_size / 1024:,.0f} kB"
        written = notes_in(score, out)
        doubles = (
            f" ({len(score.notes) - written} more double one of their track)" if written < len(score.notes) else ""
        )
        notes = f"{written} notes{doubles}"
        _output.say(f"wrote {out} ({score.seconds:.1f} s of music, {notes}, {size})")
