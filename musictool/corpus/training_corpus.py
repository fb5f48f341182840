"""The corpus that a model has learnt, found again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from musictool import home
from musictool.corpus.corpus import Corpus
from musictool.errors import BadCorpus


def corpus_of(info: Mapping[str, Any], name: str) -> Corpus:
    """What the run called `name` learns. Raises BadCorpus if it is gone or another one now."""
    corpus = Corpus.open(_corpus_folder(info)).select(info["training"]["options"].get("where", ()))
    if corpus.fingerprint != info["corpus"]["fingerprint"]:
        raise BadCorpus(
            f"the corpus {corpus.name} has changed since the run {name} began; begin a new run on it: "
            f"musictool train {corpus.name} --no-resume"
        )
    return corpus


def _corpus_folder(info: Mapping[str, Any]) -> Path:
    """Where the corpus of a run lies now: where it was, or under its name in this home."""
    folder = Path(info["corpus"]["folder"])
    for place in (folder, home.corpora_folder() / info["corpus"]["name"]):
        if (place / home.CORPUS_MARKER).exists():
            return place
    if not folder.is_absolute():
        raise BadCorpus(f"the corpus {info['corpus']['name']}, which this model has learnt, does not come with it")
    raise BadCorpus(
        f"the corpus {info['corpus']['name']} that this run learns is gone from {folder.parent}; prepare it again"
    )
