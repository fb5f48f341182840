"""musictool fetch: a public collection -> a folder of music."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import click

from musictool.cli import _output


@click.command(epilog="\b\nExample:\n    musictool fetch maestro")
@click.argument("source", metavar="NAME|ADDRESS")
@click.option("--name", metavar="NAME", help="What to call its folder.  [default: as the collection is called]")
@click.option(
    "--sha256", default="", metavar="HEX", help="The sum that the archive must have.  [default: the published]"
)
@click.option(
    "--from",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Take the archive from here: it has been downloaded already.",
)
@click.option("--keep-archive", is_flag=True, help="Keep the archive beside the music that was in it.")
@click.option("--fresh", is_flag=True, help="Fetch it again, though it is there.")
@click.option("--json", "as_json", is_flag=True, help="What was fetched, as JSON.")
def command(source: str, as_json: bool, **options: Any) -> None:
    """Download a public collection and unpack it under downloads/.

    NAME is one that musictool list corpora gives; its licence is the collection's own, so read it first. The ADDRESS of
    any other zip or tar archive will do as well.

    Ctrl-C loses nothing that has arrived; the same command goes on where it was. Size and sum are checked before
    anything is unpacked.
    """
    from musictool.fetching.fetch import fetch

    progress = TransferBar()
    _refuse_built_in(source)
    if not as_json:
        _introduce(source)
    try:
        fetched = fetch(source, progress=progress, **options)
    except KeyboardInterrupt:
        progress.close()
        click.echo("what has arrived is kept; the same command goes on", err=True)
        raise
    finally:
        progress.close()
    if as_json:
        _output.say_json({**fetched.info, "folder": str(fetched.folder), "news": fetched.news})
    else:
        _report(fetched)


def _refuse_built_in(source: str) -> None:
    from musictool.errors import BadDownload
    from musictool.preparation.sources import BUILT_IN

    if source in BUILT_IN:
        raise BadDownload(f"{source} is built in, no download is needed: musictool prepare {source}")


def _introduce(source: str) -> None:
    from musictool.fetching.public import COLLECTIONS

    if source in COLLECTIONS:
        found = COLLECTIONS[source]
        _output.say(f"{found.summary}\nlicence: {found.licence}; see {found.page}")


def _report(fetched: Any) -> None:
    info, folder = fetched.info, os.path.relpath(fetched.folder)
    folder = str(fetched.folder) if folder.startswith("..") else folder
    if not fetched.news:
        _output.say(f"{fetched.name} is there already, fetched {info['fetched'][:10]} (--fresh fetches it again)")
    _output.say(f"{info['bytes']:,} bytes, sha256 {info['sha256']}\n{_verdict(fetched)}")
    left_out = "".join(f"; {number:,} left out, {reason}" for reason, number in info["left_out"].items())
    _output.say(f"{info['files']:,} files in {folder}{left_out}")
    if "archive" in info:
        _output.say(f"archive: {info['archive']}")
    _output.say(f"next: musictool prepare {shlex.quote(folder)} --name {shlex.quote(fetched.name)}")


def _verdict(fetched: Any) -> str:
    """What is known of the sum."""
    if fetched.collection.files_sha256:
        here, there = fetched.info["files"], fetched.collection.files
        if fetched.info.get("files_sha256") == fetched.collection.files_sha256:
            return f"none published for the archive; its {here:,} files are those that are known"
        return f"none published for the archive; its {here:,} files are NOT the {there:,} that are known"
    if fetched.collection.sha256:
        return "which is the sum that it should have"
    if fetched.before:
        same = fetched.before == fetched.info["sha256"]
        return "the same as the last time" if same else f"NOT the same as the last time, which was {fetched.before}"
    return "none published to compare it with; it is written down in download.json"


class TransferBar:
    """A bar for each thing that is done in turn."""

    what = ""
    bar: Any = None

    def __call__(self, what: str, done: int, total: int | None) -> None:
        if what != self.what:
            self.close()
            self.what = what
            self.bar = _output.bar(total, what, "B", initial=done)
            self.bar.unit, self.bar.unit_scale = "B", True
        self.bar.total = total
        self.bar.update(done - self.bar.n)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
