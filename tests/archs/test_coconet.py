"""coconet in numpy: what it sees, what it writes; and in Keras, what it learns from."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from musictool.archs.coconet import Coconet
from musictool.dataset.windows import Batch
from musictool.encoding import Spec
from musictool.encodings.voices import Voices
from musictool.engine.current import within
from musictool.errors import BadOption, KindMismatch
from musictool.layers.orderless import nearest
from musictool.music.score import Score
from musictool.sampling.guidance import Guidance
from musictool.sampling.sampler import Sampler
from tests.generation.voices_model import OPTIONS, numpy_arch

VOICES = 4


def chorale(steps: int = 32) -> np.ndarray:
    """uint8 (T, 704): four voices in quarter notes."""
    encoding = Voices()
    parts = [[(pitch + i % 3, i, 1) for i in range(steps // 4)] for pitch in (72, 65, 60, 48)]
    notes = np.concatenate([Score.from_notes(part, encoding.tracks, i).notes for i, part in enumerate(parts)])
    columns = (notes[column] for column in notes.dtype.names)
    return encoding.encode(Score.from_columns(*columns, tracks=encoding.tracks))


def logits(arch: Coconet, classes: np.ndarray, is_known: np.ndarray) -> np.ndarray:
    """(B, T, V, C), of pieces that fill their windows."""
    side_inputs = np.zeros((*classes.shape[:2], arch.network.side_inputs), np.float32)
    with within("numpy"):
        return arch.network(classes, is_known, np.ones(classes.shape[:2], np.float32), side_inputs)


@pytest.mark.parametrize("ways", [1, 2])
def test_rows_are_classes_and_back(ways: int):
    rows = chorale()[:, : ways * 352]
    with within("numpy"):
        arch = Coconet(Spec("frames", (ways * 352,), ways * 352), OPTIONS)
        classes = arch.classes_of(rows)
    assert classes.shape == (32, VOICES)
    assert (classes[1] == 1 + np.array([72, 65, 60, 48]) - 21 - OPTIONS.lowest).all()
    assert (classes[0] - classes[1] == (ways - 1) * len(arch.keys)).all()
    np.testing.assert_array_equal(arch.rows_of(classes), rows)


def test_keys_beyond_those_of_the_network_come_as_near_as_octaves_allow():
    rows = np.zeros((1, 704), np.uint8)
    rows[0, 2] = rows[0, 88 + 87] = 1
    with within("numpy"):
        arch = numpy_arch()
        classes = arch.classes_of(rows)[0]
    assert classes.tolist() == [1 + 2 + 24 - OPTIONS.lowest, 1 + 87 - 24 - OPTIONS.lowest, 0, 0]


def test_what_is_hidden_is_not_seen_and_what_is_known_is():
    arch = numpy_arch()
    with within("numpy"):
        classes = arch.classes_of(chorale())[None]
    is_known = np.ones(classes.shape, np.float32)
    is_known[0, 10:14, 1] = 0
    other = classes.copy()
    other[0, 10:14, 1] = 3
    np.testing.assert_array_equal(logits(arch, classes, is_known), logits(arch, other, is_known))
    other[0, 17, 0] = 3
    assert np.abs(logits(arch, classes, is_known) - logits(arch, other, is_known))[0, 12].max() > 1e-4


def test_it_sees_as_far_as_its_layers_reach_on_both_sides_and_no_step_further():
    arch = numpy_arch()
    reach, middle = 15 + 1 + 2, 40  # the nearest known step, and two blocks
    classes = np.random.default_rng(0).integers(0, arch.network.classes, (1, 81, VOICES))
    for side in (-1, 1):
        for distance, is_seen in ((reach, True), (reach + 1, False)):
            is_known = np.zeros(classes.shape, np.float32)  # what is known in between would be nearer
            is_known[0, middle + side * distance] = 1
            before = logits(arch, classes, is_known)[0, middle]
            other = classes.copy()
            other[0, middle + side * distance] = (other[0, middle + side * distance] + 1) % arch.network.classes
            assert (np.abs(logits(arch, other, is_known)[0, middle] - before).max() > 0) == is_seen


def test_the_nearest_known_step_is_found_up_to_fifteen_away_on_either_side():
    known = np.zeros((1, 40, 1, 2), np.float32)
    known[0, 4, 0, 1] = known[0, 22, 0, 0] = 1
    is_known = known.any(axis=-1).astype(np.float32)
    with within("numpy"):
        (last, since), (then, until) = (nearest(known, is_known, forward) for forward in (False, True))
    assert np.flatnonzero(last[0, :, 0, 1]).tolist() == [*range(4, 20)]
    assert np.flatnonzero(last[0, :, 0, 0]).tolist() == [*range(22, 38)]
    assert np.flatnonzero(then[0, :, 0, 0]).tolist() == [*range(7, 23)]
    np.testing.assert_allclose(since[0, [3, 4, 7, 19, 20], 0, 0], [0, 1, 0.8**3, 0.8**15, 0], rtol=1e-5)
    np.testing.assert_allclose(until[0, [4, 7, 22, 23], 0, 0], [1, 0.8**15, 1, 0], rtol=1e-5)


def test_padding_is_nothing():
    """A piece is predicted as if its window ended with it."""
    arch = numpy_arch()
    with within("numpy"):
        classes = arch.classes_of(chorale())[None]
        padded = np.pad(classes, [(0, 0), (0, 9), (0, 0)], constant_values=7)
        is_there = (np.arange(41) < 32).astype(np.float32)[None]
        side_inputs = np.zeros((1, 41, arch.network.side_inputs), np.float32)
        longer = arch.network(padded, np.ones(padded.shape, np.float32), is_there, side_inputs)
    alone = logits(arch, classes, np.ones(classes.shape, np.float32))
    np.testing.assert_allclose(longer[:, :32], alone, atol=1e-5)


def test_only_what_is_free_is_written_and_never_what_is_banned():
    arch, rows = numpy_arch(), chorale()
    is_free = np.zeros((len(rows), VOICES), bool)
    is_free[8:16, 2:] = True
    banned = np.ones(704, bool).reshape(2, VOICES, 88)
    banned[:, :, 30:42] = False
    written = arch.infill(rows, is_free, Sampler(), 1, Guidance(banned=banned.reshape(-1)), num=3)
    numbers = Voices().numbers_of(is_free)
    assert written.shape == (3, *rows.shape)
    assert written.dtype == np.uint8
    np.testing.assert_array_equal(written[:, ~numbers], np.repeat(rows[None], 3, axis=0)[:, ~numbers])
    keys = np.nonzero((written * numbers).reshape(3, len(rows), 2 * VOICES, 88))[3]
    assert set(keys.tolist()) <= {*range(30, 42)}
    assert len({each.tobytes() for each in written}) == 3
    again = arch.infill(rows, is_free, Sampler(), 1, Guidance(banned=banned.reshape(-1)), num=3)
    np.testing.assert_array_equal(written, again)


def test_a_piece_goes_on_chunk_after_chunk():
    arch, start = numpy_arch(), np.zeros((2, 1, 704), np.uint8)
    rows = list(islice(arch.continuation(start, Sampler(), 3), 2))
    assert [each.shape for each in rows] == [(2, 64, 704)] * 2
    assert not np.array_equal(rows[0], rows[1])


def test_it_is_for_four_voices_of_an_octave_at_least():
    with pytest.raises(KindMismatch, match="--encoding voices"):
        Coconet(Spec("frames", (88,), 88))
    with pytest.raises(BadOption, match="less than an octave"):
        Coconet.Options(lowest=10, highest=20)
    with pytest.raises(BadOption, match="cannot say how likely"):
        numpy_arch().surprisal(chorale())


def test_the_loss_of_a_network_that_knows_nothing_is_that_of_equal_chances():
    """Whatever is hidden, the mean over the steps of a piece is V ln C; and padding is no part of it."""
    arch = Coconet(Voices().spec, OPTIONS)
    for weight in arch.network.trainable_variables:
        weight.assign(np.zeros(weight.shape, np.float32))
    rows = np.repeat(chorale()[None], 4, axis=0)
    mask = np.ones(rows.shape[:2], np.float32)
    mask[1:, 20:] = 0
    side_inputs = np.zeros((4, 32, arch.network.side_inputs), np.float32)
    nats = np.asarray(arch.loss_and_metrics(Batch(rows, rows, mask, side_inputs), False)[0]) * mask
    means = nats.sum(axis=1) / mask.sum(axis=1)
    expected = VOICES * np.log(arch.network.classes)
    assert np.isclose(means, expected, rtol=1e-4).sum() >= 3  # a piece of which nothing is hidden has no loss
    assert (np.isclose(means, expected, rtol=1e-4) | (means == 0)).all()
