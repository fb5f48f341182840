"""musictool accompany: a band for a melody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from musictool.cli import _output

_PATH = click.Path(path_type=Path)


@click.command(epilog="\b\nExample:\n    musictool accompany melody.mid --out band.mid")
@click.argument("melody", type=_PATH)
@click.option("--model", "name", help="A model's name or folder.  [default: the one trained last]")
@click.option("--track", help="Of MELODY, by number (from 1) or name.  [default: the piano, else all but drums]")
@click.option("--temperature", type=float, default=1.0, show_default=True, help="Over 1 bolder, under 1 safer.")
@click.option("--threshold", default="density", show_default=True, help="density, bernoulli, or a number such as 0.5.")
@click.option("--noise-sd", type=float, help="How varied; 0.5 to 1 is usual.  [default: the arch's]")
@click.option("--style", "styles", multiple=True, type=_PATH, metavar="FILE", help="Mix this music in (vae).")
@click.option("--alpha", type=float, help="How much of the style: 0 nothing, 1 nothing else.  [default: 0.5]")
@click.option(
    "--seed", type=click.IntRange(min=0), help="Fixes everything that is random.  [default: drawn and printed]"
)
@click.option("--out", type=_PATH, default=Path("band.mid"), show_default=True, help="File to write.")
def command(melody: Path, name: str | None, out: Path, **given: Any) -> None:
    """Write a band to MELODY, a music file.

    Guitar, bass, strings and drums come from a model of segments (vae, melody-cnn); the melody itself stays as it is.
    """
    from musictool.writing import checked_places, write

    checked_places(out, melody, *given["styles"])
    _output.load_backend()
    from musictool.generation.accompany import Accompaniment, accompany
    from musictool.generation.style import Style
    from musictool.models.model import Model
    from musictool.sampling.sampler import Sampler

    seed = _output.drawn(given["seed"])
    sampler = Sampler(**{key: given[key] for key in ("temperature", "threshold", "noise_sd")})
    style = Style(given["styles"], (), given["alpha"])
    model = Model.open(name)
    score = accompany(model, melody, Accompaniment(given["track"], sampler, style, seed))
    write(score, out)
    _output.say(f"model {model.name}, seed {seed}")
    _output.say(f"{out}: {len(score.notes)} notes, {score.bars} bars, {score.seconds:.1f} s")
    _output.say("plays: " + ", ".join(track.name or "melody" for track in score.tracks))
