"""Which files of a collection a genre learns from, in both layouts: that of the archive and a flat one."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from genres.choose import CHOICES, header
from musictool.music.score import Score, Track
from musictool.writing import write


def touch(folder: Path, *names: str, text: str = "") -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def chosen(name: str, folder: Path) -> dict[str, list[str]]:
    """Work -> names of its files."""
    works: dict[str, list[str]] = {}
    for work, path in CHOICES[name](folder):
        works.setdefault(work, []).append(path.name)
    return works


def ly(style: str, instrument: str = "Piano", licence: str = "Public Domain") -> str:
    return f'\\header {{\n mutopiainstrument = "{instrument}"\n style = "{style}"\n license = "{licence}"\n}}'


def test_of_chopins_works_one_edition_is_taken_and_an_opus_is_a_work(tmp_path: Path):
    names = ("028-1-BH-001", "028-1-BH-002", "028_1-12-1a-C-001", "028_13-24-1a-C-013", "034_1-1-BH", "034_2-1-BH-002")
    parts = ("003-1a-ME-piano", "008-1-Sm-001-violino")
    editions = ("061-1-BH", "061-1a-Other", "064-1a-BH-001", "064_1-1-BR-001", "009_1et2-1a-W-001", "VGNA-1-HAc")
    touch(tmp_path, *(f"kern/{name}.krn" for name in (*names, *parts, *editions)))
    works = chosen("chopin", tmp_path)
    assert works == {
        "opus-009": ["009_1et2-1a-W-001.krn"],
        "opus-028": ["028_1-12-1a-C-001.krn", "028-1-BH-002.krn", "028_13-24-1a-C-013.krn"],
        "opus-034": ["034_1-1-BH.krn", "034_2-1-BH-002.krn"],
        "opus-061": ["061-1a-Other.krn"],
        "opus-064": ["064_1-1-BR-001.krn"],
        "opus-VGNA": ["VGNA-1-HAc.krn"],
    }


@pytest.mark.parametrize("layout", ["archive", "flat"])
def test_mutopias_pieces_are_chosen_by_what_their_sources_say(layout: str, tmp_path: Path):
    def put(composer: str, opus: str, name: str, text: str) -> None:
        flat = f"{composer}-{opus}-{name}.ly"
        touch(tmp_path, f"top/ftp/{composer}/{opus}/{name}/{name}.ly" if layout == "archive" else flat, text=text)

    put("BachJS", "BWV988", "one", ly("Baroque", "Harpsichord, Piano"))
    put("BachJS", "BWV988", "two", ly("Baroque", "Clavichord and Organ"))
    put("BachJS", "BWV1013", "flute", ly("Baroque", "Flute"))
    put("BachJS", "BWV999", "shared", ly("Baroque", licence="Creative Commons Attribution-ShareAlike 3.0"))
    put("MozartWA", "KV331", "turca", ly("Classical"))
    put("SatieE", "gymnopedie", "first", ly("Classical"))
    put("ChopinFF", "O28", "prelude", ly("Romantic"))
    put("GriegE", "O54", "troll", ly("Romantic"))
    put("FaureG", "O7", "reve", ly("Romantic", "Voice and Piano"))
    put("JoplinS", "maple", "maple", ly("Jazz"))
    assert chosen("baroque_keyboard", tmp_path).keys() == {"BachJS-BWV988"}
    assert len(chosen("baroque_keyboard", tmp_path)["BachJS-BWV988"]) == 2
    assert chosen("classical_piano", tmp_path).keys() == {"MozartWA-KV331"}
    assert chosen("satie", tmp_path).keys() == {"SatieE-gymnopedie"}
    assert chosen("romantic_piano", tmp_path).keys() == {"GriegE-O54"}
    assert chosen("ragtime", tmp_path).keys() == {"JoplinS-maple"}


def test_a_source_without_a_header_is_of_no_style():
    assert header("{ c4 }") == {"style": "", "instrument": "", "licence": "", "composer": ""}


def test_quartets_are_those_of_the_classical_age_with_their_movements_together(tmp_path: Path):
    archive = "top/scores/Mozart,_Wolfgang_Amadeus/String_Quartet_No.18"
    touch(tmp_path / "archive", f"{archive}/sq1.mxl", f"{archive}/sq2.mxl", "top/scores/Bartók,_Béla/x/sq3.mxl")
    assert chosen("classical_quartets", tmp_path / "archive") == {"Mozart-String_Quartet_No.18": ["sq1.mxl", "sq2.mxl"]}
    flat = "Haydn-Joseph/Quartet-in-D"
    touch(tmp_path / "flat", f"{flat}_sq1.mxl", f"{flat}_sq2.mxl", "Ravel-Maurice/Quartet_sq3.mxl")
    assert chosen("classical_quartets", tmp_path / "flat") == {
        "Haydn-Quartet-in-D": ["Quartet-in-D_sq1.mxl", "Quartet-in-D_sq2.mxl"]
    }


def test_a_quartet_for_four_voices_has_few_triplets_and_double_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def quartet(notes: list[tuple[int, float, float]], tracks: int = 4) -> Score:
        score = Score.from_notes(notes, [Track(40)] * tracks)
        score.notes["track"] = np.arange(len(notes)) % tracks
        return score

    plain = [(60 + i % 4, i // 4, 1.0) for i in range(80)]
    triplets = [(pitch, onset / 3, 1 / 3) for pitch, onset, _ in plain]
    stops = [(pitch, onset // 2, 1.0) for pitch, onset, _ in plain]
    scores = {"a": quartet(plain), "b": quartet(triplets), "c": quartet(stops), "d": quartet(plain, 3)}
    touch(tmp_path, *(f"Haydn-J/{name}_sq1.mxl" for name in scores))
    monkeypatch.setattr("musictool.reading.read", lambda path: SimpleNamespace(scores=[scores[path.stem[0]]]))
    assert chosen("quartets_in_sixteenths", tmp_path) == {"Haydn-a": ["a_sq1.mxl"]}


def test_a_dance_tune_has_no_chords(tmp_path: Path):
    write(Score.from_notes([(60, 0, 1), (62, 1, 1)]), tmp_path / "tune.mid")
    write(Score.from_notes([(60, 0, 1), (48, 0, 1)]), tmp_path / "chords.mid")
    assert chosen("dance_tunes", tmp_path) == {"tune": ["tune.mid"]}


def test_of_hymns_the_midi_files_beside_the_tunes_are_left_out(tmp_path: Path):
    touch(tmp_path, "A/A.abc", "A/A.mid", "B/B.abc")
    assert chosen("abc_tunes", tmp_path) == {"A": ["A.abc"], "B": ["B.abc"]}


def test_a_band_has_five_instruments_and_no_piece_is_there_twice(tmp_path: Path):
    def band(programs: tuple[int, ...], drums: bool, first: int) -> Score:
        tracks = [*(Track(program) for program in programs), *([Track(0, is_drum=True)] if drums else [])]
        parts = [Score.from_notes([(first + i, 0, 1)], tracks, i).notes for i in range(len(tracks))]
        notes = [(int(part["pitch"][0]), 0.0, 1.0) for part in parts]
        score = Score.from_notes(notes, tracks)
        score.notes["track"] = range(len(tracks))
        return score

    write(band((0, 25, 33, 48), True, 60), tmp_path / "a.mid")
    write(band((0, 25, 33, 48), True, 60), tmp_path / "again.mid")
    write(band((0, 25, 33, 48), False, 50), tmp_path / "four.mid")
    (tmp_path / "broken.mid").write_bytes(b"MThd")
    assert chosen("bands", tmp_path) == {"a": ["a.mid"]}


def test_links_to_folders_are_gone_into(tmp_path: Path):
    touch(tmp_path / "far", "a.mid")
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "link").symlink_to(tmp_path / "far")
    assert chosen("everything", tmp_path / "here") == {"a": ["a.mid"]}
