"""What can be asked of `sample` and `accompany`: the options with their help, ranges and defaults.

The flags of `musictool sample` are made of these fields (musictool/cli/_flags.py), so a new option is one line here.
Neither Keras nor numpy is imported with this file, so that the command line is judged before anything is loaded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from musictool.engine.choice import NAMES
from musictool.errors import BadFile, BadOption
from musictool.music import gm
from musictool.options import check, flag, flag_fields, group, option_name, values_of
from musictool.sampling.sampler import Sampler

if TYPE_CHECKING:
    import numpy as np

    from musictool.models.model import Model
    from musictool.music.score import Track

# What the command writes where none of --length, --bars and --seconds is given, of a model that says no bars itself.
DEFAULT_LENGTH = 500
DEFAULT_ALPHA = 0.5
MOST_PIECES = 1_000_000
Velocity = Literal["expressive", "flat"]
VELOCITY_HELP = "Of an encoding without velocities: as its corpus plays, or all notes the same."
_WRONG_KIND = {
    "tokens": "models that choose among tokens, and {name} draws keys; --temperature works",
    "segments": "models of segments, and {name} writes {kind}",
}


@dataclass(frozen=True)
class Constraints:
    """Which notes may be begun, and the conditions of a model that was trained with some.

    Attributes:
        histogram: 12 weights of pitch classes, C..B.
    """

    key: str | None = flag(None, 'Only notes of this key: "A minor", Am, "F# major", Bb.')
    scale: str | None = flag(
        None, "Scale on the tonic of --key: harmonic-minor, pentatonic, blues, dorian, ...; chromatic: all notes."
    )
    pitch_range: str | None = flag(None, "Only notes from here to there: C3-C6, or as MIDI numbers 48-84.")
    instruments: str | None = flag(
        None,
        "Only these: piano, guitar, bass, strings, drums, or General MIDI names, with commas between; any: all. "
        "[default: of tokens, those that play together in a piece of the corpus]",
        kinds=("tokens", "frames"),
    )
    density: float | None = flag(
        None, "Notes per second, for a model trained with --controls density.", above=0, most=1000
    )
    histogram: tuple[float, ...] | None = flag(
        None,
        "12 weights of C to B: 1,0,1,..., for a model trained with --controls histogram.",
        name="pitch-histogram",
        metavar="TEXT",
        allowed="12 numbers with commas between, for C to B",
    )
    label: str | None = flag(None, "Genre, artist, ..., for a model trained with --label.")
    chords: str | None = flag(
        None,
        'A chord for each bar, over and over: "C G/B Am F"; C,G: two in a bar, *: any. For a model trained with '
        "--controls chords, or midinet.",
    )

    def __post_init__(self) -> None:
        check(self)
        _ = self.chord_halves  # raises for what is no chord
        if self.histogram is not None and len(self.histogram) != 12:
            text = ",".join(f"{weight:g}" for weight in self.histogram)
            raise BadOption(f"--pitch-histogram '{text}' is not 12 numbers with commas between, for C to B")
        _ = self.pitches  # raises for a key, a scale or a range that is none
        _ = self.tracks  # raises for what is no instrument

    @cached_property
    def _key(self) -> tuple[int, bool] | None:
        """The key's tonic, 0..11, and whether it is minor."""
        from musictool.music.scales import parse_key

        return None if self.key is None else parse_key(self.key)

    @property
    def key_index(self) -> int | None:
        """The key, an index into musictool.music.key.KEY_NAMES."""
        from musictool.music.scales import CHROMATIC, scale_of

        if self._key is None or (self.scale is not None and scale_of(self.scale) == CHROMATIC):
            return None
        tonic, minor = self._key
        return tonic + 12 * minor

    @cached_property
    def chord_halves(self) -> tuple[int, ...] | None:
        """The chord of each half bar, see musictool/music/chords.py. Raises BadOption for what is none."""
        if self.chords is None:
            return None
        from musictool.music.chords import parse_chords

        return parse_chords(self.chords)

    @property
    def names_pitches(self) -> bool:
        """Whether anything here is about the pitches that sound, and not only about each beside the others."""
        given = (self.key, self.histogram, self.chords)
        return any(value is not None for value in given) or not self.pitches.all()

    @cached_property
    def tracks(self) -> tuple[Track, ...] | None:
        """The instruments; None for all. Raises BadOption, UnknownName for what is none."""
        from musictool.music.instruments import ANY, tracks_of

        if self.instruments is None or self.instruments.strip().lower() == ANY:
            return None

        return tracks_of(self.instruments)

    @cached_property
    def pitches(self) -> np.ndarray:
        """bool (P,): the pitches that may be begun. Raises BadOption, UnknownName for a key or scale that is none."""
        import numpy as np

        from musictool.music.scales import classes_of, pitches_of
        from musictool.music.score import PITCHES

        allowed = np.resize(classes_of(self._key, self.scale), PITCHES)
        if self.pitch_range is not None:
            allowed &= np.isin(np.arange(PITCHES), pitches_of(self.pitch_range))
        return allowed


