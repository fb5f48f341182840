"""What can be set for a training run, declared once; and how what a user gives becomes it. Without TensorFlow.

    parse            what is given, over the recipe that it names            -> dict of values, typed and checked
    begin            a new run: that, over its parent's, over the defaults   -> TrainOptions
    suited_to        the encoding that suits the corpus, where none is given -> TrainOptions
    resolved         what is left to the arch is filled in                   -> RunSettings
    resume_settings  a run that goes on: its own, but for what may change    -> RunSettings

A new option is one more field here: its flag, help page, checks and place in model.json come of its declaration.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from musictool import home, options
from musictool.backend.precision import PRECISIONS
from musictool.catalogue import default_encoding
from musictool.errors import BadOption, KindMismatch
from musictool.models.info import MARKER, as_bad_model, read_info
from musictool.music.transposition import Transposition
from musictool.options import LAST_SEED, flag, group
from musictool.registry import ARCHS, ENCODINGS
from musictool.training.recipe import over_recipe
from musictool.training.schedule import DECAYS, Schedule

if TYPE_CHECKING:
    from musictool.arch import Arch
    from musictool.corpus.corpus import Corpus

ENDLESS = 1_000_000  # epochs of a run that only its time ends
NEEDS_BARS = ("mask-transformer",)  # archs that find bars in the rows of their own encoding alone


def _controls() -> list[str]:
    from musictool.dataset.conditions import CONTROL_SIZES

    return [*CONTROL_SIZES]


def _name(text: str) -> str:
    if not text:  # such as --init-from "$MODEL" where there is no such variable
        raise ValueError
    return text


def _of_arch(help: str, **facts: Any) -> Any:
    """A flag that is None until `resolved` takes what the arch says, under the same name in capitals."""
    return flag(None, help, default_text="the arch's", of_arch=True, **facts)


@dataclass(frozen=True)
class RunSettings:
    """How to train, whatever the arch. Those of a run (musictool/training/run.py) are resolved: none of them is None.

    A field's facts say what becomes of it later. resumable: it may change when a run is resumed. inherited: a model
    that begins as another one has that one's, "always", or "unless given".
    """

    epochs: int = flag(50, "Passes over the corpus, at most.", least=1, resumable=True)
    max_minutes: float = flag(0.0, "Stop after this many minutes.", least=0, default_text="no limit", resumable=True)
    patience: int = flag(
        10, "Stop after this many epochs without a better validation loss; 0: never.", least=0, resumable=True
    )
    batch_size: int = _of_arch("Windows per step.", least=1, inherited="unless given")
    accumulate: int = flag(
        1, "Take each batch in so many parts, one after another, which needs less memory.", least=1, resumable=True
    )
    learning_rate: float = _of_arch("Adam's learning rate, at its highest.", above=0, most=10)
    warmup: int = _of_arch("Steps of linear warm-up to that learning rate.", least=0)
    decay: str = _of_arch(
        "Learning rate after warm-up: none (constant) or cosine, down to 5 %.", metavar="NAME", choices=DECAYS
    )
    clip_norm: float = _of_arch("Clip gradients to this norm; 0: never.", least=0)
    window: int = _of_arch("Window length in rows: tokens, time steps or segments.", least=1, inherited="unless given")
    transpose: Transposition = flag(
        Transposition(),
        "Shift training windows by semitones in this range, or to-c: every piece to C major or A minor.",
        metavar="LOW..HIGH",
        parse=Transposition.parse,
        allowed="like -3..3 (0 for none), two octaves at most, or to-c",
        inherited="unless given",
    )
    stretch: tuple[float, ...] = flag(
        (),
        "Time-stretch training windows by one of these, such as 0.95,1.05; for encodings in seconds.",
        metavar="FACTORS",
        least=0.5,
        most=2,
        inherited="unless given",
    )
    precision: str = flag("auto", f"{', '.join(PRECISIONS)}.", metavar="NAME", choices=PRECISIONS)
    tensorboard: bool = flag(False, "Write curves for TensorBoard into the model's logs/.", resumable=True)
    seed: int = flag(
        None, "Fixes everything that is random.", default_text="drawn and written down", least=0, most=LAST_SEED
    )

    def __post_init__(self) -> None:
        options.check(self)

    def resolved(self, arch: Arch, precision: str) -> RunSettings:
        """With the arch's own values where none are given, and the precision that "auto" stands for here."""
        names = (field.name for field in options.flag_fields(RunSettings) if field.metadata.get("of_arch"))
        missing = {name: getattr(arch, name.upper()) for name in names if getattr(self, name) is None}
        resolved = replace(self, **missing, precision=precision)
        if resolved.accumulate > resolved.batch_size:
            raise BadOption(
                f"--accumulate {resolved.accumulate} is more than the {resolved.batch_size} windows of a batch"
            )
        return resolved

    @property
    def is_endless(self) -> bool:
        """Whether only the time, or patience, ends the run."""
        return self.epochs >= ENDLESS

    @property
    def schedule(self) -> Schedule:
        """The learning rate of every step."""
        return Schedule(self.learning_rate, self.warmup, self.decay, self.epochs)


