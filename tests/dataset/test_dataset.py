from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from musictool.corpus.corpus import Corpus
from musictool.dataset.controls import CONTROLS, controls
from musictool.dataset.dataset import encode_controls, encode_corpus
from musictool.errors import BadCorpus, Busy
from musictool.preparation.prepare import prepare
from musictool.workers.processes import LocalWorkers
from tests.rival import at_work


def test_a_corpus_is_encoded_once_and_then_read_from_beside_it(at_tiny_home: Path, monkeypatch: pytest.MonkeyPatch):
    corpus = Corpus.open("tunes")
    before = encode_corpus(corpus)
    monkeypatch.setattr(Corpus, "cuts", None)  # a second encoding would have to read the notes
    after = encode_corpus(corpus)
    assert np.array_equal(before.stored, after.stored)
    assert before.encoding.vocabulary() == after.encoding.vocabulary()
    assert len(before.pieces("train")) + len(before.pieces("validation")) == 12


@pytest.mark.parametrize("name", ["rows.h5", "vocabulary.json", "encoded.json"])
def test_a_damaged_cache_is_encoded_again(tunes: Path, at_new_home: Path, name: str):
    corpus = prepare(str(tunes), name="tunes", workers=1).corpus
    before = encode_corpus(corpus).stored.tolist()
    (path,) = corpus.folder.glob(f"encoded/*/{name}")
    path.write_text("{")
    assert encode_corpus(corpus).stored.tolist() == before


def test_pieces_without_keys_cannot_be_moved_to_c(tunes: Path, at_new_home: Path):
    corpus = prepare(str(tunes), name="tunes", workers=1, key=False).corpus
    with pytest.raises(BadCorpus, match="--no-key"):
        encode_corpus(corpus, to_c=True)
    corpus = prepare(str(tunes), name="tunes", workers=1).corpus
    assert len(encode_corpus(corpus, to_c=True).pieces("train"))


def test_rows_decode_to_the_music_they_were_made_from(at_tiny_home: Path):
    corpus = Corpus.open("tunes")
    encoded = encode_corpus(corpus)
    score = encoded.encoding.decode(encoded.piece(0))
    assert score.notes["pitch"].tolist() == corpus.score(0).notes["pitch"].tolist()


def test_the_bytes_do_not_hang_on_how_many_processes_encode(tunes: Path, at_new_home: Path):
    corpus = prepare(str(tunes), name="tunes", workers=1, encode=False).corpus
    found = []
    for count in (1, 3):
        with LocalWorkers(count) as workers:
            folder = encode_corpus(corpus, workers=workers).folder
        found.append({path.name: path.read_bytes() for path in folder.iterdir()})
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    assert found[0] == found[1]
    assert set(found[0]) == {"encoded.json", "vocabulary.json", "rows.h5"}


def test_rows_of_zeros_and_ones_lie_on_disk_as_bits(tunes: Path, at_new_home: Path):
    corpus = prepare(str(tunes), name="tunes", workers=1, encode=False).corpus
    encoded = encode_corpus(corpus, "piano-roll")
    assert encoded.stored.shape == (encoded.offsets[-1], 11)
    expected = encoded.encoding.encode(corpus.score(3))
    np.testing.assert_array_equal(encoded.piece(3), expected)
    assert encoded.piece(3).dtype == encoded.spec.dtype


def test_coverage_is_of_the_validation_pieces(tunes: Path, at_new_home: Path):
    corpus = prepare(str(tunes), name="tunes", workers=1).corpus
    encoded = encode_corpus(corpus, transpositions=(0,))
    words = [encoded.encoding.token_bytes(score) for score in corpus.scores("validation")]
    found = np.concatenate([encoded.encoding.find(each) for each in words])
    assert encoded.summary["validation_rows"] == len(found)
    assert encoded.summary["coverage"] == (found > 0).mean()


def test_every_piece_can_be_moved_to_c(tunes: Path, at_new_home: Path):
    corpus = prepare(str(tunes), name="tunes", workers=1, encode=False).corpus
    encoded = encode_corpus(corpus, to_c=True, transpositions=(0,))
    for index in range(len(corpus)):
        key = int(corpus.keys[index])
        tonic = {0: key, 1: key - 12 + 3}[key // 12]
        moved = encoded.encoding.decode(encoded.piece(index)).notes["pitch"].astype(int)
        shift = moved - corpus.score(index).notes["pitch"]
        assert len(set(shift.tolist())) == 1
        assert -5 <= shift[0] <= 6
        assert (tonic + shift[0]) % 12 == 0


def test_controls_are_made_once_and_stand_beside_the_rows(tunes: Path, at_new_home: Path):
    corpus = prepare(str(tunes), name="tunes", workers=1).corpus
    encoded = encode_corpus(corpus)
    made = encode_controls(encoded, corpus)
    assert made.shape == (len(encoded.stored), CONTROLS)
    score = corpus.score(5)
    own = controls(encoded.encoding, encoded.piece(5), score.tempos)
    np.testing.assert_array_equal(made[encoded.offsets[5] : encoded.offsets[6]], own)
    written = (encoded.folder / "controls.h5").stat().st_mtime_ns
    encode_controls(encoded, corpus)
    assert (encoded.folder / "controls.h5").stat().st_mtime_ns == written


def test_progress_counts_pieces_whatever_is_made(tunes: Path, at_new_home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Corpus, "cuts", lambda self: [(0, 5), (5, 11), (11, 12)])
    corpus = prepare(str(tunes), name="tunes", workers=1, encode=False).corpus
    told: list[tuple[int, int]] = []
    encoded = encode_corpus(corpus, progress=lambda *said: told.append(said))
    assert told[-1] == (12, 12)
    told.clear()
    encode_controls(encoded, corpus, progress=lambda *said: told.append(said))
    assert told == [(5, 12), (11, 12), (12, 12)]


def test_two_processes_do_not_encode_one_corpus_and_no_name_would_help(tunes: Path, at_new_home: Path):
    corpus = prepare(str(tunes), name="tunes", workers=1, encode=False).corpus
    with at_work(corpus.folder / "encoded"), pytest.raises(Busy, match=r"encoding is working on .*; wait for it$"):
        encode_corpus(corpus)
    encoded = encode_corpus(corpus)
    with at_work(encoded.folder), pytest.raises(Busy, match=r"encoding is working on .*; wait for it$"):
        encode_controls(encoded, corpus)


def test_what_killed_runs_left_half_done_is_swept(tunes: Path, at_new_home: Path):
    corpus = prepare(str(tunes), name="tunes", workers=1, encode=False).corpus
    (corpus.folder / "encoded" / ".performance-12345678.partial").mkdir(parents=True)
    folder = encode_corpus(corpus).folder
    assert [path.name for path in folder.parent.glob("*/")] == [folder.name]
