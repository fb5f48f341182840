"""A sample as files: song.mid, and beside it song.json, which holds all that is needed to make it again.

`write_songs` and `write_like` are the functions behind `musictool sample` and `musictool sample --like song.json`.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from musictool import __version__
from musictool.atomic import write_json
from musictool.errors import BadFile, BadModel, BadOption
from musictool.generation.guidance import Wanted
from musictool.generation.primers import is_file
from musictool.generation.sample import Progress, Request, sample
from musictool.models.model import Model, sha256
from musictool.music.score import Score
from musictool.sampling.sampler import Sampler
from musictool.writers._base import suffixes, write

log = logging.getLogger(__name__)

FORMAT = 2


@dataclass(frozen=True)
class Song:
    """One written piece: where it lies and what it is."""

    path: Path
    score: Score


def write_songs(model: Model, request: Request, out: Path, progress: Progress | None = None) -> list[Song]:
    """Write `request.num` pieces to `out`, or to out-001, out-002, ... if there are several, each with its .json.

    Raises:
        NoMusic: if a piece has no note; then nothing is written.
        BadFile: for a suffix that nothing writes.
    """
    _check_place(out)
    songs = []
    for number, score in enumerate(sample(model, request, progress), 1):
        path = out if request.num == 1 else out.with_name(f"{out.stem}-{number:03d}{out.suffix}")
        songs.append(_write(model, request, number, score, path))
    return songs


def write_like(sidecar: Path, out: Path) -> tuple[Model, Song]:
    """Make the piece that a sidecar describes once more, the same to the byte.

    Raises:
        BadFile: if the sidecar cannot be read, or the primer it names is gone or changed.
        BadModel: if the model is gone or has been trained on since.
    """
    _check_place(out)
    try:
        values = json.loads(sidecar.read_text(encoding="utf-8"))
        if values["format"] != FORMAT:
            raise ValueError(f"format {values['format']}, and this musictool reads {FORMAT}")
        primer_sum, number = values["primer_sha256"], int(values["piece"])
        request = _request(values["request"], primer_sum is not None)
        name, folder, checksum = (str(values["model"][key]) for key in ("name", "folder", "checksum"))
        file, file_sum = Path(values["file"]), values["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadFile("unreadable", f"{sidecar} is not the .json of a sample ({error})") from None
    primer = request.primer
    if isinstance(primer, Path) and (not primer.is_file() or sha256(primer) != primer_sum):
        raise BadFile("primer changed", f"{primer} is gone or is no longer the file that {sidecar} was made with")
    model = Model.open(folder if Path(folder).exists() else name)
    if model.checksum != checksum:
        raise BadModel(f"the model {model.name} has been trained since {sidecar} was made; the same bytes are gone")
    song = _write(model, request, number, sample(model, request)[number - 1], out)
    if out.suffix == file.suffix and sha256(out) != file_sum:
        log.warning("%s is not the same to the byte: another version of TensorFlow or another device?", out)
    return model, song


def _check_place(out: Path) -> None:
    """Before the work is done, and not after it. Raises OSError if the folder cannot be made."""
    if out.suffix.lower() not in suffixes():
        raise BadOption(f"--out {out}: unknown suffix; writable are {' '.join(sorted(suffixes()))}")
    if out.is_dir():
        raise BadOption(f"--out {out} is a folder")
    out.parent.mkdir(parents=True, exist_ok=True)


def _write(model: Model, request: Request, number: int, score: Score, path: Path) -> Song:
    write(score, path)
    primer = Path(request.primer).resolve() if request.primer is not None and is_file(request.primer) else None
    sidecar = {
        "format": FORMAT,
        "musictool": __version__,
        "model": {"name": model.name, "folder": str(model.folder.resolve()), "checksum": model.checksum},
        "request": {**asdict(request), "primer": request.primer if primer is None else str(primer)},
        "primer_sha256": None if primer is None else sha256(primer),
        "piece": number,
        "file": path.name,
        "sha256": sha256(path),
    }
    write_json(path.with_suffix(".json"), sidecar)
    return Song(path, score)


def _request(values: dict[str, Any], of_file: bool) -> Request:
    """The request of a sidecar; `of_file`: its primer is a file and not notes."""
    wanted = dict(values["wanted"])
    wanted["histogram"] = None if wanted["histogram"] is None else tuple(map(float, wanted["histogram"]))
    parts = {"sampler": Sampler(**values["sampler"]), "wanted": Wanted(**wanted)}
    return Request(**{**values, **parts, "primer": Path(values["primer"]) if of_file else values["primer"]})
