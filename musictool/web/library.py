"""What lies on disk while the page is open: pieces that are made, music that was dropped, and pieces that were kept.

    TEMPORARY/pieces/KEY/      piece.mid, piece.json, piece.mp3, lofi.mp3, ...; the least recently used go first
    TEMPORARY/uploads/ID/      piece.mid: what was read in a dropped file, written anew; the file itself is gone at once
    HOME/kept/                 what a listener kept: romantic-123456-0a1b2c3d.mid, .json

Names on disk are ours: a key, or random digits. What a visitor calls a file is only ever shown.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from musictool import home
from musictool.atomic import replacing, write_json
from musictool.errors import BadModel, BadOption, MusictoolError, UnknownName
from musictool.models.info import is_trained, read_info
from musictool.web.recipe import PieceRecipe

MOST_BYTES = 600 << 20  # of pieces that are made
MOST_UPLOADS, MOST_KEPT = 200, 1000
MARK, PRIMER = ".kept.json", ".primer.mid"  # what follows the name of a kept piece
FRESH_SECONDS = 120.0  # what was used so lately is not swept away
SOUND = (".mp3", ".wav")
FORMS = {
    ".mid": "audio/midi",
    ".json": "application/json",
    ".musicxml": "application/vnd.recordare.musicxml+xml",
    ".mp3": "audio/mpeg",
    ".wav": "audio/wav",
}  # in which a piece can be taken away


def models() -> list[dict[str, Any]]:
    """The models that can play, those that ship first, then a user's own, the newest first; and what each can take."""
    rows = []
    for name, folder in home.models().items():
        try:
            info = read_info(folder)
        except BadModel:
            continue  # `musictool list models` says what is wrong with it
        if is_trained(info):
            rows.append(_described(name, folder, info))
    return sorted(rows, key=lambda row: (not row["ships"], 0 if row["ships"] else -row["changed"]))


def _described(name: str, folder: Path, info: dict[str, Any]) -> dict[str, Any]:
    from musictool.apps.describe import headline

    conditions = info["conditions"]
    return {
        "name": name,
        "ships": home.is_shipped(folder),
        "summary": headline(folder),
        "corpus": str(info["corpus"].get("name", "")),
        "arch": str(info["arch"].get("name", "")),
        "kind": str(info.get("spec", {}).get("kind", "")),
        "density": "density" in conditions.get("controls", ()),
        "labels": [str(label) for label in conditions.get("labels", ())],
        "changed": (folder / home.MODEL_MARKER).stat().st_mtime_ns,
    }


def stamp(model: str) -> str:
    """Changes when a model is trained on. Raises UnknownName, also for a path."""
    known = home.models()
    if model not in known:
        raise UnknownName.of("model", model, known)
    status = (known[model] / home.MODEL_MARKER).stat()
    return f"{status.st_mtime_ns} {status.st_size}"


@dataclass(frozen=True)
class Upload:
    """Music that was dropped, or made here and is to be gone on from.

    Attributes:
        id: 32 hexadecimal digits.
        path: its notes, as a MIDI file of ours, in a folder of its own.
        name: what its file is called where it came from.
        sha256: of that file.
        command: what makes it in a shell; empty for what came as a file.
    """

    id: str
    path: Path
    name: str
    sha256: str
    command: str = ""


