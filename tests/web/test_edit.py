"""Writing in the middle of a piece by the page, with a worker that composes by rule; and once with a model."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from musictool.cli._main import main
from musictool.errors import BadModel, BadOption, MusictoolError, UnknownName
from musictool.music.score import Score
from musictool.reading import read_named
from musictool.web import edit as edits
from musictool.web import jobs
from musictool.web.edit import Edit, drawn_melody, editors
from musictool.web.library import Library, Upload
from musictool.web.studio import Studio
from musictool.writing import write
from tests.conftest import write_tunes
from tests.generation import voices_model
from tests.web.conftest import PROGRAM, events, play, write_model


@pytest.fixture(scope="module")
def upload(shared_client: TestClient, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tune that was dropped on the page."""
    tune = write_tunes(tmp_path_factory.mktemp("tune"), 1) / "tune-00.mid"
    answer = shared_client.post("/api/uploads", params={"name": "my tune.mid"}, content=tune.read_bytes())
    return str(answer.json()["upload"])


def infill(client: TestClient, upload: str, **edit: Any) -> tuple[str, dict[str, Any]]:
    """The last event of a take."""
    body = {"upload": upload, "edit": {"model": "romantic", "seed": 7, **edit}, "form": ".wav"}
    response = client.post("/api/infill", json=body)
    return events(response.text)[-1] if response.status_code == 200 else ("refused", response.json())


def hear(client: TestClient, upload: str, *forms: str, **body: Any) -> dict[str, Any]:
    response = client.post("/api/hear", json={"upload": upload, "forms": forms, **body})
    (name, piece) = events(response.text)[-1]
    assert name == "piece", piece
    return piece


# ---- who can ----


def test_models_that_fill_in_are_listed_the_own_ones_first(page_home: Path, monkeypatch: pytest.MonkeyPatch):
    write_model(page_home, "mine", arch={"name": "coconet"})
    rows = [{"name": "theirs", "arch": "coconet", "ships": True}, *edits.models()]
    monkeypatch.setattr(edits, "models", lambda: rows)
    assert editors()[:1] == ["mine"]
    assert editors()[1] == "theirs"
    assert "romantic" not in editors()


