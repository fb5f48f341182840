from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

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


def test_what_takes_long_is_told_before_it_is_written(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("musictool.writers.notation.MANY_NOTES", 4)
    write(song(), tmp_path / "song.musicxml")
    assert "song.musicxml: music21 takes long to write 5 notes; Ctrl-C stops it" in caplog.text


@settings(max_examples=examples(10), deadline=None)
@given(scores(min_notes=1, max_notes=12, max_tracks=2))
def test_any_score_can_be_written(tmp_path_factory, score):
    path = tmp_path_factory.mktemp("notation") / "song.musicxml"
    write(score, path)
    assert b"<note" in path.read_bytes()
