from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from genres import card
from genres.table import GENRES
from musictool.cli._main import main
from musictool.models.info import FORMAT
from tests.model_info import model_info

AUC = {"auc": 0.7312, "interval": [0.65, 0.81], "windows": [160, 160]}
MEASURES: dict[str, Any] = {
    "samples": 20,
    "human": 18,
    "bars": 16,
    "likelihood": {
        "human": {"nats_per_note": 1.23456},
        "samples": {"nats_per_note": 1.0},
        "unigram": {"nats_per_note": 5.5},
    },
    "told_apart": {
        "samples": {
            "samples": {"1": AUC, "8": {**AUC, "auc": 0.91}},
            "halves": {"1": {"auc": 0.503, "range": [0.4, 0.6]}},
            "facts": [
                {"text": "more notes at once: 3.1 (people 2.5)", "name": "x", "samples": 1, "people": 2, "auc": 1}
            ],
        }
    },
    "copying": {"usual_run": 12, "share": {"samples": {"mean": 0.0512}, "human": {"mean": 0.0349}}},
    "pieces": {"samples": [{"copied": {"longest": 9}}, {"copied": {"longest": 21}}]},
}
CORPUS: Any = SimpleNamespace(
    files=[{"about": {"label": "open-hymnal"}, "pieces": 2}, {"about": {"label": "open-hymnal"}, "pieces": 1}],
    info={"pieces": {"all": 3, "train": 2, "validation": 1}},
)


@pytest.fixture
def folder(at_new_home: Path) -> Path:
    """A folder with what a card reads of a model."""
    folder = at_new_home / "saved_models" / "hymns"
    folder.mkdir(parents=True)
    (folder / "network.weights.h5").write_bytes(b"0" * 1_300_000)
    (folder / "history.csv").write_text("epoch,seconds\n1,90\n2,60\n")
    info: dict[str, Any] = {key: {} for key in ("conditions", "training", "weights")}
    info |= {
        "format": FORMAT,
        "arch": {"name": "lstm"},
        "encoding": {"name": "tsd"},
        "corpus": {"name": "hymns"},
        "music": {"bpm": 90, "metre": [4, 4]},
        "metrics": {"parameters": 600_000, "best_epoch": 2},
        "provenance": {"argv": ["train", "hymns", "--set", "width=8"]},
        "stages": [],
    }
    (folder / "model.json").write_text(json.dumps(model_info(**info)))
    return folder


def test_a_card_holds_what_was_measured(folder: Path):
    made = card.make("hymns", GENRES["hymns"], folder, CORPUS, MEASURES)
    assert made["data"][0]["pieces"] == 3
    assert made["data"][0]["licence"] == "public domain"
    assert made["training"]["command"] == "musictool train hymns --set width=8"
    assert (made["training"]["minutes"], made["training"]["pieces"]) == (2.5, 2)
    assert made["size"] == {"parameters": 600_000, "megabytes": 1.3}
    assert made["nats per note"] == {"hymns": 1.235, "unigram": 5.5}
    assert made["told apart"] == {
        "by 1 bar": {"auc": 0.731, "interval": [0.65, 0.81], "halves of people": 0.503},
        "by 8 bars": {"auc": 0.91, "interval": [0.65, 0.81], "halves of people": None},
    }
    assert made["given away by"] == ["more notes at once: 3.1 (people 2.5)"]
    assert made["copied"] == {
        "share": 0.051,
        "share of people": 0.035,
        "longest in sixteenths": 21,
        "longest of 95 in 100 people": 12,
    }


def test_info_prints_the_card_and_json_has_the_rest(folder: Path):
    card.write(folder, "hymns", card.make("hymns", GENRES["hymns"], folder, CORPUS, MEASURES))
    text = CliRunner().invoke(main, ["info", "hymns"]).output
    for words in ("summary: hymns in four parts", "licence: public domain", "auc: 0.731", "share of people: 0.035"):
        assert words in text
    assert "arch: lstm on tsd" in text
    values = json.loads(CliRunner().invoke(main, ["info", "hymns", "--json"]).output)
    assert values["card"]["copied"]["share"] == 0.051
    assert values["provenance"]["argv"][0] == "train"
    assert "hymns in four parts" in CliRunner().invoke(main, ["list", "models"]).output


def test_the_pages_say_the_same_in_words(folder: Path):
    card.write(folder, "hymns", card.make("hymns", GENRES["hymns"], folder, CORPUS, MEASURES))
    readme = (folder / "README.md").read_text()
    page = card.page(folder.parent)
    for words in (
        "less is better: hymns 1.235, unigram 5.500",
        "told apart by 1 bar: 0.731 (0.65 to 0.81",
        "21 sixteenths",
    ):
        assert words in readme
        assert words in page
    assert "(sample.png)" in readme
    assert "(../saved_models/hymns/sample.png)" in page
    assert "| [hymns](#hymns) | hymns in four parts | 1.3 MB | 1.235 | 0.73, 0.91 |" in page


def test_a_card_that_cannot_be_read_is_none(folder: Path):
    (folder / "card.json").write_text("{")
    assert CliRunner().invoke(main, ["info", "hymns"]).exit_code == 0
    assert json.loads(CliRunner().invoke(main, ["info", "hymns", "--json"]).output)["card"] == {}


def test_the_page_in_docs_is_made_of_the_cards_that_ship():
    assert card.PAGE.read_text(encoding="utf-8") == card.page(card.ROOT / "saved_models")
