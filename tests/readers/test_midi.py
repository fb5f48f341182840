from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from musictool import reading
from musictool.errors import BadFile
from musictool.music.score import Score, Track
from musictool.readers import _midi_parts, _midi_symusic, midi
from musictool.reading import MIDI_PARSERS
from tests.readers.smf import DATA, rows, smf

SONG = smf(
    # a conductor track: title "Song", 90 quarter notes a minute, 3/4, D major; from the second quarter G minor and 120
    "00 ff 03 04 53 6f 6e 67  00 ff 51 03 0a 2c 2b  00 ff 58 04 03 02 18 08  00 ff 59 02 02 00"
    "60 ff 59 02 fe 01  00 ff 51 03 07 a1 20",
    # "Flute", program 73: c5 for a quarter, then e5 with running status
    "00 ff 03 05 46 6c 75 74 65  00 c0 49  00 90 48 50  60 48 00  00 4c 51  60 4c 00",
    # drums
    "00 99 24 64  30 89 24 40",
    division=96,
)

FILES = {
    "two tracks and drums": SONG,
    "a note struck again at its release": smf("00 90 3c 40  60 80 3c 00  00 90 3c 41  60 80 3c 00"),
    "released after the same pitch is struck at the same tick": smf("00 90 3c 40 60 90 3c 41 00 80 3c 00 60 80 3c 00"),
    "two channels on one track": smf("00 90 3c 40  00 91 3c 41  60 81 3c 00  60 80 3c 00", form=0),
    "a program change between notes": smf("00 c0 05  00 90 3c 40  60 80 3c 00  00 c0 07  00 90 3e 40  60 80 3e 00"),
    "a stray note-off and a note never released": smf("00 80 30 00  00 90 3c 40  00 90 40 40  60 80 3c 00"),
    "triplets of an odd resolution": smf("00 90 3c 40  07 80 3c 00  07 90 3e 40  07 80 3e 00", division=21),
    "tempo changes": smf(
        "00 ff 51 03 0a 2c 2b  00 90 3c 40  60 ff 51 03 03 00 01  60 80 3c 00  5f 90 3e 01  01 80 3e 00"
    ),
    "the pedal held over two notes": smf(
        "00 b0 40 7f  00 90 3c 40  60 80 3c 00  00 90 40 40  60 80 40 00  60 b0 40 00  00 90 43 40  60 80 43 00"
    ),
    "system exclusive and foreign controllers": smf(
        "00 f0 03 7e 7f f7  00 b0 07 64  00 90 3c 40  60 e0 00 40  00 80 3c 00"
    ),
    "running status across a system exclusive message": smf(
        "00 90 3c 40  60 3c 00  00 f0 03 7e 7f f7  00 40 40  60 40 00"
    ),
    "running status across a text": smf("00 90 3c 40  60 3c 00  00 ff 01 02 41 f0  00 3e 40  60 3e 00"),
}


def read(data: bytes, path: Path, parser: str = "symusic") -> Score:
    path.write_bytes(data)
    result = midi.read(path, parser)
    assert len(result.scores) == 1
    return result.scores[0]


@pytest.mark.parametrize("parser", MIDI_PARSERS)
def test_a_song_is_read_with_all_that_a_score_holds(tmp_path: Path, parser: str):
    score = read(SONG, tmp_path / "song.mid", parser)
    assert rows(score) == [(0, 240, 36, 100, True), (0, 480, 72, 80, False), (480, 480, 76, 81, False)]
    assert set(score.tracks) == {Track(73, False, "Flute"), Track(0, True, "")}
    assert score.title == "Song"
    assert score.tempos["onset_ticks"].tolist() == [0, 480]
    assert np.allclose(score.tempos["bpm"], [90, 120])
    assert score.metres.tolist() == [(0, 3, 4)]
    assert score.keys.tolist() == [(0, 2, False), (480, -2, True)]


@pytest.mark.parametrize("name", FILES)
def test_the_three_parsers_give_the_same_notes(tmp_path: Path, name: str):
    read_by = {parser: rows(read(FILES[name], tmp_path / "a.mid", parser)) for parser in MIDI_PARSERS}
    assert read_by["symusic"]
    assert read_by["music21"] == read_by["symusic"]
    assert read_by["pretty_midi"] == read_by["symusic"]


