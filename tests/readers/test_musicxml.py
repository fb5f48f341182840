from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from musictool.errors import BadFile
from musictool.music.score import Score, Track
from musictool.readers import musicxml
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


def note(pitch: str, quarters: int | str, more: str = "", before: str = "") -> str:
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
    (score,) = musicxml.read(path).scores
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
    (score,) = musicxml.read(tmp_path / "a.mxl").scores
    assert short(score) == [(0, 1920, 60)]


@pytest.mark.parametrize(
    "name, content, reason",
    [
        ("a.xml", "<html><body>hello</body></html>", "not MusicXML"),
        ("a.mxl", "no archive", "not MusicXML"),
        ("a.xml", score_xml(part("A", measure(1, attributes() + note("C4", 4))))[:-30], "unreadable"),
        ("a.xml", score_xml(part("A", measure(1, attributes()))), "no notes"),
        ("a.xml", score_xml(part("A", measure(1, attributes() + note("C4", "1e999999")))), "too long"),
    ],
)
def test_what_is_no_music_says_why(tmp_path: Path, name: str, content: str, reason: str):
    with pytest.raises(BadFile) as error:
        read(tmp_path / name, content)
    assert error.value.reason == reason
    assert "\n" not in str(error.value)


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.mxl", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.xml", bytes(musicxml.MAX_UNPACKED_BYTES + 1))
    with pytest.raises(BadFile, match="too large"):
        musicxml.read(tmp_path / "a.mxl")


def test_music21_prints_nothing_and_leaves_nothing_behind(tmp_path: Path):
    for folder in ("home", "temp", "music"):
        (tmp_path / folder).mkdir()
    file = tmp_path / "music" / "a.xml"
    file.write_text(score_xml(part("A", measure(1, attributes() + note("C4", 4)))))
    code = f"import pathlib, musictool.readers.musicxml as it; it.read(pathlib.Path({str(file)!r}), 'music21')"
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "temp")}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout + ran.stderr == ""
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["a.xml"]


# ---- measures ----

SYMBOL = "<harmony><root><root-step>G</root-step></root></harmony>"
WHOLE_REST = '<note><rest measure="yes"/><duration>{}</duration></note>'


def two_parts(one: str, other: str) -> str:
    return score_xml(part("A", one), part("B", other, "P2"))


def numbered(*contents: str, implicit: str = "") -> str:
    """Measures, the first with the attributes of 4/4."""
    contents = (attributes() + contents[0], *contents[1:])
    return "".join(f'<measure number="{i}"{implicit}>{content}</measure>' for i, content in enumerate(contents, 1))


