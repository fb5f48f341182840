"""The encoder and the decoder with attention, in numpy: what depends on what."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from musictool.engine.current import within
from musictool.layers.sequence_to_sequence import SequenceToSequence

S, P, W = 6, 7, 4


@pytest.fixture(autouse=True)
def in_numpy() -> Iterator[None]:
    with within("numpy"):
        yield


@pytest.fixture
def network() -> SequenceToSequence:
    """One of two sources, with weights of the order of 1."""
    made = SequenceToSequence(S, P, 2, embedding=3, width=W, layers=2, dropout=0.5, hold=True)
    made.build()
    rng = np.random.default_rng(3)
    for weight in made.trainable_variables:
        weight[...] = rng.normal(0, 0.7, weight.shape)
    return made


def frames(*shape: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random((*shape, P)) < 0.3).astype(np.float32)


SOURCES, BEFORE, TRACK = (frames(2, S, seed=1), frames(2, S, seed=2)), frames(2, seed=3), frames(2, S, seed=4)


def test_frame_by_frame_it_expects_what_it_expects_of_the_whole(network: SequenceToSequence):
    whole = network(SOURCES, BEFORE, TRACK)
    memory, state, frame = network.memory(SOURCES), network.initial_state(2), BEFORE
    for i in range(S):
        logits, state = network.step(frame, i, memory, state)
        np.testing.assert_allclose(logits, whole[:, i], rtol=1e-4, atol=1e-5)
        frame = TRACK[:, i]


def test_a_frame_depends_on_those_before_it_and_on_all_of_the_sources(network: SequenceToSequence):
    whole = network(SOURCES, BEFORE, TRACK)
    for i in range(S):
        track = TRACK.copy()
        track[:, i] = 1 - track[:, i]
        changed = np.abs(network(SOURCES, BEFORE, track) - whole).max(axis=(0, 2)) > 1e-6
        assert changed.tolist() == [step > i for step in range(S)]
        for source in range(2):
            sources = [each.copy() for each in SOURCES]
            sources[source][:, i] = 1 - sources[source][:, i]
            assert (np.abs(network(sources, BEFORE, TRACK) - whole).max(axis=(0, 2)) > 1e-6).all()
    assert (np.abs(network(SOURCES, 1 - BEFORE, TRACK) - whole).max(axis=(0, 2)) > 1e-6).all()


def test_attention_is_a_mean_of_the_memory_that_moves_to_where_a_step_looks(network: SequenceToSequence):
    memory, read = network.memory(SOURCES), []
    network.combine.call = lambda x: read.append(x[..., W:]) or np.zeros((*x.shape[:-1], W), np.float32)
    network(SOURCES, BEFORE, TRACK)
    assert (read[0] <= memory.max(axis=1, keepdims=True) + 1e-5).all()
    assert (read[0] >= memory.min(axis=1, keepdims=True) - 1e-5).all()
    network.place_bias[2, S + 4] = 1000  # the third step looks at the fifth of the second source
    network(SOURCES, BEFORE, TRACK)
    np.testing.assert_allclose(read[1][:, 2], memory[:, S + 4], rtol=1e-5)
    np.testing.assert_array_equal(read[1][:, 3], read[0][:, 3])
