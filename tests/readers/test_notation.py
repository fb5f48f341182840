from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from musictool.errors import BadFile
from musictool.music.score import Score, Track
from musictool.readers import notation
from tests.readers.smf import rows


def part(name: str, measures: str, ident: str = "P1", midi: str = "") -> tuple[str, str]:
    listed = f'<score-part id="{ident}"><part-name>{name}</part-name>{midi}</score-part>'
    return listed, f'<part id="{ident}">{measures}</part>'


def score_xml(*parts: tuple[str, str]) -> str:
    listed = "".join(listing for listing, _ in parts)
    played = "".join(music for _, music in parts)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><score-partwise version="3.1">'
        f"<work><work-title>Test</work-title></work><part-list>{listed}</part-list>{played}</score-partwise>"
    )


def note(pitch: str, quarters: int, more: str = "", before: str = "") -> str:
    step, octave = pitch[0], pitch[-1]
    alter = "<alter>1</alter>" if "#" in pitch else ""
    return (
        f"<note>{before}<pitch><step>{step}</step>{alter}<octave>{octave}</octave></pitch>"
        f"<duration>{quarters}</duration>{more}</note>"
    )


def attributes(beats: int = 4, more: str = "", fifths: int = 0, mode: str = "major") -> str:
    return (
        f"<attributes><divisions>1</divisions><key><fifths>{fifths}</fifths><mode>{mode}</mode></key>"
        f"<time><beats>{beats}</beats><beat-type>4</beat-type></time>{more}</attributes>"
    )


def measure(number: int, content: str) -> str:
    return f'<measure number="{number}">{content}</measure>'


def read(path: Path, content: str | bytes) -> Score:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    (score,) = notation.read(path).scores
    return score


def short(score: Score) -> list[tuple[int, int, int]]:
    return [row[:3] for row in rows(score)]


def test_a_score_with_its_title_tempo_metre_key_part_and_program(tmp_path: Path):
    tempo = '<direction><sound tempo="90"/></direction>'
    midi = (
        '<score-instrument id="P1-I1"><instrument-name>Flute</instrument-name></score-instrument>'
        '<midi-instrument id="P1-I1"><midi-channel>1</midi-channel><midi-program>74</midi-program></midi-instrument>'
    )
    music = measure(1, attributes(3, fifths=-2, mode="minor") + tempo + note("C4", 2) + note("E4", 1))
    score = read(tmp_path / "a.musicxml", score_xml(part("Traverso", music, midi=midi)))
    assert rows(score) == [(0, 960, 60, 80, False), (960, 480, 64, 80, False)]
    assert score.tracks == (Track(73, False, "Traverso"),)
    assert score.title == "Test"
    assert score.tempos.tolist() == [(0, 90.0)]
    assert score.metres.tolist() == [(0, 3, 4)]
    assert score.keys.tolist() == [(0, -2, True)]


def test_tied_notes_are_one_note_also_in_chords_and_across_bars(tmp_path: Path):
    start, stop = '<tie type="start"/>', '<tie type="stop"/>'
    chord = note("E4", 1, start, "<chord/>")
    first = measure(1, attributes() + note("G4", 3) + note("C4", 1, start) + chord)
    second = measure(2, note("C4", 1, stop) + note("E4", 1, stop + start, "<chord/>") + note("E4", 3, stop))
    score = read(tmp_path / "a.xml", score_xml(part("A", first + second)))
    assert short(score) == [(0, 1440, 67), (1440, 960, 60), (1440, 2400, 64)]


def test_a_tie_of_one_note_of_a_chord_does_not_tie_the_others(tmp_path: Path):
    one = note("C4", 4, '<tie type="start"/>') + note("E4", 4, before="<chord/>")
    two = note("C4", 4, '<tie type="stop"/>') + note("E4", 4, before="<chord/>")
    content = score_xml(part("Flute", measure(1, attributes() + one) + measure(2, two)))
    assert sorted(short(read(tmp_path / "song.xml", content))) == [(0, 1920, 64), (0, 3840, 60), (1920, 1920, 64)]


def test_a_tie_that_leads_nowhere_ties_nothing(tmp_path: Path):
    music = measure(1, attributes() + note("C4", 1, '<tie type="start"/>') + note("D4", 1) + note("C4", 2))
    score = read(tmp_path / "a.xml", score_xml(part("A", music)))
    assert short(score) == [(0, 480, 60), (480, 480, 62), (960, 960, 60)]


def test_grace_notes_and_chord_symbols_do_not_sound(tmp_path: Path):
    grace = "<note><grace/><pitch><step>D</step><octave>4</octave></pitch></note>"
    symbol = "<harmony><root><root-step>C</root-step></root><kind>major</kind></harmony>"
    music = measure(1, attributes() + symbol + grace + note("C4", 4))
    assert short(read(tmp_path / "a.xml", score_xml(part("A", music)))) == [(0, 1920, 60)]


