from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from musictool.errors import BadFile, BadModel, BadOption, NoMusic
from musictool.generation import batches, sidecar
from musictool.generation.request import Constraints, Request
from musictool.generation.songs import song_batches, write_like, write_songs
from musictool.models.model import Model, sha256
from musictool.music.score import Score
from musictool.reading import read
from musictool.sampling.sampler import Sampler


@pytest.fixture(scope="module")
def model(tiny_home: Path) -> Model:
    return Model.open(tiny_home / "saved_models" / "tunes-lstm")


def test_beside_the_song_stands_what_makes_it_again_to_the_byte(model: Model, tunes: Path, tmp_path: Path):
    request = Request(length=50, seed=4, primer=tunes / "tune-03.mid", keep_primer=True, instrument="flute", bpm=80)
    write_songs(model, request, tmp_path / "song.mid")
    again, song = write_like(tmp_path / "song.json", tmp_path / "again.mid")
    assert again.name == "tunes-lstm"
    assert (tmp_path / "again.mid").read_bytes() == (tmp_path / "song.mid").read_bytes()
    assert len(song.score.notes) == len(read(tmp_path / "song.mid").scores[0].notes)
    values = json.loads((tmp_path / "song.json").read_text())
    assert values["request"]["seed"] == 4
    assert values["model"]["checksum"] == model.checksum


def test_each_of_several_songs_can_be_made_again(model: Model, tmp_path: Path):
    songs = write_songs(model, Request(bars=3, num=3, seed=4), tmp_path / "song.mid")
    assert [song.path.name for song in songs] == ["song-001.mid", "song-002.mid", "song-003.mid"]
    for number in (1, 2, 3):
        write_like(tmp_path / f"song-{number:03d}.json", tmp_path / "again.mid")
        assert (tmp_path / "again.mid").read_bytes() == (tmp_path / f"song-{number:03d}.mid").read_bytes()


