"""Of a public collection, the files that a genre learns from, and which of them are one work.

Works are folders of what is prepared, so that `prepare --split-by folder` holds out whole works. Of a work in several
editions one is taken: the others would stand in training and in validation at once.

Files are known by their names, wherever in the folder of the collection they lie: as they are in the archive that
`musictool fetch` unpacks, or laid out otherwise by hand.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

Chosen = tuple[str, Path]  # the work, and a file of it

CLASSICAL = ("Haydn", "Mozart", "Beethoven", "Boccherini", "Cherubini", "Hoffmeister", "Saint-Georges", "Arriaga")
KEYBOARDS = {"piano", "pianoforte", "harpsichord", "clavichord", "clavier", "organ"}
RAGS = ("JoplinS", "TurpinT", "HunterC", "ScottJ", "LambJ")
MUSIC = (".mid", ".midi", ".mxl", ".krn", ".abc")
LEAST_INSTRUMENTS = 5
VOICES = 4
MOST_TOGETHER, MOST_OFF_GRID = 0.05, 0.06  # of a quartet's notes: with another in the same part, between sixteenths
SIXTEENTH_TICKS = 120
ALIKE_NOTES = 200


def everything(folder: Path) -> Iterator[Chosen]:
    """Each file is a work."""
    for path in files_in(folder, *MUSIC):
        yield path.stem, path


def some_songs(folder: Path) -> Iterator[Chosen]:
    """Every fourth of the MusicXML files, each a work: all of them are fifteen times the piano pieces beside them."""
    for path in files_in(folder, ".mxl")[::4]:
        yield path.stem, path


def abc_tunes(folder: Path) -> Iterator[Chosen]:
    """Each ABC file is a work; MIDI files beside it, made of it, are left out."""
    for path in files_in(folder, ".abc"):
        yield path.stem, path


def chorales(folder: Path) -> Iterator[Chosen]:
    """Bach's chorales as music21 has them, without what is left out of the built-in corpus."""
    from musictool.preparation.sources import find

    source = find("bach")
    for name in source.files:
        yield Path(name).stem, source.root / name


def classical_quartets(folder: Path) -> Iterator[Chosen]:
    """The quartets of composers who were grown up before 1800, or nearly; movements of one work are together."""
    for path in files_in(folder, ".mxl"):
        below = path.relative_to(folder).as_posix()
        composer = next((name for name in CLASSICAL if re.search(rf"(^|/){name}[,-]", below)), None)
        if composer:
            yield _plain(f"{composer} {re.sub(r'_?sq[0-9]+$', '', path.stem) or path.parent.name}"), path


def quartets_in_sixteenths(folder: Path) -> Iterator[Chosen]:
    """Of the classical quartets those whose players have one note at a time, nearly, and few triplets, which a grid of
    sixteenths loses."""
    from musictool.reading import read

    for work, path in classical_quartets(folder):
        (score, *others) = read(path).scores
        if others or len(score.tracks) != VOICES:
            continue
        onsets, tracks = score.notes["onset_ticks"].astype(int), score.notes["track"].astype(int)
        together = 1 - len({*zip(onsets.tolist(), tracks.tolist(), strict=True)}) / len(onsets)
        if together < MOST_TOGETHER and (onsets % SIXTEENTH_TICKS > 0).mean() < MOST_OFF_GRID:
            yield work, path


def dance_tunes(folder: Path) -> Iterator[Chosen]:
    """The MIDI files of a tune alone, without chords below it; each is a work."""
    from musictool.reading import read

    for path in files_in(folder, ".mid"):
        onsets = read(path).scores[0].notes["onset_ticks"]
        if len(np.unique(onsets)) == len(onsets):
            yield path.stem, path


def chopin(folder: Path) -> Iterator[Chosen]:
    """One edition of each piece: of 028-1-BH-004.krn and 028_1-12-1a-C-004.krn the last by name.

    A name is the opus (or sigla), the numbers in it if the edition has not all, the edition, the publisher and the
    number of the piece. An opus is a work. Parts of single instruments are left out.
    """
    editions: dict[tuple[str, int], Path] = {}
    for path in files_in(folder, ".krn"):
        match = re.fullmatch(r"(\w+?)(?:_(\d+)[-\w]*?)?(?:sep|et2)?-\d\w*-(\w+?)(?:-(\d{3}).*)?", path.stem)
        if match is None or re.search("piano|violi|ecossaise", path.stem):
            continue
        opus, first, _, number = match.groups()
        editions[opus, int(number or first or 1)] = path
    for (opus, _), path in sorted(editions.items()):
        yield f"opus-{opus}", path


