from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from musictool.corpus.corpus import Corpus, piece_ids, split
from musictool.errors import BadCorpus, UnknownName
from musictool.preparation.prepare import prepare
from tests.corpus.test_packed import same
from tests.preparation import wicked_reader as wicked


@pytest.fixture
def corpus(tmp_path, monkeypatch) -> Corpus:
    """Twenty pieces of one file each, and a collection of three."""
    monkeypatch.setenv("MUSICTOOL_HOME", str(tmp_path / "home"))
    for i in range(20):
        wicked.write(tmp_path / "songs" / f"{i:02}.mid", "PLAIN", *range(40 + i, 50 + i))
    (tmp_path / "songs" / "tunes.mid").write_text("PLAIN 60 / 61 62 / 63 64 65")
    return prepare(tmp_path / "songs", read=wicked.READ, encode=False).corpus


def test_pieces_are_named_by_their_file_and_by_a_number_in_a_collection(corpus):
    assert len(corpus) == 23
    assert corpus.ids[:2] == ["00.mid", "01.mid"]
    assert corpus.ids[-3:] == ["tunes.mid#1", "tunes.mid#2", "tunes.mid#3"]
    assert piece_ids([("a", 0), ("b", 1)]) == ["b"]


def test_a_piece_comes_with_all_its_notes_and_tracks(corpus):
    piece = corpus.score(1)
    assert piece.notes["pitch"].tolist() == list(range(41, 51))
    assert [track.name for track in piece.tracks] == ["Größe", ""]
    assert corpus.score(22).notes["pitch"].tolist() == [63, 64, 65]
    with pytest.raises(IndexError):
        corpus.score(23)


def test_the_two_sides_of_the_split_make_up_the_whole(corpus):
    sides = {side: list(corpus.scores(side)) for side in ("train", "validation")}
    assert [len(sides["train"]), len(sides["validation"])] == [
        int((~corpus.is_validation).sum()),
        int(corpus.is_validation.sum()),
    ]
    assert 1 <= len(sides["validation"]) < 12
    everything = list(corpus.scores())
    assert all(same(piece, corpus.score(i)) for i, piece in enumerate(everything))
    held = [piece for piece, is_held in zip(everything, corpus.is_validation, strict=True) if is_held]
    assert all(same(one, other) for one, other in zip(held, sides["validation"], strict=True))


def test_the_keys_and_sizes_of_pieces_are_known_without_reading_them(corpus):
    assert corpus.note_counts.tolist() == [10] * 20 + [1, 2, 3]
    assert corpus.keys.shape == (23,)


def test_a_corpus_is_opened_by_name_by_path_or_as_the_last_one(corpus, tmp_path):
    for name in ("songs", corpus.folder, str(corpus.folder / "corpus.json"), None):
        assert Corpus.open(name).fingerprint == corpus.fingerprint
    wicked.write(tmp_path / "other" / "a.mid", "PLAIN", 60)
    prepare(tmp_path / "other", read=wicked.READ, encode=False)
    assert Corpus.open().name == "other"
    with pytest.raises(UnknownName, match=r"unknown corpus 'sonsg'. Did you mean 'songs'"):
        Corpus.open("sonsg")


def test_an_open_corpus_can_be_sent_to_another_process(corpus):
    assert len(corpus) == len(pickle.loads(pickle.dumps(corpus)))


def test_without_any_corpus_the_message_names_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("MUSICTOOL_HOME", str(tmp_path))
    with pytest.raises(BadCorpus, match="make one with: musictool prepare"):
        Corpus.open()
    with pytest.raises(BadCorpus, match="holds no corpus; make one with: musictool prepare"):
        Corpus(tmp_path)


def test_damage_is_told_with_the_command_that_mends_it(corpus, tmp_path):
    command = f"musictool prepare {tmp_path}/songs --name songs"
    notes, info = corpus.folder / "notes.h5", corpus.folder / "corpus.json"
    whole, text = notes.read_bytes(), info.read_text()

    notes.unlink()  # HDF5 knows the file by its inode while it is open
    notes.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadCorpus, match=rf"damaged .*make it again with: {command}"):
        len(Corpus(corpus.folder))
    notes.unlink()
    with pytest.raises(BadCorpus, match=rf"missing; make it again with: {command}"):
        len(Corpus(corpus.folder))
    notes.write_bytes(whole)
    info.write_text(json.dumps({**json.loads(text), "fingerprint": "other"}))
    with pytest.raises(BadCorpus, match=rf"interrupted. Finish with: {command}"):
        len(Corpus(corpus.folder))
    info.write_text(json.dumps({**json.loads(text), "format": 99}))
    with pytest.raises(BadCorpus, match=rf"format 99.*make it again with: {command}"):
        Corpus(corpus.folder)
    info.write_text("{")
    with pytest.raises(BadCorpus, match=r"damaged .*make it again with: musictool prepare"):
        Corpus(corpus.folder)


IDS = [f"folder/{i}.mid" for i in range(300)]


def test_the_split_takes_about_its_share():
    assert 15 <= split(IDS, 0.1).sum() <= 45
    assert 120 <= split(IDS, 0.5).sum() <= 180


def test_adding_pieces_moves_no_other_to_the_other_side():
    before = dict(zip(IDS[::3], split(IDS[::3], 0.1), strict=True))
    after = dict(zip(IDS, split(IDS, 0.1), strict=True))
    assert all(after[piece] == side for piece, side in before.items())


def test_a_larger_share_takes_all_that_the_smaller_took():
    assert not (split(IDS, 0.1) & ~split(IDS, 0.2)).any()


@pytest.mark.parametrize("val_split", [1e-9, 0.1, 0.5, 1 - 1e-9])
@pytest.mark.parametrize("count", [2, 3, 10])
def test_both_sides_have_a_piece_when_there_are_two_or_more(count, val_split):
    held = split(IDS[:count], val_split)
    assert 0 < held.sum() < count


def test_what_lies_in_one_folder_can_be_kept_together():
    ids = [f"work {i // 5}/{i}.mid" for i in range(300)] + ["alone.mid#1", "alone.mid#2"]
    held = split(ids, 0.2, by_folder=True)
    works = held[:300].reshape(-1, 5)
    assert (works == works[:, :1]).all()
    assert 4 <= works[:, 0].sum() <= 22
    for val_split in (1e-9, 1 - 1e-9):
        assert split(ids[:10], val_split, by_folder=True).sum() == 5
    assert not split(ids[:5], 1e-9, by_folder=True).any()


def test_a_single_piece_may_fall_on_either_side_and_none_on_neither():
    assert len(split([], 0.1)) == 0
    assert split(IDS[:1], 1e-9).tolist() == [False]
    assert split(["bad\udce9name.mid"], 0.1).dtype == np.bool_
