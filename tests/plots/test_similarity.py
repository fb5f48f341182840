from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from musictool.drawing.plot import PlotInput, PlotOptions
from musictool.errors import BadOption
from musictool.music.score import Score, Track
from musictool.plots import similarity
from musictool.plots.similarity import bar_chroma, bar_rolls, draw, self_similarity
from musictool.writing import write

C, G, REST = [(60, 0, 2), (64, 2, 2)], [(67, 0, 4)], []


def bars(*each: list[tuple[int, float, float]]) -> Score:
    return Score.from_notes([(pitch, 4 * bar + on, long) for bar, own in enumerate(each) for pitch, on, long in own])


def test_a_bar_is_like_itself_like_its_repetition_and_unlike_another():
    np.testing.assert_allclose(self_similarity(bars(C, G, C)), [[1, 0, 1], [0, 1, 0], [1, 0, 1]], atol=1e-12)


def test_a_silent_bar_is_like_nothing():
    matrix = self_similarity(bars(C, REST, C))
    assert np.isnan(matrix[1]).all()
    assert np.isnan(matrix[:, 1]).all()
    assert matrix[0, 2] == pytest.approx(1)


def test_an_octave_is_alike_to_chroma_and_not_to_a_roll():
    score = bars([(60, 0, 4)], [(72, 0, 4)])
    assert self_similarity(score, "chroma")[0, 1] == pytest.approx(1)
    assert self_similarity(score, "roll")[0, 1] == 0


def test_chroma_is_the_share_of_the_bar_also_of_a_note_over_the_bar_line():
    score = Score.from_notes([(60, 3, 2), (64, 0, 4)])
    chroma = bar_chroma(score)
    assert chroma.shape == (2, 12)
    assert chroma[:, 0].tolist() == [0.25, 0.25]
    assert chroma[:, 4].tolist() == [1, 0]


def test_drums_are_no_pitch_classes_but_keys_of_a_roll():
    score = Score.from_notes([(60, 0, 1)], (Track(is_drum=True),))
    assert bar_chroma(score).sum() == 0
    assert np.flatnonzero(bar_rolls(score)[0]).tolist() == [step * 256 + 128 + 60 for step in range(4)]


def slow_chroma(score: Score) -> np.ndarray:
    """Tick by tick."""
    chroma = np.zeros((score.bars, 12))
    onsets = score.bar_onsets_ticks()
    for note in score.notes:
        for tick in range(note["onset_ticks"], note["onset_ticks"] + note["duration_ticks"]):
            chroma[np.searchsorted(onsets, tick, side="right") - 1, note["pitch"] % 12] += 1 / 1920
    return chroma


def test_chroma_agrees_with_counting_ticks():
    rng = np.random.default_rng(1)
    notes = [(int(rng.integers(40, 80)), rng.uniform(0, 15), rng.uniform(0.1, 3)) for _ in range(30)]
    score = Score.from_notes(notes)
    np.testing.assert_allclose(bar_chroma(score), slow_chroma(score), atol=1e-9)


def test_each_file_has_its_matrix(tmp_path: Path):
    for name in ("a", "b"):
        write(bars(C, G), tmp_path / f"{name}.mid")
    things = [PlotInput("file", tmp_path / f"{name}.mid") for name in ("a", "b")]
    *panels, bar = draw(things, PlotOptions()).figure.axes
    assert [axes.get_title(loc="left") for axes in panels] == ["a", "b"]
    assert panels[0].images[0].get_array().shape == (2, 2)
    assert [label.get_text() for label in bar.get_yticklabels()] == ["0.0", "0.5", "1.0"]


def test_what_is_too_much_for_a_picture_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write(bars(C, G), tmp_path / "a.mid")
    thing = PlotInput("file", tmp_path / "a.mid")
    with pytest.raises(BadOption, match="7 matrices are too many for one picture: at most 6 pieces"):
        draw([thing] * 7, PlotOptions())
    with pytest.raises(BadOption, match="--alike: 'rhythm' is not one of chroma, roll"):
        draw([thing], PlotOptions(alike="rhythm"))
    monkeypatch.setattr(similarity, "MAX_BARS", 1)
    with pytest.raises(BadOption, match="2 bars are too many for a matrix; draw the first ones: --bars 1"):
        draw([thing], PlotOptions())
