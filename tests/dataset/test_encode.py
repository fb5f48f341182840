from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

from musictool.corpus.corpus import Corpus
from musictool.dataset.conditions import CHORD, CONTROLS, controls_of
from musictool.dataset.encode import CONTROLS_FILE, encode_controls, encode_corpus
from musictool.errors import BadCorpus
from musictool.preparation.prepare import prepare
from musictool.vocabulary import LearnedEncoding
from musictool.workers.processes import LocalWorkers
from tests.rival import at_work


def test_a_corpus_is_encoded_once_and_then_read_from_beside_it(at_tiny_home: Path, monkeypatch: pytest.MonkeyPatch):
    corpus = Corpus.open("tunes")
    before = encode_corpus(corpus)
    monkeypatch.setattr(Corpus, "blocks", None)  # a second encoding would have to read the notes
    after = encode_corpus(corpus)
    assert np.array_equal(before.stored, after.stored)
    assert before.encoding.vocabulary() == after.encoding.vocabulary()
    assert len(before.pieces("train")) + len(before.pieces("validation")) == 12


@pytest.mark.parametrize("name", ["rows.h5", "vocabulary.json", "encoded.json"])
def test_a_damaged_cache_is_encoded_again(tunes: Path, at_new_home: Path, name: str):
    corpus = prepare(str(tunes), name="tunes", workers=1).corpus
    before = encode_corpus(corpus, "midi-message").stored.tolist()
    (path,) = corpus.folder.glob(f"encoded/midi-message-*/{name}")
    for damage in ("cut", "link"):
        if damage == "cut":
            path.write_text("{")
        else:  # to a good file, which is none of the corpus all the same
            path.rename(at_new_home / name)
            path.symlink_to(at_new_home / name)
        assert encode_corpus(corpus, "midi-message").stored.tolist() == before
        assert not path.is_symlink()


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


def test_the_bytes_do_not_depend_on_how_many_processes_encode(tunes: Path, at_new_home: Path):
    corpus = prepare(str(tunes), name="tunes", workers=1, encode=False).corpus
    contents = []
    for count in (1, 3):
        with LocalWorkers(count) as workers:
            folder = encode_corpus(corpus, "midi-message", workers=workers).folder
        contents.append({path.name: path.read_bytes() for path in folder.iterdir()})
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    assert contents[0] == contents[1]
    assert set(contents[0]) == {"encoded.json", "vocabulary.json", "rows.h5"}


def test_rows_of_zeros_and_ones_lie_on_disk_as_bits(tunes: Path, at_new_home: Path):
    corpus = prepare(str(tunes), name="tunes", workers=1, encode=False).corpus
    encoded = encode_corpus(corpus, "piano-roll")
    assert encoded.stored.shape == (encoded.offsets[-1], 22)
    expected = encoded.encoding.encode(corpus.score(3))
    np.testing.assert_array_equal(encoded.piece(3), expected)
    assert encoded.piece(3).dtype == encoded.spec.dtype


def test_coverage_is_of_the_validation_pieces(tunes: Path, at_new_home: Path):
    corpus = prepare(str(tunes), name="tunes", workers=1).corpus
    encoded = encode_corpus(corpus, settings=("vocabulary=closed",), transpositions=(0,))
    assert isinstance(encoded.encoding, LearnedEncoding)
    pieces = [encoded.encoding.token_bytes(score) for score in corpus.scores("validation")]
    tokens = np.concatenate([encoded.encoding.find(piece) for piece in pieces])
    assert encoded.summary["validation_rows"] == len(tokens)
    assert encoded.summary["coverage"] == (tokens > 0).mean()


