"""musictool list: what there is to choose from."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from musictool.cli import _output
from musictool.registry import ARCHS, ENCODINGS, PLOTS


def _entries(registry: Any) -> list[dict[str, Any]]:
    from musictool.catalogue import entries

    return [
        {"name": entry.name, "summary": entry.summary, "settings": dict(entry.settings)} for entry in entries(registry)
    ]


def _corpora() -> list[dict[str, Any]]:
    from musictool import home
    from musictool.preparation import sources

    rows = [
        {"name": name, "summary": each.description, "licence": each.licence, "where": "built in"}
        for name, each in sources.BUILT_IN.items()
    ]
    folder = home.corpora_folder()
    made = _made({name: folder / name for name in home.names(folder, home.CORPUS_MARKER)})
    return made + rows + _public()


def _public() -> list[dict[str, Any]]:
    from musictool import home
    from musictool.fetching.fetch import read_info
    from musictool.fetching.public import COLLECTIONS, size_in_words

    rows = []
    for name, each in COLLECTIONS.items():
        get = f"musictool fetch {name}" if each.address else f"by hand, then musictool fetch {name} --from FILE"
        there = f"fetched: {home.downloads_folder() / name / 'music'}"
        size = f"{size_in_words(each.size_bytes)} ({each.size_bytes:,} bytes)" if each.size_bytes else each.about
        rows.append(
            {
                "name": name,
                "summary": each.summary,
                "licence": each.licence,
                "where": there if read_info(name) else get,
                "page": each.page,
                "address": each.address,
                "size": size or "not stated",
                "bytes": each.size_bytes,
                "sha256": each.sha256 or "none published",
                "sum of files": each.files_sha256,
            }
        )
    return rows


def _models() -> list[dict[str, Any]]:
    from musictool import home

    users = home.user_models()
    shipped = _made(home.shipped_models())
    for row in shipped:
        row |= {"ships": True, "hidden by": str(users.get(row["name"], ""))}
    return _made(users) + shipped


def _made(folders: dict[str, Path]) -> list[dict[str, Any]]:
    from musictool.apps.describe import headline

    return [{"name": name, "summary": headline(folder), "where": str(folder)} for name, folder in folders.items()]


def _recipes() -> list[dict[str, Any]]:
    from musictool.training import recipe

    rows = []
    for one in map(recipe.get, recipe.names()):
        source = [str(one.source[key]) for key in ("authors", "title", "year", "address") if key in one.source]
        rows.append(
            {
                "name": one.name,
                "summary": one.summary,
                "source": ", ".join(source),
                "wants": one.corpus["wants"],
                "prepare": one.corpus["prepare"],
                "train": f"musictool train --recipe {one.name}",
                "fixes": dict(one.train),
                "differs": list(one.differs),
            }
        )
    return rows


DETAILS = (
    "licence",
    "where",
    "page",
    "address",
    "size",
    "sha256",
    "sum of files",
    "source",
    "wants",
    "prepare",
    "train",
    "hidden by",
)

LISTS: dict[str, Callable[[], list[dict[str, Any]]]] = {
    "archs": lambda: _entries(ARCHS),
    "encodings": lambda: _entries(ENCODINGS),
    "corpora": _corpora,
    "models": _models,
    "recipes": _recipes,
    "plots": lambda: _entries(PLOTS),
}


@click.command(epilog="\b\nExample:\n    musictool list archs")
@click.argument("what", type=click.Choice(list(LISTS)))
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(what: str, as_json: bool) -> None:
    """List the archs, corpora, models and so on that there are.

    Corpora are built in, prepared or public; models are your own, or ship with musictool. Under each arch and encoding
    stand the options that --set and --encoding-set take, with their defaults; under each recipe the corpus that it
    wants. --json says what a recipe fixes, and what of its original it does not reproduce.
    """
    rows = LISTS[what]()
    if as_json:
        _output.say_json(rows)
        return
    if not rows:
        _output.say(f"no {what} yet")
    width = max((len(row["name"]) for row in rows), default=0)
    for ships, group in groupby(rows, lambda row: row.get("ships", False)):
        if ships:
            _output.say("ship with musictool:")
        for row in group:
            _say_row(row, width)


def _say_row(row: dict[str, Any], width: int) -> None:
    _output.say(_output.one_line(f"{row['name']:{width}}  {row['summary']}"))
    details: list[tuple[str, ...]] = list(row.get("settings", {}).items())
    details += [(key, row[key]) for key in DETAILS if row.get(key)]
    _output.table(details, indent=" " * (width + 4))
