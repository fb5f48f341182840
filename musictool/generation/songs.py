"""A sample as files: song.mid, song.mp3, song.png, and beside them song.json, which holds all that is needed to make it
again.

`write_songs` and `write_like` are the functions behind `musictool sample` and `musictool sample --like song.json`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from musictool import __version__
from musictool.engine.choice import name_of
from musictool.engine.current import Loads, loads_as_needed
from musictool.errors import BadFile, BadModel, BadOption, NoMusic, UnknownName
from musictool.generation.batches import batch_of, batches
from musictool.generation.outputs import check_places, check_sample_replaceable
from musictool.generation.request import Constraints, Request, Style, numbered
from musictool.generation.sample import Generation
from musictool.generation.sidecar import FORMAT, checksums_in, no_sidecar, read_sidecar, write_with_sidecar
from musictool.models.model import Model, sha256
from musictool.music.score import Score
from musictool.progress import Progress
from musictool.sampling.sampler import Sampler
from musictool.writing import checked_places

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Song:
    """One written piece: its files, one for each form, and its music."""

    paths: tuple[Path, ...]
    score: Score

    @property
    def path(self) -> Path:
        """The first of its files."""
        return self.paths[0]


def write_songs(
    model: Model,
    request: Request,
    out: Path | Sequence[Path],
    progress: Progress | None = None,
    *,
    force: bool = False,
) -> list[Song]:
    """Write `request.num` pieces to `out`, or to out-001, out-002, ... if there are several, each with its .json.

    Args:
        out: a file, or one for each form of a piece: song.mid, song.mp3, song.png.
        progress: as for `sample`, for each batch of pieces anew.
        force: whether files that musictool did not write are written over (musictool/generation/outputs.py).

    Raises:
        NoMusic: if a piece has no note; then nothing of its batch (musictool/generation/batches.py) is written.
        BadOption: for a suffix that no writer has, or a file in the way.
        BadFile: if a piece would be written over its primer or its style.
    """
    return [song for songs in song_batches(model, request, out, progress, force=force) for song in songs]


def song_batches(
    model: Model,
    request: Request,
    out: Path | Sequence[Path],
    progress: Progress | None = None,
    *,
    force: bool = False,
) -> Iterator[list[Song]]:
    """The same, batch after batch as they are written, of which none is kept."""
    check_places(request, out, force)
    origin, written, places = None, 0, numbered(out, request.num)
    for batch in batches(model, request):
        generation = Generation(model, batch, progress)
        try:
            scores = generation.scores()
        except NoMusic as error:
            if not written:
                raise
            raise NoMusic(f"the first {written:,} pieces are written; of those behind them {error}") from None
        origin = origin or _origin(generation, request)
        numbers = range(written + 1, written + batch.num + 1)
        songs = [_write(origin, *piece) for piece in zip(numbers, scores, places)]  # noqa: B905  # places go on
        written += batch.num
        yield songs


def write_like(
    sidecar: Path, out: Path | Sequence[Path], loads: Loads = loads_as_needed, *, force: bool = False
) -> tuple[Model, Song]:
    """Make the piece that a sidecar describes once more, the same to the byte: by the engine that has written it.

    Args:
        sidecar: the .json beside a song.
        out: as for write_songs; another form than the song had holds the same notes.
        loads: called with the engine before it computes.
        force: as for write_songs.

    Raises:
        BadOption: as for write_songs.
        BadFile: if the sidecar cannot be read, or the primer it names is gone or changed, or would be written over.
        BadModel: if the model is gone or has been trained since.
    """
    values = read_sidecar(sidecar)
    if command := values["request"].get("command"):
        raise BadFile("another command", f"{sidecar} is of {command}; make it again with: musictool {command} --like")
    primer_sum, number = values["primer_sha256"], values["piece"]
    name, folder, checksum = (values["model"][key] for key in ("name", "folder", "checksum"))
    known = {Path(file).suffix.lower(): file_sum for file, file_sum in checksums_in(values).items()}
    try:
        request = _request_from_json(values["request"], primer_sum is not None)
        if not 1 <= number <= request.num:
            raise ValueError(f"it is of piece {number} of {request.num}")
        folder_exists = Path(folder).exists()
    except KeyError as error:
        raise no_sidecar(sidecar, f"its request has no {error}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise no_sidecar(sidecar, " ".join(str(error).split())) from None
    except (BadOption, UnknownName) as error:
        raise no_sidecar(sidecar, str(error)) from None
    primer = request.primer
    if isinstance(primer, Path) and (not primer.is_file() or sha256(primer) != primer_sum):
        raise BadFile("primer changed", f"{primer} is gone or is no longer the file that {sidecar} was made with")
    outs = checked_places(out, *request.sources)
    check_sample_replaceable(outs, force)
    model = Model.open(folder if folder_exists else name)
    if model.checksum != checksum:
        raise BadModel(f"the model {model.name} has been trained since {sidecar} was made; the same bytes are gone")
    batch, within = batch_of(model, request, number)
    generation = Generation(model, batch)
    loads(generation.engine)
    score = generation.scores()[within]
    song = _write(_origin(generation, request), number, score, outs)
    for path in outs:
        if sha256(path) != known.get(path.suffix.lower(), sha256(path)):
            log.warning("%s is not the same to the byte: another version of a library or another device?", path)
    return model, song


def _origin(generation: Generation, request: Request) -> dict[str, Any]:
    """The part of a sidecar on the model and the request of all pieces, with the checksums of the files that were read,
    and with the engine that has computed."""
    model, request = generation.model, replace(request, engine=name_of(generation.engine))
    primer = None if request.primer_file is None else request.primer_file.resolve()
    return {
        "format": FORMAT,
        "musictool": __version__,
        "model": {"name": model.name, "folder": str(model.folder.resolve()), "checksum": model.checksum},
        "request": _request_to_json(request, request.primer if primer is None else str(primer)),
        "primer_sha256": None if primer is None else sha256(primer),
    }


def _write(origin: dict[str, Any], number: int, score: Score, paths: tuple[Path, ...] | list[Path]) -> Song:
    paths = tuple(dict.fromkeys(paths))
    write_with_sidecar(score, paths, {**origin, "piece": number})
    return Song(paths, score)


def _request_to_json(request: Request, primer: Path | str | None) -> dict[str, Any]:
    style = {
        "files": {str(path.resolve()): sha256(path) for path in request.style.files},
        "where": list(request.style.where),
        "alpha": request.style.alpha,
    }
    values = {**asdict(request), "primer": primer, "style": style}
    return {"wanted" if key == "constraints" else key: value for key, value in values.items()}


def _request_from_json(values: dict[str, Any], of_file: bool) -> Request:
    """The request of a sidecar; `of_file`: its primer is a file and not notes.

    Raises:
        BadFile: for a file of the style that is gone or has changed.
    """
    values = {"engine": os.environ.get("KERAS_BACKEND") or "tensorflow", **values}  # older ones were all by Keras
    constraints, style = dict(values.pop("wanted")), values.pop("style", None)  # older sidecars have no style
    if constraints["histogram"] is not None:
        constraints["histogram"] = tuple(map(float, constraints["histogram"]))
    groups: dict[str, Any] = {
        "sampler": Sampler(**values.pop("sampler")),
        "constraints": Constraints(**constraints),
        "style": Style() if style is None else _style(style),
    }
    primer = values.pop("primer")
    return Request(**values, **groups, primer=Path(primer) if of_file else primer)


def _style(values: dict[str, Any]) -> Style:
    for name, checksum in values["files"].items():
        if not Path(name).is_file() or sha256(Path(name)) != checksum:
            raise BadFile("style changed", f"{name} is gone or is no longer the file that gave the style")
    return Style(tuple(map(Path, values["files"])), tuple(values["where"]), values["alpha"])
