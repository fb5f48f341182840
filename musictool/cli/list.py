"""musictool list: what there is to choose from."""

from __future__ import annotations

from collections.abc import Callable
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
    return _made(home.corpora_folder(), home.CORPUS_MARKER) + rows + _public()


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
            }
        )
    return rows


def _models() -> list[dict[str, Any]]:
    from musictool import home

    return _made(home.models_folder(), home.MODEL_MARKER)


def _made(folder: Any, marker: str) -> list[dict[str, Any]]:
    from musictool import home
    from musictool.apps.describe import headline

    return [
        {"name": name, "summary": headline(folder / name), "where": str(folder / name)}
        for name in home.names(folder, marker)
    ]


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


DETAILS = ("licence", "where", "page", "address", "size", "sha256", "source", "wants", "prepare", "train")

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

    Corpora are built in, prepared or public. Under each arch and encoding stand the options that --set and
    --encoding-set take, with their defaults; under each recipe the corpus that it wants. --json says what a recipe
    fixes, and what of its original it does not reproduce.
    """
    rows = LISTS[what]()
    if as_json:
        _output.say_json(rows)
        return
    if not rows:
        _output.say(f"no {what} yet")
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        _output.say(f"{row['name']:{width}}  {row['summary']}")
        details: list[tuple[str, ...]] = list(row.get("settings", {}).items())
        details += [(key, row[key]) for key in DETAILS if row.get(key)]
        _output.table(details, indent=" " * (width + 4))
