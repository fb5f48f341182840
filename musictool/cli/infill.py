"""musictool infill: write a part of a piece anew, and leave the rest as it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from musictool.cli import _output
from musictool.cli._flags import flags, force_flag
from musictool.errors import BadOption
from musictool.generation.infill_request import InfillRequest
from musictool.generation.request import numbered
from musictool.options import build, flag_fields, option_name, pop_given

_PATH = click.Path(path_type=Path)


@click.command(epilog="\b\nExample:\n    musictool infill song.mid --bars 5-8 --num 4 --out take.mid")
@click.argument("file", type=_PATH, required=False)
@click.option("--model", "name", help="A model's name or folder.  [default: the newest that fills in]")
@click.option(
    "--out",
    "outs",
    multiple=True,
    type=_PATH,
    help="File to write, of the kind that its suffix names; may be repeated.  [default: infill.mid]",
)
@flags(InfillRequest)
@click.option("--like", type=_PATH, help="The .json of a piece to make again, the same to the byte.")
@force_flag
def command(
    file: Path | None, name: str | None, outs: tuple[Path, ...], like: Path | None, force: bool, **options: Any
) -> None:
    """Write a part of FILE, a music file, anew: bars, tracks, or voices that it lacks.

    Everything else stays, note for note. It is a model's that sees what comes before and after: four voices on a grid
    of sixteenths (--arch coconet), or any number of tracks, drums too (--arch mask-transformer). Beside infill.mid
    stands infill.json with all that is needed to make it again: --like infill.json.
    """
    outs, given = outs or (Path("infill.mid"),), pop_given(InfillRequest, options)
    if like is not None:
        _write_again(file, name, given, outs, like, force)
        return
    if file is None:
        raise BadOption("name the music file to fill in, as in: musictool infill song.mid --bars 5-8")
    request = _checked(file, given, outs, force)
    from musictool.generation.infill import model_for_infill
    from musictool.generation.infill_songs import write_infills

    model = model_for_infill(name, voices=request.voices is not None)
    with _output.log_above_bar(), _output.bar(None, "writing", "steps") as bar:

        def advance(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        songs = write_infills(model, file, request, outs, advance, _output.load_engine, force=force)
    _output.say(f"model {model.name}, seed {request.seed}")
    for song in songs:
        _report(song)


def _checked(file: Path, given: dict[str, Any], outs: tuple[Path, ...], force: bool) -> InfillRequest:
    """The request; what is wrong with it is said before anything that takes seconds is loaded."""
    from musictool.generation.outputs import check_sample_replaceable
    from musictool.writing import checked_places

    request = build(InfillRequest, {"seed": _output.seed_or_random(None), **given})
    for places in numbered(outs, request.num):
        check_sample_replaceable(checked_places(places, file), force)
    return request


def _write_again(
    file: Path | None, name: str | None, given: dict[str, Any], outs: tuple[Path, ...], like: Path, force: bool
) -> None:
    """The piece of a sidecar. Other options would be ignored in silence."""
    others = ["FILE"] * (file is not None) + ["--model"] * (name is not None)
    others += [option_name(field) for field in flag_fields(InfillRequest) if field.name in given]
    if others:
        raise BadOption(f"--like makes a piece again as it was; leave out {others[0]}")
    from musictool.generation.infill_songs import write_infill_like

    model, song = write_infill_like(like, outs, _output.load_engine, force=force)
    _output.say(f"model {model.name}")
    _report(song)


def _report(song: Any) -> None:
    score = song.score
    _output.say(
        f"{', '.join(map(str, song.paths))}: {len(score.notes)} notes, {score.bars} bars, {score.seconds:.1f} s"
    )
