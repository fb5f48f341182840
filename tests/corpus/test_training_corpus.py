from __future__ import annotations

from pathlib import Path

import pytest

from musictool.corpus.training_corpus import corpus_of
from musictool.errors import BadCorpus


def info(folder: str) -> dict[str, object]:
    return {"corpus": {"name": "tunes", "folder": folder, "fingerprint": "0"}, "training": {"options": {"where": ()}}}


def test_a_corpus_that_is_gone_is_to_be_prepared_again(at_new_home: Path):
    with pytest.raises(BadCorpus, match="is gone from /elsewhere/corpora; prepare it again"):
        corpus_of(info("/elsewhere/corpora/tunes"), "run")


def test_the_corpus_of_a_model_that_was_given_away_is_not_missed_where_another_will_do(at_new_home: Path):
    with pytest.raises(BadCorpus, match="does not come with it"):
        corpus_of(info("corpora/tunes"), "run")