MEASURES = {
    "underfull in one part": (
        two_parts(numbered(note("C4", 1), note("D4", 4)), numbered(note("C3", 4), note("D3", 4))),
        [(0, 480, 60), (0, 1920, 48), (1920, 1920, 50), (1920, 1920, 62)],
    ),
    "underfull in all parts": (
        two_parts(numbered(note("C4", 4), note("D4", 3), note("E4", 4)), numbered(note("C3", 4), note("D3", 2))),
        [(0, 1920, 48), (0, 1920, 60), (1920, 960, 50), (1920, 1440, 62), (3360, 1920, 64)],
    ),
    "overfull in one part": (
        two_parts(numbered(note("C4", 5), note("D4", 4)), numbered(note("C3", 4), note("D3", 4))),
        [(0, 1920, 48), (0, 2400, 60), (2400, 1920, 50), (2400, 1920, 62)],
    ),
    "a rest of the whole measure, too long for a pickup": (
        two_parts(numbered(WHOLE_REST.format(4), note("C4", 4)), numbered(note("G3", 1), note("C3", 4))),
        [(0, 480, 55), (480, 1920, 48), (480, 1920, 60)],
    ),
    "a lone rest without the mark in a pickup": (
        two_parts(
            numbered("<note><rest/><duration>4</duration></note>", note("C4", 4)),
            numbered(note("G3", 1), note("C3", 4)),
        ),
        [(0, 480, 55), (480, 1920, 48), (480, 1920, 60)],
    ),
    "a rest of the whole measure beside an underfull one": (
        two_parts(
            numbered(note("C4", 4), WHOLE_REST.format(4), note("E4", 4)),
            numbered(note("C3", 4), note("D3", 1), note("E3", 4)),
        ),
        [(0, 1920, 48), (0, 1920, 60), (1920, 480, 50), (3840, 1920, 52), (3840, 1920, 64)],
    ),
    "rests of the whole measure in all parts, said to be longer than it is": (
        two_parts(
            numbered(note("C4", 4), WHOLE_REST.format(8), note("E4", 4)), numbered(note("C3", 4), WHOLE_REST.format(8))
        ),
        [(0, 1920, 48), (0, 1920, 60), (3840, 1920, 64)],
    ),
    "a measure with a chord symbol alone": (
        score_xml(part("A", numbered(note("C4", 4), SYMBOL, note("E4", 4)))),
        [(0, 1920, 60), (3840, 1920, 64)],
    ),
    "a chord symbol behind the last note": (
        score_xml(part("A", numbered(note("C4", 2) + SYMBOL, note("E4", 4)))),
        [(0, 960, 60), (960, 1920, 64)],
    ),
    "voices that go back": (
        score_xml(
            part(
                "A",
                numbered(
                    note("C5", 4)
                    + "<backup><duration>4</duration></backup><forward><duration>2</duration></forward>"
                    + note("E4", 2),
                    note("D5", 4),
                ),
            )
        ),
        [(0, 1920, 72), (960, 960, 64), (1920, 1920, 74)],
    ),
    "a part that comes later": (
        two_parts(
            numbered(note("C4", 4), note("D4", 4)),
            f'<measure number="1"/><measure number="2">{attributes()}{note("C3", 4)}</measure>',
        ),
        [(0, 1920, 60), (1920, 1920, 48), (1920, 1920, 62)],
    ),
    "a cue": (score_xml(part("A", numbered(note("G5", 2, before="<cue/>") + note("C4", 2)))), [(960, 960, 60)]),
    "a chord of cues": (
        score_xml(
            part("A", numbered(note("G5", 2, before="<cue/>") + note("E5", 2, before="<cue/><chord/>") + note("C4", 2)))
        ),
        [(960, 960, 60)],
    ),
}


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_begins_in_all_parts_together(tmp_path: Path, name: str):
    xml, expected = MEASURES[name]
    assert short(read(tmp_path / "a.musicxml", xml)) == expected


@pytest.mark.parametrize("divisions, one", [("480.0", 480), ("0.5", 0.5), ("1e-9", 1)])
def test_divisions_are_a_decimal_number(tmp_path: Path, divisions: str, one: float):
    music = measure(
        1, f"<attributes><divisions>{divisions}</divisions></attributes>" + note("C4", one) + note("D4", one)
    )
    assert short(read(tmp_path / "a.xml", score_xml(part("A", music)))) == [(0, 480, 60), (480, 480, 62)]


def test_divisions_may_change_and_differ_by_part(tmp_path: Path):
    half = "<attributes><divisions>2</divisions></attributes>"
    one = numbered(note("C4", 1) + half + note("D4", 1) + note("E4", 5))
    score = read(tmp_path / "a.xml", two_parts(one, numbered(half + note("C3", 8))))
    assert short(score) == [(0, 480, 60), (0, 1920, 48), (480, 240, 62), (720, 1200, 64)]


def test_a_metre_is_that_of_a_sum_of_beats(tmp_path: Path):
    music = attributes().replace("<beats>4</beats><beat-type>4", "<beats>3+2</beats><beat-type>8") + note("C4", 1)
    assert read(tmp_path / "a.xml", score_xml(part("A", measure(1, music)))).metres.tolist() == [(0, 5, 8)]


def test_tempos_are_those_of_sounds_or_else_of_metronomes(tmp_path: Path):
    metronome = (
        "<direction><direction-type><metronome><beat-unit>quarter</beat-unit><beat-unit-dot/>"
        "<per-minute>c. 60</per-minute></metronome></direction-type>{}</direction>"
    )
    music = numbered(metronome.format("") + note("C4", 2) + metronome.format('<sound tempo="72"/>') + note("D4", 2))
    assert read(tmp_path / "a.xml", score_xml(part("A", music))).tempos.tolist() == [(0, 90.0), (960, 72.0)]


def test_a_chord_begins_with_its_first_note_and_moves_nothing_on(tmp_path: Path):
    music = numbered(note("C4", 1) + note("E4", 2, before="<chord/>") + note("D4", 1))
    assert short(read(tmp_path / "a.xml", score_xml(part("A", music)))) == [(0, 480, 60), (0, 960, 64), (480, 480, 62)]