def test_where_none_does_a_line_says_what_to_do(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(edits, "models", list)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("musictool.generation.infill.shipped_models", dict)
        with pytest.raises(BadModel):
            editors()
        answer = client.get("/api/editors").json()
    assert answer["models"] == []
    assert "musictool train --arch coconet" in answer["message"]
    assert "\n" not in answer["message"]


# ---- takes ----


def test_a_take_is_music_of_its_own_and_the_piece_stays(client: TestClient, upload: str):
    before = hear(client, upload)
    (name, take) = infill(client, upload, bars="2", lock="1,5")
    assert name == "piece", take
    assert take["upload"] != upload
    assert take["name"] == "my tune-7.mid"
    assert client.get(f"/u/{take['upload']}.wav").content.startswith(b"RIFF")
    old, new = ([note[2] for note in each["view"]["notes"]] for each in (before, take))
    assert [b - a for a, b in zip(old, new, strict=True)] == [int(i % 2 == 0 and i not in (0, 4)) for i in range(24)]
    assert hear(client, upload)["view"] == before["view"]


def test_a_take_is_taken_away_with_its_recipe_and_command(client: TestClient, upload: str):
    take = infill(client, upload, bars="2-3", tracks="1", keep_rhythm=True, temperature=0.8)[1]
    words = "--model romantic --bars 2-3 --tracks 1 --keep-rhythm --temperature 0.8 --seed 7 --out 'my tune-7.mid'"
    assert take["command"] == f"musictool infill 'my tune.mid' {words}"
    hear(client, take["upload"], ".mp3", ".json")
    assert client.get(f"/u/{take['upload']}.mid").content.startswith(b"MThd")
    assert client.get(f"/u/{take['upload']}.mp3").status_code == 200
    recipe = client.get(f"/u/{take['upload']}.json").json()
    assert recipe["request"]["file"] == "my tune.mid"
    assert recipe["model"]["folder"] == "romantic"
    assert "/tmp" not in json.dumps(recipe)
    assert client.get(f"/u/{take['upload']}.exe").status_code == 404
    assert client.get(f"/u/{upload}.json").status_code == 404


def test_a_take_of_a_take_of_a_piece_is_one_command(client: TestClient):
    play(client, bars=2)
    piece = client.post("/api/continued", json={"recipe": {"model": "romantic", "seed": 7, "bars": 2}}).json()
    first = infill(client, piece["upload"], bars="1", seed=1)[1]
    second = infill(client, first["upload"], bars="2", seed=2)[1]
    steps = [step.split()[1:4] for step in second["command"].split(" && ")]
    assert steps == [
        ["sample", "romantic", "--bars"],
        ["infill", "romantic-7.mid", "--model"],
        ["infill", "romantic-7-1.mid", "--model"],
    ]


@pytest.mark.slow
def test_lofi_is_heard_of_an_upload_too(client: TestClient, upload: str):
    plain, lofi = hear(client, upload, ".wav"), hear(client, upload, ".wav", lofi=True)
    assert lofi["view"]["seconds"] > plain["view"]["seconds"]
    sounds = [client.get(f"/u/{upload}.wav{query}").content for query in ("", "?lofi=1")]
    assert sounds[0] != sounds[1]
    assert all(sound.startswith(b"RIFF") for sound in sounds)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"bars": "none"}, "--bars"),
        ({"bars": "99"}, "my tune.mid has 3 bars"),
        ({"voices": 9}, "voices"),
        ({"voices": 4, "lock": "1"}, "leave it out"),
        ({"model": "nobody"}, "unknown model"),
        ({"model": "../romantic"}, "unknown model"),
        ({"seed": -1}, "seed"),
        ({"temperature": 50}, "temperature"),
        ({"num": 1000}, "num"),
        ({"engine": "tensorflow"}, "engine"),
        ({"key": "H sharp"}, "--key"),
    ],
)
def test_what_cannot_be_is_said_in_a_line_and_leaves_nothing(
    client: TestClient, upload: str, changes: dict[str, Any], words: str
):
    uploads = client.app.state.studio.library.uploads
    before = sorted(uploads.iterdir())
    name, values = infill(client, upload, **changes)
    assert name in ("refused", "failed")
    assert words in values["message"]
    assert "\n" not in values["message"]
    assert sorted(uploads.iterdir()) == before


def test_what_is_no_edit_and_no_music_is_refused(client: TestClient, upload: str):
    for body in ({}, {"upload": upload, "edit": 7}, {"upload": "../x", "edit": {"model": "romantic"}, "form": ".wav"}):
        answer = client.post("/api/infill", json=body)
        assert answer.status_code == 400 or "event: failed" in answer.text
    body = {"upload": upload, "edit": {"model": "romantic"}, "form": ".exe"}
    assert "taken away as" in client.post("/api/infill", json=body).text


def test_a_take_ends_when_its_listener_leaves_and_leaves_nothing(page_home: Path, tmp_path: Path):
    async def leave() -> list[Path]:
        studio = Studio(tmp_path, PROGRAM)
        source = await studio.draw([[0, 4, 60]], 1, 96)
        take = studio.infill(source["upload"], Edit(model="romantic", seed=666, voices=4), ".wav")
        while (await anext(take)).get("what") != "writing":
            pass
        await take.aclose()
        pid = studio.worker.pid
        assert (await anext(studio.infill(source["upload"], Edit(model="romantic", voices=4), ".wav")))["event"]
        assert studio.worker.pid == pid
        left = [path for path in studio.library.uploads.iterdir() if path.name != source["upload"]]
        await studio.close()
        return left

    assert len(asyncio.run(leave())) <= 1  # that of the second


def test_the_sound_of_old_uploads_is_swept_away_and_their_notes_stay(tmp_path: Path):
    library = Library(tmp_path, most_bytes=2500)
    uploads = [library.add_music(f"{number}.mid", bytes(100)) for number in range(4)]
    for upload in uploads:
        sound = upload.path.with_suffix(".wav")
        sound.write_bytes(bytes(1000))
        os.utime(sound, (0, 0))
    fresh = uploads[1].path.with_suffix(".wav")
    fresh.touch()
    library.upload(uploads[0].id)  # it is used again
    library.sweep_uploads()
    left = [upload.path.with_suffix(".wav").exists() for upload in uploads]
    assert left == [True, True, False, False]
    assert all(upload.path.exists() for upload in uploads)


