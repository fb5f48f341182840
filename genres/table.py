"""The genres: what each learns from, under which licence, and how.

The facts about licences are stated here by hand, once; everything else on a model card is measured. The options of
training are those of `musictool train`; a parent is another genre, to be trained before.
"""

from __future__ import annotations

from dataclasses import dataclass

CC0 = "CC0 1.0"
CC_BY = "CC BY 4.0"
PUBLIC_DOMAIN = "public domain"
FREE = "Do what you like with the model and with what it writes; nobody need be named."


@dataclass(frozen=True)
class Data:
    """A part of what a genre learns from.

    Attributes:
        collection: as `musictool list corpora` calls it, public or built in.
        choose: the function of genres/choose.py that says which files of it.
        what: in words.
        licence: of these files.
        credit: whom the licence asks to be named; empty for nobody.
        has_accents: whether its MIDI files say by accents where bars begin (genres/upbeats.py).
    """

    collection: str
    choose: str
    what: str
    licence: str
    credit: str = ""
    has_accents: bool = False


@dataclass(frozen=True)
class Genre:
    """A model that ships.

    Attributes:
        summary: one line.
        data: what it learns from.
        may: what may be done with the model, as follows from the licences of its data.
        train: options of `musictool train`.
        minutes: of training, at most.
        parent: the genre whose model it begins as; empty for none.
        val_split: share of the works that are held out.
        temperature: of the sample that lies beside the model.
        bars: of the sample, and of the pieces that are measured.
        num: pieces that are measured.
    """

    summary: str
    data: tuple[Data, ...]
    may: str
    train: tuple[str, ...]
    minutes: int = 70
    parent: str = ""
    val_split: float = 0.1
    temperature: float = 0.95
    bars: int = 32
    num: int = 100

    @property
    def licences(self) -> str:
        """The licences of the data, each once."""
        return "; ".join(dict.fromkeys(each.licence for each in self.data))

    @property
    def credits(self) -> list[str]:
        """Whom the licences ask to be named."""
        return [*dict.fromkeys(each.credit for each in self.data if each.credit)]


# An LSTM of a million weights: 2 MB in float16. Most music is learnt in C major and A minor, where minutes teach more
# than in all transpositions. Twelve steps a beat hold triplets and sixteenths.
_LSTM = (
    *("--arch", "lstm", "--set", "width=256", "--set", "dropout=0.2", "--window", "384", "--batch-size", "16"),
    *("--epochs", "1000", "--decay", "cosine", "--transpose", "to-c", "--seed", "1"),
)
# One instrument: what sounds from change to change. Several: their notes one behind the other.
_ONE_PIANO = (*_LSTM, "--encoding", "note-chord", "--encoding-set", "steps_per_quarter=12")
_SIXTEENTHS = (*_LSTM, "--encoding", "note-chord")
_INSTRUMENTS = (*_LSTM, "--encoding", "note-duration", "--encoding-set", "steps_per_quarter=12")
# For few pieces, which it would know by heart: 2.09 nats a token of bands, 2.18 in C alone. Of two options the last
# counts.
_ALL_KEYS = ("--set", "dropout=0.25", "--transpose=-5..6")

# Four voices on a grid of sixteenths, one after another: 700,000 weights. In C alone they are at their best after
# ten minutes (1.69 nats a frame of chorales), and know the pieces by heart after thirty; in all keys they learn for an
# hour.
_FOUR_VOICES = (
    *("--arch", "voice-lstm", "--set", "width=256", "--set", "hidden=64"),
    *("--epochs", "1000", "--patience", "0", "--transpose=-5..6", "--seed", "1"),
)

# The same four voices, any part of them given any other: for `musictool infill`. 32,000 weights.
_ANY_PART = (
    *("--arch", "coconet", "--learning-rate", "0.004", "--epochs", "1000", "--patience", "0"),
    *("--transpose", "to-c", "--seed", "1"),
)

_MUTOPIA = "of the Mutopia Project"
_MUSIC21 = "music out of copyright; encoders' permission to music21"
_CHORALES = Data("bach", "chorales", "chorales of J. S. Bach, encoded for music21", _MUSIC21)
_LIEDER = Data("openscore-lieder", "some_songs", "songs with piano, every fourth of OpenScore Lieder", CC0)