@dataclass(frozen=True)
class TrainOptions:
    """What to train, and how."""

    arch: str = flag(
        "lstm", f"Model family: {', '.join(ARCHS.names())}.", metavar="NAME", choices=ARCHS.names, inherited="always"
    )
    recipe: str | None = flag(
        None,
        "Settings of a published system; other options go before them.",
        metavar="NAME",
        parse=_name,
        allowed="the name of a recipe",
    )
    size: str = flag("small", "small, medium or large.", metavar="NAME", inherited="always")
    settings: tuple[str, ...] = flag(
        (),
        "An option of the arch; may be repeated.",
        name="set",
        metavar="KEY=VALUE",
        repeated=True,
        inherited="always",
    )
    encoding: str = flag(
        None,
        f"{', '.join(ENCODINGS.names())}.",
        metavar="NAME",
        choices=ENCODINGS.names,
        default_text="of those that the arch reads, what suits the corpus",
        inherited="always",
    )
    encoding_settings: tuple[str, ...] = flag(
        (),
        "An option of the encoding; may be repeated.",
        name="encoding-set",
        metavar="KEY=VALUE",
        repeated=True,
        inherited="always",
    )
    run: RunSettings = group(RunSettings)
    where: tuple[str, ...] = flag(
        (), "Only these pieces, such as genre=Jazz; may be repeated.", metavar="COLUMN=VALUE", repeated=True
    )
    controls: tuple[str, ...] = flag(
        (),
        "Conditions that sample can set: density, histogram, key, instruments, chords, with commas between.",
        metavar="NAMES",
        choices=_controls,
        what="control",
        inherited="always",
    )
    label: str = flag(
        "",
        "One more, from the metadata of the files: genre, artist, folder, ...",
        metavar="COLUMN",
        inherited="always",
    )
    init_from: str | None = flag(
        None,
        "Fine-tune: begin as this model, with its arch, encoding and options.",
        metavar="MODEL",
        parse=_name,
        allowed="the name of a model",
    )

    def __post_init__(self) -> None:
        options.check(self)

    def check_encoding(self) -> None:
        """What the encoding cannot do, said before anything slow.

        Raises:
            UnknownName, BadOption, MusictoolError: for an option that the encoding lacks or that is out of range; for
                factors to stretch by where nothing can be stretched; for conditions where rows are segments; for an
                encoding whose library is not installed.
        """
        cls = ENCODINGS.get(self.encoding)
        cls(options.from_settings(cls.Options, self.encoding_settings))
        if self.run.stretch and not cls.stretches:
            raise BadOption(
                f"--stretch changes nothing: {cls.name} counts beats, which are the same at any tempo; "
                f"{_names(lambda encoding: encoding.stretches)} can be stretched"
            )
        if "key" in self.controls and self.run.transpose.to_c:
            raise BadOption("--controls key has nothing to learn where --transpose to-c moves every piece into one key")
        if (self.controls or self.label) and cls.kind == "segments":
            raise BadOption(
                f"--controls and --label are for archs that learn tokens or frames; {self.encoding} writes {cls.kind}"
            )

    def check_arch(self) -> None:
        """What the arch cannot do, said before the corpus is encoded.

        Raises:
            KindMismatch, UnknownName, BadOption: for an encoding of another kind, a size or an option that it lacks.
        """
        from musictool.arch import archs_for
        from musictool.encoding import Spec

        arch, encoding = ARCHS.get(self.arch), ENCODINGS.get(self.encoding)
        kind = encoding.kind
        if arch.kind != kind:
            raise KindMismatch(
                f"the encoding {self.encoding} writes {kind}, for {', '.join(archs_for(kind))}, and not for "
                f"{arch.name}; {arch.name} learns {encodings_of(arch.kind)}"
            )
        spec = Spec(kind, (), 0) if kind == "tokens" else encoding().spec  # a vocabulary is not yet known
        arch.sized(spec, self.size, self.settings, int(bool(self.controls or self.label)))


