"""A piece that was filled in, as files, and beside them the .json from which the same bytes can be made again.

`write_infills` and `write_infill_like` are the functions behind `musictool infill` and `musictool infill --like`. The
.json is that of a sample (musictool/generation/sidecar.py); its request says of which file, and that it was infill's.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from musictool import __version__
from musictool.engine.choice import name_of
from musictool.engine.current import Loads, loads_as_needed
from musictool.errors import BadFile, BadModel, BadOption
from musictool.generation.infill import Infill, begin_infill
from musictool.generation.infill_request import InfillRequest
from musictool.generation.outputs import check_sample_replaceable
from musictool.generation.request import Constraints, numbered
from musictool.generation.sidecar import FORMAT, checksums_in, no_sidecar, read_sidecar, write_with_sidecar
from musictool.generation.songs import Song
from musictool.models.model import Model, sha256
from musictool.music.score import Score
from musictool.progress import Progress
from musictool.reading import read_named
from musictool.writing import checked_places

log = logging.getLogger(__name__)

COMMAND = "infill"


def write_infills(
    model: Model,
    source: Path,
    request: InfillRequest,
    out: Path | Sequence[Path],
    progress: Progress | None = None,
    loads: Loads = loads_as_needed,
    *,
    force: bool = False,
) -> list[Song]:
    """Write `request.num` pieces to `out`, or to out-001, out-002, ... if there are several, each with its .json.

    Args:
        source: the piece that is filled in.
        out: a file, or one for each form of a piece.
        loads: called with the engine before it computes.
        force: whether files that musictool did not write are written over.

    Raises:
        BadFile: for a piece that cannot be read, or would be written over.
        BadOption, UnknownName, NoMusic: see Infill.
    """
    places = [checked_places(outs, source) for outs in numbered(out, request.num)]
    for paths in places:
        check_sample_replaceable(paths, force)
    under_way = _begin(model, source, request, progress)
    loads(under_way.engine)
    origin = _origin(under_way, source)
    return [
        _write(origin, number, score, paths)
        for number, (score, paths) in enumerate(zip(under_way.scores(), places, strict=True), 1)
    ]


def write_infill_like(
    sidecar: Path, out: Path | Sequence[Path], loads: Loads = loads_as_needed, *, force: bool = False
) -> tuple[Model, Song]:
    """Make the piece that a sidecar describes once more, the same to the byte.

    Raises:
        BadFile: if the sidecar cannot be read, or is of no infill, or the piece is gone or changed.
        BadModel: if the model is gone or has been trained since.
    """
    values = read_sidecar(sidecar)
    if values["request"].get("command") != COMMAND:
        raise BadFile(
            "another command", f"{sidecar} stands beside a sample; make it again with: musictool sample --like"
        )
    try:
        source, request = _request_from_json(values["request"])
    except (KeyError, TypeError, ValueError, BadOption) as error:
        raise no_sidecar(sidecar, " ".join(str(error).split())) from None
    if not source.is_file() or sha256(source) != values["primer_sha256"]:
        raise BadFile("piece changed", f"{source} is gone or is no longer the file that {sidecar} was made with")
    outs = checked_places(out, source)
    check_sample_replaceable(outs, force)
    name, folder, checksum = (values["model"][key] for key in ("name", "folder", "checksum"))
    model = Model.open(folder if Path(folder).exists() else name)
    if model.checksum != checksum:
        raise BadModel(f"the model {model.name} has been trained since {sidecar} was made; the same bytes are gone")
    under_way = _begin(model, source, request)
    loads(under_way.engine)
    number, known = values["piece"], {Path(file).suffix.lower(): total for file, total in checksums_in(values).items()}
    if not 1 <= number <= request.num:
        raise no_sidecar(sidecar, f"it is of piece {number} of {request.num}")
    song = _write(_origin(under_way, source), number, under_way.scores()[number - 1], outs)
    for path in outs:
        if sha256(path) != known.get(path.suffix.lower(), sha256(path)):
            log.warning("%s is not the same to the byte: another version of a library or another device?", path)
    return model, song


def _begin(model: Model, source: Path, request: InfillRequest, progress: Progress | None = None) -> Infill:
    pieces = read_named(source).scores
    if len(pieces) > 1:
        log.warning("%s has %d pieces; the first of them is filled in", source, len(pieces))
    return begin_infill(model, pieces[0], request, source.name, progress)


def _origin(under_way: Infill, source: Path) -> dict[str, Any]:
    """The part of a sidecar that is the same for all pieces of a request."""
    model, request = under_way.model, replace(under_way.request, engine=name_of(under_way.engine))
    return {
        "format": FORMAT,
        "musictool": __version__,
        "model": {"name": model.name, "folder": str(model.folder.resolve()), "checksum": model.checksum},
        "request": {"command": COMMAND, "file": str(source.resolve()), **asdict(request)},
        "primer_sha256": sha256(source),
    }


def _request_from_json(values: dict[str, Any]) -> tuple[Path, InfillRequest]:
    """The piece and the request of a sidecar."""
    given = {key: value for key, value in values.items() if key not in ("command", "file", "constraints")}
    constraints = dict(values["constraints"])
    if constraints.get("histogram") is not None:
        constraints["histogram"] = tuple(map(float, constraints["histogram"]))
    return Path(values["file"]), InfillRequest(**given, constraints=Constraints(**constraints))


def _write(origin: dict[str, Any], number: int, score: Score, paths: tuple[Path, ...]) -> Song:
    write_with_sidecar(score, paths, {**origin, "piece": number})
    return Song(paths, score)