GENRES: dict[str, Genre] = {
    "baroque": Genre(
        "Bach's chorales: four voices, with their cadences",
        (_CHORALES,),
        FREE,
        _FOUR_VOICES,
        bars=16,
        temperature=0.9,
    ),
    "counterpoint": Genre(
        "fills in and harmonises four voices (musictool infill), as in Bach's chorales",
        (_CHORALES,),
        FREE,
        _ANY_PART,
        bars=8,
        temperature=1.0,
        num=30,
    ),
    "keyboard": Genre(
        "Baroque keyboard pieces of Bach, Scarlatti, Handel and their time",
        (Data("mutopia", "baroque_keyboard", f"Baroque keyboard pieces {_MUTOPIA}", PUBLIC_DOMAIN),),
        FREE,
        _ONE_PIANO,
    ),
    "classical": Genre(
        "string quartets of Haydn, Mozart, Beethoven and their time",
        (Data("openscore-quartets", "quartets_in_sixteenths", "string quartets (OpenScore String Quartets)", CC0),),
        FREE,
        _FOUR_VOICES,
        val_split=0.2,
        temperature=1.0,
    ),
    "romantic": Genre(
        "Chopin, other Romantic piano pieces, and songs with piano",
        (
            Data("chopin-first-editions", "chopin", "Chopin's works, one early edition of each", CC_BY,
                 "Fryderyk Chopin Institute, humdrum-chopin-first-editions"),
            Data("mutopia", "romantic_piano", f"Romantic piano pieces {_MUTOPIA}, without Chopin's", PUBLIC_DOMAIN),
            _LIEDER,
        ),
        f"{CC_BY}: do what you like with the model, but name the Fryderyk Chopin Institute where you give it away.",
        _INSTRUMENTS,
        minutes=90,
    ),
    "minimalist": Genre(
        "minimal music that was written by rule, since no free collection exists, and Satie's Gymnopédies",
        (
            Data("minimalist", "everything", "musictool's own pieces, written by rule and by no composer", CC0),
            Data("mutopia", "satie", f"Satie's Gymnopédies {_MUTOPIA}", PUBLIC_DOMAIN),
        ),
        FREE,
        _SIXTEENTHS,
        minutes=30,
    ),
    "ragtime": Genre(
        "piano rags of Joplin, Turpin and Hunter: few, so that it begins as the keyboard model",
        (Data("mutopia", "ragtime", f"rags {_MUTOPIA}", PUBLIC_DOMAIN),),
        FREE,
        ("--epochs", "1000", "--decay", "cosine", "--transpose", "to-c", "--seed", "1"),
        parent="keyboard",
        val_split=0.15,
    ),
    "folk": Genre(
        "Irish dance tunes: reels, jigs, polkas, hornpipes",
        (
            Data("ceol-rince", "dance_tunes", "tunes of Breandán Breathnach's Ceol Rince na hÉireann", "Unlicense; its "
                 "card says CC BY 4.0", "Bill Black and Danny Diamond, Ceol Rince na hÉireann", has_accents=True),
        ),
        "Do what you like with the model; name Bill Black and Danny Diamond where you give it away, as one of the two "
        "licences of its data asks for.",
        _ONE_PIANO,
    ),
    "hymns": Genre(
        "hymns in four parts",
        (Data("open-hymnal", "abc_tunes", "hymns of the Open Hymnal Project", PUBLIC_DOMAIN),),
        FREE,
        _FOUR_VOICES,
    ),
    "band": Genre(
        "game music for drums, bass, guitars, strings and more",
        (
            Data("freedoom", "bands", "pieces of the Freedoom project with five instruments or more", "BSD 3-Clause",
                 "contributors to the Freedoom project"),
        ),
        "BSD 3-Clause: do what you like with the model, but keep the notice of the Freedoom project (NOTICE) with it.",
        (*_INSTRUMENTS, *_ALL_KEYS),
        minutes=9,
    ),
}  # fmt: skip
