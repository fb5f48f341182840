from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings

from musictool import reading
from musictool.music.score import KEY, METRE, TEMPO, Score, Track
from musictool.writing import write
from tests.strategies import examples, scores


def read(path) -> list[list[tuple[float, int]]]:
    """For each part its (onset in quarters, pitch), continuations of ties left out."""
    from music21 import converter

    return [
        sorted(
            (float(element.offset), pitch.midi)
            for element in part.flatten().notes
            for pitch in element.pitches
            if element.tie is None or element.tie.type == "start"
        )
        for part in converter.parse(path, forceSource=True).parts
    ]


def song() -> Score:
    rows = np.array(
        [(0, 480, 60, 90, 0), (0, 480, 64, 90, 0), (480, 160, 67, 90, 0), (640, 2000, 72, 90, 0), (0, 960, 40, 90, 1)]
    )
    return Score.from_columns(
        *rows.T,
        tracks=(Track(40, name="Geige"), Track(32)),
        metres=np.array([(0, 3, 4)], METRE),
        keys=np.array([(0, 2, False)], KEY),
        tempos=np.array([(0, 90.0)], TEMPO),
        title="Lied & Tanz",
    )


def test_notes_title_names_metre_and_key_are_written(tmp_path):
    path = tmp_path / "song.musicxml"
    write(song(), path)
    assert read(path) == [[(0, 60), (0, 64), (1, 67), (pytest.approx(4 / 3), 72)], [(0, 40)]]
    text = path.read_text()
    for words in ("Lied &amp; Tanz", "Geige", "Acoustic Bass", "<beats>3</beats>", "<fifths>2</fifths>", 'tempo="90"'):
        assert words in text


def test_the_same_score_gives_the_same_bytes(tmp_path):
    for name in ("a.musicxml", "b.musicxml"):
        write(song(), tmp_path / name)
    assert (tmp_path / "a.musicxml").read_bytes() == (tmp_path / "b.musicxml").read_bytes()


def test_what_is_written_is_read_back(tmp_path):
    rows = np.array(
        [(0, 480, 60, 90, 0), (0, 2400, 64, 90, 0), (480, 160, 66, 90, 0), (640, 80, 70, 90, 0), (720, 240, 70, 90, 0)]
        + [(1920, 2400, 72, 90, 0), (0, 240, 36, 90, 1), (240, 240, 42, 90, 1), (960, 480, 40, 90, 2)]
    )
    score = Score.from_columns(
        *rows.T,
        tracks=(Track(40, name="Geige <1>"), Track(0, is_drum=True), Track(32)),
        metres=np.array([(0, 1, 4), (480, 3, 4), (1920, 6, 8)], METRE),
        keys=np.array([(0, -3, True), (1920, 1, False)], KEY),
        tempos=np.array([(0, 90.0), (2160, 120.5)], TEMPO),
        title="Lied & Tanz",
    )
    path = tmp_path / "song.musicxml"
    write(score, path)
    read_back = reading.read(path).scores[0]
    for columns in ("onset_ticks", "duration_ticks", "pitch"):
        assert read_back.notes[columns].tolist() == score.notes[columns].tolist()
    assert read_back.title == score.title
    assert read_back.tracks == (
        Track(40, name="Geige <1>"),
        Track(0, is_drum=True, name="Drums"),
        Track(32, name="Acoustic Bass"),
    )
    assert [tuple(row) for row in read_back.metres.tolist()] == [(0, 1, 4), (480, 3, 4), (1920, 6, 8)]
    assert read_back.keys.tolist() == score.keys.tolist()
    assert read_back.tempos.tolist() == score.tempos.tolist()


@pytest.mark.parametrize(
    "onset, length, types",
    [
        (0, 480, [("quarter", 0)]),
        (0, 720, [("quarter", 1)]),
        (0, 600, [("quarter", 0), ("16th", 0)]),
        (0, 160, [("eighth", 0), ("quarter", 0)]),  # and the rest of the triplet
        (0, 1440, [("half", 1)]),
        (240, 480, [("eighth", 0), ("quarter", 0)]),  # behind a rest
        (1680, 480, [("half", 1), ("eighth", 0), ("eighth", 0), ("eighth", 0)]),  # over the bar line
    ],
)
def test_lengths_are_those_of_notes(tmp_path, onset: int, length: int, types: list):
    write(Score.from_columns([onset], [length], [60], [80], [0], tracks=(Track(0),)), tmp_path / "a.musicxml")
    notes = ElementTree.parse(tmp_path / "a.musicxml").findall("part/measure/note")
    assert [(note.findtext("type"), len(note.findall("dot"))) for note in notes][: len(types)] == types


def test_accidentals_are_written_where_the_key_and_the_bar_so_far_do_not_say_them(tmp_path):
    pitches = [63, 66, 66, 67, 66]
    keys = np.array([(0, -3, True)], KEY)
    onsets = [0, 480, 960, 1440, 1920]
    write(
        Score.from_columns(onsets, [480] * 5, pitches, [80] * 5, [0] * 5, tracks=(Track(0),), keys=keys),
        tmp_path / "a.musicxml",
    )
    notes = ElementTree.parse(tmp_path / "a.musicxml").findall("part/measure/note")[:5]
    assert [note.findtext("pitch/step") for note in notes] == ["E", "G", "G", "G", "G"]
    assert [note.findtext("accidental") for note in notes] == [None, "flat", None, "natural", "flat"]


@settings(max_examples=examples(10), deadline=None)
@given(scores(min_notes=1, max_notes=12, max_tracks=2))
def test_any_score_can_be_written(tmp_path_factory, score):
    path = tmp_path_factory.mktemp("notation") / "song.musicxml"
    write(score, path)
    assert b"<note" in path.read_bytes()
