"""What belongs to a channel whatever track it stands in, and notes that are never released."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musictool.music.score import Track
from musictool.readers import _midi_events, _midi_symusic, midi
from musictool.readers._midi_events import read_track
from musictool.readers._salvage import salvage
from musictool.reading import MIDI_PARSERS, Reading
from tests.readers.smf import END, header, smf, track
from tests.strategies import examples

C, E = "00 90 3c 40  60 80 3c 00", "00 90 40 40  60 80 40 00"  # c4 and e4 for 96 ticks


def read(path: Path, data: bytes, parser: str = "symusic") -> Reading:
    path.write_bytes(data)
    return midi.read(path, parser)


def short(reading: Reading) -> list[tuple[int, int, int]]:
    """(onset, end, pitch) of each note, sorted."""
    notes = reading.scores[0].notes
    ends = notes["onset_ticks"] + notes["duration_ticks"]
    return sorted(zip(notes["onset_ticks"].tolist(), ends.tolist(), notes["pitch"].tolist(), strict=True))


# what a file does: its tracks, the notes (onset, end, pitch) and the remark
ACROSS = {
    "the pedal in another track": (
        ["00 b0 40 7f  81 40 b0 40 00", "00 90 3c 40  60 80 3c 00", "00 91 30 40  60 81 30 00"],
        [(0, 96, 48), (0, 192, 60)],
        "",
    ),
    "the pedal of the bass over the treble of one channel": (
        ["00 90 48 40  60 80 48 00", "00 b0 40 7f  00 90 30 40  60 80 30 00  60 b0 40 00"],
        [(0, 192, 48), (0, 192, 72)],
        "",
    ),
    "the pedal up behind a program change": (
        ["00 b0 40 7f  00 90 3c 40  60 80 3c 00  00 c0 05  60 b0 40 00  00 90 3e 40  60 80 3e 00"],
        [(0, 192, 60), (192, 288, 62)],
        "",
    ),
    "the controllers reset in another track": (
        ["00 b0 40 7f  00 90 3c 40  20 80 3c 00", "60 b0 79 00"],
        [(0, 96, 60)],
        "",
    ),
    "released in another track": (
        ["00 90 3c 40  60 90 3e 40", "60 80 3c 00  60 80 3e 00"],
        [(0, 96, 60), (96, 192, 62)],
        "",
    ),
    "unisons of two tracks of one channel, each released in its own": (
        ["00 90 3c 40  60 80 3c 00", "00 90 3c 40  20 80 3c 00"],
        [(0, 32, 60), (0, 96, 60)],
        "",
    ),
    "released on another port": (
        ["00 ff 21 01 00  00 90 3c 40  60 b0 07 40", "00 ff 21 01 01  00 90 3e 40  20 80 3c 00  20 80 3e 00"],
        [(0, 64, 62), (0, 96, 60)],
        "salvaged: track 1 1 note never released",
    ),
    "all notes off": (
        ["00 90 3c 40  00 90 40 40  60 b0 7b 00  60 90 3e 40  60 80 3e 00"],
        [(0, 96, 60), (0, 96, 64), (192, 288, 62)],
        "",
    ),
    "all notes off in another track": (
        ["00 90 3c 40  00 91 40 40  81 40 81 40 00", "60 b0 7b 00"],
        [(0, 96, 60), (0, 192, 64)],
        "",
    ),
    "all notes off while the pedal is down": (
        ["00 b0 40 7f  00 90 3c 40  60 b0 7b 00  60 b0 40 00"],
        [(0, 192, 60)],
        "",
    ),
    "all sound off while the pedal is down": (
        ["00 b0 40 7f  00 90 3c 40  60 b0 78 00  60 b0 40 00"],
        [(0, 96, 60)],
        "",
    ),
    "mono mode": (["00 90 3c 40  60 b0 7e 01  60 b0 07 00"], [(0, 96, 60)], ""),
    "a General MIDI reset": (["00 90 3c 40  60 f0 05 7e 7f 09 01 f7  60 80 3c 00"], [(0, 96, 60)], ""),
    "a Roland reset": (["00 90 3c 40  60 f0 0a 41 10 42 12 40 00 7f 00 41 f7  60 80 3c 00"], [(0, 96, 60)], ""),
    "never released": (
        ["00 99 24 64  60 99 26 64  60 99 24 64  60 99 26 64  60 ff 01 01 41"],
        [(0, 192, 36), (96, 288, 38), (192, 384, 36), (288, 384, 38)],
        "salvaged: track 1 4 notes never released",
    ),
    "one forgotten, the later ones released": (
        ["00 90 3c 40  60 90 3c 40  20 80 3c 00  20 90 3c 40  20 80 3c 00"],
        [(0, 96, 60), (96, 128, 60), (160, 192, 60)],
        "salvaged: track 1 1 note never released",
    ),
    "struck twice at once and released once": (
        ["00 90 3c 40  00 90 3c 50  60 80 3c 00  60 b0 07 00"],
        [(0, 96, 60), (0, 96, 60)],
        "salvaged: track 1 1 note never released",
    ),
    "a part none of whose notes is released": (
        [C, "00 91 40 40  60 91 41 40  60 b1 07 00"],
        [(0, 96, 60), (0, 192, 64), (96, 192, 65)],
        "salvaged: track 2 2 notes never released",
    ),
    "an exclusive message in three packets, as in the specification": (
        ["00 f0 03 43 12 00  81 48 f7 06 43 12 00 43 12 00  64 f7 04 43 12 00 f7  00 90 3c 40  60 80 3c 00"],
        [(300, 396, 60)],
        "",
    ),
    "an escape packet with a real-time message": (["00 90 3c 40  20 f7 01 f8  40 80 3c 00"], [(0, 96, 60)], ""),
    "delta times of bytes that begin exclusive messages": (
        ["00 90 3c 40  f0 10 80 3c 00  00 90 3e 40  f7 08 80 3e 00"],
        [(0, 14352, 60), (14352, 29592, 62)],
        "",
    ),
}


@pytest.mark.parametrize("parser", MIDI_PARSERS)
@pytest.mark.parametrize("name", ACROSS)
def test_what_a_note_is_does_not_depend_on_the_track(tmp_path: Path, name: str, parser: str):
    tracks, notes, remark = ACROSS[name]
    reading = read(tmp_path / "a.mid", smf(*tracks), parser)
    if parser == "pretty_midi" and name.startswith(("struck twice", "unisons")):
        assert {row[::2] for row in short(reading)} == {row[::2] for row in notes}  # it merges unisons
    else:
        assert short(reading) == sorted(notes)
    assert reading.remark == remark


@pytest.mark.parametrize(
    "tracks, programs",
    [
        (["00 c0 28", C], [40]),
        ([C, "00 c0 28"], [40]),
        (["00 c0 28  00 c1 06", C, "00 91 3c 40  60 81 3c 00"], [40, 6]),
        (["00 c0 28", f"00 c0 06 {C}", E], [6, 6]),  # the later of two at one time
        (["00 c0 28", f"00 c0 06 {C}", f"00 c0 28 {E}"], [6, 40]),  # the own program is nearer
        ([f"{C}  60 90 40 40  60 80 40 00", "60 c0 07"], [0, 7]),  # another's from its time on
    ],
)
def test_a_program_is_the_channels_whatever_track_sets_it(tmp_path: Path, tracks: list[str], programs: list[int]):
    score = read(tmp_path / "a.mid", smf(*tracks)).scores[0]
    assert [score.tracks[i].program for i in dict.fromkeys(score.notes["track"].tolist())] == programs


def test_the_tracks_of_a_format_2_file_share_nothing(tmp_path: Path):
    reading = read(tmp_path / "a.mid", smf("00 c0 05  00 b0 40 7f", "00 90 3c 40  60 80 3c 00", form=2))
    assert short(reading) == [(0, 96, 60)]
    assert reading.scores[0].tracks == (Track(0),)


def test_before_the_first_tempo_120_holds(tmp_path: Path):
    late = smf("00 ff 03 01 61", "00 90 3c 40  83 60 80 3c 00  00 ff 51 03 0f 42 40  00 90 3c 40  83 60 80 3c 00")
    score = read(tmp_path / "a.mid", late).scores[0]
    assert score.tempos.tolist() == [(0, 120.0), (480, 60.0)]
    assert score.seconds == 1.5


@pytest.mark.parametrize(
    "name, text",
    [
        ("Träumerei".encode(), "Träumerei"),
        ("Träumerei".encode("latin-1"), "Träumerei"),
        ("Frühling für Émile".encode("latin-1"), "Frühling für Émile"),
        ("テスト".encode("cp932"), "テスト"),
        ("交響曲第７番 第２楽章".encode("cp932"), "交響曲第７番 第２楽章"),
        (b"A" * 150, "A" * 150),
        (b"B" * 300, "B" * 200),
    ],
)
def test_names_and_titles_in_the_encodings_that_files_have(tmp_path: Path, name: bytes, text: str):
    named = b"\x00\xff\x03" + _midi_events.number_bytes(len(name)) + name
    score = read(tmp_path / "a.mid", header() + track(named + bytes.fromhex(C) + END)).scores[0]
    assert (score.title, score.tracks[0].name) == (text, text)


def test_a_riff_file_is_read_by_its_own_suffix(tmp_path: Path):
    song = smf(C)
    info = b"LIST\x06\0\0\0INFOab"
    data = b"data" + len(song).to_bytes(4, "little") + song
    riff = b"RIFF" + (4 + len(info + data)).to_bytes(4, "little") + b"RMID" + info + data
    reading = read(tmp_path / "a.rmi", riff)
    assert (short(reading), reading.remark) == ([(0, 96, 60)], "")


PLAIN = {
    "two tracks": smf(C, "00 91 40 40  60 81 40 00"),
    "setup of other channels' volumes": smf("00 b0 07 64  00 b1 07 64", C, "00 91 40 40  60 81 40 00"),
    "two tracks of one channel and one program": smf(f"00 c0 05 {C}", f"00 c0 05 {E}"),
    "a pedal": smf(f"00 b0 40 7f {C} 60 b0 40 00"),
    "a program in another track": smf("00 c0 05", C, E),
    "a program of its own beside another's": smf("00 c0 05", f"00 c0 06 {C}"),
    "a pedal in another track": smf("00 b0 40 7f  81 40 b0 40 00", C, f"20 b0 07 40 {E}"),
    "a pedal pressed in one track and released in another": smf(f"00 b0 40 7f {C}", "81 40 b0 40 00"),
    "all reset at the beginning": smf(f"00 f0 05 7e 7f 09 01 f7  00 b0 79 00  00 b0 7b 00 {C}"),
}
NOT_PLAIN = {
    "a program in another track, later": smf("60 c0 05", C),
    "programs of two tracks": smf(f"00 c0 05 {C}", f"00 c0 06 {E}"),
    "a pedal on another port": smf("00 ff 21 01 01 00 b0 40 7f", f"00 b0 40 00 {C}"),
    "a mode message": smf("00 90 3c 40  60 b0 7b 00"),
    "more tracks than declared": header(1) + track(bytes.fromhex(C) + END) * 2,
    "a reset on the way": smf("00 90 3c 40  60 f0 05 7e 7f 09 01 f7  60 80 3c 00"),
    "a second file": smf(C) + smf(C),
    "an early end of track": smf(f"{C} 00 ff 2f 00 {E}"),
    "an impossible tempo": smf(f"00 ff 51 03 00 00 00 {C}"),
    "a velocity above 127": smf("00 90 3c c8  60 80 3c 00"),
    "a name in Latin-1": smf(f"00 ff 03 01 e9 {C}"),
}


def test_symusic_reads_what_is_plain_and_only_that():
    assert all(_midi_symusic.parse(data) is not None for data in PLAIN.values())
    assert [name for name, data in NOT_PLAIN.items() if _midi_symusic.parse(data) is not None] == []


@pytest.mark.parametrize("name", PLAIN)
def test_both_ways_of_reading_a_plain_file_agree(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch):
    quick = read(tmp_path / "a.mid", PLAIN[name])
    monkeypatch.setattr(_midi_symusic, "parse", lambda data: None)
    slow = read(tmp_path / "a.mid", PLAIN[name])
    assert np.array_equal(quick.scores[0].notes, slow.scores[0].notes)
    assert quick.scores[0].tracks == slow.scores[0].tracks
    assert (quick.remark, slow.remark) == ("", "")


event = st.one_of(
    st.binary(min_size=3, max_size=4),
    st.tuples(st.sampled_from([0x90, 0x80, 0x91, 0xB0]), st.integers(0, 130), st.integers(0, 130)).map(bytes),
    st.tuples(st.sampled_from([0xC0, 0xD5]), st.integers(0, 127)).map(bytes),
    st.tuples(st.integers(0, 127), st.integers(0, 127)).map(bytes),
    st.sampled_from([b"\xff\x01\x02ab", b"\xf0\x02a\xf7", b"\xf7\x01\xf8", b"\xff\x03\x01x", b"\xff\x2f\0", b"\xf8"]),
)
deltas = st.one_of(st.just(b"\0"), st.integers(0, 1 << 22).map(_midi_events.number_bytes))


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(st.tuples(deltas, event).map(b"".join), max_size=20).map(b"".join), st.booleans())
def test_events_read_at_once_are_those_read_one_by_one(data: bytes, whole: bool):
    quick = read_track(data, 0, len(data), whole)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_midi_events._Reader, "quickly", lambda self, at: (at, False))
        slow = read_track(data, 0, len(data), whole)
    for one, other in zip(quick, slow, strict=True):
        assert np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other


def test_a_track_of_many_stretches_is_read_alike(monkeypatch: pytest.MonkeyPatch):
    data = bytes.fromhex(f"00 ff 03 08 {'41' * 8} {C} 60 3c 00 {E}" * 9) + END
    whole = read_track(data, 0, len(data))
    monkeypatch.setattr(_midi_events, "_STRETCH", 5)
    assert np.array_equal(read_track(data, 0, len(data)).time, whole.time)
    assert len(whole.time) == 45


def test_many_faults_make_no_long_remark():
    _, faults = salvage(smf(*["00 90 3c 40"] * 20))
    assert len(faults) == 9
    assert faults[-1] == "12 more"
