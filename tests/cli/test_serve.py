"""musictool serve and evaluate --listening as they are typed."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from musictool.cli._main import main
from musictool.metrics.listening import Vote
from tests.test_imports import loaded_after
from tests.web.conftest import write_model


def test_the_page_is_up_soon_and_its_process_knows_no_tensorflow(at_new_home: Path):
    write_model(at_new_home, "romantic")
    code = """
import threading, time, urllib.request, json
from musictool.cli._main import main
from musictool.web import server
def run(self, sockets):
    import asyncio
    from starlette.testclient import TestClient
    from musictool.web.app import create_app
    with TestClient(create_app(warm=False), base_url="http://localhost") as client:
        assert client.get("/").status_code == 200
        assert "romantic" in [model["name"] for model in client.get("/api/models").json()]
        assert "models" in client.get("/api/editors").json()
        assert client.post("/api/pieces", json={"recipe": {"model": "nobody"}}).status_code == 200
        assert client.post("/api/uploads?name=x.mid", content=b"none").status_code == 400
server.uvicorn.Server.run = run
main(["serve", "--port", "0"], standalone_mode=False)
"""
    assert not loaded_after(code, at_new_home) & {"tensorflow", "keras", "music21", "matplotlib"}


@pytest.mark.slow
def test_the_address_is_printed_and_answers(at_new_home: Path):
    write_model(at_new_home, "romantic")
    program = [sys.executable, "-m", "musictool", "serve", "--port", "0"]
    began = time.monotonic()
    with subprocess.Popen(program, cwd=at_new_home, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = process.stdout.readline().split()[0]
            assert address.startswith("http://127.0.0.1:")
            assert "token" not in address
            with urllib.request.urlopen(address, timeout=10) as answer:
                assert answer.status == 200
            assert time.monotonic() - began < 10
        finally:
            process.terminate()


def test_beyond_this_machine_a_token_is_printed_once(monkeypatch: pytest.MonkeyPatch, at_new_home: Path):
    from musictool.web import server

    monkeypatch.setattr(server.uvicorn.Server, "run", lambda self, sockets: [each.close() for each in sockets])
    output = CliRunner().invoke(main, ["serve", "--host", "0.0.0.0", "--port", "0", "--listen"]).output
    assert output.count("/listen?token=") == 1
    assert "//0.0.0.0" not in output  # nobody reaches it by that name
    assert len(output.split("?token=")[1].split()[0]) >= 22


def test_a_port_that_is_taken_is_said_in_a_line(at_new_home: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = CliRunner().invoke(main, ["serve", "--port", str(taken.getsockname()[1])])
    assert result.exit_code == 2
    assert "choose another --port" in result.output
    assert result.output.count("\n") == 1


def test_without_its_libraries_the_page_says_how_to_get_them(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "musictool.web.server", None)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    result = CliRunner().invoke(main, ["serve"])
    assert result.exit_code == 1
    assert "pip install 'musictool[web]'" in result.output


def votes(path: Path) -> Path:
    sources = ("people", "model:romantic")
    rows = [
        Vote(f"t{i}", f"r{i % 3}", "person", sources, (f"a{i}", f"b{i}"), -1 if i < 15 else 1).to_json()
        for i in range(20)
    ]
    rows += [Vote(f"u{i}", "r1", "prefer", sources, (f"a{i}", f"b{i}"), i % 3 - 1).to_json() for i in range(9)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_votes_are_evaluated(tmp_path: Path):
    output = CliRunner().invoke(main, ["evaluate", "--listening", str(votes(tmp_path / "votes.jsonl"))]).output
    assert "29 answers of 3 listeners" in output
    assert "15 of 20 right (guessing alone does as well with p = 0.021" in output
    assert "prove little" in output
    assert "model:romantic  3    3     3" in output


def test_votes_are_evaluated_as_json_by_the_seed(tmp_path: Path):
    line = ["evaluate", "--json", "--seed", "4", "--listening", str(votes(tmp_path / "votes.jsonl"))]
    first, second = (json.loads(CliRunner().invoke(main, line).output) for _ in range(2))
    assert first == second
    assert first["guesses"]["all"]["right"] == 15


def test_votes_are_evaluated_alone(tmp_path: Path):
    result = CliRunner().invoke(main, ["evaluate", "romantic", "--listening", str(tmp_path / "votes.jsonl")])
    assert result.exit_code == 2
    assert "leave out MODEL" in result.output
