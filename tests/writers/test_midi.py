from __future__ import annotations

import io

import mido
import numpy as np
import pretty_midi
import pytest
import symusic
from hypothesis import given

from musictool.errors import NoMusic
from musictool.music.grid import without_overlaps
from musictool.music.score import KEY, METRE, TEMPO, Score, Track
from musictool.writers.midi import to_bytes
from musictool.writing import write
from tests.strategies import scores

Notes = list[list[tuple[int, int, int, int]]]


def by_track(score: Score) -> Notes:
    """For each track that has notes: its (onset, duration, pitch, velocity), sorted."""
    parts = [score.notes[score.notes["track"] == part] for part in range(len(score.tracks))]
    return [sorted(tuple(row)[:4] for row in part.tolist()) for part in parts if len(part)]


def read_with_symusic(data: bytes) -> Notes:
    read = symusic.Score.from_midi(data)
    assert read.tpq == 480
    return [sorted((n.time, n.duration, n.pitch, n.velocity) for n in track.notes) for track in read.tracks]


def read_with_mido(data: bytes) -> tuple[Notes, int]:
    """Notes paired by the simplest rule, and how many note-ons never ended or note-offs had nothing to end."""
    parts, astray = [], 0
    for track in mido.MidiFile(file=io.BytesIO(data)).tracks[1:]:
        now, sounding, notes = 0, {}, []
        for message in track:
            now += message.time
            if message.type == "note_on":
                astray += message.note in sounding
                sounding[message.note] = (now, message.velocity)
            elif message.type == "note_off":
                if message.note in sounding:
                    onset, velocity = sounding.pop(message.note)
                    notes.append((onset, now - onset, message.note, velocity))
                else:
                    astray += 1
        astray += len(sounding)
        parts.append(sorted(notes))
    return parts, astray


def many_parts(count: int, programs: int) -> Score:
    rows = np.array([(i * 480, 480, 60, 80, i) for i in range(count)]).T
    return Score.from_columns(*rows, tracks=tuple(Track(program=i % programs, name="same") for i in range(count)))


@given(scores())
def test_what_was_written_is_read(score: Score):
    data = to_bytes(score)
    expected = by_track(Score(without_overlaps(score.notes), score.tracks))
    assert read_with_mido(data) == (expected, 0)
    assert read_with_symusic(data) == expected


@given(scores(overlaps=False))
def test_without_overlaps_nothing_is_lost(score: Score):
    assert np.array_equal(without_overlaps(score.notes), score.notes)
    assert read_with_symusic(to_bytes(score)) == by_track(score)


@given(scores())
def test_the_same_score_gives_the_same_bytes(score: Score):
    assert to_bytes(score) == to_bytes(score)


@given(scores())
def test_restruck_notes_never_overlap(score: Score):
    ends: dict[tuple[int, int], int] = {}
    for onset, duration, pitch, _, track in without_overlaps(score.notes).tolist():
        assert duration > 0
        assert onset >= ends.get((track, pitch), 0)
        ends[track, pitch] = onset + duration
    assert ends.keys() == {(n["track"], n["pitch"]) for n in score.notes}


def test_a_note_struck_again_ends_the_first():
    score = Score.from_notes([(60, 0, 4), (60, 1, 1), (60, 1, 2), (64, 0, 4)])
    assert read_with_symusic(to_bytes(score)) == [[(0, 480, 60, 80), (0, 1920, 64, 80), (480, 960, 60, 80)]]


def test_title_tempo_metre_key_name_and_program_are_written(tmp_path):
    score = Score(
        Score.from_notes([(60, 0, 8)]).notes,
        (Track(40, name="Geige"),),
        np.array([(0, 90.0), (960, 45.5)], TEMPO),
        np.array([(0, 6, 8), (1440, 3, 4)], METRE),
        np.array([(0, -3, True), (1440, 8, False)], KEY),
        "Träumerei",
    )
    write(score, tmp_path / "song.mid")
    read = pretty_midi.PrettyMIDI(str(tmp_path / "song.mid"))
    seconds, bpm = read.get_tempo_changes()
    assert bpm == pytest.approx([90, 45.5], abs=1e-3)
    assert seconds == pytest.approx([0, 120 / 90])
    assert [(m.numerator, m.denominator) for m in read.time_signature_changes] == [(6, 8), (3, 4)]
    assert [k.key_number for k in read.key_signature_changes] == [12, 8]  # C minor; G sharp major as A flat
    assert [(i.program, i.is_drum) for i in read.instruments] == [(40, False)]
    assert read.instruments[0].notes[0].end == pytest.approx(score.seconds)
    tracks = mido.MidiFile(tmp_path / "song.mid", charset="utf-8").tracks
    assert [track.name for track in tracks] == ["Träumerei", "Geige"]


def test_drums_are_on_channel_ten_and_fifteen_others_have_their_own():
    parts = many_parts(16, programs=128)
    drums = Score(parts.notes, (Track(is_drum=True), *parts.tracks[1:]))
    tracks = mido.MidiFile(file=io.BytesIO(to_bytes(drums))).tracks[1:]
    channels = [next(m.channel for m in track if m.type == "note_on") for track in tracks]
    assert channels == [9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15]


@pytest.mark.parametrize("count, programs", [(16, 1), (40, 5), (40, 15), (40, 16), (200, 128)])
def test_more_parts_than_channels_stay_apart_and_keep_their_programs(count, programs):
    score = many_parts(count, programs)
    data = to_bytes(score)
    assert read_with_symusic(data) == by_track(score)
    assert [t.program for t in symusic.Score.from_midi(data).tracks] == [t.program for t in score.tracks]
    assert len(pretty_midi.PrettyMIDI(io.BytesIO(data)).instruments) == count
    if programs <= 15:  # one instrument a channel, whatever order a player reads the tracks in
        set_to: dict[int, set[int]] = {}
        for message in (m for track in mido.MidiFile(file=io.BytesIO(data)).tracks for m in track):
            if message.type == "program_change":
                set_to.setdefault(message.channel, set()).add(message.program)
        assert all(len(programs) == 1 for programs in set_to.values())


def test_impossible_tempos_metres_and_keys_are_brought_into_range():
    score = Score(
        Score.from_notes([(60, 0, 1)]).notes,
        tempos=np.array([(0, 1e-9), (480, 1e12)], TEMPO),
        metres=np.array([(0, 255, 255), (480, 0, 0)], METRE),
        keys=np.array([(0, 127, False), (480, -128, True)], KEY),
    )
    read = mido.MidiFile(file=io.BytesIO(to_bytes(score))).tracks[0]
    assert [m.tempo for m in read if m.type == "set_tempo"] == [0xFFFFFF, 1]


def test_a_score_without_notes_is_an_error_and_leaves_no_file(tmp_path):
    with pytest.raises(NoMusic):
        write(Score.from_notes([]), tmp_path / "song.mid")
    assert list(tmp_path.iterdir()) == []
