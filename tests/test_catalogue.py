from __future__ import annotations

from dataclasses import fields

import pytest

from musictool.catalogue import default_encoding, entries
from musictool.registry import ARCHS, ENCODINGS, Registry

EVERY = [(registry, entry) for registry in (ENCODINGS, ARCHS) for entry in entries(registry)]


@pytest.mark.parametrize("registry, entry", EVERY, ids=[entry.name for _, entry in EVERY])
def test_what_a_file_says_of_itself_is_what_its_class_has(registry: Registry, entry):
    options = fields(registry.get(entry.name).Options)
    assert [setting.partition("=")[0] for setting, _ in entry.settings] == [option.name for option in options]
    assert [meaning for _, meaning in entry.settings] == [option.metadata["help"] for option in options]
    assert entry.summary
    assert not entry.summary.endswith(".")


@pytest.mark.parametrize("arch", ARCHS.names())
def test_the_usual_encoding_is_that_of_the_class_and_of_its_kind(arch: str):
    assert default_encoding(arch) == ARCHS.get(arch).DEFAULT_ENCODING
    assert ENCODINGS.get(default_encoding(arch)).kind == ARCHS.get(arch).kind
