"""A public collection -> a folder of music that `prepare` can read.

    downloads/NAME/
      music/             what was unpacked
      download.json      written last: address, licence, size and SHA-256 of the archive, what was unpacked
      archive, archive.part, archive.part.json    only while it is being fetched, or after it was stopped

`downloads/` lies beside `corpora/`, under $MUSICTOOL_HOME or the working directory. A folder with its download.json and
its music is complete; anything else is gone on with by the same command. Once `prepare` has read the music, the folder
is needed no more.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from musictool import home
from musictool.atomic import replacing_folder, working_alone, write_json
from musictool.errors import BadDownload, BadOption, UnknownName
from musictool.fetching.archives import kind_of
from musictool.fetching.asking import check_address
from musictool.fetching.download import download, forget
from musictool.fetching.public import COLLECTIONS, Collection
from musictool.fetching.sums import sum_of_files
from musictool.fetching.unpack import unpack
from musictool.progress import Transfer
from musictool.strict import json as strict_json

MARKER = "download.json"
FORMAT_VERSION = 1
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Fetched:
    """A collection that lies on the disk.

    Attributes:
        name: of its folder below downloads/.
        folder: the unpacked music, to be prepared.
        collection: what was asked for.
        info: download.json.
        news: whether this call has brought it.
        before: the SHA-256 of an earlier download of this name, empty if there was none.
    """

    name: str
    folder: Path
    collection: Collection
    info: dict[str, Any]
    news: bool
    before: str = ""


def fetch(
    source: str,
    *,
    name: str | None = None,
    sha256: str = "",
    file: Path | None = None,
    keep_archive: bool = False,
    fresh: bool = False,
    progress: Transfer = lambda what, done, total: None,
) -> Fetched:
    """Download `source`, check it, unpack it; go on where an earlier call was stopped.

    Args:
        source: the name of a public collection, or the address of any zip or tar archive.
        name: what to call its folder; None: as the collection or the archive is called.
        sha256: the sum that the archive must have, in hex, if it is not the published one.
        file: the archive, where it has been downloaded already; it is read and left where it is.
        keep_archive: whether the archive stays beside the music, as NAME.zip or the like.
        fresh: whether it is fetched again although it is there.
        progress: called with how far it is.

    Raises:
        UnknownName: no such collection.
        BadOption: a name or sum that cannot be one.
        BadDownload: not to be had, not what it should be, or not to be unpacked safely.
        Busy: another process fetches the same.
    """
    collection = _find(source)
    name = home.check_name(name or _name_of(source))
    if sha256:
        collection = replace(collection, sha256=_check_sum(sha256))
    folder = home.downloads_folder() / name
    done = Fetched(name, folder / "music", collection, read_info(name), news=False)
    _sweep(folder)
    if done.info and not fresh:
        _check_same(done)
        return done
    if not collection.address and file is None:
        raise BadDownload(
            f"{name} is given out by hand only: get it from {collection.page}, then: musictool fetch {name} --from FILE"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with _saying_who(name, collection), working_alone(folder, "fetch"):
        info = _bring(done, file, keep_archive, progress)
    return replace(done, info=info, news=True, before=done.info.get("sha256", ""))


def read_info(name: str) -> dict[str, Any]:
    """What download.json holds about the complete download `name`; empty if there is none."""
    return info_of(home.downloads_folder() / name)


def info_of(folder: Path) -> dict[str, Any]:
    """The same of a folder, which may be any."""
    with suppress(OSError, ValueError):
        info: dict[str, Any] = strict_json.read(folder / MARKER, {})
        if (folder / "music").is_dir():
            return info
    return {}


def _find(source: str) -> Collection:
    if "://" in source:
        return Collection("", "not known", source, check_address(source))
    if source not in COLLECTIONS:
        raise UnknownName.of("public collection", source, COLLECTIONS)
    return COLLECTIONS[source]


def _name_of(source: str) -> str:
    """lakh-full -> lakh-full; https://host/songs.tar.gz -> songs."""
    if "://" not in source:
        return source
    last = urllib.parse.unquote(urllib.parse.urlsplit(source).path).rsplit("/", 1)[-1]
    return re.sub(r"(\.tar)?\.\w+$", "", last)


