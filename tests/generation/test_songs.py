from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from musictool.errors import BadFile, BadModel, BadOption, NoMusic
from musictool.generation.guidance import Wanted
from musictool.generation.sample import Request
from musictool.generation.songs import write_like, write_songs
from musictool.models.model import Model
from musictool.music.score import Score
from musictool.readers._base import read
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


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"model": {}}'])
def test_a_sidecar_that_is_none_is_named(text: str, tmp_path: Path):
    (tmp_path / "song.json").write_text(text)
    with pytest.raises(BadFile, match=r"song\.json"):
        write_like(tmp_path / "song.json", tmp_path / "again.mid")


def test_an_unknown_suffix_is_refused_before_anything_is_written(model: Model, tmp_path: Path):
    with pytest.raises(BadOption, match=r"\.mid"):
        write_songs(model, Request(length=9), tmp_path / "song.xyz")
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_when_there_is_no_music(model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(type(model.encoding), "decode", lambda self, rows: Score.from_notes([]))
    with pytest.raises(NoMusic):
        write_songs(model, Request(length=9), tmp_path / "song.mid")
    assert not list(tmp_path.iterdir())


def test_typed_notes_and_what_was_wanted_are_kept_beside_the_song(model: Model, tmp_path: Path):
    wanted = Wanted("C", "dorian", "40-90")
    sampler = Sampler(min_p=0.01, repetition_penalty=1.2, loop_guard=False)
    request = Request(length=50, seed=4, primer="C4 E4 G4:2", keep_primer=True, wanted=wanted, sampler=sampler)
    (song,) = write_songs(model, request, tmp_path / "song.mid")
    assert song.score.notes["pitch"][:3].tolist() == [60, 64, 67]
    write_like(tmp_path / "song.json", tmp_path / "again.mid")
    assert (tmp_path / "again.mid").read_bytes() == (tmp_path / "song.mid").read_bytes()
    values = json.loads((tmp_path / "song.json").read_text())
    assert values["request"]["primer"] == "C4 E4 G4:2"
    assert values["request"]["wanted"]["scale"] == "dorian"
