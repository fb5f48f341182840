"""midinet: which chords its segments are made of."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from musictool.archs import _segments
from musictool.archs._segments import SamplingContext
from musictool.archs.midinet import Midinet
from musictool.dataset.conditions import Conditions
from musictool.encoding import Spec
from musictool.engine.current import within
from musictool.errors import BadOption
from musictool.generation.guidance import guidance_of
from musictool.generation.request import Constraints
from musictool.layers.midinet import chord_vectors, chords_of
from musictool.models.model import Model
from musictool.music.chords import parse_chord, parse_chords, whole_bars
from musictool.sampling.guidance import FREE, Guidance
from musictool.sampling.sampler import Sampler
from tests.test_laws_archs import corpus_of, tiny

SPEC = Spec("segments", (32, 24, 2), 32 * 24 * 2)  # two bars


def chord_segments(*names: str) -> np.ndarray:
    """uint8 (1, T, S, P, I): a piece of two chords per segment, in root position."""
    chords = np.array([parse_chord(name) for name in names]).reshape(-1, 2)
    segments = np.zeros((1, len(chords), *SPEC.shape), np.uint8)
    for segment, bars in zip(segments[0], chords, strict=True):
        for bar, chord in enumerate(bars):
            segment[16 * bar : 16 * bar + 16, [chord % 12 + key for key in (0, 3 if chord > 11 else 4, 7)], 0] = 1
    return segments


def arch_in_numpy() -> Midinet:
    with within("numpy"):
        arch = Midinet.sized(SPEC, "small", ("width=2", "latent=3"))
        arch.build()
    assert isinstance(arch, Midinet)
    return arch


def test_the_chords_that_are_asked_for_come_bar_by_bar_and_over_again(monkeypatch: pytest.MonkeyPatch):
    arch, given = arch_in_numpy(), []
    real = arch.noise

    def recorded(previous: np.ndarray, context: SamplingContext, segments: Any = None) -> np.ndarray:
        given.append(real(previous, context, segments)[:, 3:])
        return real(previous, context, segments)

    monkeypatch.setattr(arch, "noise", recorded)
    primer = chord_segments("A", "A")
    asked = whole_bars(parse_chords("C G/B Am"))
    assert asked is not None
    list(islice(arch.continuation(primer, Sampler(), 1, Guidance(chords=asked)), 3))
    with within("numpy"):
        wanted = chord_vectors(np.array([asked[:2], (asked[2], asked[0]), asked[1:]], np.int32))
    np.testing.assert_array_equal(np.concatenate(given), wanted)


def test_where_none_are_asked_for_a_chord_follows_as_often_as_in_the_corpus(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_segments, "CALIBRATION_ROUNDS", 0)
    arch = tiny("midinet", spec=SPEC)
    assert isinstance(arch, Midinet)
    arch.calibrate(corpus_of(chord_segments("C", "G", "C", "G", "C", "Am", "F", "C"), SPEC))
    context = SamplingContext(Sampler(), FREE, np.random.default_rng(0))
    previous = np.repeat(chord_segments("G", "C")[0], 4000, axis=0)
    drawn = arch.noise(previous, context)[:, -26:].reshape(-1, 2, 13)
    first = drawn[:, 0, :12].argmax(axis=1)
    shares = np.bincount(first, minlength=12) / len(first)
    np.testing.assert_allclose(shares[[7, 9]], [2 / 3, 1 / 3], atol=0.08)  # behind C two G and one Am
    behind_minor = drawn[first == 9][:, 1]
    assert (behind_minor[:, 5] == 1).mean() > 0.8  # behind Am an F
    assert (drawn[first == 9][:, 0, 12] == 1).mean() > 0.9


def test_in_training_the_generator_gets_the_chords_of_the_real_segments():
    arch = arch_in_numpy()
    segments = chord_segments("F", "Dm", "Bb", "C")[0]
    context = SamplingContext(Sampler(), FREE, np.random.default_rng(0))
    with within("numpy"):
        wanted = chord_vectors(chords_of(segments))
    np.testing.assert_array_equal(arch.noise(segments, context, segments)[:, 3:], wanted)


def test_chords_are_for_models_that_hear_them_and_move_with_the_music(tiny_home: Path):
    with pytest.raises(BadOption, match=r"'H' is no chord"):
        Constraints(chords="C H")
    model = Model.open(str(tiny_home / "saved_models" / "tunes-lstm"))
    with pytest.raises(
        BadOption, match=r"--chords: tunes-lstm was not trained to be asked for chords; .*--controls chords.*midinet"
    ):
        guidance_of(model, Constraints(chords="C Am"))

    class Hearing:
        name = "hearing"
        arch_class = Midinet
        conditions = Conditions()

    chords = guidance_of(Hearing(), Constraints(chords="C Am B"), 3).chords  # type: ignore[arg-type]
    assert chords == whole_bars(parse_chords("Eb Cm D"))
    with pytest.raises(BadOption, match=r"--chords 'C,G': hearing takes one chord a bar; leave out the commas"):
        guidance_of(Hearing(), Constraints(chords="C,G"))  # type: ignore[arg-type]
