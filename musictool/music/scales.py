"""Keys, scales and ranges as users type them: "A minor", Am, "F# major"; dorian, blues; C3-C6 or 48-84."""

from __future__ import annotations

import re

import numpy as np

from musictool.errors import BadOption, UnknownName
from musictool.music.pitches import NAME, class_of, pitch_of
from musictool.music.score import PITCHES

_KEY = re.compile(NAME + r"[\s-]*(.*)")
_SHARP, _FLAT = (re.compile(rf"(?<=^[A-Ga-g])[\s-]*{sign}\b", re.IGNORECASE) for sign in ("sharp", "flat"))
_RANGE = re.compile(r"\s*([A-Ga-g][#♯b♭]?-?\d+|\d+)\s*-\s*([A-Ga-g][#♯b♭]?-?\d+|\d+)\s*")
_MODES = {"": False, "major": False, "maj": False, "M": False, "minor": True, "min": True, "m": True}

CHROMATIC = "chromatic"  # all there is: no mask
SCALES = {  # semitones above the tonic
    CHROMATIC: tuple(range(12)),
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "harmonic-minor": (0, 2, 3, 5, 7, 8, 11),
    "melodic-minor": (0, 2, 3, 5, 7, 9, 11),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "pentatonic": (0, 2, 4, 7, 9),
    "minor-pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "whole-tone": (0, 2, 4, 6, 8, 10),
}


def parse_key(name: str) -> tuple[int, bool]:
    """Tonic, 0..11, and whether minor, of "A minor", "Am", "Bb major", "C". Raises BadOption for what is no key."""
    match = _KEY.fullmatch(_FLAT.sub("b", _SHARP.sub("#", name.strip())))
    mode = match[3] if match else ""
    mode = mode if mode in _MODES else mode.lower()
    if match is None or mode not in _MODES:
        scale = _spelled(mode)
        tonic = "" if match is None else match[1].upper() + match[2] + "m" * scale.endswith("minor")
        hint = f"; a scale has its own option: --key {tonic} --scale {scale}" if scale in SCALES else ""
        raise BadOption(f'--key \'{name}\' is no key; for example: --key "A minor", Am, "F# major", Bb{hint}')
    return class_of(match[1], match[2]) % 12, _MODES[mode]


def scale_of(name: str) -> str:
    """One of SCALES, of its name in any case, with spaces or hyphens. Raises UnknownName for another."""
    if _spelled(name) not in SCALES:
        raise UnknownName.of("scale", name, SCALES)
    return _spelled(name)


def _spelled(name: str) -> str:
    return "-".join(re.split(r"[\s_-]+", name.strip().lower()))


def classes_of(key: tuple[int, bool] | None, scale: str | None) -> np.ndarray:
    """bool (12,), C..B: the pitch classes of a scale on the tonic of a key; without a scale, of the key's own.

    A minor key's own is the natural minor. Its pentatonic is the minor one.

    Args:
        key: as parse_key gives it; None for none.
        scale: see SCALES.

    Raises:
        BadOption, UnknownName: for what is no scale, or a scale that has no tonic.
    """
    scale = None if scale is None else scale_of(scale)
    if key is None:
        if scale in (None, CHROMATIC):
            return np.ones(12, bool)
        raise BadOption(f'--scale {scale} needs a tonic; give it one: --key C, or --key "A minor"')
    tonic, minor = key
    name = scale or ("minor" if minor else "major")
    steps = SCALES["minor-pentatonic" if minor and name == "pentatonic" else name]
    return np.isin(np.arange(12), (np.array(steps) + tonic) % 12)


def pitches_of(text: str) -> range:
    """The MIDI numbers of "C3-C6" or "48-84", both ends with it. Raises BadOption for what is no such range."""
    match = _RANGE.fullmatch(text)
    try:
        low, high = (int(end) if end.isdigit() else pitch_of(end) for end in (match.groups() if match else ()))
        if low <= high < PITCHES:
            return range(low, high + 1)
    except ValueError:
        pass
    raise BadOption(
        f"--pitch-range '{text}' is no range from a low to a high note; for example: C3-C6, or as MIDI numbers 48-84"
    )