def test_a_transposing_instrument_is_read_at_sounding_pitch(tmp_path: Path):
    transpose = "<transpose><diatonic>-1</diatonic><chromatic>-2</chromatic></transpose>"
    clarinet = part("Clarinet", measure(1, attributes(fifths=2, more=transpose) + note("D4", 4)))
    flute = part("Flute", measure(1, attributes() + note("E4", 4)), "P2")
    score = read(tmp_path / "a.xml", score_xml(clarinet, flute))
    assert short(score) == [(0, 1920, 60), (0, 1920, 64)]
    assert score.keys.tolist() == [(0, 0, False)]


def test_unpitched_percussion_becomes_a_drum_track(tmp_path: Path):
    midi = (
        '<score-instrument id="P1-I1"><instrument-name>Drum</instrument-name></score-instrument><midi-instrument '
        'id="P1-I1"><midi-channel>10</midi-channel><midi-unpitched>37</midi-unpitched></midi-instrument>'
    )
    drum = (
        "<note><unpitched><display-step>E</display-step><display-octave>4</display-octave></unpitched>"
        '<duration>4</duration><instrument id="P1-I1"/></note>'
    )
    score = read(tmp_path / "a.xml", score_xml(part("Drums", measure(1, attributes() + drum), midi=midi)))
    assert rows(score) == [(0, 1920, 36, 80, True)]
    assert score.tracks == (Track(0, True, "Drums"),)


def test_a_dynamic_mark_holds_until_the_next(tmp_path: Path):
    def mark(name: str) -> str:
        return f"<direction><direction-type><dynamics><{name}/></dynamics></direction-type></direction>"

    music = measure(
        1, attributes() + note("C4", 1) + mark("p") + note("D4", 1) + note("E4", 1) + mark("f") + note("F4", 1)
    )
    score = read(tmp_path / "a.xml", score_xml(part("A", music)))
    before, soft, still_soft, loud = score.notes["velocity"].tolist()
    assert before == 80
    assert soft == still_soft < before < loud


def test_the_bar_after_a_pickup_is_counted_from_its_own_start(tmp_path: Path):
    music = measure(0, attributes() + note("G4", 1)) + measure(1, note("C5", 4)) + measure(2, note("D5", 4))
    score = read(tmp_path / "a.xml", score_xml(part("A", music)))
    assert score.bar_onsets_ticks().tolist() == [0, 480, 2400]
    assert set(score.metres["numerator"].tolist()) == {4}


def test_compressed_musicxml_is_unpacked(tmp_path: Path):
    xml = score_xml(part("A", measure(1, attributes() + note("C4", 4))))
    container = '<container><rootfiles><rootfile full-path="a.xml"/></rootfiles></container>'
    with zipfile.ZipFile(tmp_path / "a.mxl", "w") as archive:
        archive.writestr("META-INF/container.xml", container)
        archive.writestr("a.xml", xml)
    (score,) = notation.read(tmp_path / "a.mxl").scores
    assert short(score) == [(0, 1920, 60)]


def test_kern_is_read(tmp_path: Path):
    kern = "**kern\t**kern\n*M4/4\t*M4/4\n*k[f#]\t*k[f#]\n=1\t=1\n2C\t4e\n.\t4f#\n[2D\t2g\n=2\t=2\n4D]\t4r\n*-\t*-\n"
    score = read(tmp_path / "a.krn", kern)
    assert short(score) == [(0, 480, 64), (0, 960, 48), (480, 480, 66), (960, 960, 67), (960, 1440, 50)]
    assert score.keys.tolist() == [(0, 1, False)]


@pytest.mark.parametrize(
    "name, content, reason",
    [
        ("a.xml", "<html><body>hello</body></html>", "not MusicXML"),
        ("a.mxl", "no archive", "not MusicXML"),
        ("a.krn", "once upon a time", "not Humdrum"),
        ("a.xml", score_xml(part("A", measure(1, attributes() + note("C4", 4))))[:-30], "unreadable"),
        ("a.xml", score_xml(part("A", measure(1, attributes()))), "no notes"),
    ],
)
def test_what_is_no_music_says_why(tmp_path: Path, name: str, content: str, reason: str):
    with pytest.raises(BadFile) as error:
        read(tmp_path / name, content)
    assert error.value.reason == reason
    assert "\n" not in str(error.value)


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", bytes(notation.MAX_UNPACKED_BYTES + 1))
    with pytest.raises(BadFile, match="too large"):
        notation.read(tmp_path / "a.mxl")


def test_music21_prints_nothing_and_leaves_nothing_behind(tmp_path: Path):
    for folder in ("home", "temp", "music"):
        (tmp_path / folder).mkdir()
    file = tmp_path / "music" / "a.xml"
    file.write_text(score_xml(part("A", measure(1, attributes() + note("C4", 4)))))
    code = f"from pathlib import Path; from musictool.readers import notation; notation.read(Path({str(file)!r}))"
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temp")}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout + ran.stderr == ""
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["a.xml"]