class Library:
    """Pieces and uploads under one temporary folder. Not for several threads.

    Args:
        folder: empty; whoever made it removes it.
        most_bytes: of the pieces.
    """

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES):
        self.pieces, self.uploads = folder / "pieces", folder / "uploads"
        for each in (self.pieces, self.uploads):
            each.mkdir(parents=True, exist_ok=True)
        self._most_bytes = most_bytes
        self._uploads: dict[str, Upload] = {}

    # ---- pieces ----

    def folder_of(self, recipe: PieceRecipe) -> Path:
        """Where the files of a piece lie, or will. Raises UnknownName for a model or an upload that there is not."""
        if recipe.primer is not None:
            self.upload(recipe.primer)
        return self.pieces / recipe.key_of_notes(stamp(recipe.model))

    def file(self, recipe: PieceRecipe, form: str) -> Path:
        """The file of a piece in a form, which may not be made yet: with lo-fi, that of its sound."""
        stem = "lofi" if recipe.lofi and form in SOUND else "piece"
        return self.folder_of(recipe) / f"{stem}{form}"

    def view(self, recipe: PieceRecipe) -> Path:
        """The file with what the page shows of a piece: its notes, bars and key."""
        return self.folder_of(recipe) / ("lofi-view.json" if recipe.lofi else "view.json")

    def used(self, recipe: PieceRecipe) -> None:
        """Note that somebody plays it, and sweep what is too much."""
        folder = self.folder_of(recipe)
        if folder.is_dir():
            os.utime(folder)
        self.sweep()

    def sweep(self) -> None:
        """Remove the pieces that nobody has played for longest, until the rest fit."""
        folders = sorted(self.pieces.iterdir(), key=lambda folder: folder.stat().st_mtime)
        sizes = [sum(map(_bytes, folder.iterdir())) for folder in folders]
        excess = sum(sizes) - self._most_bytes
        for folder, size in zip(folders, sizes, strict=True):
            if excess <= 0 or time.time() - folder.stat().st_mtime < FRESH_SECONDS:
                break
            shutil.rmtree(folder, ignore_errors=True)
            excess -= size

    def sweep_uploads(self) -> None:
        """Remove the sound of uploads that nobody has used for longest, until the rest fit; it can be made again."""
        sounds = [
            path for upload in self._uploads.values() for form in SOUND for path in upload.path.parent.glob(f"*{form}")
        ]
        excess = sum(map(_bytes, sounds)) - self._most_bytes
        for path in sounds:
            if excess <= 0:
                break
            with suppress(OSError):
                if time.time() - path.stat().st_mtime >= FRESH_SECONDS:
                    excess -= _bytes(path)
                    path.unlink()

    # ---- uploads ----

    def upload(self, upload_id: str) -> Upload:
        """One that was added, which then is the last to go. Raises UnknownName."""
        if upload_id not in self._uploads:
            raise UnknownName("this music, or what it continues, is no longer here; drop it again")
        upload = self._uploads[upload_id] = self._uploads.pop(upload_id)
        return upload

    def add_upload(self, name: str, sha256: str, command: str = "") -> Upload:
        """A place for music, whose file is still to be written; if there are too many, what was not used for longest
        goes."""
        while len(self._uploads) >= MOST_UPLOADS:
            self.drop_upload(next(iter(self._uploads)))
        return self._add(secrets.token_hex(16), name, sha256, command)

    def note_sum(self, upload_id: str) -> Upload:
        """One whose file has been written since it was added, with its sum."""
        upload = self.upload(upload_id)
        upload = replace(upload, sha256=hashlib.sha256(upload.path.read_bytes()).hexdigest())
        self._uploads[upload_id] = upload
        return upload

    def upload_file(self, upload: Upload, form: str, lofi: bool = False) -> Path:
        """The file of an upload in a form, which may not be made yet: with lo-fi, that of its sound."""
        return upload.path.with_name(f"{'lofi' if lofi and form in SOUND else 'piece'}{form}")

    def drop_upload(self, upload_id: str) -> None:
        """Forget one, and remove its files."""
        self._uploads.pop(upload_id, None)
        shutil.rmtree(self.uploads / upload_id, ignore_errors=True)

    def add_music(self, name: str, midi: bytes, sha256: str = "", upload_id: str = "", command: str = "") -> Upload:
        """MIDI of ours, to be heard, continued or written in.

        Args:
            sha256, upload_id: of music that was here before and comes again.
            command: what makes it in a shell.
        """
        while len(self._uploads) >= MOST_UPLOADS:
            self.drop_upload(next(iter(self._uploads)))
        sha256 = sha256 or hashlib.sha256(midi).hexdigest()
        upload = self._add(upload_id or secrets.token_hex(16), name, sha256, command)
        upload.path.write_bytes(midi)
        return upload

    def _add(self, upload_id: str, name: str, sha256: str, command: str = "") -> Upload:
        upload = Upload(upload_id, self.uploads / upload_id / "piece.mid", shown_name(name), sha256, command)
        upload.path.parent.mkdir(exist_ok=True)
        self._uploads[upload_id] = upload
        return upload


