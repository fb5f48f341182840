from __future__ import annotations

import csv
import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest

from musictool.corpus.corpus import Corpus
from musictool.dataset.encode import encode_corpus
from musictool.errors import BadFile, BadOption
from musictool.preparation.metadata import Metadata
from musictool.preparation.prepare import prepare

MAESTRO = """canonical_composer,canonical_title,split,year,midi_filename,audio_filename,duration
Alban Berg,"Sonata, Op. 1",train,2018,2018/MIDI-Unprocessed_01.midi,2018/x.wav,698.66
"""
TAGTRAUM = """# comment about the ground truth
TRAAAGR128F425B14B\tPop_Rock
TRAAAED128E0783FAB\tJazz\tBlues
"""
ID = "TRAAAED128E0783FAB"


def about(folder: Path, name: str, text: str, path: str) -> dict[str, str]:
    (folder / name).write_text(text, encoding="utf-8")
    return Metadata([folder / name]).about(path)


def test_maestros_own_table_is_understood(tmp_path):
    row = about(tmp_path, "maestro.csv", MAESTRO, "2018/MIDI-Unprocessed_01.midi")
    assert (row["artist"], row["title"], row["year"]) == ("Alban Berg", "Sonata, Op. 1", "2018")
    assert Metadata([tmp_path / "maestro.csv"]).columns[:3] == ["artist", "title", "year"]


def test_tagtraum_genres_are_found_by_the_id_in_the_path(tmp_path):
    assert about(tmp_path, "msd.cls", TAGTRAUM, f"A/A/E/{ID}/05f21994c71a5f881e64f45c8d706165.npz")["genre"] == "Jazz"
    assert Metadata([tmp_path / "msd.cls"]).about(f"{ID}.npz")["minority_genre"] == "Blues"
    assert "genre" not in Metadata([tmp_path / "msd.cls"]).about("A/A/A/other.npz")


@pytest.mark.parametrize("key", ["rock/song.mid", "rock/song", "song.mid", "song"])
def test_a_row_may_name_a_file_by_path_or_name_with_or_without_suffix(tmp_path, key):
    assert about(tmp_path, "table.json", json.dumps({key: {"Genre": "Rock", "year": 1979}}), "rock/song.mid") == {
        "label": "rock",
        "genre": "Rock",
        "year": "1979",
    }


def test_the_full_path_outweighs_a_bare_name(tmp_path):
    values = {"b/song.mid": {"genre": "B"}, "song": {"genre": "any"}}
    assert about(tmp_path, "table.json", json.dumps(values), "b/song.mid")["genre"] == "B"
    assert Metadata([tmp_path / "table.json"]).about("c/song.mid")["genre"] == "any"


def test_tables_with_tabs_semicolons_and_a_key_that_is_not_first(tmp_path):
    assert about(tmp_path, "a.tsv", "genre\tpath\nJazz\t./x/y.mid\n", "x/y.mid")["genre"] == "Jazz"
    assert about(tmp_path, "b.csv", "name;genre\ny.mid;Folk, old\n", "x/y.mid")["genre"] == "Folk, old"


def test_of_two_tables_the_later_one_counts_and_both_are_joined(tmp_path):
    (tmp_path / "a.csv").write_text("path,genre,year\nx.mid,Jazz,1960\n")
    (tmp_path / "b.csv").write_text("path,genre\nx.mid,Blues\n")
    row = Metadata([tmp_path / "a.csv", tmp_path / "b.csv"]).about("x.mid")
    assert (row["genre"], row["year"], row["label"]) == ("Blues", "1960", "")


def test_a_path_may_begin_at_any_folder_below_the_source(tmp_path):
    assert about(tmp_path, "m.csv", MAESTRO, "maestro-v3.0.0/2018/MIDI-Unprocessed_01.midi")["artist"] == "Alban Berg"
    assert "artist" not in Metadata([tmp_path / "m.csv"]).about("maestro-v3.0.0/2017/MIDI-Unprocessed_01.midi")


def test_a_table_written_column_by_column_is_understood(tmp_path):
    values = {"canonical_composer": {"0": "Berg", "1": "Liszt"}, "midi_filename": {"0": "2018/a.midi", "1": "b.midi"}}
    assert about(tmp_path, "maestro.json", json.dumps(values), "2018/a.midi")["artist"] == "Berg"
    assert Metadata([tmp_path / "maestro.json"]).about("b.midi")["artist"] == "Liszt"


def test_a_column_that_files_csv_has_already_gets_another_name(tmp_path):
    row = about(tmp_path, "a.csv", "name,split,status,label\nx,test,fine,mine\ny,test,fine,\n", "folder/x.mid")
    assert row == {"label": "mine", "given_split": "test", "given_status": "fine"}
    assert Metadata([tmp_path / "a.csv"]).about("folder/y.mid")["label"] == "folder"
    assert Metadata([tmp_path / "a.csv"]).columns == ["given_split", "given_status"]


def test_quoted_lines_commas_and_marks_end_up_in_one_cell(tmp_path):
    text = '\r\npath,title\r\nx.mid,"two\r\nlines, ""q"""\r\ny.mid,a\u2028b\r\n'
    assert about(tmp_path, "a.csv", "\ufeff" + text.lstrip(), "x.mid")["title"] == 'two lines, "q"'
    assert about(tmp_path, "a.csv", text, "y.mid")["title"] == "a b"