@dataclass(frozen=True)
class Style:
    """Other music, of whose latents a share is mixed in (musictool/generation/latents.py).

    Attributes:
        files: music files; all pieces of each.
        where: conditions on the pieces of the model's training corpus; they join those of the files.
        alpha: from 0, nothing of the style, to 1, nothing else; None for DEFAULT_ALPHA.
    """

    files: tuple[Path, ...] = flag(
        (), "Mix this music in (vae); may be repeated.", name="style", metavar="FILE", repeated=True
    )
    where: tuple[str, ...] = flag(
        (),
        "Mix in pieces of the model's corpus, as artist=Queen; may be repeated.",
        metavar="COLUMN=VALUE",
        repeated=True,
    )
    alpha: float | None = flag(
        None,
        "Share of the style: 0 nothing, 1 nothing else.",
        least=0,
        most=1,
        default_text=str(DEFAULT_ALPHA),
    )

    def __post_init__(self) -> None:
        check(self)
        if self.alpha is not None and not self:
            raise BadOption(f"--alpha {self.alpha:g} of which style? Name one, as with --style FILE")
        for path in self.files:
            if not path.is_file():
                raise BadFile("not found", str(path))

    def __bool__(self) -> bool:
        return bool(self.files or self.where)

    @property
    def share(self) -> float:
        """How much of the style is mixed in, 0..1."""
        return (DEFAULT_ALPHA if self.alpha is None else self.alpha) if self else 0.0