def baroque_keyboard(folder: Path) -> Iterator[Chosen]:
    return _mutopia(folder, lambda fields: fields["style"] == "Baroque" and _is_for_keyboard(fields))


def classical_piano(folder: Path) -> Iterator[Chosen]:
    return _mutopia(
        folder, lambda fields: fields["style"] == "Classical" and _is_for_keyboard(fields) and not _is_satie(fields)
    )


def romantic_piano(folder: Path) -> Iterator[Chosen]:
    """Without Chopin, whose works are there in a better edition, and without songs, which OpenScore has."""
    is_romantic = re.compile("Romanti")
    return _mutopia(
        folder,
        lambda fields: (
            bool(is_romantic.match(fields["style"]))
            and _is_for_keyboard(fields)
            and not fields["composer"].startswith("Chopin")
        ),
    )


def satie(folder: Path) -> Iterator[Chosen]:
    return _mutopia(folder, lambda fields: _is_satie(fields) and _is_for_keyboard(fields))


def ragtime(folder: Path) -> Iterator[Chosen]:
    return _mutopia(folder, lambda fields: fields["composer"].startswith(RAGS) and _is_for_keyboard(fields))


def bands(folder: Path) -> Iterator[Chosen]:
    """The pieces in which so many instruments sound, drums counted as one; of those that begin alike, the first."""
    from musictool.errors import BadFile
    from musictool.reading import read

    beginnings = set()
    for path in files_in(folder, ".mid"):
        try:
            (score,) = read(path).scores
        except BadFile:
            continue
        sounding = {score.tracks[track] for track in {*score.notes["track"].tolist()}}
        beginning = score.notes["pitch"][:ALIKE_NOTES].tobytes()
        if len({-1 if track.is_drum else track.program for track in sounding}) < LEAST_INSTRUMENTS:
            continue
        if beginning not in beginnings:
            yield path.stem, path
        beginnings.add(beginning)


CHOICES: dict[str, Callable[[Path], Iterator[Chosen]]] = {
    each.__name__: each
    for each in (everything, some_songs, abc_tunes, dance_tunes, chorales, chopin, bands)
    + (classical_quartets, quartets_in_sixteenths, baroque_keyboard, classical_piano, romantic_piano, satie, ragtime)
}


def files_in(folder: Path, *suffixes: str) -> list[Path]:
    """The files below a folder with one of these suffixes, sorted; folders that are linked to are gone into."""
    paths = (Path(place, name) for place, _, names in os.walk(folder, followlinks=True) for name in names)
    return sorted(path for path in paths if path.suffix.lower() in suffixes)


def _plain(text: str) -> str:
    """As the name of a folder."""
    return re.sub(r"[^\w.]+", "-", text).strip("-")


def _mutopia(folder: Path, accepts: Callable[[dict[str, str]], bool]) -> Iterator[Chosen]:
    """LilyPond sources in the public domain; the pieces of one opus of one composer are a work."""
    for path in files_in(folder, ".ly"):
        fields = header(path.read_text(encoding="utf-8", errors="replace"))
        if "public domain" in fields["licence"].lower() and accepts(fields | {"composer": _mutopia_place(path)[0]}):
            yield "-".join(_mutopia_place(path)), path


def _mutopia_place(path: Path) -> tuple[str, str]:
    """Composer and opus: of ftp/BachJS/BWV1013/bwv1013/bwv1013.ly, or of BachJS-BWV1013-bwv1013.ly by itself."""
    parts = path.parts
    below = parts[parts.index("ftp") + 1 :] if "ftp" in parts else path.stem.split("-")
    return below[0], (below[1] if len(below) > 1 else "").removesuffix(".ly")


def header(text: str) -> dict[str, str]:
    """What a Mutopia source says of itself: style, instrument, licence, composer."""
    fields: dict[str, str] = dict(re.findall(r'^\s*(\w+)\s*=\s*"([^"]*)"', text, re.MULTILINE))
    return {
        "style": fields.get("style", ""),
        "instrument": fields.get("mutopiainstrument", fields.get("instrument", "")),
        "licence": fields.get("license", fields.get("copyright", "")),
        "composer": fields.get("mutopiacomposer", ""),
    }


def _is_for_keyboard(fields: dict[str, str]) -> bool:
    words = set(re.findall(r"[a-z]+", fields["instrument"].lower())) - {"and", "or", "reed"}
    return bool(words) and words <= KEYBOARDS


def _is_satie(fields: dict[str, str]) -> bool:
    return fields["composer"].startswith("Satie")
