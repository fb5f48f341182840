"""A web server on this machine, and no waiting between tries."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fetching.web import Web


@pytest.fixture
def web() -> Iterator[Web]:
    with Web().serving() as server:
        yield server


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("musictool.fetching.download.PAUSES_SECONDS", (0, 0, 0))
    monkeypatch.setattr("musictool.fetching.asking.TIMEOUT_SECONDS", 5)
    for key in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(key, raising=False)
        monkeypatch.delenv(key.upper(), raising=False)