def test_an_empty_cell_takes_nothing_back_and_the_exact_name_of_a_column_counts(tmp_path):
    text = "path,artist,composer,genre\nx.mid,Art,Comp,Folk\nx.mid,,,\ny.mid,,Comp,\n"
    assert about(tmp_path, "a.csv", text, "x.mid") == {"label": "", "artist": "Art", "genre": "Folk"}
    assert about(tmp_path, "a.csv", text, "y.mid") == {"label": "", "artist": "Comp"}


def test_accents_count_as_the_same_however_they_are_written(tmp_path):
    path = unicodedata.normalize("NFD", "Dvořák.mid")
    assert about(tmp_path, "a.csv", "path,genre\n" + unicodedata.normalize("NFC", "Dvořák.mid,Polka"), path)["genre"]


def test_it_says_how_many_files_have_a_row_and_what_was_compared_if_none_has(tmp_path):
    (tmp_path / "a.csv").write_text("path,genre\nx.mid,Folk\ny.mid,Folk\n")
    known = Metadata([tmp_path / "a.csv"])
    assert known.sentence(["x.mid", "z.mid"]) == "metadata for 1 of 2 files: genre"
    assert known.sentence(["a/z.mid"]) == (
        "no row of the metadata is about a file of this source: "
        "the first row is about 'x.mid', the first file is 'a/z.mid'"
    )
    assert Metadata().sentence(["x.mid"]) == ""


@pytest.mark.parametrize(
    "name, text",
    [("a.json", "{"), ("a.json", "[1]"), ("a.json", "[]"), ("a.csv", "only\none column\n"), ("a.csv", "")]
    + [("a.json", "[" * 200_000), ("a.csv", "path,genre\nx," + "x" * 200_000)],
)
def test_what_is_no_table_is_refused_by_name(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    with pytest.raises(BadFile, match=name):
        Metadata([tmp_path / name])


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(BadFile, match=r"none\.csv cannot be opened"):
        Metadata([tmp_path / "none.csv"])


@pytest.fixture
def sorted_tunes(tunes: Path, tmp_path: Path) -> Path:
    """The tunes in two folders, odd and even, and a table with genres for some."""
    for number, path in enumerate(sorted(tunes.glob("*.mid"))):
        place = tmp_path / "music" / ("odd" if number % 2 else "even") / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    (tmp_path / "genres.csv").write_text("path,genre\ntune-00.mid,Jazz\ntune-03.mid,Jazz\ntune-05.mid,Folk\n")
    return tmp_path / "music"


def test_prepare_joins_what_is_known_to_files_csv_and_select_finds_it(sorted_tunes: Path, at_new_home: Path):
    prepared = prepare(sorted_tunes, workers=1, metadata=[sorted_tunes.parent / "genres.csv"])
    corpus = prepared.corpus
    assert prepared.metadata == "metadata for 3 of 12 files: genre"
    assert corpus.info["known"] == {"label": {"even": 6, "odd": 6}, "genre": {"Jazz": 2, "Folk": 1}}
    with open(corpus.folder / "files.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["path"]: (row["label"], row["genre"]) for row in rows}["odd/tune-03.mid"] == ("odd", "Jazz")
    jazz = corpus.select(["genre=jazz"])
    assert jazz.ids == ["even/tune-00.mid", "odd/tune-03.mid"]
    assert len(jazz) == 2
    assert [score.notes["pitch"][0] for score in jazz.scores()] == [55, 58]
    assert jazz.score(1).notes["pitch"][0] == 58
    assert jazz.fingerprint != corpus.fingerprint
    assert corpus.select([]) is corpus
    assert len(corpus.select(["label=odd"])) == 6
    with pytest.raises(BadOption, match="Jazz"):
        corpus.select(["genre=Metal"])


def test_a_selection_is_encoded_by_itself_and_leaves_the_whole_alone(sorted_tunes: Path, at_new_home: Path):
    corpus = prepare(sorted_tunes, workers=1).corpus
    whole = encode_corpus(corpus)
    odd = encode_corpus(corpus.select(["label=odd"]))
    assert len(odd.offsets) == 7
    assert odd.folder != whole.folder
    pitches = odd.encoding.decode(odd.piece(0)).notes["pitch"]
    np.testing.assert_array_equal(pitches, corpus.score(6).notes["pitch"])
    assert corpus.ids[6] == "odd/tune-01.mid"
    assert len(encode_corpus(Corpus.open(corpus.name)).stored) == len(whole.stored)


def test_new_metadata_reads_no_file_again_and_keeps_the_encoding(sorted_tunes: Path, at_new_home: Path):
    before = prepare(sorted_tunes, workers=1)
    after = prepare(sorted_tunes, workers=1, metadata=[sorted_tunes.parent / "genres.csv"])
    assert after.fresh == 0
    assert after.corpus.fingerprint == before.corpus.fingerprint
    assert len(after.corpus.select(["genre=folk"])) == 1
    without = prepare(sorted_tunes, workers=1)
    assert without.metadata == "no longer known: genre (--metadata, given again, brings them back)"
    assert prepare(sorted_tunes, workers=1).metadata == ""
