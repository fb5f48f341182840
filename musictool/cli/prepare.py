"""musictool prepare: music files -> a corpus."""

from __future__ import annotations

import shlex
import sys
from typing import Any

import click

from musictool.cli import _output
from musictool.cli._flags import flags
from musictool.options import build, pop_given
from musictool.preparation.options import PrepareOptions


@click.command(epilog="\b\nExample:\n    musictool prepare bach")
@click.argument("source", required=False)
@flags(PrepareOptions)
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON.")
def command(source: str | None, as_json: bool, **given: Any) -> None:
    """Read SOURCE once and keep it as a corpus under corpora/.

    SOURCE is a folder (with all folders in it), a file, a built-in corpus, or a public one that was fetched (musictool
    list corpora); without one it is bach. A folder that is called like a built-in corpus is written as a path: ./bach

    A second run reads only what has changed, and one that was stopped goes on. What became of each file stands in
    files.csv; a file that cannot be read costs itself only.
    """
    from musictool.preparation import sources
    from musictool.preparation.new_files import Interrupted

    found, options = sources.find(source), pop_given(PrepareOptions, given)
    build(PrepareOptions, options)  # says what is wrong before anything else is said
    if not as_json:
        _output.say(_introduction(found))
    try:
        prepared = _prepare(found, options)
    except Interrupted as interrupted:
        click.echo(str(interrupted), err=True)
        sys.exit(130)
    if as_json:
        suits = {
            "encoding": prepared.suited.encoding,
            "settings": [*prepared.suited.settings],
            "reason": prepared.suited.reason,
        }
        also = {"folder": str(prepared.corpus.folder), "encoded": prepared.encoded, "metadata": prepared.metadata}
        _output.say_json({**prepared.corpus.info, **also, "suited": suits})
    else:
        _report(prepared)


def _prepare(source: Any, given: dict[str, Any]) -> Any:
    from musictool.preparation.prepare import prepare

    with _output.bar(None, "reading", "files") as bar:

        def progress(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return prepare(source, progress=progress, **given)


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
    _output.say(prepared.suited.sentence)
    if prepared.encoded:
        _output.say(f"{prepared.suited.encoding}: {_tokens(prepared.encoded)}")
    if prepared.remark:
        _output.say(f"{prepared.suited.encoding}: {prepared.remark}")
    _output.say(f"in {corpus.folder} (files.csv: what became of each file)")
    if not prepared.remark:
        _output.say(f"next: musictool train {name}")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 7200 else f"{seconds / 3600:,.1f} hours"


def _tokens(encoded: dict[str, Any]) -> str:
    return f"{encoded['train_rows'] + encoded['validation_rows']:,} tokens, of a vocabulary of {encoded['size']:,}"
