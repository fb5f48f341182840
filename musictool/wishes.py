"""What a user may wish of a training run: the names, the defaults, and what cannot be meant. Without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from musictool import options
from musictool.dataset import DEFAULT_ENCODING
from musictool.errors import BadOption, UnknownName
from musictool.registry import ARCHS, ENCODINGS

Precision = Literal["auto", "float32", "mixed_float16", "mixed_bfloat16"]
PRECISIONS: tuple[Precision, ...] = ("auto", "float32", "mixed_float16", "mixed_bfloat16")

TO_C = "to-c"  # in the place of semitones: every piece is moved to C major or A minor

# What may be said anew when a run is resumed; all else stays as it was.
RESUMABLE = ("epochs", "max_minutes", "patience")
DEFAULTS: Mapping[str, Any] = {
    "arch": "lstm",
    "size": "small",
    "settings": (),
    "encoding": DEFAULT_ENCODING,
    "encoding_settings": (),
    "epochs": 50,
    "max_minutes": 0.0,
    "patience": 10,
    "batch_size": None,  # the arch's
    "learning_rate": None,  # the arch's
    "window": None,  # the arch's
    "where": (),
    "transpose": (-3, 3),
    "stretch": (),
    "seed": None,  # drawn, and written down
    "precision": "auto",
}


def checked(wishes: Mapping[str, Any]) -> dict[str, Any]:
    """The wishes that are not None.

    Raises:
        UnknownName: for a wish, an arch, an encoding or a precision that does not exist, with a suggestion.
        BadOption: for a value that cannot be meant.
    """
    for key in wishes:
        if key not in DEFAULTS:
            raise UnknownName.of("training option", key, DEFAULTS)
    wishes = {key: value for key, value in wishes.items() if value is not None}
    known = {"arch": ARCHS.names(), "encoding": ENCODINGS.names(), "precision": PRECISIONS}
    for key, names in known.items():
        if wishes.get(key, DEFAULTS[key]) not in names:
            raise UnknownName.of(key, wishes[key], names)
    least = {"epochs": 1, "max_minutes": 0, "patience": 0, "batch_size": 1, "window": 2, "seed": 0}
    for key, bound in least.items():
        if key in wishes and not bound <= wishes[key] < float("inf"):
            raise BadOption(f"--{key.replace('_', '-')} {wishes[key]} is not a number of at least {bound}")
    if "learning_rate" in wishes and not 0 < wishes["learning_rate"] <= 10:
        raise BadOption(f"--learning-rate {wishes['learning_rate']} is not above 0 (to 10)")
    if any(not 0.5 <= factor <= 2 for factor in wishes.get("stretch", ())):
        raise BadOption(f"--stretch {','.join(map(str, wishes['stretch']))} is not factors from 0.5 to 2")
    low, high = semitones(wishes)
    if not -24 <= low <= 0 <= high <= 24:
        raise BadOption(f"--transpose {low}..{high} does not hold 0, or goes beyond two octaves (-24..24)")
    return wishes


def check_encoding(wishes: Mapping[str, Any]) -> None:
    """What the encoding of a new run cannot do, said before anything slow.

    Args:
        wishes: those of `checked`, over the DEFAULTS.

    Raises:
        UnknownName, BadOption, MusictoolError: for an option that the encoding lacks or that is out of range; for
            factors to stretch by where nothing can be stretched; for an encoding whose library is not installed.
    """
    cls = ENCODINGS.get(wishes["encoding"])
    cls(options.from_settings(cls.Options, wishes["encoding_settings"]))
    if wishes["stretch"] and not cls.stretches:
        raise BadOption(
            f"--stretch changes nothing: {cls.name} counts beats, which are the same at any tempo; "
            f"{_names(lambda each: each.stretches)} can be stretched"
        )


def encodings_of(kind: str) -> str:
    """The names of the encodings of one kind."""
    return _names(lambda each: each.kind == kind)


def _names(wanted: Callable[[Any], bool]) -> str:
    return ", ".join(name for name in ENCODINGS.names() if wanted(ENCODINGS.get(name)))


def semitones(wishes: Mapping[str, Any]) -> tuple[int, int]:
    """By how much training windows are shifted, lowest and highest; none where every piece is moved to C."""
    low, high = (0, 0) if wishes.get("transpose", TO_C) == TO_C else wishes["transpose"]
    return low, high


def jsonable(wishes: Mapping[str, Any]) -> dict[str, Any]:
    """The same with lists for tuples."""
    return {key: list(value) if isinstance(value, tuple | list) else value for key, value in wishes.items()}
