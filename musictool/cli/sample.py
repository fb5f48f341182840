"""musictool sample: let a model write music."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from musictool.cli import _output
from musictool.errors import BadOption


@click.command(epilog="\b\nExample:\n    musictool sample --length 500 --out song.mid")
@click.argument("model", required=False)
@click.option("--length", type=int, help="Symbols to write, the primer not counted.  [default: 500]")
@click.option("--bars", type=int, help="Bars to write, instead of --length.")
@click.option("--seconds", type=float, help="Seconds to write, instead of --length.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("song.mid"), show_default=True, help="The MIDI file."
)
@click.option("--num", type=int, default=1, show_default=True, help="Pieces to write: song-001.mid, song-002.mid, ...")
@click.option("--temperature", type=float, default=1.0, show_default=True, help="Over 1 bolder, under 1 safer.")
@click.option("--top-k", type=int, default=0, show_default=True, help="Draw from the k likeliest symbols; 0: all.")
@click.option(
    "--top-p", type=float, default=0.95, show_default=True, help="Draw from the likeliest that hold this much."
)
@click.option(
    "--primer", type=click.Path(path_type=Path), help="A music file to continue.  [default: one of the model's]"
)
@click.option("--primer-length", type=int, default=32, show_default=True, help="Symbols of the primer that are heard.")
@click.option("--from-scratch", is_flag=True, help="Begin with nothing.")
@click.option("--keep-primer/--no-keep-primer", default=False, help="Put the primer before the piece.  [default: no]")
@click.option("--tempo", type=float, help="Quarter notes a minute.  [default: the corpus's]")
@click.option("--instrument", help="General MIDI name or number, such as violin.  [default: the encoding's]")
@click.option("--seed", type=int, help="Fixes everything that is random.  [default: drawn and printed]")
@click.option(
    "--like", type=click.Path(path_type=Path), help="The .json of a song to make again, the same to the byte."
)
@click.pass_context
def command(context: click.Context, **given: Any) -> None:
    """Write music with MODEL (default: the one trained last).

    Beside song.mid stands song.json with all that is needed to make it again: --like song.json.
    """
    like = given.pop("like")
    if like is not None:
        _refuse_others(context)
    _output.load_tensorflow()
    from musictool.songs import write_like, write_songs

    if like is not None:
        model, song = write_like(like, given["out"])
        songs, seed = [song], None
    else:
        from musictool.model import Model

        model, request, seed = Model.open(given["model"]), *_request(given)
        with _output.bar(request.length, "writing", "symbols") as bar:
            songs = write_songs(model, request, given["out"], progress=lambda rows: bar.update(rows - bar.n))
    _output.say(f"model {model.name}" + ("" if seed is None else f", seed {seed}"))
    if given["temperature"] > 1.2:
        _output.say("a temperature over 1.2 tends to wander")
    for song in songs:
        score = song.score
        _output.say(f"{song.path}: {len(score.notes)} notes, {score.bars} bars, {score.seconds:.1f} s")
    if songs[0].path.suffix.lower() == ".mid":
        midi, sound = (shlex.quote(str(path)) for path in (songs[0].path, songs[0].path.with_suffix(".wav")))
        _output.say(f"next:  musictool render {midi} --out {sound}")


def _refuse_others(context: click.Context) -> None:
    """--like says all; an option beside it would be ignored in silence."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in ("like", "out") and source == click.core.ParameterSource.COMMANDLINE:
            raise BadOption(f"--like makes a song again as it was; leave out {name.replace('_', '-')}")


def _request(given: dict[str, Any]) -> tuple[Any, int]:
    import secrets

    from musictool.generation import Request
    from musictool.sampling import Sampler

    length = given["length"]
    if length is None and given["bars"] is None and given["seconds"] is None:
        length = 500
    seed = secrets.randbelow(2**31) if given["seed"] is None else given["seed"]
    same = ("bars", "seconds", "num", "primer", "primer_length", "from_scratch", "keep_primer", "instrument")
    request = Request(
        length=length,
        sampler=Sampler(given["temperature"], given["top_k"], given["top_p"]),
        bpm=given["tempo"],
        seed=seed,
        **{key: given[key] for key in same},
    )
    return request, seed
