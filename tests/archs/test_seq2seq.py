"""seq2seq in numpy: what each instrument follows, and how it writes."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from musictool.archs.seq2seq import Seq2seq
from musictool.dataset.windows import Batch
from musictool.encoding import Spec
from musictool.engine.current import within
from musictool.errors import BadOption
from musictool.music.instruments import INSTRUMENTS, PIANO
from musictool.sampling.guidance import Guidance
from musictool.sampling.sampler import Sampler

SHAPE = (6, 24, 5)
BERNOULLI = Sampler(threshold="bernoulli")


@pytest.fixture
def arch() -> Seq2seq:
    """One with weights of the order of 1, and as many keys at once as there are."""
    with within("numpy"):
        made = Seq2seq.sized(Spec("segments", SHAPE, 6 * 24 * 5), "small", ("embedding=4", "width=4"))
        assert isinstance(made, Seq2seq)
        rng = np.random.default_rng(1)
        for weight in made.network.trainable_variables:
            weight[...] = rng.normal(0, 0.7, weight.shape)
    for instrument in made.network.instruments:
        instrument.head.bias -= 1.5
    made.network.thresholds[...] = 0.5
    made.network.max_polyphony[...] = 24
    return made


def segments(*shape: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random((*shape, *SHAPE)) < 0.1).astype(np.uint8)


def nats(arch: Seq2seq, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """float (1 + I,): of a segment after another, and of each instrument."""
    (stage,) = arch.stages
    nothing = np.zeros((1, 1, 0), np.float32)
    with within("numpy"):
        return np.array(stage.loss_and_metrics(Batch(x[None, None], y[None, None], nothing, nothing), False))[:, 0, 0]


def test_each_instrument_depends_on_itself_and_all_but_the_piano_on_the_new_piano(arch: Seq2seq):
    x, y = segments(), segments(seed=1)
    before = nats(arch, x, y)
    assert before[0] == pytest.approx(before[1:].sum(), rel=1e-5)
    for changed in range(len(INSTRUMENTS)):
        other_x, other_y = x.copy(), y.copy()
        other_x[..., changed] = segments(seed=2)[..., changed]
        other_y[..., changed] = segments(seed=2)[..., changed]
        assert (nats(arch, other_x, y) != before)[1:].tolist() == [i == changed for i in range(5)]
        differs = nats(arch, x, other_y) != before
        assert differs[1:].tolist() == [i == changed or changed == PIANO for i in range(5)]


def test_what_it_writes_is_what_it_finds_likelier_than_not_once_it_is_written(arch: Seq2seq):
    primer = segments(3, 1)
    written = next(arch.continuation(primer, Sampler(threshold="0.5"), 1))[:, 0]
    likely = arch.probabilities(primer, written) > 0.5
    assert 0.02 < written.mean() < 0.98
    np.testing.assert_array_equal(written, likely)


def test_its_nats_are_those_of_the_probabilities_of_what_is_written(arch: Seq2seq):
    x, y = segments(1), segments(1, seed=1)
    chance = arch.probabilities(x[:, None], y).astype(np.float64)
    wanted = -np.where(y, np.log(chance), np.log1p(-chance)).sum()
    assert nats(arch, x[0], y[0])[0] == pytest.approx(wanted, rel=1e-4)


def test_an_accompaniment_keeps_the_melody_and_depends_on_it_and_on_the_seed_of_what_is_drawn(arch: Seq2seq):
    melody, other = (segments(4, seed=seed)[..., PIANO] for seed in (1, 2))
    silence = np.zeros(SHAPE, np.uint8)
    first, again, second, drawn, redrawn = (
        arch.accompaniment(tune, silence, sampler, seed)
        for tune, sampler, seed in (
            (melody, Sampler(), 1),
            (melody, Sampler(), 2),
            (other, Sampler(), 1),
            (melody, BERNOULLI, 1),
            (melody, BERNOULLI, 2),
        )
    )
    np.testing.assert_array_equal(first[..., PIANO], melody)
    np.testing.assert_array_equal(first, again)
    for instrument in set(range(5)) - {PIANO}:
        assert not np.array_equal(first[..., instrument], second[..., instrument])
    assert not np.array_equal(drawn, redrawn)


def test_no_step_has_more_keys_than_may_sound_at_once_and_what_is_banned_never_does(arch: Seq2seq):
    arch.network.max_polyphony[...] = [3, 1, 2, 3, 4]
    banned = np.zeros(SHAPE, bool)
    banned[:, ::2] = True
    guidance = Guidance(banned=banned.reshape(-1))
    written = np.concatenate(list(islice(arch.continuation(segments(2, 1), BERNOULLI, 1, guidance), 3)), axis=1)
    assert written.sum(axis=3).max(axis=(0, 1, 2)).tolist() == [3, 1, 2, 3, 4]
    assert not written[:, :, :, ::2].any()


def test_noise_is_refused_as_it_has_none(arch: Seq2seq):
    with pytest.raises(BadOption, match="--noise-sd: seq2seq has no noise"):
        next(arch.continuation(segments(1, 1), Sampler(noise_sd=0.5), 1))
