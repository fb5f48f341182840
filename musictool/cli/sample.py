"""musictool sample: let a model write music."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from musictool.cli import _output
from musictool.cli._flags import flags, force_flag
from musictool.errors import BadOption
from musictool.generation.request import DEFAULT_LENGTH, Request
from musictool.options import build, flag_fields, option_name, pop_given

_PATH = click.Path(path_type=Path)
_WANDERING = 1.2  # a temperature above which music tends to lose its thread


@click.command(epilog="\b\nExample:\n    musictool sample --length 500 --out song.mid")
@click.argument("model", required=False)
@click.option(
    "--out",
    "outs",
    multiple=True,
    type=_PATH,
    help="File to write, of the kind that its suffix names (.mid .mp3 .png ...); may be repeated.  [default: song.mid]",
)
@flags(Request)
@click.option("--check-copies", is_flag=True, help="Warn of what stands in the pieces it has learnt from.")
@click.option("--like", type=_PATH, help="The .json of a song to make again, the same to the byte.")
@force_flag
def command(
    model: str | None, outs: tuple[Path, ...], check_copies: bool, like: Path | None, force: bool, **options: Any
) -> None:
    """Write music with MODEL (default: the one trained last).

    Beside song.mid stands song.json with all that is needed to make it again: --like song.json.
    """
    outs, given = outs or (Path("song.mid"),), pop_given(Request, options)
    if like is None:
        batches = _write(model, given, outs, check_copies, force)
    else:
        batches = _write_again(model, given, outs, check_copies, like, force)
    agreements = []
    for songs, copies in batches:
        for song in songs:
            _report(song)
            if given.get("chords") is not None and not given.get("keep_primer"):
                agreements.append(_agreement(song.score, given["chords"]))
                _output.say(f"  {agreements[-1].text}")
            if copies is not None:
                _output.say(f"  {copies.report(song.score)}")
    if len(agreements) > 1:
        _output.say(f"of all {len(agreements):,} pieces {type(agreements[0]).sum(agreements).text}")
    if [path.suffix.lower() for path in songs[0].paths] == [".mid"]:
        midi, sound = (shlex.quote(str(path)) for path in (songs[0].path, songs[0].path.with_suffix(".wav")))
        _output.say(f"next:  musictool render {midi} --out {sound}")


def _write(
    name: str | None, given: dict[str, Any], outs: tuple[Path, ...], check_copies: bool, force: bool
) -> Iterator[tuple[list[Any], Any]]:
    """The songs, batch after batch, and what finds copies in them."""
    request = _checked(name, given, outs, force)
    from musictool.generation.sample import engine_of, rows_for
    from musictool.generation.songs import song_batches
    from musictool.models.model import Model

    model = Model.open(name)
    request.check_model(model, given)
    _output.load_engine(engine_of(model, request))
    copies = _copies(model) if check_copies else None
    rows = None if request.length is None else rows_for(model, request.length)
    written, doing = 0, "writing"
    batches = song_batches(model, request, outs, lambda rows, total: _advance(bar, rows, doing), force=force)
    while written < request.num:
        with _output.log_above_bar(), _output.bar(rows, "reading the primer", f"{model.spec.unit}s") as bar:
            songs = next(batches)
        if not written:
            _output.say(f"model {model.name}, seed {request.seed}")
            if request.sampler.temperature > _WANDERING:
                _output.say(f"a temperature over {_WANDERING} tends to wander")
        yield songs, copies
        written += len(songs)
        doing = f"{written:,} of {request.num:,} pieces written, the next"


def _write_again(
    name: str | None, given: dict[str, Any], outs: tuple[Path, ...], check_copies: bool, like: Path, force: bool
) -> Iterator[tuple[list[Any], Any]]:
    """The song of a sidecar, and what finds copies in it. Other options would be ignored in silence."""
    others = ["MODEL"] * (name is not None)
    others += [option_name(field) for field in flag_fields(Request) if field.name in given]
    if others:
        raise BadOption(f"--like makes a song again as it was; leave out {others[0]}")
    from musictool.generation.songs import write_like

    model, song = write_like(like, outs, _output.load_engine, force=force)
    _output.say(f"model {model.name}")
    yield [song], _copies(model) if check_copies else None


def _checked(name: str | None, given: dict[str, Any], outs: tuple[Path, ...], force: bool) -> Request:
    """The request; what is wrong with it is said before anything that takes seconds is loaded."""
    from musictool.generation.outputs import check_places
    from musictool.models.info import folder_of, read_info
    from musictool.reading import suffixes

    length = {} if {"length", "bars", "seconds"} & {*given} else {"length": DEFAULT_LENGTH}
    request = build(Request, {"seed": _output.seed_or_random(None), **length, **given})
    if name is not None and Path(name).is_file() and Path(name).suffix.lower() in suffixes():
        raise BadOption(f"{name} is a music file and no model; did you mean --primer {shlex.quote(name)}?")
    model_length = read_info(folder_of(name)).get("sample", {})
    if length and model_length:
        request = replace(request, length=None, **model_length)
    check_places(request, outs, force)
    return request


def _advance(bar: Any, rows: int, doing: str) -> None:
    bar.set_description_str(doing, refresh=False)
    bar.update(rows - bar.n)


def _report(song: Any) -> None:
    from musictool.corpus.keys import key_of
    from musictool.sampling.loops import period_of_notes

    score, key = song.score, key_of(song.score)
    facts = [
        f"{len(score.notes)} note{'s' * (len(score.notes) != 1)}",
        f"{score.bars} bar{'s' * (score.bars != 1)}",
        f"{score.seconds:.1f} s",
        key and f"about {key}",
    ]
    _output.say(f"{', '.join(map(str, song.paths))}: {', '.join(filter(None, facts))}")
    period = period_of_notes(score)
    if period:
        _output.say(
            f"  its end repeats the same {period} note{'s' * (period > 1)} over and over; "
            "try a higher --temperature or another --seed"
        )


def _agreement(score: Any, chords: str) -> Any:
    from musictool.music.chords import parse_chords
    from musictool.music.harmony import chord_agreement

    return chord_agreement(score, parse_chords(chords))


def _copies(model: Any) -> Any:
    from musictool.corpus.training_corpus import corpus_of
    from musictool.evaluation.copies import Copies

    return Copies(corpus_of(model.info, model.name))
