"""A page whose worker process composes by rule instead of by a network, so that tests take no TensorFlow."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from musictool.atomic import write_json
from musictool.home import MODEL_MARKER
from musictool.web.app import create_app
from tests.model_info import model_info

START = "import sys, json; sys.path[:] = json.loads(sys.argv[1]); from tests.web import rule_worker; rule_worker.run()"
PROGRAM = (sys.executable, "-c", START, json.dumps([str(Path(__file__).parents[2]), *sys.path]))


def write_model(home: Path, name: str, **changes: Any) -> None:
    """A model folder as far as the page reads it."""
    info = {
        "arch": {"name": "lstm"},
        "encoding": {"name": "note-chord"},
        "spec": {"kind": "tokens", "shape": [], "size": 9},
        "music": {"bpm": 90.0, "metre": [3, 4]},
        "metrics": {"val_loss": 1.5},
        "weights": {"network.weights.h5": "0"},
        **changes,
    }
    write_json(home / "saved_models" / name / MODEL_MARKER, model_info(**info))


@pytest.fixture
def page_home(at_new_home: Path) -> Path:
    """A home with a model called romantic."""
    write_model(at_new_home, "romantic")
    return at_new_home


@pytest.fixture(scope="module")
def shared_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A page and its worker for a file of tests: starting one takes a while."""
    home = tmp_path_factory.mktemp("page")
    write_model(home, "romantic")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MUSICTOOL_HOME", str(home))
        app = create_app(program=PROGRAM, warm=False)
        with TestClient(app, base_url="http://127.0.0.1:8765") as client:
            yield client


@pytest.fixture
def client(shared_client: TestClient, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """A browser on this machine; pieces and uploads of earlier tests are still there."""
    monkeypatch.setenv("MUSICTOOL_HOME", str(shared_client.app.state.studio.kept.folder.parent))  # type: ignore[attr-defined]
    return shared_client


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    """The events of a stream: name and values."""
    found = [part.split("\n") for part in text.strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in found]


def play(client: TestClient, forms: tuple[str, ...] = (), **recipe: Any) -> list[tuple[str, dict[str, Any]]]:
    """The events of a piece."""
    body = {"recipe": {"model": "romantic", "seed": 7, **recipe}, "forms": forms}
    response = client.post("/api/pieces", json=body)
    assert response.status_code == 200, response.text
    return events(response.text)