def test_a_tie_may_end_in_an_earlier_voice(tmp_path: Path):
    rest = "<note><rest/><duration>2</duration></note>"
    back = "<backup><duration>4</duration></backup>"
    music = numbered(rest + note("C4", 2, '<tie type="stop"/>') + back + note("C4", 2, '<tie type="start"/>'))
    assert short(read(tmp_path / "a.xml", score_xml(part("A", music)))) == [(0, 1920, 60)]


def test_two_voices_may_tie_the_same_pitch(tmp_path: Path):
    start, stop = '<tie type="start"/>', '<tie type="stop"/>'
    back = "<backup><duration>4</duration></backup>"
    upper = note("C4", 2, start) + note("C4", 1, stop) + note("D4", 1)
    music = numbered(upper + back + note("C4", 2, start) + note("C4", 2, stop))
    notes = short(read(tmp_path / "a.xml", score_xml(part("A", music))))
    assert notes == [(0, 1440, 60), (0, 1920, 60), (1440, 480, 62)]


def test_a_tie_may_lead_to_the_other_staff(tmp_path: Path):
    first, second = (f'<tie type="{kind}"/><staff>{staff}</staff>' for kind, staff in (("start", 2), ("stop", 1)))
    music = numbered(note("C4", 4, first), note("C4", 1, second) + note("D4", 3, "<staff>2</staff>"))
    assert short(read(tmp_path / "a.xml", score_xml(part("Piano", music)))) == [(0, 2400, 60), (2400, 1440, 62)]


# ---- instruments ----


def instrument(ident: str, name: str, sound: str = "", **midi: int) -> tuple[str, str]:
    """(score-instrument, midi-instrument), the second of what `midi` says, such as program=74."""
    sounds = f"<instrument-sound>{sound}</instrument-sound>" if sound else ""
    said = "".join(f"<midi-{key}>{value}</midi-{key}>" for key, value in midi.items())
    listed = f'<score-instrument id="{ident}"><instrument-name>{name}</instrument-name>{sounds}</score-instrument>'
    return listed, f'<midi-instrument id="{ident}">{said}</midi-instrument>' if midi else ""


def band(*instruments: tuple[str, str]) -> str:
    return "".join(listed for listed, _ in instruments) + "".join(midi for _, midi in instruments)


def of(ident: str) -> str:
    return f'<instrument id="{ident}"/>'


def unpitched(ident: str = "") -> str:
    display = "<unpitched><display-step>G</display-step><display-octave>5</display-octave></unpitched>"
    return f"<note>{display}<duration>1</duration>{of(ident) if ident else ''}</note>"


def test_each_unpitched_note_is_the_drum_of_the_instrument_it_names(tmp_path: Path):
    drums = band(
        instrument("K", "Bass Drum 1", channel=10, unpitched=37),
        instrument("H", "Hat", channel=10, unpitched=43),
        instrument("S", "Snare"),
        instrument("C", "", "metal.cymbal.crash"),
    )
    music = numbered(unpitched("H") + unpitched("K") + unpitched("S") + unpitched("C"))
    score = read(tmp_path / "a.xml", score_xml(part("Drumset", music, midi=drums)))
    assert score.notes["pitch"].tolist() == [42, 36, 38, 49]
    assert score.tracks == (Track(0, True, "Drumset"),)


@pytest.mark.parametrize("name, drum", [("Triangle", 81), ("Große Trommel", 36), ("Percussion", 38)])
def test_an_unpitched_note_without_an_instrument_is_the_drum_of_its_part(tmp_path: Path, name: str, drum: int):
    score = read(tmp_path / "a.xml", score_xml(part(name, numbered(unpitched()))))
    assert rows(score) == [(0, 480, drum, 80, True)]


def test_a_part_may_change_its_instrument(tmp_path: Path):
    both = band(instrument("F", "Flute", program=74), instrument("O", "Oboe", program=69))
    music = numbered(note("C5", 4, of("F")), note("D5", 4, of("O")), note("E5", 4, of("F")))
    score = read(tmp_path / "a.xml", score_xml(part("Fl/Ob", music, midi=both)))
    assert score.tracks == (Track(73, False, "Fl/Ob"), Track(68, False, "Fl/Ob"))
    assert score.notes["track"].tolist() == [0, 1, 0]


