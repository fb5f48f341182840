"""What the fields of ABC say: key, metre, note length, tempo, the properties of a voice (standard 2.1, 3.1 and 4.6)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

FIFTHS = "FCGDAEB"  # the order in which sharps appear in a key
_MODES = {"maj": 0, "ion": 0, "mix": -1, "dor": -2, "min": -3, "aeo": -3, "m": -3, "phr": -4, "loc": -5, "lyd": 1}
_KEY = re.compile(
    r"\s*([A-Ga-g])([#b♯♭]?)(?:\s*(?i:(maj|ion|mix|dor|min|aeo|phr|loc|lyd)[a-z]*|(m)(?![a-z])))?([A-Za-z]*)"
)
_EXPLICIT = re.compile(r"(\^{1,2}|_{1,2}|=)([A-Ga-g])")
_PROPERTY = re.compile(r"(?<![A-Za-z])([a-z][\w-]+|[mt])=(\"[^\"]*\"|[^\s\"]\S*)")
_CLEF = re.compile(
    r"(?:^|\s|clef=\"?)(?:treble|bass|baritone|tenor|alto|mezzosoprano|mezzo|soprano|perc|none|auto|(?<==)[GFCP])\d?"
    r"([+-](?:8|15))?(?![\w=])"
)
_METRE = re.compile(r"\(?\s*(\d+(?:\s*\+\s*\d+)*)\s*\)?\s*/\s*(\d+)")
_FRACTION = re.compile(r"(\d+)\s*/\s*(\d+)")
_TEMPO = re.compile(r"([^=]*)=\D*?(\d+(?:\.\d+)?)")
_MAX_METRE = 64  # of numerator and denominator
_TEMPOS = (1.0, 10_000.0)  # quarter notes per minute


def number(digits: str, default: int = 1) -> int:
    """An integer of at most nine digits: no number of ABC needs more, and none can be too large to calculate with."""
    return int(digits[:9]) if digits else default


@dataclass(frozen=True)
class Key:
    """A key signature.

    Attributes:
        alterations: letter (C..B) -> semitones.
        sharps: -7..7, flats negative; None where no such signature has been named.
        minor: whether its mode is minor.
        understood: False for a field that is no key of the standard.
    """

    alterations: dict[str, int] = field(default_factory=dict)
    sharps: int | None = None
    minor: bool = False
    understood: bool = True


def key(text: str) -> Key | None:
    """The key of a `K:` field; None where it changes only the clef, or another property."""
    whole, text = text, _PROPERTY.sub(" ", text)  # middle=B is no note
    if whole.strip() and not text.strip():
        return None
    if text.strip()[:2] in ("HP", "Hp"):  # the bagpipe has F sharp and C sharp, whether they are printed or not
        return Key({"F": 1, "C": 1}, 2)
    tonic = _KEY.match(text)
    explicit = {letter.upper(): sign.count("^") - sign.count("_") for sign, letter in _EXPLICIT.findall(text)}
    if not tonic or (tonic[5] and tonic[1].islower()):  # "bass" is no key
        clef_only = bool(_CLEF.search(text)) and not text.strip().startswith("none")
        known = not text.strip() or text.strip().startswith(("none", "exp")) or bool(explicit)
        return None if clef_only and not explicit else Key(explicit, understood=known)
    mode = (tonic[3] or tonic[4] or "maj").lower()  # "capitalisation is ignored", also of the m of minor
    minor = mode in ("m", "min", "aeo")
    if re.search(r"\bexp\b", text):
        return Key(explicit, minor=minor)
    accidental = {"": 0, "#": 7, "♯": 7, "b": -7, "♭": -7}[tonic[2]]
    sharps = FIFTHS.index(tonic[1].upper()) - 1 + _MODES[mode] + accidental
    alterations = {letter: (sharps - i + 6) // 7 for i, letter in enumerate(FIFTHS)}
    understood = tonic[1].isupper() and not tonic[5]
    return Key({**alterations, **explicit}, sharps if abs(sharps) <= 7 else None, minor, understood)


def metre(text: str) -> tuple[int, int] | None:
    """(numerator, denominator) of an `M:` field; None for free metre. Raises ValueError."""
    text = text.strip()
    if text.startswith("C"):
        return (2, 2) if text.startswith("C|") else (4, 4)
    if not text or text.lower().startswith(("none", "free")):
        return None
    match = _METRE.match(text)
    if not match:
        raise ValueError(text)
    numerator = sum(number(digits.strip()) for digits in match[1].split("+"))
    denominator = number(match[2])
    if not (0 < numerator <= _MAX_METRE and 0 < denominator <= _MAX_METRE):
        raise ValueError(text)
    return numerator, denominator


def unit_length(text: str) -> tuple[int, int]:
    """(numerator, denominator) of a whole note, of an `L:` field. Raises ValueError."""
    match = re.match(r"\s*(\d+)(?:\s*/\s*(\d+))?", text)
    if not match or not 0 < number(match[1]) <= 64 or not 0 < number(match[2] or "1") <= 4096:
        raise ValueError(text)
    return number(match[1]), number(match[2] or "1")


def tempo(text: str, unit_quarters: float) -> float | None:
    """Quarter notes per minute of a `Q:` field, all its forms; None where it has words only.

    Args:
        unit_quarters: the unit note length; old fields count in it (Q:120, Q:C=120, Q:C3=120).
    """
    text = re.sub(r"\"[^\"]*\"?", " ", text)
    match = _TEMPO.search(text)
    if match:
        beats = [(number(top), number(bottom)) for top, bottom in _FRACTION.findall(match[1])]
        quarters = sum(4 * top / bottom for top, bottom in beats if bottom)
        quarters = quarters if beats else unit_quarters * number("".join(re.findall(r"\d", match[1])))
        bpm = quarters * float(match[2][:12])
    else:
        match = re.match(r"\s*(\d+)", text)
        bpm = unit_quarters * number(match[1]) if match else 0.0
    return bpm if _TEMPOS[0] <= bpm <= _TEMPOS[1] else None


def properties(text: str) -> dict[str, str]:
    """The properties of a `V:` or `K:` field by name, without quotes; octaves of the clef as "clef", "" or "-8"."""
    found = {name: value.strip('"') for name, value in _PROPERTY.findall(text) if name != "clef"}
    clef = _CLEF.search(text)
    return found | ({"clef": clef[1] or ""} if clef else {})
