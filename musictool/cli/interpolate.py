"""musictool interpolate: from one piece to another, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import click

from musictool.cli import _output
from musictool.cli._flags import flags, force_flag
from musictool.generation.request import VELOCITY_HELP, Velocity
from musictool.options import build, pop_given
from musictool.sampling.sampler import Sampler

_PATH = click.Path(path_type=Path)


@click.command(epilog="\b\nExample:\n    musictool interpolate a.mid b.mid --steps 8 --out between.mid")
@click.argument("first", type=_PATH)
@click.argument("second", type=_PATH)
@click.option("--model", "name", help="A model's name or folder.  [default: the one trained last]")
@click.option("--steps", type=int, default=8, show_default=True, help="Versions, both ends included.")
@click.option("--bars", type=int, help="Bars of each version, from the pieces' beginning.  [default: all]")
@flags(Sampler, "temperature", "threshold")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Fixes draws and velocities.")
@click.option(
    "--velocity", type=click.Choice(get_args(Velocity)), default="expressive", show_default=True, help=VELOCITY_HELP
)
@click.option("--out", type=_PATH, default=Path("between.mid"), show_default=True, help="File to write.")
@force_flag
def command(first: Path, second: Path, name: str | None, out: Path, force: bool, **given: Any) -> None:
    """Write versions of a piece that lead from FIRST to SECOND, with a model that knows latents (vae).

    They stand in one file, one after another, each as long as the longer piece, while the shorter begins again.
    """
    from musictool.generation.outputs import check_replaceable, replacing_outputs
    from musictool.writing import checked_places, write

    sampler = build(Sampler, pop_given(Sampler, given))
    check_replaceable(checked_places(out, first, second), force)
    from musictool.generation.interpolate import interpolate
    from musictool.generation.latents import USUAL_SEGMENTS
    from musictool.models.model import Model

    model = Model.open(name)
    _output.load_engine(model.engine_for(USUAL_SEGMENTS))
    with _output.bar(given["steps"], "writing", "versions") as bar:
        score = interpolate(
            model, first, second, sampler=sampler, progress=lambda done, total: bar.update(done - bar.n), **given
        )
    with replacing_outputs([out], force):
        write(score, out)
    _output.say(f"model {model.name}")
    _output.say(f"{out}: {given['steps']} versions, {len(score.notes)} notes, {score.bars} bars, {score.seconds:.1f} s")
