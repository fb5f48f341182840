from __future__ import annotations

import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from musictool import reading
from musictool.errors import BadFile
from musictool.readers import _midi_symusic, midi
from musictool.readers._midi_mended import to_bytes
from musictool.readers._salvage import salvage
from musictool.reading import MIDI_PARSERS
from tests.readers.smf import DATA, END, header, rows, smf, track
from tests.strategies import examples

C = bytes.fromhex("00 90 3c 40  60 80 3c 00")  # c4 for 96 ticks
E = bytes.fromhex("00 90 40 40  60 80 40 00")  # e4 after it
WHOLE = smf((C + E).hex())
C_ROW, E_ROW = (0, 96, 60, 64, False), (96, 96, 64, 64, False)

# what is wrong: (bytes, rows that are still read, remark)
MALFORMED = {
    "the last track breaks off inside a sounding note": (
        header() + track(C + bytes.fromhex("00 90 40 40  30 b0 07 64  30 80"), length=99),
        [C_ROW, (96, 48, 64, 64, False)],
        "salvaged: track 1 truncated",
    ),
    "the last track breaks off between two events": (
        header() + track(C + bytes.fromhex("00 90 40 40  30 b0 07 64"), length=99),
        [C_ROW, (96, 48, 64, 64, False)],
        "salvaged: track 1 truncated",
    ),
    "the second track breaks off before its first note": (
        header(2) + track(C + END) + b"MTrk\0\0\1\0\0",
        [C_ROW],
        "salvaged: track 2 truncated",
    ),
    "a chunk length that is too long": (
        header(2) + track(C + END, length=4000) + track(E + END),
        [(0, 96, 64, 64, False), C_ROW],
        "salvaged: track 1 length wrong",
    ),
    "a chunk length that is too short": (
        header(2) + track(C + END, length=3) + track(E + END),
        [(0, 96, 64, 64, False), C_ROW],
        "salvaged: track 1 length wrong",
    ),
    "status bytes that no file may hold: f4 f5 f9 fd": (
        header() + track(bytes.fromhex("00 f4  00 f5  00 f9  00 fd") + C + END),
        [C_ROW],
        "salvaged: track 1 had 4 illegal events",
    ),
    "a RIFF wrapper": (
        b"RIFF\x40\0\0\0RMIDdata\x34\0\0\0" + WHOLE,
        [C_ROW, E_ROW],
        "",
    ),
    "a MacBinary header": (
        b"\0\x04song" + bytes(122) + WHOLE,
        [C_ROW, E_ROW],
        "salvaged: 128 bytes before the header",
    ),
    "a header of 8 bytes": (
        b"MThd\0\0\0\x08\0\x01\0\x01\x01\xe0\0\0" + track(C + END),
        [C_ROW],
        "salvaged: header length wrong",
    ),
    "no end of track": (header() + track(C), [C_ROW], ""),
    "a foreign chunk between the tracks": (header() + b"XFIH\0\0\0\x02ab" + track(C + END), [C_ROW], ""),
    "garbage after the last track": (WHOLE + b"\xff\xff garbage \xff\xff\xff\xff", [C_ROW, E_ROW], ""),
    "a resolution of zero": (header(division=0) + track(C + END), [C_ROW], "salvaged: no resolution"),
    "running status with nothing to run on": (
        header(2) + track(bytes.fromhex("00 3c 40") + C) + track(E + END),
        [(0, 96, 64, 64, False)],
        "salvaged: track 1 damaged",
    ),
    "a delta time of five bytes": (
        header() + track(C + bytes.fromhex("8f ff ff ff 7f") + E + END),
        [C_ROW],
        "salvaged: track 1 damaged",
    ),
    "a delta time of five bytes that symusic reads as four": (
        header() + track(C + bytes.fromhex("80 80 80 80") + E + END),
        [C_ROW],
        "salvaged: track 1 damaged",
    ),
    "a meta event longer than the file": (
        header() + track(C + bytes.fromhex("00 ff 01 ff ff 7f 41") + E + END),
        [C_ROW],
        "salvaged: track 1 damaged",
    ),
    "a velocity above 127": (
        header() + track(bytes.fromhex("00 90 3c c8  60 80 3c 00") + END),
        [(0, 96, 60, 127, False)],
        "salvaged: track 1 had 1 illegal event",
    ),
    "a pitch above 127": (
        header() + track(bytes.fromhex("00 90 f0 40  60 80 f0 00") + END),
        [(0, 96, 127, 64, False)],
        "salvaged: track 1 had 2 illegal events",
    ),
    "one absurd delta time": (
        smf((C + E).hex() + "ff ff ff 7f 90 3c 40  60 80 3c 00", "00 91 43 40  60 81 43 00"),
        [C_ROW, E_ROW, (0, 96, 67, 64, False)],
        "salvaged: track 1 cut where it goes on beyond 50,000 quarter notes",
    ),
    "an absurd delta time before a release": (
        smf(C.hex() + "00 90 40 40  60 b0 07 00  ff ff ff 7f 80 40 00"),
        [C_ROW, E_ROW],
        "salvaged: track 1 cut where it goes on beyond 50,000 quarter notes",
    ),
    "an absurd delta time before the end of track": (
        header() + track(C + bytes.fromhex("ff ff ff 7f ff 2f 00")),
        [C_ROW],
        "",
    ),
    "events behind an early end of track": (
        header() + track(C + END + E + END),
        [C_ROW, E_ROW],
        "salvaged: track 1 had 1 note behind its end",
    ),
    "events of running status behind an early end of track": (
        header() + track(bytes.fromhex("00 90 3c 40  60 3c 00") + END + bytes.fromhex("00 40 40  60 40 00") + END),
        [C_ROW, E_ROW],
        "salvaged: track 1 had 1 note behind its end",
    ),
    "other bytes behind an early end of track": (
        header() + track(C + END + b"(c) by nobody"),
        [C_ROW],
        "salvaged: track 1 had 13 bytes behind its end",
    ),
    "padding behind an early end of track": (header() + track(C + END + bytes(40)), [C_ROW], ""),
    "a track whose length takes in the next": (
        header(2) + track(C + END + track(E + END)),
        [(0, 96, 64, 64, False), C_ROW],
        "salvaged: track 1 length wrong",
    ),
    "a second file behind the first": (
        WHOLE + smf(C.hex()),
        [C_ROW, E_ROW],
        "salvaged: a second MIDI file behind the first left out",
    ),
    "a second header between the tracks": (
        header(2) + track(C + END) + header(2) + track(E + END),
        [(0, 96, 64, 64, False), C_ROW],
        "salvaged: a second header",
    ),
    "a track twice where one is declared": (
        header() + track(C + E + END) * 2,
        [C_ROW, E_ROW],
        "salvaged: 1 copy of a track beyond the declared number left out",
    ),
    "two tracks where one is declared": (
        header() + track(C + END) + track(E + END),
        [(0, 96, 64, 64, False), C_ROW],
        "salvaged: 2 tracks where 1 are declared",
    ),
    "one track where two are declared": (header(2) + track(C + END), [C_ROW], "salvaged: 1 of 2 tracks there"),
    "time in SMPTE frames: 25 frames of 40 ticks": (
        header(division=0xE728) + track(C + END),
        [(0, 92, 60, 64, False)],
        "",
    ),
}

