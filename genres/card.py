"""The model card: what a model that ships has learnt, what may be done with it, and how good it is, as measured.

Everything comes from the table of genres (data and licences), from the model and from what `musictool evaluate --json`
said of it; nothing is written by hand. card.json is what `musictool info` prints, README.md the same for people, and
docs/models.md all of them on one page.
"""

from __future__ import annotations

import csv
import json
import shlex
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from genres.table import GENRES, Genre
from musictool.corpus.corpus import Corpus
from musictool.fetching.public import COLLECTIONS
from musictool.home import MODEL_CARD
from musictool.models.info import read_info

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "models.md"
TOLD_BARS = ("1", "8")


def make(name: str, genre: Genre, folder: Path, corpus: Corpus, measures: Mapping[str, Any]) -> dict[str, Any]:
    """The card of a model.

    Args:
        folder: of the model as it ships.
        corpus: what it has learnt.
        measures: what `musictool evaluate --json` printed about it.
    """
    info = read_info(folder)
    pieces = Counter(file["about"]["label"] for file in corpus.files for _ in range(file["pieces"]))
    return {
        "summary": genre.summary,
        "data": [
            {
                "collection": each.collection,
                "what": each.what,
                "pieces": pieces[each.collection],
                "licence": each.licence,
                "credit": each.credit,
                "page": COLLECTIONS[each.collection].page if each.collection in COLLECTIONS else "",
            }
            for each in genre.data
        ],
        "may": genre.may,
        "training": {
            "command": " ".join(["musictool", *map(shlex.quote, info["provenance"]["argv"])]),
            "minutes": minutes(folder),
            "epochs": info["metrics"].get("best_epoch"),
            "pieces": corpus.info["pieces"]["train"],
            "begun as": genre.parent,
        },
        "size": {
            "parameters": info["metrics"]["parameters"],
            "megabytes": round(sum(path.stat().st_size for path in folder.glob("*.h5")) / 1e6, 1),
        },
        "nats per note": {
            (name if who == "human" else who): round(likelihood["nats_per_note"], 3)
            for who, likelihood in measures["likelihood"].items()
            if who != "samples"
        },
        "told apart": _told_apart(measures.get("told_apart", {}).get("samples")),
        "given away by": [fact["text"] for fact in measures.get("told_apart", {}).get("samples", {}).get("facts", [])],
        "copied": _copied(measures),
        "measured": f"{measures['samples']} pieces of {measures['bars']} bars, at temperature {genre.temperature:g}, "
        f"beside {measures['human']} pieces of people that were held out; of these are the nats, too",
    }


def minutes(folder: Path) -> float:
    """How long a model was trained, from its history."""
    with open(folder / "history.csv", encoding="utf-8") as file:
        return round(sum(float(row["seconds"]) for row in csv.DictReader(file)) / 60, 1)


def _told_apart(samples: Mapping[str, Any] | None) -> dict[str, Any]:
    """By windows of how many bars: how surely, its interval, and how surely halves of people's pieces are."""
    if not samples:
        return {}
    return {
        f"by {bars} bar{'s' * (bars != '1')}": {
            "auc": round(samples["samples"][bars]["auc"], 3),
            "interval": [round(each, 2) for each in samples["samples"][bars]["interval"]],
            "halves of people": None if bars not in samples["halves"] else round(samples["halves"][bars]["auc"], 3),
        }
        for bars in TOLD_BARS
        if bars in samples["samples"]
    }


def _copied(measures: Mapping[str, Any]) -> dict[str, Any]:
    """Means over pieces of what stands in the training pieces, and the longest of all."""
    copying = measures["copying"]
    longest = max((piece["copied"]["longest"] for piece in measures["pieces"]["samples"]), default=0)
    return {
        "share": round(copying["share"]["samples"]["mean"], 3),
        "share of people": round(copying["share"]["human"]["mean"], 3),
        "longest in sixteenths": longest,
        "longest of 95 in 100 people": copying["usual_run"],
    }