def shown_name(name: str) -> str:
    """A file's name as it is shown and proposed for saving: its last part, printable, of at most 80 characters."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(letter for letter in last if letter.isprintable()).strip(". ")[-80:] or "music.mid"


def portable(sidecar: dict[str, Any], model: str, upload: Upload | None) -> dict[str, Any]:
    """A piece's .json as it is taken away: no folder of this machine is in it.

    `musictool sample --like` finds the model by its name, and the music that was continued in the working directory.
    """
    request = dict(sidecar["request"])
    if upload is not None:
        request["primer"] = upload.name
    primer_sum = sidecar["primer_sha256"] if upload is None else upload.sha256
    return {
        **sidecar,
        "model": {**sidecar["model"], "folder": model},
        "request": request,
        "primer_sha256": primer_sum,
    }


class Kept:
    """The pieces that a listener kept: MIDI and recipe, in a folder of the home that outlives the page."""

    def __init__(self) -> None:
        self.folder = home.home() / "kept"

    def list(self) -> list[dict[str, Any]]:
        """What was kept, the newest first: the recipe of each, and what the page shows in a line."""
        rows = []
        for path in sorted(self.folder.glob(f"*{MARK}"), key=lambda path: -path.stat().st_mtime_ns):
            try:
                row = json.loads(path.read_text(encoding="utf-8"))
                row["recipe"] = PieceRecipe.from_json(row["recipe"]).to_json()
                rows.append({"recipe": row["recipe"], "line": str(row["line"]), "file": str(row["file"])})
            except (OSError, ValueError, KeyError, TypeError, MusictoolError):
                continue  # not ours
        return rows

    def keep(
        self, recipe: PieceRecipe, midi: bytes, sidecar: dict[str, Any], line: str, primer: Upload | None = None
    ) -> str:
        """Keep a piece, with what it continues; returns the name of its file. Raises BadOption for too many."""
        name = self._name(recipe)
        if len([*self.folder.glob(f"*{MARK}")]) >= MOST_KEPT:
            raise BadOption(f"{MOST_KEPT:,} pieces are kept already; move some out of {self.folder}")
        about = {"recipe": recipe.to_json(), "line": line, "file": f"{name}.mid"}
        _write_bytes(self.folder / f"{name}.mid", midi)
        write_json(self.folder / f"{name}.json", sidecar)
        if primer is not None:
            _write_bytes(self.folder / f"{name}{PRIMER}", primer.path.read_bytes())
            about |= {"primer": {"name": primer.name, "sha256": primer.sha256}}
        write_json(self.folder / f"{name}{MARK}", about)
        return f"{name}.mid"

    def forget(self, recipe: PieceRecipe) -> None:
        """Remove a piece that was kept, if it was."""
        for suffix in (MARK, PRIMER, ".json", ".mid"):
            (self.folder / f"{self._name(recipe)}{suffix}").unlink(missing_ok=True)

    def bring_primers(self, library: Library) -> None:
        """Put the music that kept pieces continue into a library, so that their addresses work again."""
        for row in self.list():
            recipe = PieceRecipe.from_json(row["recipe"])
            path = self.folder / f"{self._name(recipe)}{PRIMER}"
            with suppress(OSError, ValueError, KeyError, TypeError):
                about = json.loads(path.with_name(f"{self._name(recipe)}{MARK}").read_text(encoding="utf-8"))["primer"]
                if recipe.primer is not None:
                    library.add_music(about["name"], path.read_bytes(), about["sha256"], recipe.primer)

    def _name(self, recipe: PieceRecipe) -> str:
        return f"{recipe.name}-{recipe.key_of_notes('')[:8]}"


def _bytes(path: Path) -> int:
    """The size of a file; 0 for one that was renamed meanwhile, as the worker does when one is complete."""
    with suppress(OSError):
        return path.stat().st_size
    return 0


def _write_bytes(path: Path, data: bytes) -> None:
    with replacing(path) as partial:
        partial.write_bytes(data)