HOPELESS = {
    "nothing but zeros": (bytes(100), "empty"),
    "not a MIDI file": (b"not a midi file", "not MIDI"),
    "half a header": (header()[:9], "truncated"),
    "a header that promises no track": (header(0), "no notes"),
    "a header that promises a track": (header(), "truncated"),
    "a track of which only the name is left": (header() + b"MTrk\0\0", "truncated"),
    "a track without an event": (header() + b"MTrk\0\0\1\0", "truncated"),
    "255 ticks in a frame of which there is one a second": (header(division=0xFFFF) + track(C + END), "SMPTE time"),
    "a track damaged before its first note": (header() + track(bytes.fromhex("00 3c 40") + C + END), "damaged"),
    "nothing but an absurd delta time": (smf("ff ff ff 7f 90 3c 40  60 80 3c 00"), "too long"),
    "an empty track where two are declared": (header(2) + track(END), "truncated"),
    "an empty track": (header() + track(END), "no notes"),
}


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_file_gives_what_is_left_of_it(tmp_path: Path, name: str):
    data, expected, remark = MALFORMED[name]
    result = midi.read(write(tmp_path / "a.mid", data))
    assert rows(result.scores[0]) == sorted(expected)
    assert result.remark == remark


@pytest.mark.parametrize("parser", [parser for parser in MIDI_PARSERS if parser != "symusic"])
@pytest.mark.parametrize("name", MALFORMED)
def test_the_other_parsers_read_the_mended_file_alike(tmp_path: Path, name: str, parser: str):
    data, expected, _ = MALFORMED[name]
    assert rows(midi.read(write(tmp_path / "a.mid", data), parser).scores[0]) == sorted(expected)