@pytest.mark.parametrize(
    "between, runs_on",
    [
        ("f0 03 7e 7f f7  00 3e 40", True),
        ("f0 01 f7  81 00 3e 40", True),
        ("f0 81 00" + "01" * 127 + "f7  00 3e 40", True),
        ("f0 03 7e 7f f7  00 90 3e 40", False),
        ("f0 03 7e 7f f7  00 ff 01 01 41  00 90 3e 40", False),
        ("f0 02 7e 7f  00 90 3e 40", True),  # goes on in another packet
        ("f7 02 7e 7f  00 90 3e 40", True),
    ],
)
def test_running_status_behind_system_exclusive_messages_is_seen_beforehand(between: str, runs_on: bool):
    """symusic would silently lose the notes that follow."""
    assert _midi_symusic._messages_are_plain(smf(f"00 90 3c 40  60 3c 00  00 {between}  60 3e 00")) != runs_on


def test_ordinary_system_exclusive_messages_do_not_send_a_file_to_be_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delattr(midi, "salvage")
    assert len(read(FILES["system exclusive and foreign controllers"], tmp_path / "a.mid").notes) == 1


def test_a_karaoke_file_gives_its_notes_and_leaves_its_words(tmp_path: Path):
    karaoke = smf(
        "00 ff 03 06 53 6f 66 74 20 4b  00 ff 01 04 40 4b 4d 49",
        "00 ff 03 05 57 6f 72 64 73  00 ff 01 04 40 54 4c 61  00 ff 05 02 4c 61  60 ff 05 02 6c 61",
        "00 90 3c 40  60 3c 00  00 ff 05 02 2f 4c  00 3e 40  60 3e 00",
        division=96,
    )
    (tmp_path / "a.kar").write_bytes(karaoke)
    result = reading.read(tmp_path / "a.kar")
    assert rows(result.scores[0]) == [(0, 480, 60, 64, False), (480, 480, 62, 64, False)]
    assert result.remark == ""


def overlaps(score: Score) -> bool:
    """Whether a pitch is struck while it sounds, or not held at all: there pretty_midi goes its own way."""
    notes = np.sort(score.notes, order=["track", "pitch", "onset_ticks"])
    before, after = notes[:-1], notes[1:]
    same = (before["track"] == after["track"]) & (before["pitch"] == after["pitch"])
    return bool((same & (before["onset_ticks"] + before["duration_ticks"] > after["onset_ticks"])).any()) or bool(
        (notes["duration_ticks"] <= 1).any()
    )


@pytest.mark.skipif(not DATA.is_dir(), reason="no real music beside the checkout")
def test_the_three_parsers_give_the_same_notes_of_real_files():
    rng = random.Random(2)
    files = [
        path
        for folder in ("piano", "multitrack", "melody")
        for path in rng.sample(sorted((DATA / folder).rglob("*.mid")), 6)
        if path.stat().st_size < 20_000
    ]
    compared = 0
    for path in files:
        score = midi.read(path, "symusic").scores[0]
        assert rows(midi.read(path, "music21").scores[0]) == rows(score), path
        if not overlaps(score):
            assert rows(midi.read(path, "pretty_midi").scores[0]) == rows(score), path
            compared += 1
    assert compared >= 3


@pytest.mark.parametrize(
    "events, expected",
    [
        ("00 b0 40 7f  00 90 3c 40  60 80 3c 00  60 b0 40 00", [(0, 192)]),  # until the pedal comes up
        ("00 b0 40 3f  00 90 3c 40  60 80 3c 00  60 b0 40 00", [(0, 96)]),  # 63 is not down
        ("00 b0 40 7f  00 90 3c 40  60 80 3c 00  20 90 3c 40  60 80 3c 00  60 b0 40 00", [(0, 128), (128, 192)]),
        ("00 b0 40 7f  20 b0 40 00  00 90 3c 40  60 80 3c 00  60 b0 40 7f", [(32, 96)]),  # pressed too late
        ("00 b0 40 7f  00 90 3c 40  60 80 3c 00  00 90 3e 40  60 80 3e 00", [(0, 192), (96, 96)]),  # never comes up
        ("00 b9 40 7f  00 99 24 40  60 89 24 00  60 b9 40 00", [(0, 96)]),  # drums have no dampers
    ],
)
def test_the_sustain_pedal_holds_what_is_released_under_it(
    tmp_path: Path, events: str, expected: list[tuple[int, int]]
):
    score = read(smf(events, division=480), tmp_path / "a.mid")
    assert (
        list(zip(score.notes["onset_ticks"].tolist(), score.notes["duration_ticks"].tolist(), strict=True)) == expected
    )


