from __future__ import annotations

from pathlib import Path

import pytest

from musictool.drawing.plot import PlotInput, PlotOptions
from musictool.errors import BadFile, BadOption
from musictool.music.score import Score, Track
from musictool.plots.roll import draw
from musictool.writing import write


def file(folder: Path, name: str, score: Score) -> PlotInput:
    write(score, folder / name)
    return PlotInput("file", folder / name)


def two_tracks() -> Score:
    notes = [(60, 0, 4), (64, 4, 4), (67, 8, 4)]
    upper = Score.from_notes(notes, (Track(40, name="Violin"), Track(42, name="Cello")))
    lower = Score.from_notes([(48, 0, 12)], upper.tracks, track=1)
    columns = [[*upper.notes[name], *lower.notes[name]] for name in upper.notes.dtype.names]
    return Score.from_columns(*columns, tracks=upper.tracks)


def test_each_file_has_its_heading_with_its_key_and_its_legend(tmp_path: Path):
    things = [file(tmp_path, "first.mid", two_tracks()), file(tmp_path, "second.mid", Score.from_notes([(62, 0, 4)]))]
    figure = draw(things, PlotOptions()).figure
    titles = [text.get_text() for text in figure.texts]
    assert [titles[0], titles[2]] == ["first", "second"]
    assert titles[1].startswith("3 bars · 0:06 · 4 notes · C major")
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["Violin", "Cello"]
    assert len(figure.axes) == 2


def test_the_first_bars_alone_can_be_drawn(tmp_path: Path):
    thing = file(tmp_path, "long.mid", Score.from_notes([(60, beat, 1) for beat in range(40)]))
    assert draw([thing], PlotOptions(bars=3)).figure.texts[1].get_text().startswith("3 bars · 0:06 · 12 notes")


def test_files_of_one_name_are_told_apart_by_their_folders(tmp_path: Path):
    things = [file(tmp_path / folder, "song.mid", Score.from_notes([(60, 0, 1)])) for folder in ("a", "b")]
    titles = [text.get_text() for text in draw(things, PlotOptions()).figure.texts]
    assert titles[::2] == ["a/song", "b/song"]


def test_a_whole_collection_is_too_much_for_one_picture(tmp_path: Path):
    thing = file(tmp_path, "song.mid", Score.from_notes([(60, 0, 1)]))
    with pytest.raises(BadOption, match="25 piano-rolls are too many"):
        draw([thing] * 25, PlotOptions())


def test_bars_without_a_note_are_said_to_be_so(tmp_path: Path):
    thing = file(tmp_path, "late.mid", Score.from_notes([(60, 12, 1)]))
    with pytest.raises(BadFile, match=r"late\.mid: no notes: in its first 2 bars"):
        draw([thing], PlotOptions(bars=2))
