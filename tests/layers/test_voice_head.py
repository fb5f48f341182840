"""The head of four voices: what it calls a frame, that its likelihood is exact, and that it draws what it says."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from musictool.engine.current import within
from musictool.layers.voice_head import HOLD, KEYS, ORDER, REST, VoiceHead
from musictool.music.voices import VOICES

KEYS_HERE = range(40, 43)
SIZE = 2 * VOICES * KEYS


def frame(*voices: tuple[int, bool] | None) -> np.ndarray:
    """float32 (D,): of each voice a key and whether it is struck, or None for silence."""
    held, struck = np.zeros((2, VOICES, KEYS), np.float32)
    for voice, note in enumerate(voices):
        if note is not None:
            held[voice, note[0]], struck[voice, note[0]] = 1, note[1]
    return np.concatenate([held.ravel(), struck.ravel()])


@pytest.fixture
def head() -> VoiceHead:
    """With random weights, in numpy."""
    with within("numpy"):
        made = VoiceHead(SIZE, 5, keys=KEYS_HERE)
        made.build((None, None, 6))
    rng = np.random.default_rng(0)
    for weight in made.trainable_variables:
        np.copyto(weight, rng.normal(0, 0.5, weight.shape))
    return made


BEFORE = frame((40, True), (41, False), None, (42, False))


def scored(head: VoiceHead, targets: np.ndarray) -> np.ndarray:
    """Nats of each of N frames behind BEFORE."""
    with within("numpy"):
        features = np.tile(np.random.default_rng(1).normal(0, 1, 6).astype(np.float32), (len(targets), 1))
        context, _ = head.update_context(np.tile(BEFORE, (len(targets), 1)), head.initial_context(len(targets)))
        return head.loss_and_metrics(head.logits(features, context, targets), targets)[0]


def outcomes(voice: int) -> list[tuple[int, bool] | None]:
    """All that a voice can do behind BEFORE: strike a key, hold its own, be silent."""
    holds = [(key, False) for key in KEYS_HERE if BEFORE[voice * KEYS + key]]
    return [*((key, True) for key in KEYS_HERE), *holds, None]


def test_the_probabilities_of_all_frames_add_up_to_one(head: VoiceHead):
    frames = np.array([frame(*voices) for voices in product(*map(outcomes, range(VOICES)))])
    assert np.exp(-scored(head, frames)).sum() == pytest.approx(1, abs=1e-4)  # but for keys that are left out


def test_another_key_that_is_not_struck_is_one_that_is(head: VoiceHead):
    struck, said = frame((41, True), None, None, None), frame((41, False), None, None, None)
    np.testing.assert_allclose(scored(head, struck[None]), scored(head, said[None]))


def test_of_several_keys_the_lowest_counts(head: VoiceHead):
    several = frame((41, True), None, None, None)
    several[42] = 1
    np.testing.assert_allclose(scored(head, several[None]), scored(head, frame((41, True), None, None, None)[None]))


def test_a_voice_sees_those_before_it_and_no_other(head: VoiceHead):
    plain = [(40, False), (41, False), None, (42, False)]
    with within("numpy"):
        features = np.ones((1, 6), np.float32)
        context, _ = head.update_context(BEFORE[None], head.initial_context(1))
        of_voice = [head.logits(features, context, frame(*plain)[None])[0]]
        for voice in range(VOICES):
            other = [*plain]
            other[voice] = (41, True) if voice != 1 else (40, True)
            of_voice.append(head.logits(features, context, frame(*other)[None])[0])
    for voice in range(VOICES):
        changed = [seer for seer in range(VOICES) if np.abs(of_voice[voice + 1][seer] - of_voice[0][seer]).max() > 1e-6]
        assert changed == sorted(ORDER[ORDER.index(voice) + 1 :])


@pytest.mark.parametrize("rhythm", [True, False])
def test_a_voice_sees_that_one_before_it_repeats_its_key(head: VoiceHead, rhythm: bool):
    head.rhythm = rhythm
    with within("numpy"):
        features = np.ones((1, 6), np.float32)
        context, _ = head.update_context(BEFORE[None], head.initial_context(1))
        holds, repeats = (
            head.logits(features, context, frame((40, struck), (41, False), None, (42, False))[None])[0]
            for struck in (False, True)
        )
    changed = [voice for voice in range(VOICES) if np.abs(holds[voice] - repeats[voice]).max() > 1e-6]
    assert changed == (sorted(ORDER[1:]) if rhythm else [])


def test_it_draws_what_it_says_and_one_note_a_voice(head: VoiceHead):
    pieces = 6_000
    rng = np.random.default_rng(2)
    with within("numpy"):
        features = np.tile(np.random.default_rng(1).normal(0, 1, 6).astype(np.float32), (pieces, 1))
        context, _ = head.update_context(np.tile(BEFORE, (pieces, 1)), head.initial_context(pieces))
        uniform = rng.random((pieces, head.draws)).astype(np.float32)
        drawn = head.draw(features, context, uniform, 1.0, np.zeros(SIZE, np.float32))
    held, struck = drawn.reshape(pieces, 2, VOICES, KEYS).swapaxes(0, 1)
    assert (held.sum(axis=-1) <= 1).all()
    assert (struck <= held).all()
    frames, counts = np.unique(drawn, axis=0, return_counts=True)
    often = counts > 150
    assert often.sum() >= 3
    np.testing.assert_allclose(counts[often] / pieces, np.exp(-scored(head, frames[often])), rtol=0.25)


def test_what_is_banned_is_not_struck_but_may_be_held(head: VoiceHead):
    with within("numpy"):
        context, _ = head.update_context(np.tile(BEFORE, (500, 1)), head.initial_context(500))
        uniform = np.random.default_rng(3).random((500, head.draws)).astype(np.float32)
        bias = np.full(SIZE, -1e9, np.float32)
        drawn = head.draw(np.ones((500, 6), np.float32), context, uniform, 1.0, bias)
    held, struck = drawn.reshape(500, 2, VOICES, KEYS).swapaxes(0, 1)
    assert not struck.any()
    assert held.any()
    assert (held <= BEFORE[: VOICES * KEYS].reshape(VOICES, KEYS)).all()


def test_pitch_classes_of_the_last_bars_are_seen_by_distance(head: VoiceHead):
    with within("numpy"):
        sung = np.random.default_rng(2).integers(30, 50, (40, VOICES))
        low, high = (np.stack([frame(*((int(key), True) for key in keys)) for keys in sung + up]) for up in (0, 1))
        _, _, means = head.context(np.stack([low, high]))  # (2, 40, 24)
        state = head.initial_context(2)
        for step in range(40):
            (_, _, by_step), state = head.update_context(np.stack([low[step], high[step]]), state)
            np.testing.assert_allclose(by_step, means[:, step], atol=1e-6)
        # what a semitone higher adds to a pitch class is what it added to the one below
        added = np.reshape(np.matmul(means[:, -1], head.constants()[3]), (2, 12, -1))
        np.testing.assert_allclose(added[1], np.roll(added[0], 1, axis=0), atol=1e-5)
        assert np.abs(added[0] - added[0][0]).max() > 1e-3


def test_a_voice_sees_the_key_to_which_it_would_go_in_parallel(head: VoiceHead):
    with within("numpy"):
        before = head._where(head._ours(head._sung(frame((41, True), (41, True), (40, True), (40, True))[None])))
        after = head._where(head._ours(head._sung(frame((42, True), (40, True), (40, True), None)[None])))
        # soprano up by one: the tenor would go from 40 to 41; alto down by one: to 39, which is no key here
        seen = head._in_parallel(2, (0, 1), before, after)[0]
        expected = np.zeros_like(seen)
        expected[1] = head.parallel_kernel[12 + 11]  # moved, a semitone below
        np.testing.assert_allclose(seen, expected)
        # a bass that has stopped leads nowhere, and one that stays leads to where the voice was
        assert not head._in_parallel(2, (3,), before, after).any()
        np.testing.assert_allclose(head._in_parallel(2, (3,), before, before)[0][0], head.parallel_kernel[0])


def test_classes_stand_behind_the_keys():
    assert (HOLD, REST) == (88, 89)
