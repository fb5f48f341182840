"""musictool prepare: music files -> a corpus."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from musictool.cli import _output


@click.command(epilog="\b\nExample:\n    musictool prepare bach")
@click.argument("source", required=False)
@click.option("--name", metavar="NAME", help="What to call the corpus.  [default: as SOURCE is called]")
@click.option(
    "--reader", default="symusic", show_default=True, metavar="NAME", help="For MIDI: symusic, music21 or pretty_midi."
)
@click.option("--val-split", type=float, default=0.1, show_default=True, help="Part of the pieces kept for validation.")
@click.option("--workers", type=int, metavar="N", help="Reading processes.  [default: one a core]")
@click.option(
    "--time-limit",
    type=float,
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="For one file (large ones have more); then it is skipped.",
)
@click.option(
    "--metadata",
    multiple=True,
    metavar="FILE",
    help="CSV, JSON or tagtraum .cls about the files: artist, title, genre, year; may be repeated.",
)
@click.option("--no-key", is_flag=True, help="Leave out the estimate of each piece's key.")
@click.option("--dask", metavar="ADDRESS", help="Let the workers of this Dask scheduler do the work.")
@click.option("--fresh", is_flag=True, help="Read every file again, and replace a corpus of this name.")
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON.")
def command(as_json: bool, **wishes: Any) -> None:
    """Read SOURCE once and keep it as a corpus under corpora/.

    SOURCE is a folder (with all folders in it), a file, a built-in corpus, or a public one that was fetched (musictool
    list corpora); without one it is bach. A folder that is called like a built-in corpus is written as a path: ./bach

    A second run reads only what has changed, and one that was stopped goes on. What became of each file stands in
    files.csv; a file that cannot be read costs itself only.
    """
    from musictool.preparation import sources
    from musictool.preparation.new_files import Interrupted

    source = sources.find(wishes["source"])
    if not as_json:
        _output.say(_introduction(source))
    try:
        prepared = _prepare(source, wishes)
    except Interrupted as interrupted:
        click.echo(str(interrupted), err=True)
        sys.exit(130)
    if as_json:
        also = {"folder": str(prepared.corpus.folder), "encoded": prepared.encoded, "metadata": prepared.metadata}
        _output.say_json({**prepared.corpus.info, **also})
    else:
        _report(prepared)


def _prepare(source: Any, wishes: dict[str, Any]) -> Any:
    from musictool.preparation.prepare import prepare

    with _output.bar(None, "reading", "files") as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return prepare(
            source,
            name=wishes["name"],
            parser=wishes["reader"],
            val_split=wishes["val_split"],
            workers=wishes["workers"],
            time_limit_seconds=wishes["time_limit"],
            fresh=wishes["fresh"],
            progress=progress,
            key=not wishes["no_key"],
            dask=wishes["dask"],
            metadata=wishes["metadata"],
        )


def _introduction(source: Any) -> str:
    if source.kind == "built-in":
        return f"{source.name}, built in: {source.description}\nlicence: {source.licence}"
    return f"{source.kind} {source.root if source.kind == 'folder' else source.root / source.files[0]}"


def _report(prepared: Any) -> None:
    corpus, info = prepared.corpus, prepared.corpus.info
    pieces, name = info["pieces"], shlex.quote(prepared.corpus.name)
    new = prepared.fresh == info["files"]["found"] - info["files"]["duplicate"]
    _output.say(prepared.sentence + ("" if new else f"; {prepared.fresh or 'none'} of them now"))
    _output.say(
        f"{pieces['all']:,} piece{'s' * (pieces['all'] != 1)}, {info['notes']:,} notes, "
        f"{_duration(info['seconds'])} of music; "
        f"{pieces['train']:,} to train on, {pieces['validation']:,} to validate"
    )
    if prepared.metadata:
        _output.say(prepared.metadata)
    if prepared.encoded:
        _output.say(_vocabulary(prepared.encoded))
    if prepared.remark:
        _output.say(f"note-chord: {prepared.remark}")
    _output.say(f"in {corpus.folder} (files.csv: what became of each file)")
    if not prepared.remark:
        _output.say(f"next: musictool train {name}")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:,.1f} hours"


def _vocabulary(encoded: dict[str, Any]) -> str:
    symbols = encoded["train_rows"] + encoded["validation_rows"]
    size = (
        f"note-chord: {symbols:,} symbols long; a vocabulary of {encoded['size']:,} with transpositions and all rests"
    )
    if not encoded["validation_rows"]:
        return f"{size}; no piece validates how much of other music it has"
    covered = f"it has {encoded['coverage']:.1%} of what the validation pieces play, the rest becomes the nearest"
    return f"{size}; {covered} that it has"
