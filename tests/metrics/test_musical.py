"""The musical features against muspy's own, on files that both read."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from musictool.corpus.keys import key_index
from musictool.metrics.musical import FEATURES, musical_features
from musictool.music.score import METRE, Score, Track
from musictool.reading import read
from musictool.writing import write
from tests.strategies import examples

TRACKS = (Track(0), Track(33), Track(0, is_drum=True))
BAND = [(60, 0, 1.5, 0), (64, 0.5, 1, 0), (67, 1, 3, 0), (61, 6, 1, 0), (36, 0, 4, 1), (43, 4, 2, 1), (36, 0, 0.25, 2),
        (42, 0.5, 0.25, 2), (38, 1 / 3, 0.25, 2), (36, 4, 0.25, 2), (36, 9.25, 0.25, 2)]  # fmt: skip


def piece(notes: list[tuple[int, float, float, int]], metre: tuple[int, int] = (4, 4)) -> Score:
    rows = np.array(notes, np.float64)
    ticks = np.round(rows[:, 1:3] * 480).astype(np.int64)
    track, pitch = rows[:, 3].astype(int), rows[:, 0].astype(int)
    metres = np.array([(0, *metre)], METRE)
    return Score.from_columns(
        ticks[:, 0], ticks[:, 1], pitch, np.full(len(rows), 80), track, tracks=TRACKS, metres=metres
    )


def features_of_muspy(path: Path, score: Score, ticks_per_bar: int) -> dict[str, float]:
    """What muspy computes of a file, given what `musical_features` works out by itself."""
    muspy: Any = pytest.importorskip("muspy", reason="muspy, whose values these are, is not installed")
    music = muspy.read_midi(path)
    music.adjust_resolution(480)
    tonic = key_index(score)
    arguments = {
        "pitch_in_scale_rate": (tonic % 12, "minor" if tonic >= 12 else "major"),
        "empty_measure_rate": (ticks_per_bar,),
        "groove_consistency": (ticks_per_bar,),
        "drum_in_pattern_rate": ("duple",),
    }
    names = [name for name in FEATURES if name != "groove_consistency_16"]
    return {name: float(getattr(muspy, name)(music, *arguments.get(name, ()))) for name in names}


def check(path: Path, score: Score, ticks_per_bar: int) -> None:
    ours = musical_features(score)
    for name, value in features_of_muspy(path, score, ticks_per_bar).items():
        assert ours[name] == pytest.approx(value, abs=1e-6, nan_ok=True), name


@pytest.mark.parametrize("metre, ticks_per_bar", [((4, 4), 1920), ((3, 4), 1440), ((6, 8), 1440)])
def test_the_features_of_a_band_are_muspys(tmp_path: Path, metre: tuple[int, int], ticks_per_bar: int):
    score = piece(BAND, metre)
    write(score, tmp_path / "band.mid")
    check(tmp_path / "band.mid", score, ticks_per_bar)


def test_a_tunes_features_are_muspys(tunes: Path):
    for path in sorted(tunes.glob("*.mid")):
        (score,) = read(path).scores
        check(path, score, 1920)


NOTES = st.lists(
    st.tuples(
        st.integers(30, 90),
        st.integers(0, 64).map(lambda step: step / 4),
        st.integers(1, 12).map(lambda step: step / 4),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=20,
).filter(lambda notes: any(track < 2 for *_, track in notes))


@settings(max_examples=examples(20))
@given(NOTES)
def test_the_features_of_any_music_are_muspys(tmp_path_factory: pytest.TempPathFactory, notes: Any):
    path = tmp_path_factory.mktemp("any") / "any.mid"
    write(piece(notes), path)
    (score,) = read(path).scores
    check(path, score, 1920)


def test_features_of_a_piece_counted_by_hand():
    # Two bars: C4 for a beat on the first beat of each, E4 with the first of them.
    features = musical_features(Score.from_notes([(60, 0, 1), (64, 0, 1), (60, 4, 1)]))
    assert features["pitch_range"] == 4
    assert features["polyphony"] == 1.5
    assert features["polyphony_rate"] == 0
    assert features["pitch_entropy"] == pytest.approx(-(2 / 3) * math.log2(2 / 3) - (1 / 3) * math.log2(1 / 3))
    assert features["empty_beat_rate"] == pytest.approx(
        2 / 6
    )  # beats 0, 1, 4, 5 of 6, as a note fills the beat it ends on
    assert features["empty_measure_rate"] == 0
    assert features["groove_consistency"] == 1
    assert math.isnan(features["drum_in_pattern_rate"])


def test_an_onset_that_the_next_bar_lacks_is_a_sixteenth_of_the_groove_of_sixteenths():
    features = musical_features(Score.from_notes([(60, 0, 1), (60, 1, 1), (60, 4, 1)]))
    assert features["groove_consistency_16"] == pytest.approx(15 / 16)
    assert features["groove_consistency"] == pytest.approx(1919 / 1920)


def test_drums_alone_have_no_pitches_and_silence_has_nothing():
    alone = musical_features(piece([(36, 0, 1, 2), (38, 1, 1, 2)]))
    assert alone["drum_in_pattern_rate"] == 1
    assert alone["n_pitches_used"] == 0
    assert all(math.isnan(alone[name]) for name in ("pitch_range", "polyphony", "pitch_entropy", "scale_consistency"))
    silent = musical_features(Score.from_notes([]))
    assert {name for name, value in silent.items() if not math.isnan(value)} == {
        "n_pitches_used",
        "n_pitch_classes_used",
    }