def test_a_piece_of_too_many_bars_is_refused(tmp_path: Path):
    long = tmp_path / "piece.mid"
    write(Score.from_notes([(60, 4 * edits.MOST_BARS, 4)]), long)
    with pytest.raises(BadOption, match="129 bars; of at most 128"):
        jobs.infill(lambda *_: None, str(long), str(tmp_path / "out.mid"), "romantic", {"seed": 1}, ".wav")


# ---- a melody ----


def test_a_melody_is_drawn_and_harmonised(client: TestClient):
    notes = [[4, 4, 62], [0, 4, 60], [8, 8, 64]]
    answer = client.post("/api/drawn", json={"notes": notes, "bars": 1, "tempo": 60}).json()
    melody = hear(client, answer["upload"])
    assert [note[:3] for note in melody["view"]["notes"]] == [[0, 1, 60], [1, 1, 62], [2, 2, 64]]
    assert (melody["name"], melody["view"]["bpm"], melody["command"]) == ("melody.mid", 60, "")
    (name, take) = infill(client, answer["upload"], voices=4)
    assert name == "piece", take
    assert [note[2] for note in take["view"]["notes"]] == [48, 60, 50, 62, 52, 64]
    assert take["command"].startswith("musictool infill melody.mid --model romantic --voices 4 --seed 7")


@pytest.mark.parametrize(
    "notes, bars, tempo",
    [
        ([], 4, 96),
        ("notes", 4, 96),
        (None, 4, 96),
        ([[0, 4, 60]] * 257, 4, 96),
        ([[0, 4]], 4, 96),
        ([[0, 4, 20]], 4, 96),
        ([[0, 4, 109]], 4, 96),
        ([[16, 1, 60]], 1, 96),
        ([[14, 4, 60]], 1, 96),
        ([[0, 0, 60]], 1, 96),
        ([[0, True, 60]], 1, 96),
        ([[0.5, 1, 60]], 1, 96),
        (["abc"], 1, 96),
        ([[0, 4, 60]], 17, 96),
        ([[0, 4, 60]], 10**9, 96),
        ([[0, 4, 60]], 4, 0),
        ([[0, 4, 60]], 4, "96"),
    ],
)
def test_what_nobody_can_draw_is_refused(client: TestClient, notes: Any, bars: Any, tempo: Any):
    with pytest.raises(BadOption):
        drawn_melody(notes, bars, tempo)
    assert client.post("/api/drawn", json={"notes": notes, "bars": bars, "tempo": tempo}).status_code == 400


# ---- with a model ----


def test_the_command_of_a_take_makes_the_same_bytes(at_new_home: Path, monkeypatch: pytest.MonkeyPatch):
    voices_model.write_model(at_new_home / "saved_models" / "mine")
    (at_new_home / "work").mkdir()
    monkeypatch.chdir(at_new_home / "work")
    write(drawn_melody([[i, 2, 60 + i % 7] for i in range(0, 32, 2)], 2, 90), Path("tune.mid"))
    edit = Edit(model="mine", seed=3, bars="2", lock="10,12", key="C major")
    told: list[str] = []
    page = at_new_home / "page.mid"
    jobs.infill(lambda what, *_, **__: told.append(what), "tune.mid", str(page), "mine", edit.request(), ".wav")
    assert "writing" in told
    assert page.with_suffix(".wav").exists()
    words = shlex.split(edit.command("tune.mid", "take.mid"))
    done = CliRunner().invoke(main, words[1:])
    assert done.exit_code == 0, done.output
    assert Path("take.mid").read_bytes() == page.read_bytes()
    before, after = (read_named(Path(name)).scores[0].notes for name in ("tune.mid", "take.mid"))
    assert {*before[[9, 11]].tolist()} <= {*after.tolist()}


def test_names_that_look_like_options_are_none():
    assert "infill ./--force.mid " in Edit(model="m").command("--force.mid", "x.mid")
    source = Upload("0", Path("piece.mid"), "mine.mid", "")
    assert str(edits.about(MusictoolError("piece.mid has 3 bars"), source)) == "mine.mid has 3 bars"
    with pytest.raises(UnknownName):
        Edit.from_json({"out": "/etc/passwd"})
