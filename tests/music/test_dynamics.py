"""How loud notes are that their encoding says nothing about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from musictool.music.dynamics import DEFAULT, LEVELS, LOUDEST, QUIETEST, Dynamics, is_top, measured, metrical_levels
from musictool.music.score import METRE, Score, Track


def steady(**parts: object) -> Dynamics:
    """Nothing but these parts."""
    plain: dict[str, object] = {"levels": (0.0,) * LEVELS, "per_octave": 0.0, "top": 0.0, "drift": 0.0}
    return Dynamics(**{**plain, **parts})  # type: ignore[arg-type]


def in_metre(score: Score, *changes: tuple[int, int, int]) -> Score:
    return replace(score, metres=np.array([*changes], METRE))


def eighths(bars: int, per_bar: int = 8) -> Score:
    return Score.from_notes([(60, i / 2, 0.5) for i in range(bars * per_bar)])


@pytest.mark.parametrize(
    "metre, levels",
    [
        ((4, 4), [0, 3, 2, 3, 1, 3, 2, 3]),
        ((3, 4), [0, 3, 2, 3, 2, 3]),
        ((6, 8), [0, 4, 4, 1, 4, 4]),
        ((2, 4), [0, 3, 1, 3]),
    ],
)
def test_each_place_of_a_bar_has_its_level(metre: tuple[int, int], levels: list[int]):
    bar, level = metrical_levels(in_metre(eighths(2, len(levels)), (0, *metre)))
    assert level.tolist() == levels * 2
    assert bar.tolist() == [0] * len(levels) + [1] * len(levels)


def test_behind_an_upbeat_bars_begin_anew_and_a_little_early_is_on_the_beat():
    score = in_metre(Score.from_notes([(60, 0, 1), (60, 0.96, 1), (60, 2.25, 1)]), (0, 4, 4), (480, 4, 4))
    bar, level = metrical_levels(score)
    assert (bar.tolist(), level.tolist()) == ([0, 1, 1], [0, 0, 4])


def test_of_several_notes_the_highest_is_the_top_and_a_single_one_is_none():
    tracks = (Track(), Track(is_drum=True))
    score = Score.from_notes([(60, 0, 1), (64, 0, 1), (67, 0, 1), (72, 1, 1)], tracks[:1])
    assert is_top(score).tolist() == [False, False, True, False]
    assert not is_top(replace(score, tracks=(tracks[1],))).any()


def test_each_part_is_added():
    score = Score.from_notes([(48, 0, 1), (72, 0, 1), (60, 1, 1), (60, 2, 1)])
    for dynamics, velocities in (
        (steady(mean=70.0), [70, 70, 70, 70]),
        (steady(levels=(9.0, 5.0, 1.0, 0.0, 0.0)), [89, 89, 81, 85]),
        (steady(per_octave=3.0), [77, 83, 80, 80]),
        (steady(top=4.0), [80, 84, 80, 80]),
        (steady(mean=3.0), [QUIETEST] * 4),
        (steady(mean=127.0), [LOUDEST] * 4),
    ):
        assert dynamics.played(score, 1).notes["velocity"].tolist() == velocities


def test_the_drift_is_one_for_a_bar_and_the_seeds():
    score = in_metre(eighths(60), (0, 4, 4))
    first, again, other = (steady(drift=5.0).played(score, seed).notes["velocity"] for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    of_bar = first.reshape(60, 8).astype(int)
    assert (of_bar == of_bar[:, :1]).all()
    assert 3 < of_bar[:, 0].std() < 8
    assert np.corrcoef(of_bar[:-1, 0], of_bar[1:, 0])[0, 1] > 0.4


def test_velocities_that_are_there_stay():
    score = eighths(2)
    score.notes["velocity"][3] = 81
    assert DEFAULT.played(score, 1) is score
    empty = replace(score, notes=score.notes[:0])
    assert DEFAULT.played(empty, 1) is empty


def test_what_a_corpus_plays_is_measured():
    corpus = [in_metre(Score.from_notes(notes), (0, 4, 4)) for notes in chords(20)]
    asked = Dynamics(72.0, (6.0, 3.0, 0.0, -3.0, -6.0), 4.0, 2.0, 5.0)
    found = measured(asked.played(score, seed) for seed, score in enumerate(corpus))
    levels = np.array(found.levels) - found.levels[2]
    np.testing.assert_allclose(levels, asked.levels, atol=0.7)
    assert found.per_octave == pytest.approx(4, abs=0.3)
    assert found.top == pytest.approx(2, abs=0.5)
    assert found.drift == pytest.approx(5, abs=2)
    loud = [np.mean([each.played(score, 1).notes["velocity"].mean() for score in corpus]) for each in (asked, found)]
    assert loud[0] == pytest.approx(loud[1], abs=2)


def chords(pieces: int) -> list[list[tuple[int, float, float]]]:
    """Two notes on every sixteenth of eight bars."""
    rng = np.random.default_rng(1)
    starts = [i / 4 for i in range(128)]
    return [
        [(pitch, at, 0.25) for at in starts for pitch in sorted(rng.choice(range(40, 80), 2, replace=False).tolist())]
        for _ in range(pieces)
    ]


def test_a_corpus_of_one_velocity_gives_the_default():
    assert measured([eighths(100)] * 10) == DEFAULT
    assert measured([]) == DEFAULT


def test_they_come_back_from_json_and_nonsense_is_refused():
    dynamics = Dynamics(71.5, (1.0, 2.0, 3.0, 4.0, 5.0), 1.0, 2.0, 3.0)
    assert Dynamics.from_json(dynamics.to_json()) == dynamics
    assert Dynamics.from_json({}) == DEFAULT
    for nonsense in ({"mean": 0}, {"levels": [1]}, {"drift": 1e9}, {"top": float("nan")}, {"louder": 1}, {"top": "x"}):
        with pytest.raises(ValueError, match=r"dynamics|could not convert"):
            Dynamics.from_json(nonsense)
