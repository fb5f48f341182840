"""What the page can be asked for, with a worker that composes by rule."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest
from starlette.testclient import TestClient

from musictool.errors import Busy, MusictoolError
from musictool.web import library as libraries
from musictool.web import worker as workers
from musictool.web.app import create_app
from musictool.web.events import EventStream
from musictool.web.library import Kept, Library, shown_name
from musictool.web.recipe import PieceRecipe
from musictool.web.studio import Studio
from musictool.web.worker import Queue, Worker
from tests.conftest import write_tunes
from tests.web.conftest import PROGRAM, events, play, write_model


@pytest.fixture(scope="module")
def tune(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return (write_tunes(tmp_path_factory.mktemp("tune"), 1) / "tune-00.mid").read_bytes()


def test_a_piece_is_made_once_and_comes_back_the_same(client: TestClient):
    name, piece = play(client, bars=4)[-1]
    assert name == "piece"
    assert piece["address"] == "/p/romantic/7?bars=4"
    midi = client.get("/p/romantic/7.mid?bars=4")
    assert midi.headers["content-type"] == "audio/midi"
    assert midi.content.startswith(b"MThd")
    assert [event for event, _ in play(client, bars=4)] == ["piece"]  # nothing is made again
    with TestClient(create_app(program=PROGRAM, warm=False), base_url="http://localhost") as another:
        play(another, bars=4)
        assert another.get("/p/romantic/7.mid?bars=4").content == midi.content


def test_what_is_shown_of_a_piece(client: TestClient):
    view = play(client, bars=4)[-1][1]["view"]
    assert len(view["notes"]) == 16
    assert view["bars"] == [0, 2, 4, 6]
    assert (view["seconds"], view["metre"], view["bpm"]) == (8, "4/4", 120)
    assert view["digest"] != play(client, bars=4, seed=8)[-1][1]["view"]["digest"]


def test_a_piece_is_taken_away_as_midi_sound_and_recipe(client: TestClient):
    play(client, (".wav", ".mp3"), bars=1)
    assert client.get("/p/romantic/7.mid?bars=1").content.startswith(b"MThd")
    assert client.get("/p/romantic/7.wav?bars=1").content.startswith(b"RIFF")
    sidecar = client.get("/p/romantic/7.json?bars=1").json()
    assert sidecar["model"]["folder"] == "romantic"
    assert "/somewhere" not in json.dumps(sidecar)
    ranged = client.get("/p/romantic/7.mp3?bars=1", headers={"range": "bytes=0-9"})
    assert (ranged.status_code, len(ranged.content)) == (206, 10)


@pytest.mark.slow
def test_a_piece_is_taken_away_as_notation(client: TestClient):
    play(client, (".musicxml",), bars=1)
    assert client.get("/p/romantic/7.musicxml?bars=1").content.startswith(b"<?xml")


@pytest.mark.slow
def test_lofi_is_another_sound_of_the_same_notes(client: TestClient):
    plain = play(client, (".wav",), bars=2)[-1][1]
    lofi = play(client, (".wav",), bars=2, lofi=True)[-1][1]
    assert lofi["view"]["seconds"] > plain["view"]["seconds"]
    assert client.get("/p/romantic/7.mid?bars=2&lofi=1").content == client.get("/p/romantic/7.mid?bars=2").content
    assert client.get("/p/romantic/7.wav?bars=2&lofi=1").content != client.get("/p/romantic/7.wav?bars=2").content


def test_models_are_listed_with_what_they_can_be_asked_for(page_home: Path):
    write_model(page_home, "jazz", conditions={"controls": ["density"], "column": "genre", "labels": ["Bop"]})
    write_model(page_home, "young", weights={})
    (page_home / "saved_models" / "odd").mkdir()
    (page_home / "saved_models" / "odd" / "model.json").write_text("{")
    rows = {row["name"]: row for row in libraries.models()}
    assert {"jazz", "romantic"} <= set(rows)
    assert not {"young", "odd"} & set(rows)
    assert (rows["jazz"]["density"], rows["jazz"]["labels"]) == (True, ["Bop"])


# ---- the worker ----


def test_a_process_that_dies_costs_one_job_and_is_started_again(client: TestClient):
    (name, values) = play(client, seed=667)[-1]
    assert name == "failed"
    assert "died" in values["message"]
    assert play(client, bars=1)[-1][0] == "piece"


def test_a_mistake_in_the_worker_costs_one_job(client: TestClient):
    play(client, bars=1, seed=19)
    pid = client.app.state.studio.worker.pid
    assert "KeyError" in play(client, seed=668)[-1][1]["message"]
    assert play(client, bars=1, seed=20)[-1][0] == "piece"
    assert client.app.state.studio.worker.pid == pid


async def first_event(worker: Worker, folder: Path, **values: Any) -> dict[str, Any]:
    """The first event of a job that is then left."""
    job = {"folder": str(folder), "model": "m", "forms": [], "lofi": False, "seed": 0, **values}
    events = worker.run("make", **job)
    found = await anext(events)
    await events.aclose()
    return found


ENDLESS = {"seed": 666, "bars": 1}
SHORT = {"seed": 1, "bars": 1}


def test_a_job_ends_when_its_listener_leaves_and_the_process_lives_on(at_new_home: Path):
    async def listen() -> None:
        worker = Worker(at_new_home, PROGRAM)
        await first_event(worker, at_new_home / "a", request=ENDLESS)
        pid = worker.pid
        job = worker.run("make", folder=str(at_new_home / "b"), model="m", request=SHORT, forms=[], lofi=False, seed=0)
        assert [event["event"] async for event in job][-1] == "done"
        assert worker.pid == pid
        await worker.stop()

    asyncio.run(listen())


def test_a_job_that_is_left_before_it_began_is_not_begun(at_new_home: Path):
    async def leave() -> None:
        worker = Worker(at_new_home, PROGRAM)
        job = {"folder": str(at_new_home / "a"), "model": "m", "request": SHORT, "forms": [], "lofi": False, "seed": 0}
        listening = asyncio.create_task(anext(worker.run("make", **job)))
        while worker.pid is None:
            await asyncio.sleep(0.001)
        listening.cancel()
        await asyncio.wait([listening])
        pid = worker.pid
        assert worker._ending is not None
        await worker._ending
        assert worker.pid == pid
        assert not (at_new_home / "a").exists()
        await worker.stop()

    asyncio.run(leave())


def test_a_process_that_does_not_obey_is_ended(at_new_home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workers, "GRACE_SECONDS", 0.05)
    deaf = (
        *PROGRAM[:2],
        'import sys, time; sys.stdin.readline(); print(\'{"id": 1, "event": "working"}\', flush=True); time.sleep(60)',
    )

    async def listen() -> None:
        worker = Worker(at_new_home, deaf)
        await first_event(worker, at_new_home, request=ENDLESS)
        pid = worker.pid
        assert pid is not None
        assert worker._ending is not None
        await worker._ending
        assert worker.pid is None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)

    asyncio.run(listen())


def test_a_job_that_takes_too_long_is_ended(at_new_home: Path):
    async def listen() -> None:
        worker = Worker(at_new_home, PROGRAM)
        job = {
            "folder": str(at_new_home / "a"),
            "model": "m",
            "request": ENDLESS,
            "forms": [],
            "lofi": False,
            "seed": 0,
        }
        with pytest.raises(MusictoolError, match="ended"):
            async for _ in worker.run("make", 0.6, **job):
                pass
        await worker.stop()

    asyncio.run(listen())


def test_a_process_that_has_grown_too_large_is_replaced(at_new_home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(workers, "MOST_RESIDENT_BYTES", 1)

    async def listen() -> None:
        worker = Worker(at_new_home, PROGRAM)
        job = {"folder": str(at_new_home / "a"), "model": "m", "request": SHORT, "forms": [], "lofi": False, "seed": 0}
        async for _ in worker.run("make", **job):
            pass
        assert worker.pid is None

    asyncio.run(listen())


def test_the_process_ends_with_its_parent(at_new_home: Path):
    async def leave() -> int:
        worker = Worker(at_new_home, PROGRAM)
        await first_event(worker, at_new_home / "a", request=ENDLESS)
        assert worker._process is not None
        assert worker._process.stdin is not None
        worker._process.stdin.close()
        return await asyncio.wait_for(worker._process.wait(), 10)

    assert asyncio.run(leave()) == 0


def test_the_queue_has_three_places_and_keeps_their_order():
    async def crowd() -> list[int]:
        queue, done = Queue(3), []

        async def visit(number: int) -> None:
            async with queue.place(), queue.turn():
                await asyncio.sleep(0.001)
                done.append(number)

        visits = [asyncio.create_task(visit(number)) for number in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await visit(3)
        await asyncio.gather(*visits)
        await visit(4)
        return done

    assert asyncio.run(crowd()) == [0, 1, 2, 4]


def test_a_stream_closes_its_events_when_the_listener_leaves():
    closed = []

    async def endless() -> Any:
        try:
            while True:
                yield {"event": "working"}
                await asyncio.sleep(0.001)
        finally:
            closed.append(True)

    async def listen() -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(0.02)
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        with anyio.fail_after(5):
            await EventStream(endless())({"type": "http"}, receive, send)  # type: ignore[arg-type]
        return sent

    sent = asyncio.run(listen())
    assert closed == [True]
    assert sent[1]["body"] == b"event: working\ndata: {}\n\n"


# ---- music that is dropped ----


def take_in(client: TestClient, name: str, data: bytes) -> Any:
    return client.post("/api/uploads", params={"name": name}, content=data)


def test_a_dropped_piece_is_understood_and_continued(client: TestClient, tune: bytes):
    answer = take_in(client, "my tune.MID", tune).json()
    assert answer["name"] == "my tune.MID"
    assert answer["understood"][0] == "24 notes in 3 bars, 0:06"
    assert "Piano: 24 notes" in answer["understood"][2]
    piece = play(client, bars=2, primer=answer["upload"])[-1][1]
    assert "--primer 'my tune.MID' --keep-primer" in piece["command"]
    assert piece["view"]["primer_seconds"] == 6
    sidecar = client.get(f"/p/romantic/7.json?bars=2&primer={answer['upload']}").json()
    assert sidecar["request"]["primer"] == "my tune.MID"


def test_a_dropped_file_is_kept_as_notes_only_and_under_random_digits(client: TestClient, tune: bytes):
    answer = take_in(client, "../../evil.mid", tune).json()
    assert answer["name"] == "evil.mid"
    uploads = client.app.state.studio.library.uploads
    assert [path.name for path in (uploads / answer["upload"]).iterdir()] == ["piece.mid"]
    assert all(re.fullmatch("[0-9a-f]{32}", path.name) for path in uploads.iterdir())


@pytest.mark.parametrize(
    "name, data, words",
    [
        ("x.mid", b"no music", "MIDI"),
        ("x.mid", b"", "empty"),
        ("x.exe", b"MZ", "readable are"),
        ("", b"", "readable are"),
        ("x.musicxml", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", "MusicXML"),
    ],
)
def test_what_cannot_be_read_is_said_and_leaves_nothing(client: TestClient, name: str, data: bytes, words: str):
    uploads = client.app.state.studio.library.uploads
    before = sorted(uploads.iterdir())
    answer = take_in(client, name, data)
    assert answer.status_code == 400
    assert words in answer.json()["message"]
    assert "/tmp" not in answer.json()["message"]
    assert "root:" not in answer.json()["message"]
    assert sorted(uploads.iterdir()) == before


def test_a_piece_is_gone_on_from_and_heard(client: TestClient):
    play(client, bars=1)
    music = client.post("/api/continued", json={"recipe": {"model": "romantic", "seed": 7, "bars": 1}}).json()
    assert music["name"] == "romantic-7.mid"
    assert play(client, bars=1, primer=music["upload"])[-1][0] == "piece"
    assert client.get(f"/u/{music['upload']}.wav").status_code == 404
    answer = client.post("/api/hear", json={"upload": music["upload"], "forms": [".wav"]})
    assert "event: piece" in answer.text
    assert client.get(f"/u/{music['upload']}.wav").content.startswith(b"RIFF")
    assert client.post("/api/continued", json={"recipe": {"model": "romantic", "seed": 99}}).status_code == 400


def test_the_oldest_upload_goes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(libraries, "MOST_UPLOADS", 2)
    library = Library(tmp_path)
    ids = [library.add_upload(f"{number}.mid", "").id for number in range(3)]
    with pytest.raises(MusictoolError, match="drop it again"):
        library.upload(ids[0])
    assert sorted(path.name for path in library.uploads.iterdir()) == sorted(ids[1:])


@pytest.mark.parametrize(
    "given, shown",
    [("a/b\\c.mid", "c.mid"), ("", "music.mid"), ("..", "music.mid"), ("a\0b\n.mid", "ab.mid"), ("x" * 200, "x" * 80)],
)
def test_names_are_for_showing(given: str, shown: str):
    assert shown_name(given) == shown


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"name": "../x"}, "cannot be the name"),
        ({"name": "romantic"}, "already"),
        ({"minutes": 0}, "0 minutes"),
        ({"minutes": 10_000}, "10000 minutes"),
        ({"uploads": []}, "no music"),
        ({"uploads": ["0" * 32]}, "no longer here"),
        ({"model": "nobody"}, "unknown model"),
    ],
)
def test_a_lesson_that_cannot_be_is_refused(client: TestClient, tune: bytes, changes: dict[str, Any], words: str):
    upload = take_in(client, "x.mid", tune).json()["upload"] if "model" in changes or "name" in changes else ""
    if "minutes" in changes:
        upload = client.app.state.studio.library.add_music("x", tune).id
    lesson = {"uploads": [upload], "name": "mine", "model": "romantic", "minutes": 1, **changes}
    answer = client.post("/api/lessons", json=lesson)
    assert words in answer.text


# ---- what is kept, and what is not ----


def test_a_piece_is_kept_and_forgotten(client: TestClient):
    recipe = {"model": "romantic", "seed": 17, "bars": 2}
    folder = client.app.state.studio.kept.folder
    assert client.post("/api/kept", json={"recipe": recipe}).status_code == 400  # it is not made
    play(client, bars=2, seed=17)
    file = client.post("/api/kept", json={"recipe": recipe}).json()["file"]
    kept = client.get("/api/kept").json()
    assert kept["pieces"][0]["recipe"] == recipe
    assert (folder / file).read_bytes() == client.get("/p/romantic/17.mid?bars=2").content
    client.post("/api/forget", json={"recipe": recipe})
    assert client.get("/api/kept").json()["pieces"] == []
    assert not [*folder.iterdir()]


def test_a_kept_continuation_can_be_played_by_another_server(page_home: Path, tmp_path: Path, tune: bytes):
    library = Library(tmp_path / "one")
    upload = library.add_music("mine.mid", tune)
    recipe = PieceRecipe(model="romantic", seed=1, primer=upload.id)
    Kept().keep(recipe, tune, {}, "", upload)
    other = Library(tmp_path / "two")
    Kept().bring_primers(other)
    assert other.upload(upload.id).path.read_bytes() == tune
    assert other.upload(upload.id).name == "mine.mid"


def test_there_is_an_end_to_keeping(page_home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(libraries, "MOST_KEPT", 1)
    Kept().keep(PieceRecipe(model="romantic", seed=1), b"", {}, "")
    with pytest.raises(MusictoolError, match="are kept already"):
        Kept().keep(PieceRecipe(model="romantic", seed=2), b"", {}, "")


def test_the_pieces_that_were_played_longest_ago_are_swept_away(page_home: Path, tmp_path: Path):
    library = Library(tmp_path, most_bytes=2500)
    for seed, age in ((1, 900), (2, 300), (3, 600), (4, 0)):
        folder = library.folder_of(PieceRecipe(model="romantic", seed=seed))
        folder.mkdir()
        (folder / "piece.mid").write_bytes(bytes(1000))
        os.utime(folder, (time.time() - age,) * 2)
    library.sweep()
    left = [seed for seed in (1, 2, 3, 4) if library.folder_of(PieceRecipe(model="romantic", seed=seed)).exists()]
    assert left == [2, 4]


def test_a_file_that_is_renamed_during_a_sweep_is_nothing_to_fall_over(page_home: Path, tmp_path: Path):
    library = Library(tmp_path, most_bytes=0)
    folder = library.folder_of(PieceRecipe(model="romantic", seed=1))
    folder.mkdir()
    (folder / ".piece.partial.wav").symlink_to(folder / "gone")  # what it is at the moment of looking
    library.sweep()
    assert folder.exists()


# ---- with a trained model ----


@pytest.fixture
def real_client(at_tiny_home: Path) -> Iterator[TestClient]:
    with TestClient(create_app(warm=False), base_url="http://127.0.0.1:8765") as client:
        yield client


@pytest.mark.slow
def test_the_command_on_the_page_makes_the_same_bytes(real_client: TestClient, tmp_path: Path, tune: bytes):
    (tmp_path / "mine.mid").write_bytes(tune)
    upload = take_in(real_client, "mine.mid", tune).json()["upload"]
    for changes in ({"key": "A minor", "temperature": 1.2}, {"notes": "C4 E4 G4"}, {"primer": upload}):
        recipe = {"model": "tunes-lstm", "seed": 5, "bars": 4, **changes}
        answer = real_client.post("/api/pieces", json={"recipe": recipe, "forms": []})
        (name, piece) = events(answer.text)[-1]
        assert name == "piece", answer.text
        page = real_client.get("{}.mid?{}".format(*piece["address"].split("?"))).content
        words = shlex.split(piece["command"])
        done = subprocess.run([sys.executable, "-m", *words], cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "tunes-lstm-5.mid").read_bytes() == page
        # and so does the recipe that is taken away
        sidecar = real_client.get("{}.json?{}".format(*piece["address"].split("?"))).content
        (tmp_path / "taken.json").write_bytes(sidecar)
        again = [sys.executable, "-m", "musictool", "sample", "--like", "taken.json", "--out", "again.mid"]
        assert subprocess.run(again, cwd=tmp_path, capture_output=True).returncode == 0
        assert (tmp_path / "again.mid").read_bytes() == page


@pytest.mark.slow
def test_a_model_learns_what_was_dropped_and_plays_it(real_client: TestClient, tunes: Path, at_tiny_home: Path):
    uploads = [take_in(real_client, path.name, path.read_bytes()).json()["upload"] for path in sorted(tunes.iterdir())]
    lesson = {"uploads": uploads, "name": "mine", "model": "tunes-lstm", "minutes": 0.7}
    try:
        told = events(real_client.post("/api/lessons", json=lesson).text)
        assert told[-1] == ("learnt", {"model": "mine"})
        epochs = [values for _, values in told if values.get("what") == "epoch"]
        assert {"epoch", "loss", "val_loss"} <= set(epochs[0])
        samples = [values["upload"] for name, values in told if name == "sample"]
        heard = real_client.post("/api/hear", json={"upload": samples[0], "forms": [".wav"]})
        assert "event: piece" in heard.text
        answer = real_client.post("/api/pieces", json={"recipe": {"model": "mine", "seed": 1, "bars": 2}, "forms": []})
        assert events(answer.text)[-1][0] == "piece"
    finally:
        for folder in ("saved_models", "corpora"):
            shutil.rmtree(at_tiny_home / folder / "mine", ignore_errors=True)


@pytest.mark.slow
def test_a_lesson_whose_listener_leaves_ends_and_keeps_what_is_learnt(at_tiny_home: Path, tunes: Path, tmp_path: Path):
    async def learn() -> None:
        studio = Studio(tmp_path)
        uploads = [studio.library.add_music(path.name, path.read_bytes()).id for path in sorted(tunes.iterdir())]
        lesson = studio.fine_tune(uploads, "stopped", "tunes-lstm", 5)
        epochs = 0
        async for event in lesson:
            epochs += event.get("what") == "epoch"
            if epochs and event.get("what") == "learning":
                break
        await lesson.aclose()
        assert studio.trainer._ending is not None
        await studio.trainer._ending
        assert studio.trainer.pid is None
        await studio.close()

    try:
        asyncio.run(learn())
        assert "stopped" in [model["name"] for model in libraries.models()]
    finally:
        for folder in ("saved_models", "corpora"):
            shutil.rmtree(at_tiny_home / folder / "stopped", ignore_errors=True)


@pytest.mark.slow
def test_a_blind_trial_is_made_of_people_and_markov(real_client: TestClient):
    rater = real_client.post("/api/test", json={}).json()["rater"]
    trial = {"rater": rater, "mode": "person", "corpus": "tunes", "form": ".wav"}
    for _ in range(2):
        (name, values) = events(real_client.post("/api/trials", json=trial).text)[-1]
        assert name == "trial", values
        for address in values["sides"]:
            assert real_client.get(address).content.startswith(b"RIFF")
    sources = {each.source for each in real_client.app.state.studio.test._excerpts.values()}
    assert "people" in sources
    assert len(sources) > 1