def _check_sum(sha256: str) -> str:
    if not re.fullmatch("[0-9a-fA-F]{64}", sha256):
        raise BadOption(f"--sha256 '{sha256}' is none: it has 64 digits from 0 to 9 and a to f")
    return sha256.lower()


def _check_same(done: Fetched) -> None:
    """Raises BadDownload where what lies there is something else than what is requested."""
    here, published = done.info.get("sha256"), done.collection.sha256
    if done.info.get("page") != done.collection.page or (published and here != published):
        raise BadDownload(
            f"{done.folder.parent} holds another download, of {done.info.get('page')} with sha256 {here}; "
            "use another --name, or --fresh to replace it"
        )


def _sweep(folder: Path) -> None:
    """Remove the archive that a process left when it was killed after all was done: it is older than download.json.

    A younger one is being fetched again (`fresh`), or was when it was stopped.
    """
    with suppress(OSError):
        if (folder / "archive").stat().st_mtime_ns <= (folder / MARKER).stat().st_mtime_ns:
            forget(folder / "archive")


def _bring(done: Fetched, file: Path | None, keep_archive: bool, progress: Transfer) -> dict[str, Any]:
    """Download where needed, check, unpack, write download.json."""
    folder, collection = done.folder.parent, done.collection
    archive = file or folder / "archive"
    if not archive.exists():
        if file is not None:
            raise BadDownload(f"{file}: no such file")
        download(collection.address, archive, collection.size_bytes, progress)
    try:
        summed = _check(archive, collection, progress)
        with replacing_folder(done.folder) as partial:
            unpacked = unpack(archive, partial, collection.without, progress, collection.only)
            (folder / MARKER).unlink(missing_ok=True)  # from here on the music is no longer that of the last download
    except BadDownload:
        if file is None:
            forget(archive)
        raise
    info = {
        "format": FORMAT_VERSION,
        "name": done.name,
        **{key: value for key, value in asdict(collection).items() if key in ("summary", "licence", "page", "address")},
        "bytes": archive.stat().st_size,
        "sha256": summed,
        "sha256_published": collection.sha256,
        "files": unpacked.files,
        "unpacked_bytes": unpacked.size_bytes,
        "left_out": dict(unpacked.left_out),
        **({"files_sha256": sum_of_files(_files(done.folder))} if collection.files_sha256 else {}),
        "fetched": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
    if file is None and keep_archive:
        place = folder / f"{done.name}.{kind_of(archive)}"
        info["archive"] = str(place)
        os.replace(archive, place)
    write_json(folder / MARKER, info)
    if file is None:
        forget(archive)
    return info


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _check(archive: Path, collection: Collection, progress: Transfer) -> str:
    """The SHA-256 of `archive`, if all is as published."""
    size_bytes = archive.stat().st_size
    if collection.size_bytes is not None and collection.size_bytes != size_bytes:
        raise BadDownload(f"it has {size_bytes:,} bytes where {collection.size_bytes:,} are published")
    summed = hashlib.sha256()
    with open(archive, "rb") as file:
        while block := file.read(BLOCK_BYTES):
            summed.update(block)
            progress("checking", file.tell(), size_bytes)
    if collection.sha256 and collection.sha256 != summed.hexdigest():
        raise BadDownload(
            f"its sha256 is {summed.hexdigest()} where {collection.sha256} is wanted: it was damaged on the way or has "
            "been changed; the same command fetches it again"
        )
    kind_of(archive)
    return summed.hexdigest()


@contextmanager
def _saying_who(name: str, collection: Collection) -> Iterator[None]:
    """Every failure names the collection and its page; what is no use to anybody is removed."""
    folder = home.downloads_folder() / name
    try:
        yield
    except BadDownload as error:
        with suppress(OSError):
            if os.listdir(folder) == [".lock"]:
                (folder / ".lock").unlink()
                folder.rmdir()
                folder.parent.rmdir()
        page = f" (see {collection.page})" if collection.page != collection.address else ""
        raise BadDownload(f"{name}: {error}{page}") from None
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise BadDownload(
            f"{name}: the disk of {folder} is full; what was downloaded is kept, the same command goes on"
        ) from None
