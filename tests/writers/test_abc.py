from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from musictool.music.grid import to_steps, without_overlaps
from musictool.music.score import KEY, METRE, TEMPO, Score, Track
from musictool.reading import read
from musictool.writers.abc import text_of
from musictool.writing import write
from tests.strategies import examples, scores


def song() -> Score:
    rows = np.array(
        [(0, 480, 66, 90, 0), (0, 480, 69, 90, 0), (480, 160, 67, 90, 0), (640, 2000, 72, 90, 0), (0, 960, 40, 90, 1)]
    )
    return Score.from_columns(
        *rows.T,
        tracks=(Track(40, name='Geige "1"'), Track(32)),
        metres=np.array([(0, 3, 4)], METRE),
        keys=np.array([(0, 2, False)], KEY),
        tempos=np.array([(0, 90.0)], TEMPO),
        title="Lied & Tanz",
    )


def test_a_song_is_spelled_out():
    assert text_of(song()).splitlines() == [
        "X:1",
        "T:Lied & Tanz",
        "M:3/4",
        "L:1/16",
        "Q:1/4=90",
        "K:D",
        "V:1 name=\"Geige '1'\"",
        "%%MIDI program 40",
        "[FA]4 (3:2:2G2=c4- =c4- | =c8- =c2 z2 |]",
        'V:2 name="Acoustic Bass"',
        "%%MIDI program 32",
        "E,,8 z4 | z12 |]",
    ]


def heard(score: Score) -> list[tuple[int, int, int]]:
    """(onset, end, pitch) in twelfths of a quarter note."""
    notes = score.notes
    ends = notes["onset_ticks"] + notes["duration_ticks"]
    rows = zip(np.round(notes["onset_ticks"] / 40), np.round(ends / 40), notes["pitch"], strict=True)
    return sorted((int(onset), int(end), int(pitch)) for onset, end, pitch in rows)


@pytest.mark.parametrize("sharps", [-7, -3, 0, 2, 7])
def test_every_pitch_in_every_key_is_read_as_it_was_written(tmp_path, sharps):
    score = Score.from_notes([(pitch, i / 2, 0.5) for i, pitch in enumerate([*range(36, 97), *range(96, 35, -1)])])
    score = Score(score.notes, keys=np.array([(0, sharps, False)], KEY))
    write(score, tmp_path / "song.abc")
    assert heard(read(tmp_path / "song.abc").scores[0]) == heard(score)


def test_metres_ties_and_overlaps_are_read_as_they_were_written(tmp_path):
    notes = [(60, 0, 5), (64, 1, 1), (67, 1, 1), (72, 1.5, 7), (62, 6 + 1 / 3, 1 / 3), (48, 9, 2)]
    score = Score.from_notes(notes)
    score = Score(score.notes, metres=np.array([(0, 4, 4), (1920, 3, 4), (3360, 6, 8)], METRE))
    write(score, tmp_path / "song.abc")
    again = read(tmp_path / "song.abc").scores[0]
    assert heard(again) == heard(score)
    assert again.metres.tolist() == score.metres.tolist()
    metres = [line[:7] for line in (tmp_path / "song.abc").read_text().splitlines() if "[M:" in line]
    assert metres[:2] == ["[M:3/4]", "[M:6/8]"]


def test_a_chord_that_lasts_over_bar_lines_is_read_as_one_chord_and_not_struck_again(tmp_path):
    chord, shorter = [(60, 2, 10), (64, 2, 10), (67, 2, 10)], [(72, 0, 5), (60, 12, 4), (64, 12, 4)]
    score = Score.from_notes(chord + shorter)
    write(score, tmp_path / "song.abc")
    assert "[CEG]16- |" in (tmp_path / "song.abc").read_text()
    assert heard(read(tmp_path / "song.abc").scores[0]) == heard(score)


@pytest.mark.parametrize(
    "notes, line",
    [
        ([(60, i / 3, 1 / 3) for i in range(12)], "(3C2C2C2 (3C2C2C2 (3C2C2C2 (3C2C2C2 |]"),
        ([(60, i / 6, 1 / 6) for i in range(6)], "(3:2:6CCCCCC z12 |]"),
        ([(60, 0, 2 / 3), (62, 2 / 3, 1 / 3), (64, 1, 3)], "(3:2:2C4D2 E12 |]"),
        ([(60, 0, 2 / 3), (62, 2 / 3, 2 / 3), (64, 4 / 3, 2 / 3)], "(3C4D4E4 z8 |]"),
        ([(60, 0, 4 / 3), (62, 4 / 3, 2 / 3)], "(3:2:2C8D4 z8 |]"),
        ([(60, 0, 1.25), (62, 2, 1.75)], "C4- C z3 D6- D z |]"),
        ([(60, 1 / 3, 2 / 3), (62, 3, 1)], "(3:2:2z2C4 z8 D4 |]"),
        ([(60, 0, 1 / 12), (62, 1 / 4, 3 / 4)], "(3:2:4C1/2zD4-D1/2 z12 |]"),
    ],
)
def test_every_length_is_one_that_the_standard_knows(tmp_path, notes, line):
    score = Score.from_notes(notes)
    assert text_of(score).splitlines()[-1] == line
    write(score, tmp_path / "song.abc")
    assert heard(read(tmp_path / "song.abc").scores[0]) == heard(score)


@pytest.mark.parametrize("title", ["100 % of it", r"back\slash", "Tom & Jerry &amp; Spike", "  Größe  旋律 "])
def test_a_title_is_read_as_it_was_written(tmp_path, title):
    score = Score(Score.from_notes([(60, 0, 1)]).notes, title=title)
    write(score, tmp_path / "song.abc")
    assert read(tmp_path / "song.abc").scores[0].title == " ".join(title.split())


@settings(max_examples=examples(50), deadline=None)
@given(scores(min_notes=1, max_notes=12, max_tracks=2))
def test_what_is_written_is_read_on_the_grid_with_its_programs(tmp_path_factory, score):
    path = tmp_path_factory.mktemp("abc") / "song.abc"
    write(score, path)
    reading = read(path)
    (again,) = reading.scores
    notes = without_overlaps(score.notes)
    onsets = to_steps(notes["onset_ticks"], 12)
    ends = np.maximum(to_steps(notes["onset_ticks"] + notes["duration_ticks"], 12), onsets + 1)
    written = zip(onsets.tolist(), ends.tolist(), notes["pitch"].tolist(), strict=True)
    assert reading.remark == ""
    assert set(heard(again)) == set(written)
    used = [score.tracks[track] for track in np.unique(notes["track"])]
    assert {(t.is_drum or t.program) for t in again.tracks} == {(t.is_drum or t.program) for t in used}


@settings(max_examples=examples(20), deadline=None)
@given(scores(min_notes=1, max_notes=12, max_tracks=2))
def test_any_score_can_be_written(tmp_path_factory, score):
    path = tmp_path_factory.mktemp("abc") / "song.abc"
    write(score, path)
    assert path.read_text(encoding="utf-8").startswith("X:1\n")
