"""The chords of bars, and the generator and critic that get them, in numpy."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from musictool.engine.current import within
from musictool.layers.midinet import (
    CHORD_SIZE,
    ChordCritic,
    ChordGenerator,
    bars_in,
    chord_vectors,
    chords_of,
    over_cells,
)
from musictool.music.chords import NONE, VECTORS, chord_name
from musictool.music.instruments import BASS, DRUMS, PIANO


@pytest.fixture(autouse=True)
def in_numpy() -> Iterator[None]:
    with within("numpy"):
        yield


def test_a_bar_has_the_chord_that_its_instruments_play_together_and_drums_say_nothing():
    segments = np.zeros((2, 32, 128, 5), np.uint8)
    segments[0, :16, [64, 67], PIANO], segments[0, 4:12, 36, BASS] = 1, 1
    segments[0, 16:20, [57, 60, 64], PIANO], segments[0, 16:, 35, DRUMS] = 1, 1
    segments[1, 16:, 41, DRUMS] = 1
    chords = chords_of(segments)
    assert [[chord_name(chord) for chord in bars] for bars in chords.tolist()] == [["C", "Am"], ["-", "-"]]
    assert chords[1].tolist() == [NONE, NONE]


def test_beside_each_cell_stands_the_chord_of_its_bar_or_all_where_a_step_is_longer():
    chords = np.array([[0, 21]], np.int32)
    vectors = chord_vectors(chords)
    cells = over_cells(vectors, 2, 8, 3)
    assert cells.shape == (1, 8, 3, 13)
    for step in range(8):
        np.testing.assert_array_equal(cells[0, step], np.tile(VECTORS[chords[0, step // 4]], (3, 1)))
    np.testing.assert_array_equal(over_cells(vectors, 2, 1, 1)[0, 0, 0], vectors[0])


@pytest.mark.parametrize("steps", [8, 32])
def test_what_is_generated_depends_on_noise_on_what_stood_before_and_on_each_chord(steps: int):
    shape, bars = (steps, 16, 2), bars_in(steps)
    generator, rng = ChordGenerator(*shape[:2], 2, 2), np.random.default_rng(0)
    generator.build(((None, *shape), (None, 3 + bars * CHORD_SIZE)))
    critic = ChordCritic(*shape[:2], 2)
    critic.build((None, *shape))
    for network in (generator, critic):
        for _, layer in network.saved_layers():
            for weight in layer.own_weights:
                weight[...] = rng.normal(0, 0.7, weight.shape)
            if hasattr(layer, "moving_variance"):
                layer.moving_variance[...] = 1
    previous, noise = (rng.random((1, *shape)) < 0.2).astype(np.float32), rng.normal(size=(1, 3)).astype(np.float32)
    chords = np.zeros((1, bars), np.int32)

    def cells(previous: np.ndarray, noise: np.ndarray, chords: np.ndarray) -> np.ndarray:
        return np.asarray(generator(previous, np.concatenate([noise, chord_vectors(chords)], axis=1)))

    plain = cells(previous, noise, chords)
    assert plain.shape == (1, *shape)
    others = [cells(1 - previous, noise, chords), cells(previous, -noise, chords)]
    for bar in range(bars):
        changed = chords.copy()
        changed[0, bar] = 15
        others.append(cells(previous, noise, changed))
        logits, features = critic(previous, chord_vectors(chords))
        assert logits != critic(previous, chord_vectors(changed))[0]
        assert features.shape[:3] == (1, steps // 4, 16)
    assert all(np.abs(other - plain).max() > 1e-3 for other in others)