@pytest.mark.parametrize("parser", MIDI_PARSERS)
@pytest.mark.parametrize("name", HOPELESS)
def test_a_hopeless_file_says_why(tmp_path: Path, name: str, parser: str):
    data, reason = HOPELESS[name]
    with pytest.raises(BadFile) as error:
        midi.read(write(tmp_path / "a.mid", data), parser)
    assert error.value.reason == reason


def test_mending_a_sound_file_finds_nothing_to_mend_and_keeps_the_music(tmp_path: Path):
    parsed, faults = salvage(WHOLE)
    mended = to_bytes(parsed)
    assert faults == []
    assert rows(midi.read(write(tmp_path / "a.mid", mended)).scores[0]) == [C_ROW, E_ROW]
    assert to_bytes(salvage(mended)[0]) == mended


def test_the_seconds_of_smpte_time_are_kept(tmp_path: Path):
    # 25 frames of 40 ticks a second: 1,000 ticks, of which the note takes 96
    data = header(division=0xE728) + track(C + END)
    assert midi.read(write(tmp_path / "a.mid", data)).scores[0].seconds == pytest.approx(0.096, abs=0.001)


@settings(max_examples=examples(300), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cut=st.integers(0, len(WHOLE)),
    flips=st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), max_size=6),
)
def test_any_truncation_and_any_flipped_bytes_give_notes_or_a_reason(
    tmp_path: Path, cut: int, flips: list[tuple[int, int]]
):
    data = bytearray(WHOLE)
    for at, value in flips:
        data[at] = value
    path = write(tmp_path / "a.mid", bytes(data[:cut]))
    for parser in MIDI_PARSERS:
        with contextlib.suppress(BadFile):
            assert len(midi.read(path, parser).scores[0].notes)


@pytest.mark.skipif(not (DATA / "bad-midi").is_dir(), reason="no malformed files beside the checkout")
def test_every_malformed_file_of_other_projects_gives_notes_or_a_reason():
    kept, reasons = 0, set()
    for path in sorted((DATA / "bad-midi").rglob("*.mid")):
        try:
            kept += len(reading.read(path).scores[0].notes) > 0
        except BadFile as error:
            reasons.add(error.reason)
    assert kept > 100
    assert reasons <= {"empty", "no notes", "not MIDI", "truncated", "damaged", "SMPTE time"}


@pytest.mark.parametrize("message", ["f1 00", "f2 00 00", "f3 00", "f6", "f8", "fa", "fb", "fc", "fe", "f4", "fd"])
def test_a_message_that_no_file_may_hold_is_remarked_on(tmp_path, message):
    path = tmp_path / "song.mid"
    path.write_bytes(smf(f"00 90 3c 40  60 {message}  00 80 3c 00"))
    reading = midi.read(path)
    assert reading.remark == "salvaged: track 1 had 1 illegal event"
    assert rows(reading.scores[0]) == [(0, 96, 60, 64, False)]


@pytest.mark.parametrize("events", ["f8 00 90 3c 40 60 3c 00", "00 ff 01 03 66 f8 72 00 90 3c 40 60 80 3c 00"])
def test_a_long_wait_and_text_are_no_such_message(tmp_path, events):
    path = tmp_path / "song.mid"
    path.write_bytes(smf(events))
    assert _midi_symusic.parse(path.read_bytes()) is not None
    assert midi.read(path).remark == ""
