"""musictool accompany: a band for a melody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from musictool.cli import _output
from musictool.cli._flags import flags, force_flag
from musictool.generation.request import Accompaniment
from musictool.options import build, pop_given

_PATH = click.Path(path_type=Path)


@click.command(epilog="\b\nExample:\n    musictool accompany melody.mid --out band.mid")
@click.argument("melody", type=_PATH)
@click.option("--model", "name", help="A model's name or folder.  [default: the newest that plays to a melody]")
@flags(Accompaniment, "track", "temperature", "threshold", "noise_sd", "files", "alpha", "velocity", "seed")
@click.option("--out", type=_PATH, default=Path("band.mid"), show_default=True, help="File to write.")
@force_flag
def command(melody: Path, name: str | None, out: Path, force: bool, **options: Any) -> None:
    """Write a band to MELODY, a music file.

    Guitar, bass, strings and drums come from a model of segments (vae, melody-cnn, seq2seq), three more voices from one
    that fills in (coconet: the same as musictool infill --voices 4); the melody itself stays as it is.
    """
    from musictool.generation.outputs import check_replaceable, replacing_outputs
    from musictool.writing import checked_places, write

    how = build(Accompaniment, {"seed": _output.seed_or_random(None), **pop_given(Accompaniment, options)})
    check_replaceable(checked_places(out, melody, *how.style.files), force)
    from musictool.generation.accompany import accompany, model_for_accompaniment
    from musictool.generation.latents import USUAL_SEGMENTS

    model = model_for_accompaniment(name)
    if model.spec.kind == "segments":
        _output.load_engine(model.engine_for(USUAL_SEGMENTS))
    score = accompany(model, melody, how)
    with replacing_outputs([out], force):
        write(score, out)
    _output.say(f"model {model.name}, seed {how.seed}")
    _output.say(f"{out}: {len(score.notes)} notes, {score.bars} bars, {score.seconds:.1f} s")
    _output.say("plays: " + ", ".join(track.name or "melody" for track in score.tracks))
