"""What a user may wish of a training run: the names, the defaults, and what cannot be meant. Without TensorFlow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from musictool import home, options
from musictool.backend.precision import PRECISIONS
from musictool.catalogue import default_encoding
from musictool.dataset.conditions import CONTROL_SIZES
from musictool.dataset.dataset import DEFAULT_ENCODING
from musictool.errors import BadOption, UnknownName
from musictool.models.info import MARKER, read_info
from musictool.music.key import TO_C
from musictool.registry import ARCHS, ENCODINGS
from musictool.training.recipe import followed
from musictool.training.schedule import DECAYS

LAST_SEED = 2**32 - 1

# What may be said anew when a run is resumed; all else stays as it was.
RESUMABLE = ("epochs", "max_minutes", "patience", "tensorboard")
# What a model keeps that begins as another one, and what it takes from that unless told otherwise.
KEPT = ("arch", "size", "settings", "encoding", "encoding_settings", "controls", "label")
TAKEN = ("transpose", "stretch", "window", "batch_size")
DEFAULTS: Mapping[str, Any] = {
    "recipe": "",
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
    "warmup": None,  # the arch's
    "decay": None,  # the arch's
    "clip_norm": None,  # the arch's
    "init_from": "",
    "where": (),
    "transpose": (-3, 3),
    "stretch": (),
    "controls": (),
    "label": "",
    "seed": None,  # drawn, and written down
    "precision": "auto",
    "tensorboard": False,
}


def checked(wishes: Mapping[str, Any]) -> dict[str, Any]:
    """The wishes that are not None, over those of the recipe that they name.

    Raises:
        UnknownName: for a wish, an arch, an encoding or a precision that does not exist, with a suggestion.
        BadOption: for a value that cannot be meant.
    """
    for key in wishes:
        if key not in DEFAULTS:
            raise UnknownName.of("training option", key, DEFAULTS)
    wishes = followed({key: value for key, value in wishes.items() if value is not None})
    known = {"arch": ARCHS.names(), "encoding": ENCODINGS.names(), "precision": PRECISIONS, "decay": DECAYS}
    for key, names in known.items():
        if key in wishes and wishes[key] not in names:
            raise UnknownName.of(key, wishes[key], names)
    least = {"epochs": 1, "max_minutes": 0, "patience": 0, "batch_size": 1, "window": 2, "seed": 0}
    least |= {"warmup": 0, "clip_norm": 0}
    for key, bound in least.items():
        if key in wishes and not bound <= wishes[key] < float("inf"):
            raise BadOption(f"--{key.replace('_', '-')} {wishes[key]} is not a number of at least {bound}")
    if wishes.get("seed", 0) > LAST_SEED:
        raise BadOption(f"--seed {wishes['seed']} is above {LAST_SEED}")
    if "learning_rate" in wishes and not 0 < wishes["learning_rate"] <= 10:
        raise BadOption(f"--learning-rate {wishes['learning_rate']} is not above 0 (to 10)")
    if any(not 0.5 <= factor <= 2 for factor in wishes.get("stretch", ())):
        raise BadOption(f"--stretch {','.join(map(str, wishes['stretch']))} is not factors from 0.5 to 2")
    for control in wishes.get("controls", ()):
        if control not in CONTROL_SIZES:
            raise UnknownName.of("control", control, CONTROL_SIZES)
    if "controls" in wishes:
        wishes["controls"] = tuple(dict.fromkeys(wishes["controls"]))  # said twice is said once
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


def check_conditions(wishes: Mapping[str, Any]) -> None:
    """Raises BadOption for a model that is to be asked for something, of an encoding whose rows are no symbols."""
    kind = ENCODINGS.get(wishes["encoding"]).kind
    if (wishes["controls"] or wishes["label"]) and kind != "tokens":
        raise BadOption(f"--controls and --label are for archs that learn tokens; {wishes['encoding']} writes {kind}")


def inherited(wishes: Mapping[str, Any]) -> dict[str, Any]:
    """The wishes, with what the arch, or the model to begin as (`init_from`), settles.

    Args:
        wishes: those of `checked`.

    Raises:
        UnknownName, BadModel: there is no such model.
        BadOption: for a wish that contradicts it.
    """
    if not wishes.get("init_from"):
        return {"encoding": default_encoding(wishes.get("arch", DEFAULTS["arch"])), **wishes}
    info = read_info(home.find(home.models_folder(), MARKER, wishes["init_from"], "model"))
    then = info["training"]["wishes"]
    for key in KEPT:
        if key in wishes and not _is_kept(key, wishes[key], info):
            raise BadOption(
                f"--init-from {wishes['init_from']}: that model was begun with {key.replace('_', ' ')} "
                f"{_text(then[key])}, not {_text(wishes[key])}, and what begins as it keeps this; leave it out"
            )
    asked = {key: value for key, value in wishes.items() if key not in KEPT}
    taken = {key: tuple(then[key]) if isinstance(then[key], list) else then[key] for key in (*KEPT, *TAKEN)}
    return {**taken, **asked}


def _is_kept(key: str, value: Any, info: Mapping[str, Any]) -> bool:
    """Whether a wish says what is so in a model."""
    if key not in ("settings", "encoding_settings"):
        then = info["training"]["wishes"][key]
        return bool((tuple(then) if isinstance(then, list) else then) == value)
    values = info["arch" if key == "settings" else "encoding"]["options"]
    pairs = (setting.partition("=")[::2] for setting in value)
    return all(_same(text.strip(), values.get(name.strip().replace("-", "_"))) for name, text in pairs)


def _same(text: str, value: Any) -> bool:
    try:
        return float(text) == float(value)
    except (TypeError, ValueError):
        return text.lower() == str(value).lower()


def _text(value: Any) -> str:
    return (", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)) or "none"


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