def parse(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that are given (not None), as values of their types, over those of the recipe that they name.

    Raises:
        UnknownName: for an option, arch, encoding, precision, ... that does not exist, with a suggestion.
        BadOption: for a value that is not allowed.
    """
    values = over_recipe({name: value for name, value in given.items() if value is not None})
    values = options.converted(TrainOptions, values, "training option")
    if "controls" in values:
        values["controls"] = tuple(dict.fromkeys(values["controls"]))
    return values


def begin(given: Mapping[str, Any]) -> TrainOptions:
    """The options of a new run: what is given, over what the model to begin as (`init_from`) has, over the defaults.

    Args:
        given: from `parse`.

    Raises:
        UnknownName, BadModel: there is no such model.
        BadOption: for an option that contradicts it.
    """
    parent = given.get("init_from")
    if parent is None:
        encoding = default_encoding(given.get("arch", TrainOptions.arch))
        return options.build(TrainOptions, {"encoding": encoding, **given})
    folder = home.find_model(parent)
    info = read_info(folder)
    of_parent = options.values_of(stored(info, folder))
    always, unless_given = ([*_names_with("inherited", how)] for how in ("always", "unless given"))
    for name in always:
        if name in given and not _agrees(name, given[name], of_parent[name], info):
            raise BadOption(
                f"--init-from {parent}: that model was begun with {name.replace('_', ' ')} "
                f"{_text(of_parent[name])}, not {_text(given[name])}, and what begins as it keeps this; leave it out"
            )
    inherited = {name: of_parent[name] for name in (*always, *unless_given)}
    return options.build(TrainOptions, {**inherited, **{key: given[key] for key in given if key not in always}})


def suited_to(chosen: TrainOptions, corpus: Corpus, given: Mapping[str, Any]) -> TrainOptions:
    """The options with the encoding that suits the corpus, where none is given and the arch reads tokens.

    Args:
        chosen: what `begin` made of `given`.
    """
    is_free = chosen.init_from is None and not {"encoding", "encoding_settings"} & set(given)
    if not is_free or ENCODINGS.get(chosen.encoding).kind != "tokens":
        return chosen
    from musictool.corpus.suited import suited

    best = suited(corpus)
    if chosen.arch in NEEDS_BARS:
        return replace(chosen, encoding_settings=best.settings if best.encoding == chosen.encoding else ())
    return replace(chosen, encoding=best.encoding, encoding_settings=best.settings)


def stored(info: Mapping[str, Any], folder: Path) -> TrainOptions:
    """The options that the run of a model folder was begun with; those that there were none of then are the defaults,
    but for those of its encoding, which are what they meant then.

    Raises BadModel for some that this version does not know."""
    with as_bad_model(folder / MARKER):
        begun_with = options.build(TrainOptions, info["training"]["options"])
        if begun_with.encoding is None:
            raise ValueError("training.options.encoding is missing")
        encoding = info["encoding"]
        unnamed = ENCODINGS.get(encoding["name"]).UNNAMED
        settings = [f"{key}={str(value).lower()}" for key, value in unnamed.items() if key not in encoding["options"]]
        return replace(begun_with, encoding_settings=(*settings, *begun_with.encoding_settings))


def resume_settings(info: Mapping[str, Any], folder: Path, given: Mapping[str, Any]) -> RunSettings:
    """The settings under which the run of a model folder goes on: its own, with those given that may change.

    Args:
        given: from `parse`.

    Raises:
        BadOption: for one that may not, and is another than the run was begun with.
    """
    begun_with, settings = options.values_of(stored(info, folder)), stored_settings(info, folder)
    resolved = {**begun_with, **options.values_of(settings)}  # what the arch said counts as if it had been given
    resumable = [*_names_with("resumable", True)]
    for name, value in given.items():
        if name not in resumable and value not in (begun_with[name], resolved[name]):
            raise BadOption(
                f"the run {folder.name} was begun with {name.replace('_', ' ')} {_text(resolved[name])}, not "
                f"{_text(value)}; resuming can change only {', '.join(resumable).replace('_', ' ')}. For a run of its "
                "own take another --name"
            )
    return replace(settings, **{name: given[name] for name in resumable if name in given})


def stored_settings(info: Mapping[str, Any], folder: Path) -> RunSettings:
    """The settings that the run of a model folder was last trained under."""
    with as_bad_model(folder / MARKER):
        settings = options.build(RunSettings, info["training"]["settings"])
        missing = [name for name, value in options.values_of(settings).items() if value is None]
        if missing:
            raise ValueError(f"training.settings.{missing[0]} is missing")
        return settings


def is_same(now: TrainOptions, then: TrainOptions) -> bool:
    """Whether a run with the options `then` is what `now` asks for, so that it can be gone on with."""
    free = {*_names_with("resumable", True), *(("seed",) if now.run.seed is None else ())}
    values_then = options.values_of(then)
    return all(value == values_then[name] for name, value in options.values_of(now).items() if name not in free)


def encodings_of(kind: str) -> str:
    """The names of the encodings of one kind."""
    return _names(lambda encoding: encoding.kind == kind)


def _names(accepts: Callable[[Any], bool]) -> str:
    return ", ".join(name for name in ENCODINGS.names() if accepts(ENCODINGS.get(name)))


def _names_with(fact: str, value: Any) -> Iterator[str]:
    return (field.name for field in options.flag_fields(TrainOptions) if field.metadata.get(fact) == value)


def _agrees(name: str, value: Any, of_parent: Any, info: Mapping[str, Any]) -> bool:
    """Whether an option says what is so in a model. Of arch and encoding, settings with the same effect do."""
    if name not in ("settings", "encoding_settings"):
        return bool(value == of_parent)
    values = info["arch" if name == "settings" else "encoding"]["options"]
    pairs = ((key.strip().replace("-", "_"), text.strip()) for key, _, text in (each.partition("=") for each in value))
    return all(key in values and _is_same_value(text, values[key]) for key, text in pairs)


def _is_same_value(text: str, value: Any) -> bool:
    try:
        return float(text) == float(value)
    except (TypeError, ValueError):
        return text.lower() == str(value).lower()


def _text(value: Any) -> str:
    return (", ".join(map(str, value)) if isinstance(value, tuple) else str(value)) or "none"