def test_many_songs_are_written_batch_after_batch_and_made_again(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write_songs(model, Request(length=9, num=2, seed=4), tmp_path / "two.mid")
    monkeypatch.setattr(batches, "MOST_BYTES", 2 * 9 * model.spec.start.itemsize)
    written = song_batches(model, Request(length=9, num=5, seed=4), tmp_path / "song.mid")
    assert [song.path.name for song in next(written)] == ["song-001.mid", "song-002.mid"]
    assert not (tmp_path / "song-003.mid").exists()
    assert [len(songs) for songs in written] == [2, 1]
    bytes_of = {number: (tmp_path / f"song-{number:03d}.mid").read_bytes() for number in range(1, 6)}
    assert len(set(bytes_of.values())) == 5
    for number in (1, 2):  # those of the request that is no larger
        assert bytes_of[number] == (tmp_path / f"two-{number:03d}.mid").read_bytes()
    for number in (2, 4, 5):
        write_like(tmp_path / f"song-{number:03d}.json", tmp_path / "again.mid")
        assert (tmp_path / "again.mid").read_bytes() == bytes_of[number]


@pytest.mark.parametrize("moment", ["before the .json", "before the songs"])
def test_killed_while_it_writes_a_song_leaves_nothing_in_the_way(
    moment: str, model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    outs, replace = [tmp_path / "song.mid", tmp_path / "song.png"], os.replace
    write_songs(model, Request(length=9, seed=4), outs)

    def killed(source: Path, target: Path) -> None:
        if Path(target) == (tmp_path / "song.json" if moment == "before the .json" else outs[0]):
            raise KeyboardInterrupt
        replace(source, target)

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(os, "replace", killed)
        write_songs(model, Request(length=9, seed=5), outs)
    assert not outs[0].exists()
    write_songs(model, Request(length=9, seed=6), outs)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["song.json", "song.mid", "song.png"]


def test_it_is_made_again_by_the_engine_that_wrote_it_and_both_write_the_same(model: Model, tmp_path: Path):
    used: list[str] = []
    for engine in ("numpy", "tensorflow"):
        write_songs(model, Request(length=50, seed=4, engine=engine), tmp_path / f"{engine}.mid")
        assert json.loads((tmp_path / f"{engine}.json").read_text())["request"]["engine"] == engine
        write_like(tmp_path / f"{engine}.json", tmp_path / "again.mid", used.append)
        assert (tmp_path / "again.mid").read_bytes() == (tmp_path / f"{engine}.mid").read_bytes()
    assert used == ["numpy", "keras"]
    assert (tmp_path / "numpy.mid").read_bytes() == (tmp_path / "tensorflow.mid").read_bytes()


def test_a_model_that_has_changed_cannot_make_the_same_song(tiny_home: Path, tmp_path: Path):
    folder = shutil.copytree(tiny_home / "saved_models" / "tunes-lstm", tmp_path / "model")
    write_songs(Model.open(folder), Request(length=9, seed=4), tmp_path / "song.mid")
    info = json.loads((folder / "model.json").read_text())
    info["weights"]["network.weights.h5"] = "0" * 64
    (folder / "model.json").write_text(json.dumps(info))
    with pytest.raises(BadModel, match="trained since"):
        write_like(tmp_path / "song.json", tmp_path / "again.mid")


def test_a_primer_that_has_changed_is_named(model: Model, tunes: Path, tmp_path: Path):
    primer = Path(shutil.copy(tunes / "tune-03.mid", tmp_path / "primer.mid"))
    write_songs(model, Request(length=9, seed=4, primer=primer), tmp_path / "song.mid")
    shutil.copy(tunes / "tune-04.mid", primer)
    with pytest.raises(BadFile, match=r"primer\.mid"):
        write_like(tmp_path / "song.json", tmp_path / "again.mid")


@pytest.mark.parametrize("num, primer", [(1, "song.mid"), (3, "song-002.mid")])
def test_a_song_is_never_written_over_its_primer(model: Model, tunes: Path, tmp_path: Path, num: int, primer: str):
    shutil.copy(tunes / "tune-03.mid", tmp_path / primer)
    for given in (tmp_path / primer, str(tmp_path / primer)):
        with pytest.raises(BadFile, match=f"same file: .*{primer}"):
            write_songs(model, Request(length=9, num=num, primer=given), [tmp_path / "song.png", tmp_path / "song.mid"])
    assert [path.name for path in tmp_path.iterdir()] == [primer]
    assert (tmp_path / primer).read_bytes() == (tunes / "tune-03.mid").read_bytes()


def test_a_song_made_again_is_not_written_over_its_primer_either(model: Model, tunes: Path, tmp_path: Path):
    primer = Path(shutil.copy(tunes / "tune-03.mid", tmp_path / "primer.mid"))
    write_songs(model, Request(length=9, seed=4, primer=primer), tmp_path / "song.mid")
    with pytest.raises(BadFile, match="same file"):
        write_like(tmp_path / "song.json", primer)
    assert primer.read_bytes() == (tunes / "tune-03.mid").read_bytes()


def test_the_checksum_is_that_of_the_primer_before_anything_was_written(
    model: Model, tunes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    primer = Path(shutil.copy(tunes / "tune-03.mid", tmp_path / "primer.mid"))
    checksum = sha256(primer)
    monkeypatch.setattr(sidecar, "write", lambda score, path: (path.write_text("song"), primer.write_text("gone")))
    write_songs(model, Request(length=9, seed=4, primer=primer), tmp_path / "song.mid")
    assert json.loads((tmp_path / "song.json").read_text())["primer_sha256"] == checksum


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"model": {}}'])
def test_a_sidecar_that_is_none_is_named(text: str, tmp_path: Path):
    (tmp_path / "song.json").write_text(text)
    with pytest.raises(BadFile, match=r"song\.json"):
        write_like(tmp_path / "song.json", tmp_path / "again.mid")


def test_what_is_no_sidecar_is_named_with_the_reason(model: Model, tunes: Path, tmp_path: Path):
    write_songs(model, Request(length=9, seed=4), tmp_path / "song.mid")
    with pytest.raises(
        BadFile, match=r"song\.mid is not the \.json .* it is not UTF-8 .*; did you mean --like .*song\.json\?$"
    ):
        write_like(tmp_path / "song.mid", tmp_path / "again.mid")
    with pytest.raises(
        BadFile, match=r"tune-00\.mid is not the \.json that stands beside a sample: it is not UTF-8 .*$"
    ):
        write_like(tunes / "tune-00.mid", tmp_path / "again.mid")
    with pytest.raises(BadFile, match=r"model\.json is not the \.json .*: primer_sha256 is missing$"):
        write_like(model.folder / "model.json", tmp_path / "again.mid")
    with pytest.raises(BadFile, match=r"none\.json cannot be read \(No such file or directory\)$"):
        write_like(tmp_path / "none.json", tmp_path / "again.mid")
    (tmp_path / "song.json").write_text((tmp_path / "song.json").read_text().replace('"format": 2', '"format": 1'))
    with pytest.raises(BadFile, match="format 1, and this musictool reads 2"):
        write_like(tmp_path / "song.json", tmp_path / "again.mid")


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    "change_request, words",
    [
        ({"num": "many"}, "--num: 'many' is not"),
        ({"more": 1}, "more"),
        ({"sampler": {"top_k": float("nan")}}, "--top-k"),
        ({"sampler": []}, ""),
        ({"wanted": {}}, "its request has no 'histogram'"),
        ({"num": 0}, "--num"),
        ({"primer": 3.5}, r"request\.primer should be text or null, not 3\.5"),
        ({"style": {"files": []}}, r"request\.style\.files should be a table"),
    ],
)
def test_nonsense_in_a_sidecar_is_one_line(model: Model, tmp_path: Path, change_request: dict[str, Any], words: str):
    write_songs(model, Request(length=9, seed=4), tmp_path / "song.mid")
    path = tmp_path / "song.json"
    values = json.loads(path.read_text())
    change(path, request=values["request"] | change_request)
    with pytest.raises(BadFile, match=rf"song\.json is not the \.json .*{words}") as raised:
        write_like(path, tmp_path / "again.mid")
    assert "\n" not in str(raised.value)
    change(path, request=values["request"], piece=2)
    with pytest.raises(BadFile, match="it is of piece 2 of 1"):
        write_like(path, tmp_path / "again.mid")


def test_an_unknown_suffix_is_refused_before_anything_is_written(model: Model, tmp_path: Path):
    with pytest.raises(BadOption, match=r"\.mid"):
        write_songs(model, Request(length=9), tmp_path / "song.xyz")
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_when_there_is_no_music(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(model.encoding), "decode", lambda self, rows: Score.from_notes([]))
    with pytest.raises(NoMusic):
        write_songs(model, Request(length=9), tmp_path / "song.mid")
    assert not list(tmp_path.iterdir())


def test_typed_notes_and_constraints_are_kept_beside_the_song(model: Model, tmp_path: Path):
    constraints = Constraints("C", "dorian", "40-90")
    sampler = Sampler(min_p=0.01, repetition_penalty=1.2, loop_guard=False)
    request = Request(
        length=50, seed=4, primer="C4 E4 G4:2", keep_primer=True, constraints=constraints, sampler=sampler
    )
    (song,) = write_songs(model, request, tmp_path / "song.mid")
    assert song.score.notes["pitch"][:3].tolist() == [60, 64, 67]
    write_like(tmp_path / "song.json", tmp_path / "again.mid")
    assert (tmp_path / "again.mid").read_bytes() == (tmp_path / "song.mid").read_bytes()
    values = json.loads((tmp_path / "song.json").read_text())
    assert values["request"]["primer"] == "C4 E4 G4:2"
    assert values["request"]["wanted"]["scale"] == "dorian"


def test_one_song_in_several_forms_has_one_sidecar_that_knows_them_all(model: Model, tmp_path: Path):
    names = ("song.mid", "song.mp3", "song.ogg", "song.flac", "song.png", "song.svg", "song.musicxml")
    (song,) = write_songs(model, Request(length=20, seed=4), [tmp_path / name for name in names])
    assert song.paths == tuple(tmp_path / name for name in names)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "song.json"])
    values = json.loads((tmp_path / "song.json").read_text())
    assert values["file"] == "song.mid"
    assert list(values["files"]) == list(names)
    write_like(tmp_path / "song.json", [tmp_path / "again" / name for name in names])
    for name in names:
        assert (tmp_path / "again" / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_each_name_has_a_sidecar_of_its_own(model: Model, tmp_path: Path):
    outs = [tmp_path / "a.mid", tmp_path / "b.png", tmp_path / "a.mid"]
    songs = write_songs(model, Request(length=20, num=2, seed=4), outs)
    assert [path.name for song in songs for path in song.paths] == ["a-001.mid", "b-001.png", "a-002.mid", "b-002.png"]
    write_like(tmp_path / "b-002.json", tmp_path / "again.mid")
    assert (tmp_path / "again.mid").read_bytes() == (tmp_path / "a-002.mid").read_bytes()


def test_a_sidecar_of_an_older_musictool_is_still_read(model: Model, tmp_path: Path):
    write_songs(model, Request(length=20, seed=4), tmp_path / "song.mid")
    values = json.loads((tmp_path / "song.json").read_text())
    del values["files"], values["request"]["engine"]
    (tmp_path / "song.json").write_text(json.dumps(values))
    write_like(tmp_path / "song.json", tmp_path / "again.mid")
    assert (tmp_path / "again.mid").read_bytes() == (tmp_path / "song.mid").read_bytes()


def test_a_song_that_comes_out_otherwise_is_warned_of(model: Model, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    write_songs(model, Request(length=20, seed=4), [tmp_path / "song.mid", tmp_path / "song.png"])
    values = json.loads((tmp_path / "song.json").read_text())
    values["files"]["song.png"] = "0" * 64
    (tmp_path / "song.json").write_text(json.dumps(values))
    write_like(tmp_path / "song.json", [tmp_path / "again.mid", tmp_path / "again.png", tmp_path / "again.svg"])
    assert [record.args[0].name for record in caplog.records] == ["again.png"]


def test_one_unknown_suffix_among_several_is_refused_before_anything_is_written(model: Model, tmp_path: Path):
    with pytest.raises(BadOption, match=r"song\.xyz"):
        write_songs(model, Request(length=9), [tmp_path / "new" / "song.mid", tmp_path / "song.xyz"])
    assert not list(tmp_path.iterdir())
