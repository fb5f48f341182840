"""MidiNet: two bars out of noise, the two bars before, and the chord of each bar, which can be asked for.

    musictool sample --chords "C G/B Am F" --bars 16      # a chord for each bar, over and over

Source: L.-C. Yang, S.-Y. Chou and Y.-H. Yang, "MidiNet: A Convolutional Generative Adversarial Network for
Symbolic-domain Music Generation" (2017). The generator's conditions (musictool/layers/midinet.py), the critic with
feature matching and smoothed labels are theirs. Theirs makes a melody, a bar of one note at a time, and is trained on
tunes with chord symbols; this one makes all instruments, two bars at a time, and finds the chord of each bar in what is
played (of 24 triads that to which the notes come nearest, musictool/music/chords.py). Where no chords are asked for
they follow one another as often as in the corpus.
Limit: it is a GAN, and varies less than people do (wgan varies as much, and knows no chords); a chord is one per bar of
16 steps, counted from the beginning, whatever the metre.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from itertools import count
from typing import Any, ClassVar

import numpy as np

from musictool.archs._adversaries import Adversaries
from musictool.archs._feature_matching import MatchingArch, MatchingOptions
from musictool.archs._segments import SamplingContext
from musictool.dataset.dataset import Encoded
from musictool.engine import nn, ops
from musictool.engine.current import within
from musictool.layers.midinet import CHORD_SIZE, ChordCritic, ChordGenerator, bars_in, chord_vectors, chords_of
from musictool.music.chords import NONE
from musictool.sampling.guidance import FREE, Guidance
from musictool.sampling.sampler import Sampler

COUNTED_SEGMENTS = 4096  # in which chords are counted, at most
UNSEEN = 0.01  # counts of a chord after another that never followed it


class ChordAdversaries(Adversaries):
    """Adversaries whose generator gets chords behind the noise; it knows how often a chord follows another.

    Args:
        bars: in a segment.
        noise_size: Z.
    """

    def __init__(self, generator: nn.Layer, critic: nn.Layer, noise_size: int, instruments: int, **kwargs: Any):
        super().__init__(generator, critic, noise_size, instruments, **kwargs)
        self.chord_counts = self.add_weight(
            (NONE + 1, NONE + 1), "ones", name="chord_counts", trainable=False, autocast=False
        )

    def draw_noise(self, segments: Any, training: bool) -> Any:
        """float32 (N, Z + bars * 13): noise, and the chords of the segments."""
        return ops.concatenate([super().draw_noise(segments, training), chord_vectors(chords_of(segments))], axis=-1)


class Midinet(MatchingArch):
    """Six transposed convolutions beside five that read the last segment, and six that tell them from real ones."""

    name = "midinet"
    supports_chords: ClassVar[bool] = True
    Options = MatchingOptions
    COLLAPSE_HINT = "; try --set neurons=stochastic"
    SIZES: ClassVar = {"small": {}, "medium": {"width": 32}, "large": {"width": 64}}

    @cached_property
    def network(self) -> ChordAdversaries:
        steps, pitches, instruments = self.spec.shape
        options, bars = self.options, bars_in(steps)
        segments = (None, *self.spec.shape)
        generator = ChordGenerator(steps, pitches, options.width, instruments, name="generator")
        generator.build((segments, (None, options.latent + bars * CHORD_SIZE)))
        critic = ChordCritic(steps, pitches, options.width, name="critic")
        critic.build(segments)
        network = ChordAdversaries(generator, critic, options.latent, instruments, name="network")
        network.built = True
        return network

    def critic_outputs(self, segments: Any, real: Any, training: bool) -> tuple[Any, Any]:
        logits, features = self.network.critic(segments, chord_vectors(chords_of(real)), training=training)
        return logits, features

    def calibrate(self, encoded: Encoded) -> None:
        """Count how often a chord follows another, and find the thresholds."""
        counts, counted = np.full((NONE + 1, NONE + 1), UNSEEN, np.float32), 0
        with within("numpy"):
            for piece in encoded.pieces("train"):
                chords = chords_of(encoded.piece(piece)).reshape(-1)
                np.add.at(counts, (chords[:-1], chords[1:]), 1)
                counted += len(encoded.piece(piece))
                if counted > COUNTED_SEGMENTS:
                    break
        self.network.chord_counts.assign(counts)
        super().calibrate(encoded)

    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        context, segments, bars = self.context(sampler, guidance, seed), primer[:, -1], bars_in(self.spec.shape[0])
        for start in count(0, bars):
            if guidance.chords is not None:
                chords = tuple(np.resize(np.roll(guidance.chords, -start), bars).tolist())
                context = replace(context, guidance=replace(guidance, chords=chords))
            segments = self.next_segment(segments[:, None], context)
            yield segments[:, None]  # (B, 1, S, P, I)

    def noise(self, previous: np.ndarray, context: SamplingContext, segments: np.ndarray | None = None) -> np.ndarray:
        """Noise, and the chords: of the segments, or those that are asked for, or what may follow."""
        noise = super().noise(previous, context)
        with within("numpy"):
            if segments is not None:
                chords = chords_of(segments)
            elif context.guidance.chords is not None:
                chords = np.tile(np.array(context.guidance.chords, np.int32), (len(previous), 1))
            else:
                chords = self._drawn_chords(chords_of(previous)[:, -1], context.rng)
            return np.concatenate([noise, chord_vectors(chords)], axis=1)

    def _drawn_chords(self, chord: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """int32 (N, bars): a chord after another, beginning behind int (N,), as often as in the corpus."""
        counts = np.cumsum(ops.convert_to_numpy(self.network.chord_counts), axis=1)  # (25, 25)
        chords = []
        for _ in range(bars_in(self.spec.shape[0])):
            drawn = rng.random((len(chord), 1)) * counts[chord, -1:]
            chord = np.minimum((counts[chord] <= drawn).sum(axis=1), NONE).astype(np.int32)
            chords.append(chord)
        return np.stack(chords, axis=1)