def slow_hold(notes: list[tuple[int, int, int]], pedal: list[tuple[int, int]]) -> list[int]:
    """The rule of the pedal, a note at a time."""
    ends = []
    for onset, end, pitch in notes:
        state = [value >= 64 for time, value in pedal if time <= end]
        held = end
        if state and state[-1]:
            ups = [time for time, value in pedal if time > end and value < 64]
            held = min(ups, default=max(max(e for _, e, _ in notes), max(time for time, _ in pedal)))
        again = [other for other, _, same in notes if same == pitch and other > onset]
        ends.append(max(end, min([held, *again])))
    return ends


def test_the_vectorised_pedal_agrees_with_the_slow_one():
    rng = np.random.default_rng(0)
    for _ in range(200):
        onset = rng.permutation(40)[:12]  # no two at once: which of two unisons goes on is not fixed
        end = onset + rng.integers(1, 12, 12)
        pitch = rng.integers(60, 63, 12)
        times = np.sort(rng.permutation(60)[:7])
        values = rng.choice([0, 20, 80, 127], 7)
        if values[-1] >= 64:
            values[-1] = 0
        got = _midi_parts.hold(onset, end, pitch, times, values)
        notes = list(zip(onset.tolist(), end.tolist(), pitch.tolist(), strict=True))
        assert got.tolist() == slow_hold(notes, list(zip(times.tolist(), values.tolist(), strict=True)))


@pytest.mark.parametrize("parser", MIDI_PARSERS)
def test_a_wrong_key_tempo_or_metre_does_not_lose_the_notes(tmp_path: Path, parser: str):
    wrong = "00 ff 59 02 ee 00  00 ff 51 03 00 00 00  00 ff 58 04 00 02 18 08  00 90 3c 40  60 80 3c 00"
    score = read(smf(wrong), tmp_path / "a.mid", parser)
    assert rows(score) == [(0, 96, 60, 64, False)]
    assert not len(score.keys)
    assert not len(score.metres)
    assert score.seconds == pytest.approx(0.1)


def test_changes_at_one_time_are_the_last_of_them(tmp_path: Path):
    twice = "00 ff 58 04 03 02 18 08  00 ff 58 04 06 03 18 08  00 90 3c 40  60 80 3c 00"
    assert read(smf(twice), tmp_path / "a.mid").metres.tolist() == [(0, 6, 8)]


@pytest.mark.parametrize(
    "events, reason",
    [
        ("00 ff 03 01 41", "no notes"),
        ("ff ff ff 7f 90 3c 40  60 80 3c 00", "too long"),  # begins after 560,000 quarter notes
    ],
)
@pytest.mark.parametrize("parser", MIDI_PARSERS)
def test_a_file_without_usable_notes_says_why(tmp_path: Path, parser: str, events: str, reason: str):
    with pytest.raises(BadFile) as error:
        read(smf(events), tmp_path / "a.mid", parser)
    assert error.value.reason == reason


def test_more_notes_than_the_limit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("musictool.reading.MAX_NOTES", 1)
    with pytest.raises(BadFile, match="too many notes: 2"):
        read(smf("00 90 3c 40  60 80 3c 00  00 90 3c 40  60 80 3c 00"), tmp_path / "a.mid")


def test_names_survive_in_utf_8_and_never_break_the_line(tmp_path: Path):
    named = smf("00 ff 03 06 c3 a9 0a 00 41 20  00 90 3c 40  60 80 3c 00")
    assert read(named, tmp_path / "a.mid").tracks[0].name == "é  A"
    assert read(named, tmp_path / "a.mid").title == "é  A"


def test_an_unknown_parser_is_a_programming_mistake(tmp_path: Path):
    with pytest.raises(ValueError, match="parser is one of"):
        read(SONG, tmp_path / "a.mid", "mido")


@pytest.mark.parametrize("stray", [1, 7])
def test_a_few_bytes_behind_the_last_chunk_do_not_matter_and_are_not_looked_at(
    stray: int,
):
    assert len(_midi_symusic.parse(SONG + bytes(stray)).parts) == len(_midi_symusic.parse(SONG).parts) == 2
    assert _midi_symusic.parse(SONG + b"MTrk\0\0\0\x09") is None


def test_a_first_metre_that_comes_a_tick_late_holds_from_the_beginning(tmp_path: Path):
    late = "01 ff 58 04 03 02 18 08  00 ff 51 03 0b 71 b0  00 90 3c 40  60 80 3c 00  60 ff 58 04 04 02 18 08"
    score = read(smf(late), tmp_path / "a.mid")
    assert score.metres["onset_ticks"].tolist()[0] == score.tempos["onset_ticks"].tolist()[0] == 0
    assert len(score.metres) == 2