@dataclass(frozen=True)
class Request:
    """What to write: exactly one of length, bars and seconds, none of which counts the primer, and how.

    Attributes:
        length: tokens, else time steps, rounded up to whole rows.
        bars: whole bars of the piece's metre.
        seconds: playing time.
        num: how many pieces, drawn as one batch.
        primer: a music file to continue, or notes such as "C4 E4 G4:2"; None for one of the model's own primers.
        primer_length: rows that the model reads, at most: the last ones of a primer that is given, the first ones of
            the model's own; None for all.
        from_scratch: use no primer at all.
        keep_primer: put the primer before what is written; the user's own just as it is, and all of it.
        bpm: quarter notes per minute; None for those of a primer's file, or the corpus's own. A file that is kept keeps
            its own.
        instrument: for every track that is no drum; None for the encoding's own. A file that is kept keeps its own.
        velocity: how loud the notes are, where the encoding does not say it (musictool/music/dynamics.py).
        engine: what computes, by its name in musictool/engine/choice.py.
        seed: fixes primer and draws.
    """

    length: int | None = flag(
        None,
        "Tokens (or time steps of rolls) to write.",
        least=1,
        default_text=f"{DEFAULT_LENGTH}; of models that ship 8 to 32 bars",
    )
    bars: int | None = flag(None, "Bars to write, instead of --length.", least=1)
    seconds: float | None = flag(None, "Seconds to write, instead of --length. No length counts the primer.", above=0)
    num: int = flag(1, "Pieces to write: song-001.mid, song-002.mid, ...", least=1, most=MOST_PIECES)
    sampler: Sampler = group(Sampler)
    constraints: Constraints = group(Constraints)
    style: Style = group(Style)
    primer: Path | str | None = flag(
        None,
        'What to continue: a music file, or notes: "C4 E4 G4:2 C4+E4+G4".',
        default_text="one of the model's",
    )
    primer_length: int | None = flag(
        None, "Tokens of the primer that the model reads: of a file, its last ones.", least=1, default_text="all"
    )
    from_scratch: bool = flag(False, "Begin with nothing.", negatable=False)
    keep_primer: bool = flag(False, "Put the primer before the piece, your own as it is.")
    bpm: float | None = flag(
        None, "Quarter notes per minute.", name="tempo", least=4, most=1000, default_text="the corpus's"
    )
    instrument: str | None = flag(None, "General MIDI name or number, such as violin.", default_text="the encoding's")
    velocity: Velocity = flag("expressive", VELOCITY_HELP)
    engine: str = flag(
        "auto", "What computes: numpy starts at once, tensorflow is faster for much.", choices=NAMES, metavar="NAME"
    )
    seed: int = flag(0, "Fixes everything that is random.", least=0, default_text="drawn and printed")

    def __post_init__(self) -> None:
        check(self)
        lengths = {"--length": self.length, "--bars": self.bars, "--seconds": self.seconds}
        given = [name for name, value in lengths.items() if value is not None]
        if len(given) != 1:
            raise BadOption(f"give exactly one of {', '.join(lengths)}; given: {', '.join(given) or 'none'}")
        if self.instrument is not None:
            gm.program_number(self.instrument)
        of_primers = {"--primer": self.primer, "--primer-length": self.primer_length, "--keep-primer": self.keep_primer}
        for name, value in of_primers.items() if self.from_scratch else ():
            if value not in (None, False):
                raise BadOption(f"{name} and --from-scratch exclude each other")

    @property
    def primer_file(self) -> Path | None:
        """The primer, if it is a file and not notes."""
        return Path(self.primer) if self.primer is not None and is_file(self.primer) else None

    @property
    def sources(self) -> tuple[Path, ...]:
        """The files that are read."""
        return (*filter(None, [self.primer_file]), *self.style.files)

    def check_model(self, model: Model, given: Collection[str] = ()) -> None:
        """Raises BadOption for an option that has no meaning for a model: for its kind of rows, or for its arch.

        Args:
            given: names of fields that are given, even if with their default values.
        """
        values, kind = values_of(self), model.spec.kind
        for field in flag_fields(type(self)):
            kinds = field.metadata.get("kinds", (kind,))
            if kind not in kinds and (field.name in given or values[field.name] != field.default):
                uses = _WRONG_KIND[kinds[0]].format(name=model.name, kind=kind)
                raise BadOption(f"{option_name(field)} is for {uses}")
        sets_temperature = "temperature" in given or self.sampler.temperature != 1
        if kind == "segments" and sets_temperature and not model.arch_class.has_temperature:
            raise BadOption(
                f"--temperature is for models that draw from probabilities, and all that is random in {model.name} is "
                "its noise: use --noise-sd"
            )


@dataclass(frozen=True)
class Accompaniment:
    """How a band plays to a melody.

    Attributes:
        track: of the file, the one that is the melody; None for what the piano plays, or if there is no piano, for all
            that is no drum.
        style: what other music the band shall be like.
        velocity: how loud the band plays; the melody stays as it is.
        seed: fixes all draws.
    """

    track: str | None = flag(
        None, "Track of MELODY, by number (from 1) or name.", default_text="the piano, else all but drums"
    )
    sampler: Sampler = group(Sampler)
    style: Style = group(Style)
    velocity: Velocity = flag("expressive", VELOCITY_HELP)
    seed: int = flag(0, "Fixes everything that is random.", least=0, default_text="drawn and printed")

    def __post_init__(self) -> None:
        check(self)


def is_file(primer: Path | str) -> bool:
    """Whether a primer is a file and not notes."""
    try:
        return Path(primer).is_file()
    except OSError:  # too many notes for a file name
        return False


def numbered(out: Path | Sequence[Path], pieces: int) -> Iterator[list[Path]]:
    """The files of each of some pieces: `out` itself, or out-001, out-002, ... where there are several pieces."""
    outs = [out] if isinstance(out, Path) else list(out)
    if pieces == 1:
        yield outs
        return
    for number in range(1, pieces + 1):
        yield [path.with_name(f"{path.stem}-{number:03d}{path.suffix}") for path in outs]
