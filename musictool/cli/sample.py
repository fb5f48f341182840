"""musictool sample: let a model write music."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import click

from musictool.cli import _output
from musictool.errors import BadOption

_SAMPLER = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "loop_guard", "threshold", "noise_sd")
_WANTED = ("key", "scale", "pitch_range", "density", "label")
_REQUEST = ("length", "bars", "seconds", "num", "primer", "primer_length", "from_scratch", "keep_primer", "instrument")
DEFAULT_LENGTH = 500
_PATH = click.Path(path_type=Path)


@click.command(epilog="\b\nExample:\n    musictool sample --length 500 --out song.mid")
@click.argument("model", required=False)
@click.option("--length", type=click.IntRange(min=1), help="Symbols (or time steps of rolls) to write.  [default: 500]")
@click.option("--bars", type=click.IntRange(min=1), help="Bars to write, instead of --length.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    help="Seconds to write, instead of --length. No length counts the primer.",
)
@click.option(
    "--out",
    "outs",
    multiple=True,
    type=_PATH,
    help="File to write, of the kind that its suffix names (.mid .mp3 .png ...); may be repeated.  [default: song.mid]",
)
@click.option(
    "--num",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Pieces to write: song-001.mid, song-002.mid, ...",
)
@click.option(
    "--temperature",
    type=click.FloatRange(0, 100, min_open=True),
    default=1.0,
    show_default=True,
    help="Over 1 bolder, under 1 safer.",
)
@click.option(
    "--top-k",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Draw from the k likeliest symbols; 0: all.",
)
@click.option(
    "--top-p",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.95,
    show_default=True,
    help="Draw from the likeliest that hold this much.",
)
@click.option(
    "--min-p",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="Draw from those with at least this share of the likeliest's probability.",
)
@click.option(
    "--repetition-penalty",
    type=click.FloatRange(1, 10),
    default=1.0,
    show_default=True,
    help="Over 1: notes of the last 64 symbols come back less (CTRL's rule; try 1.1).",
)
@click.option(
    "--loop-guard/--no-loop-guard",
    default=True,
    help="Leave bars that would repeat for ever, by temperature.  [default: yes]",
)
@click.option(
    "--threshold",
    default="density",
    show_default=True,
    help="Of segments: how 0 and 1 are made of probabilities: density, bernoulli, or a number such as 0.5.",
)
@click.option(
    "--noise-sd",
    type=click.FloatRange(0, 10),
    help="Of segments: how varied; 0.5 to 1 is usual.  [default: the arch's]",
)
@click.option(
    "--style", "styles", multiple=True, type=_PATH, metavar="FILE", help="Mix this music in (vae); may be repeated."
)
@click.option(
    "--where", multiple=True, metavar="COLUMN=VALUE", help="Mix in pieces of the model's corpus, as artist=Queen."
)
@click.option(
    "--alpha", type=click.FloatRange(0, 1), help="How much of the style: 0 nothing, 1 nothing else.  [default: 0.5]"
)
@click.option("--key", help='Only notes of this key: "A minor", Am, "F# major", Bb.')
@click.option("--scale", help="Of the tonic of --key: harmonic-minor, pentatonic, blues, dorian, ...; chromatic: all.")
@click.option("--pitch-range", help="Only notes from here to there: C3-C6, or as MIDI numbers 48-84.")
@click.option("--density", type=float, help="Notes a second, of a model trained with --controls density.")
@click.option(
    "--pitch-histogram", help="12 weights of C to B: 1,0,1,..., of a model trained with --controls histogram."
)
@click.option("--label", help="Genre, artist, ..., of a model trained with --label.")
@click.option(
    "--primer", help='What to continue: a music file, or notes: "C4 E4 G4:2 C4+E4+G4".  [default: one of the model\'s]'
)
@click.option(
    "--primer-length",
    type=click.IntRange(min=1),
    help="Symbols of the primer that are heard: of a file, its last ones.  [default: all]",
)
@click.option("--from-scratch", is_flag=True, help="Begin with nothing.")
@click.option(
    "--keep-primer/--no-keep-primer",
    default=False,
    help="Put the primer before the piece, your own as it is.  [default: no]",
)
@click.option("--tempo", type=click.FloatRange(4, 1000), help="Quarter notes a minute.  [default: the corpus's]")
@click.option("--instrument", help="General MIDI name or number, such as violin.  [default: the encoding's]")
@click.option("--check-copies", is_flag=True, help="Warn of what stands in the pieces it has learnt from.")
@click.option(
    "--seed", type=click.IntRange(min=0), help="Fixes everything that is random.  [default: drawn and printed]"
)
@click.option("--like", type=_PATH, help="The .json of a song to make again, the same to the byte.")
@click.pass_context
def command(context: click.Context, **given: Any) -> None:
    """Write music with MODEL (default: the one trained last).

    Beside song.mid stands song.json with all that is needed to make it again: --like song.json.
    """
    like, outs = given.pop("like"), given.pop("outs") or (Path("song.mid"),)
    check_copies = given.pop("check_copies")
    if like is not None:
        _refuse_others(context)
    else:
        _check(given, outs)
    _output.load_backend()
    from musictool.generation.songs import write_like, write_songs

    if like is not None:
        model, song = write_like(like, outs)
        songs, seed = [song], None
        copies = _copies(model) if check_copies else None
    else:
        from musictool.generation.sample import check_choices, rows_of
        from musictool.models.model import Model

        model, (request, seed) = Model.open(given["model"]), _request(given)
        check_choices(model, _said(context))
        copies = _copies(model) if check_copies else None
        rows = None if request.length is None else rows_of(model, request.length)
        with _output.remarks_above(), _output.bar(rows, "listening", f"{model.spec.unit}s") as bar:
            songs = write_songs(model, request, outs, progress=lambda rows: _advance(bar, rows))
    _output.say(f"model {model.name}" + ("" if seed is None else f", seed {seed}"))
    if given["temperature"] > 1.2:
        _output.say("a temperature over 1.2 tends to wander")
    for song in songs:
        _tell(song)
        if copies is not None:
            _output.say(f"  {copies.report(song.score)}")
    if [path.suffix.lower() for path in songs[0].paths] == [".mid"]:
        midi, sound = (shlex.quote(str(path)) for path in (songs[0].path, songs[0].path.with_suffix(".wav")))
        _output.say(f"next:  musictool render {midi} --out {sound}")


def _advance(bar: Any, rows: int) -> None:
    bar.set_description_str("writing", refresh=False)
    bar.update(rows - bar.n)


def _tell(song: Any) -> None:
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


def _copies(model: Any) -> Any:
    from musictool.corpus.training_corpus import corpus_of
    from musictool.evaluation.copies import Copies

    return Copies(corpus_of(model.info, model.name))


def _refuse_others(context: click.Context) -> None:
    """--like says all; an option beside it would be ignored in silence."""
    others = {*_said(context)} - {"like", "outs", "check_copies"}
    for parameter in context.command.params:
        if parameter.name in others:
            typed = parameter.opts[0] if isinstance(parameter, click.Option) else parameter.human_readable_name
            raise BadOption(f"--like makes a song again as it was; leave out {typed}")


def _said(context: click.Context) -> list[str]:
    """The options that were given, be it with their default value."""
    said = click.core.ParameterSource.COMMANDLINE
    return [name for name in context.params if context.get_parameter_source(name) == said]


def _check(given: dict[str, Any], outs: tuple[Path, ...]) -> None:
    """What cannot be meant, said before TensorFlow is loaded."""
    from musictool.generation.validation import check_files, check_length, check_primer, numbered
    from musictool.models.info import folder_of
    from musictool.music.scales import classes_of, pitches_of
    from musictool.sampling.binarising import check_rule
    from musictool.writing import checked_places

    if given["length"] is None and given["bars"] is None and given["seconds"] is None:
        given["length"] = DEFAULT_LENGTH
    check_length(given["length"], given["bars"], given["seconds"])
    check_primer(given["from_scratch"], given["primer"], given["primer_length"], given["keep_primer"])
    classes_of(given["key"], given["scale"])
    if given["pitch_range"] is not None:
        pitches_of(given["pitch_range"])
    check_rule(given["threshold"])
    check_files(given["styles"])
    _check_is_no_music(given["model"])
    folder_of(given["model"])
    for places in numbered(outs, given["num"]):
        checked_places(places)


def _check_is_no_music(model: str | None) -> None:
    from musictool.reading import suffixes

    if model is not None and Path(model).is_file() and Path(model).suffix.lower() in suffixes():
        raise BadOption(f"{model} is a music file and no model; did you mean --primer {shlex.quote(model)}?")


def _request(given: dict[str, Any]) -> tuple[Any, int]:
    from musictool.generation.constraints import Constraints, histogram_of
    from musictool.generation.sample import Request
    from musictool.generation.style import Style
    from musictool.sampling.sampler import Sampler

    seed = _output.drawn(given["seed"])
    histogram = None if given["pitch_histogram"] is None else histogram_of(given["pitch_histogram"])
    request = Request(
        sampler=Sampler(**{name: given[name] for name in _SAMPLER}),
        wanted=Constraints(**{name: given[name] for name in _WANTED}, histogram=histogram),
        style=Style(given["styles"], given["where"], given["alpha"]),
        bpm=given["tempo"],
        seed=seed,
        **{name: given[name] for name in _REQUEST},
    )
    return request, seed