@pytest.mark.parametrize(
    "change",
    [
        '<midi-instrument id="F"><midi-program>69</midi-program></midi-instrument>',
        '<instrument-change id="F"><instrument-sound>wind.reed.oboe</instrument-sound></instrument-change>',
    ],
)
@pytest.mark.parametrize("sound", ["<sound>{}</sound>", "<direction><direction-type/><sound>{}</sound></direction>"])
def test_a_sound_may_change_what_an_instrument_is(tmp_path: Path, change: str, sound: str):
    flute = band(instrument("F", "Flute", program=74))
    music = numbered(note("C5", 4), sound.format(change) + note("D5", 2) + note("E5", 2, of("F")))
    score = read(tmp_path / "a.xml", score_xml(part("Wind", music, midi=flute)))
    assert [score.tracks[i].program for i in score.notes["track"]] == [73, 68, 68]


def test_what_another_instrument_is_changed_to_plays_the_notes_that_name_none(tmp_path: Path):
    both = band(instrument("F", "Flute", program=74), instrument("O", "Oboe"))
    oboe = '<instrument-change id="O"><instrument-sound>wind.reed.oboe</instrument-sound></instrument-change>'
    music = numbered(note("C5", 4), f"<sound>{oboe}</sound>" + note("D5", 2) + note("E5", 2, of("F")))
    score = read(tmp_path / "a.xml", score_xml(part("Wind", music, midi=both)))
    assert [score.tracks[i].program for i in score.notes["track"]] == [73, 68, 73]


@pytest.mark.parametrize(
    "name, listed, program",
    [
        ("Violoncello", "", 42),
        ("Violine I", "", 40),
        ("Fl. 1", "", 73),
        ("Sopran", "", 52),
        ("Corno in F", "", 60),
        ("Part 1", band(instrument("X", "Trumpet in Bb")), 56),
        ("Part 1", band(instrument("X", "", "wind.reed.saxophone.tenor")), 66),
        ("Part 1", band(instrument("X", "SmartMusic SoftSynth", "strings.viola")), 41),
        ("Part 1", band(instrument("X", "Flute", program=72)), 71),
        ("Part 1", "", 0),
    ],
)
def test_a_part_that_only_names_its_instrument_gets_its_program(tmp_path: Path, name: str, listed: str, program: int):
    score = read(tmp_path / "a.xml", score_xml(part(name, numbered(note("C4", 4)), midi=listed)))
    assert score.tracks == (Track(program, False, name),)


# ---- files ----

MELODY = score_xml(part("Ä", numbered(note("C4", 4))))


def timewise(*measures: tuple[str, str]) -> str:
    """A score of two parts from what they have in each measure."""
    listed = "".join(f'<score-part id="{name}"><part-name>{name}</part-name></score-part>' for name in "ab")
    played = "".join(
        f'<measure number="{i}"><part id="a">{one}</part><part id="b">{other}</part></measure>'
        for i, (one, other) in enumerate(measures, 1)
    )
    return f'<score-timewise version="3.1"><part-list>{listed}</part-list>{played}</score-timewise>'


def test_a_timewise_score_is_read(tmp_path: Path):
    first = attributes() + note("C4", 1), attributes() + note("C3", 4)
    xml = timewise(first, (note("C4", 4), note("C3", 4)))
    score = read(tmp_path / "a.musicxml", xml)
    assert short(score) == [(0, 480, 60), (0, 1920, 48), (1920, 1920, 48), (1920, 1920, 60)]
    assert [track.name for track in score.tracks] == ["a", "b"]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1", "windows-1252", "utf-32", "shift_jis"]
)
def test_any_encoding_of_xml_is_read(tmp_path: Path, encoding: str):
    name = "テ" if encoding == "shift_jis" else "Ä"
    declared = MELODY.replace('encoding="UTF-8"', f'encoding="{encoding.removesuffix("-sig")}"').replace("Ä", name)
    assert read(tmp_path / "a.musicxml", declared.encode(encoding)).tracks[0].name == name


@pytest.mark.parametrize(
    "declared, encoding, begin",
    [("UTF-16", "utf-8", ""), ("UTF-8", "latin-1", ""), ("UTF-8", "utf-16", ""), ("UTF-8", "utf-8", "\n \n")],
)
def test_an_encoding_that_is_declared_wrongly_is_found_out(tmp_path: Path, declared: str, encoding: str, begin: str):
    xml = begin + MELODY.replace('encoding="UTF-8"', f'encoding="{declared}"')
    assert read(tmp_path / "a.musicxml", xml.encode(encoding)).tracks[0].name == "Ä"


def test_the_elements_may_have_a_namespace(tmp_path: Path):
    xml = MELODY.replace('version="3.1"', 'version="3.1" xmlns="http://www.musicxml.org/ns"')
    assert short(read(tmp_path / "a.musicxml", xml)) == [(0, 1920, 60)]