def test_every_piece_can_be_moved_to_c(tunes: Path, at_new_home: Path):
    corpus = prepare(str(tunes), name="tunes", workers=1, encode=False).corpus
    encoded = encode_corpus(corpus, to_c=True, transpositions=(0,))
    controls = encode_controls(encoded, corpus, to_c=True)
    for index in range(len(corpus)):
        key = int(corpus.keys[index])
        tonic = {0: key, 1: key - 12 + 3}[key // 12]
        moved = encoded.encoding.decode(encoded.piece(index)).notes["pitch"].astype(int)
        shift = moved - corpus.score(index).notes["pitch"]
        assert len(set(shift.tolist())) == 1
        assert -5 <= shift[0] <= 6
        assert (tonic + shift[0]) % 12 == 0
        chords = controls_of(encoded.encoding, encoded.piece(index), corpus.score(index).transpose(int(shift[0])))[
            :, CHORD
        ]
        of_piece = slice(*encoded.offsets[index : index + 2])
        np.testing.assert_array_equal(controls[of_piece, CHORD], chords)


def test_controls_are_made_once_and_stand_beside_the_rows(tunes: Path, at_new_home: Path):
    corpus = prepare(str(tunes), name="tunes", workers=1).corpus
    encoded = encode_corpus(corpus)
    (encoded.folder / "controls-15.h5").write_bytes(b"of a version without chords")
    made = encode_controls(encoded, corpus)
    assert made.shape == (len(encoded.stored), CONTROLS)
    score = corpus.score(5)
    expected = controls_of(encoded.encoding, encoded.piece(5), score)
    np.testing.assert_array_equal(made[encoded.offsets[5] : encoded.offsets[6]], expected)
    assert not (encoded.folder / "controls-15.h5").exists()
    written = (encoded.folder / CONTROLS_FILE).stat().st_mtime_ns
    encode_controls(encoded, corpus)
    assert (encoded.folder / CONTROLS_FILE).stat().st_mtime_ns == written


def test_progress_counts_pieces_whatever_is_made(tunes: Path, at_new_home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Corpus, "blocks", lambda self: [(0, 5), (5, 11), (11, 12)])
    corpus = prepare(str(tunes), name="tunes", workers=1, encode=False).corpus
    calls: list[tuple[int, int]] = []
    encoded = encode_corpus(corpus, progress=lambda *call: calls.append(call))
    assert calls[-1] == (12, 12)
    calls.clear()
    encode_controls(encoded, corpus, progress=lambda *call: calls.append(call))
    assert calls == [(5, 12), (11, 12), (12, 12)]


ENCODE = """
import logging, sys
from musictool.corpus.corpus import Corpus
from musictool.dataset.encode import encode_corpus
logging.basicConfig(format="%(message)s", stream=sys.stdout)
encoded = encode_corpus(Corpus.open("tunes"), progress=lambda done, total: print("encoded", done, flush=True))
print(encoded.folder.name, len(encoded.stored), flush=True)
"""
WAITING = "another process is encoding tunes; waiting for it"


def encoder() -> subprocess.Popen[str]:
    """A process that encodes the corpus `tunes`."""
    return subprocess.Popen([sys.executable, "-c", ENCODE], stdout=subprocess.PIPE, text=True)


def test_of_two_processes_the_second_waits_and_uses_what_the_first_has_made(
    tunes: Path, at_new_home: Path, monkeypatch: pytest.MonkeyPatch
):
    corpus = prepare(str(tunes), name="tunes", workers=1, encode=False).corpus
    with at_work(corpus.folder / "encoded") as rival, encoder() as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline().strip() == WAITING
        monkeypatch.setattr("musictool.dataset.encode.waiting_turn", lambda *_: nullcontext())
        made = encode_corpus(corpus)  # in the name of the rival, which holds the lock
        rival.kill()  # what a process that ends does to its lock, however it ends
        assert waiting.stdout.read().splitlines() == [f"{made.folder.name} {len(made.stored)}"]  # nothing encoded


def test_where_the_other_process_dies_the_one_that_waits_encodes(tunes: Path, at_new_home: Path):
    corpus = prepare(str(tunes), name="tunes", workers=1, encode=False).corpus
    with at_work(corpus.folder / "encoded") as rival, encoder() as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline().strip() == WAITING
        rival.kill()
        *lines, last = waiting.stdout.read().splitlines()
        assert lines[-1] == "encoded 12"
    encoded = encode_corpus(corpus)
    assert last == f"{encoded.folder.name} {len(encoded.stored)}"


def test_two_processes_at_once_end_with_one_encoding(tunes: Path, at_new_home: Path):
    corpus = prepare(str(tunes), name="tunes", workers=1, encode=False).corpus
    with encoder() as first, encoder() as second:
        ends = [process.communicate()[0].splitlines()[-1] for process in (first, second)]
    assert ends[0] == ends[1]
    assert [path.name for path in (corpus.folder / "encoded").glob("*/")] == [ends[0].split()[0]]


def test_controls_too_are_waited_for(tunes: Path, at_new_home: Path, monkeypatch: pytest.MonkeyPatch, caplog):
    corpus = prepare(str(tunes), name="tunes", workers=1, encode=False).corpus
    encoded = encode_corpus(corpus)
    with at_work(encoded.folder) as rival:
        monkeypatch.setattr("musictool.atomic.time.sleep", lambda seconds: rival.kill())
        assert len(encode_controls(encoded, corpus)) == len(encoded.stored)
    assert [record.getMessage() for record in caplog.records] == [WAITING]


def test_what_killed_runs_left_half_done_is_swept(tunes: Path, at_new_home: Path):
    corpus = prepare(str(tunes), name="tunes", workers=1, encode=False).corpus
    (corpus.folder / "encoded" / ".performance-12345678.partial").mkdir(parents=True)
    folder = encode_corpus(corpus).folder
    assert [path.name for path in folder.parent.glob("*/")] == [folder.name]