def write(folder: Path, name: str, card: Mapping[str, Any]) -> None:
    """Put card.json and README.md into a model's folder."""
    (folder / MODEL_CARD).write_text(json.dumps(card, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "README.md").write_text(f"# {name}\n\n{text(name, card, '')}", encoding="utf-8")


def page(shipped: Path) -> str:
    """docs/models.md, from the cards of the models in a folder."""
    cards = {
        name: json.loads((shipped / name / MODEL_CARD).read_text(encoding="utf-8"))
        for name in GENRES
        if (shipped / name / MODEL_CARD).is_file()
    }
    head = (ROOT / "genres" / "models_head.md").read_text(encoding="utf-8")
    rows = []
    for name, card in cards.items():
        size, nats = card["size"]["megabytes"], card["nats per note"].get(name)
        scored = f"{nats:.3f}" if nats else ""  # not of an arch that fills in
        rows.append(f"| [{name}](#{name}) | {card['summary']} | {size} MB | {scored} | {_by(card)} |")
    table = [
        "| model | learnt from | size | nats per note | told apart by one bar, by eight |",
        "|---|---|---|---|---|",
        *rows,
    ]
    sections = [f"## {name}\n\n{text(name, card, f'../saved_models/{name}/')}" for name, card in cards.items()]
    return "\n\n".join([head.strip(), "\n".join(table), *(section.strip() for section in sections)]) + "\n"


def _by(card: Mapping[str, Any]) -> str:
    return ", ".join(f"{value['auc']:.2f}" for value in card["told apart"].values()) or "too few pieces"


def text(name: str, card: Mapping[str, Any], files: str) -> str:
    """A card in words.

    Args:
        files: where its picture and its sample lie, as the beginning of a link.
    """
    training, copied, size = card["training"], card["copied"], card["size"]
    data = "\n".join(
        f"| {each['what']} | {each['pieces']:,} | {each['licence']} | {each['credit']} | {each['page']} |"
        for each in card["data"]
    )
    nats = ", ".join(f"{who} {value:.3f}" for who, value in card["nats per note"].items())
    aucs = [
        f"told apart {how}: {value['auc']:.3f} ({value['interval'][0]:.2f} to {value['interval'][1]:.2f}; 0.5 is by "
        "guessing, 1 always)"
        + ("" if value["halves of people"] is None else f"; halves of people's pieces: {value['halves of people']:.3f}")
        for how, value in card["told apart"].items()
    ]
    faults = [f"gives itself away: {fact}" for fact in card["given away by"]]
    copies = (
        f"copied from what it learnt: {copied['share']:.1%} of what it writes, and of people's pieces "
        f"{copied['share of people']:.1%}; at most {copied['longest in sixteenths']} sixteenths in a row, where 95 of "
        f"100 people's pieces stay within {copied['longest of 95 in 100 people']}"
    )
    begun = f", begun as {training['begun as']}" if training["begun as"] else ""
    scored = [f"nats per note of held-out pieces, less is better: {nats}"] if nats else []
    lines = [*scored, *aucs, copies, *faults]
    measured = "\n".join(f"- {line}" for line in lines)
    return f"""{card["summary"][:1].upper()}{card["summary"][1:]}.

    musictool sample {name} --out song.mid

![A piece that it wrote]({files}sample.png)

The first piece that it was asked for: [sample.mid]({files}sample.mid).

**What may be done with it.** {card["may"]}

| it has learnt | pieces | licence | to be named | from |
|---|---|---|---|---|
{data}

**Training.** {training["pieces"]:,} pieces for {training["minutes"]:g} minutes{begun}; {size["parameters"]:,}
parameters, {size["megabytes"]} MB.

    {training["command"]}

**Measured.** {card["measured"][:1].upper()}{card["measured"][1:]}.

{measured}
"""


if __name__ == "__main__":  # python -m genres.card: the page anew, from the cards that ship
    PAGE.write_text(page(ROOT / "saved_models"), encoding="utf-8")