CONTAINER = (
    '<?xml version="1.0" encoding="{}"?><container><rootfiles><rootfile full-path="{}"/></rootfiles></container>'
)


@pytest.mark.parametrize(
    "container, encoding, expected",
    [
        (CONTAINER.format("UTF-8", "sub/b.xml"), "utf-8", 60),
        (CONTAINER.format("UTF-16", "sub/b.xml"), "utf-16", 60),
        (CONTAINER.format("UTF-8", "c.score"), "utf-8", 60),
        (None, "", 67),  # the first that looks like one
        ("damaged", "utf-8", 67),
    ],
)
def test_the_root_file_is_what_the_container_names(tmp_path: Path, container: str | None, encoding: str, expected: int):
    other = MELODY.replace("<step>C</step>", "<step>G</step>")
    with zipfile.ZipFile(tmp_path / "a.mxl", "w") as archive:
        archive.writestr("mimetype", "application/vnd.recordare.musicxml")
        archive.writestr("picture.png", b"\x89PNG")
        if container:
            archive.writestr("META-INF/container.xml", container.encode(encoding))
        archive.writestr("META-INF/other.xml", "<other/>")
        archive.writestr("a.xml", other)
        archive.writestr("sub/b.xml", MELODY.replace('encoding="UTF-8"', 'encoding="UTF-16"').encode("utf-16"))
        archive.writestr("c.score", MELODY)
    (score,) = musicxml.read(tmp_path / "a.mxl").scores
    assert score.notes["pitch"].tolist() == [expected]


PDF_FIRST = CONTAINER.replace("<rootfiles>", '<rootfiles><rootfile full-path="a.pdf" media-type="application/pdf"/>')


@pytest.mark.parametrize(
    "place, container",
    [
        ("META-INF/container.xml", PDF_FIRST.format("UTF-8", "my song.xml")),
        ("META-INF/container.xml", CONTAINER.format("UTF-8", "my%20song.xml")),
        ("META-INF/container.xml", CONTAINER.format("UTF-8", "gone.xml")),
        ("meta-inf/container.xml", CONTAINER.format("UTF-8", "/my song.xml")),
        ("mimetype", ""),
    ],
)
def test_the_root_file_is_found_whatever_lies_beside_it(tmp_path: Path, place: str, container: str):
    with zipfile.ZipFile(tmp_path / "a.mxl", "w") as archive:
        archive.writestr("a.pdf", "%PDF")
        archive.writestr("._my song.xml", b"\0\5\x16\7")
        archive.writestr("a.xml", "<metadata/>")
        archive.writestr(place, container)
        archive.writestr("my song.xml", MELODY)
    assert short(musicxml.read(tmp_path / "a.mxl").scores[0]) == [(0, 1920, 60)]


@pytest.mark.parametrize("name", ["a.musicxml", "a.xml"])
def test_an_archive_is_known_whatever_its_suffix(tmp_path: Path, name: str):
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("a.xml", MELODY)
    assert len(musicxml.read(tmp_path / name).scores) == 1


@pytest.mark.parametrize("number", ["nan", "-4", "x", "", "0"])
def test_absurd_numbers_are_no_harm(tmp_path: Path, number: str):
    music = numbered(
        f"<note><pitch><step>D</step><octave>4</octave></pitch><duration>{number}</duration></note>" + note("C4", 1)
    )
    assert short(read(tmp_path / "a.xml", score_xml(part("A", music))))[-1][1:] == (480, 60)


def test_music21_reads_it_too(tmp_path: Path):
    (tmp_path / "a.musicxml").write_text(MELODY, encoding="utf-8")
    assert short(musicxml.read(tmp_path / "a.musicxml", "music21").scores[0]) == [(0, 1920, 60)]


def test_chord_symbols_are_kept(tmp_path: Path):
    def harmony(step: str, alter: int, kind: str) -> str:
        root = f"<root><root-step>{step}</root-step><root-alter>{alter}</root-alter></root>"
        return f"<harmony>{root}<kind>{kind}</kind></harmony>"

    music = harmony("B", -1, "minor-seventh") + note("C4", 2) + harmony("E", 0, "dominant") + note("E4", 2)
    score = read(tmp_path / "a.musicxml", score_xml(part("Song", measure(1, attributes() + music))))
    assert score.chords.tolist() == [(0, 12 + 10), (960, 4)]
    assert score.transpose(2).chords["chord"].tolist() == [12, 6]
