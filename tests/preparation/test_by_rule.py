from __future__ import annotations

import dataclasses

from musictool.preparation import sources
from musictool.preparation.by_rule import write_by_rule
from musictool.preparation.prepare import prepare


def some(count: int) -> sources.Source:
    source = sources.find("minimalist")
    return dataclasses.replace(source, files=source.files[:: len(source.files) // count])


def test_a_corpus_that_is_written_by_rule_is_prepared_as_any_other(at_new_home):
    source = some(4)
    corpus = prepare(source, workers=1, encode=False).corpus
    assert len(corpus) == len(source.files)
    assert corpus.info["licence"].startswith("CC0")
    assert corpus.files[0]["about"]["label"] == source.files[0].split("/")[0]
    assert prepare(source, workers=1, encode=False).fresh == 0


def test_files_are_written_once_and_anew_when_one_is_gone_or_the_rule_is_another(at_new_home):
    source, counts = some(2), []
    for action in ("", "", "remove", "change"):
        if action == "remove":
            (source.root / source.files[0]).unlink()
        if action == "change":
            (source.root.parent / "rule.sha256").write_text("another")
        calls = []
        write_by_rule(source, lambda done, total, calls=calls: calls.append((done, total)))
        counts.append(len(calls))
    assert counts == [len(source.files), 0, len(source.files), len(source.files)]
