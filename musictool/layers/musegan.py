"""The next two bars of a band, given the last two and noise: a generator for each instrument, and a critic that sees
them all, and several segments in a row.

    previous (N, S, P, I) -> ContextEncoder -> features at four sizes -+
    shared and own noise (N, Z) ---------------------------------------+-> TrackGenerator, one per instrument -> logits
    pitch classes of previous, shared noise, chord noise -> Harmony -----------------------------------> + logits

Source: H.-W. Dong et al., "MuseGAN" (AAAI 2018), the hybrid model: each instrument has a generator and random numbers
of its own, and all share some. L.-C. Yang, S.-Y. Chou and Y.-H. Yang, "MidiNet" (2017): a second network mirrors the
generator, from the music before down to few features, and what it finds at each size is handed to the generator there.
The critic's streams are those of H.-W. Dong and Y.-H. Yang's binary-neuron MuseGAN (2018). Limit: the generators share
noise, harmony and context, and do not see what the others write in the same bars.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from musictool.engine import nn, ops
from musictool.layers.dcgan import INITIAL_LOGIT, HeldNotes, fitting_strides
from musictool.layers.variational import BEAT_STEPS
from musictool.music.instruments import DRUMS

OCTAVE = 12
SLOPE = 0.2  # of leaky ReLU below 0

# Strides and kernels (steps, pitches), and channels in multiples of the width, of what encodes the context; a track
# generator goes through them backwards.
STRIDES = ((4, 1), (1, 4), (1, 2), (2, 2))
KERNELS = ((4, 1), (3, 8), (3, 4), (4, 4))
CHANNELS = (1, 2, 2, 4)

CRITIC_KERNEL, CRITIC_STRIDE = 4, 2
CRITIC_CHANNELS = (1, 2, 4, 4)
PHRASE_KERNEL = 4  # segments that the critic sees at once
HARMONY_CHANNELS = 8  # of the filters of pitch classes, in multiples of the width: they cost little


def chroma(segments: Any) -> Any:
    """Float (N, S, P, I) -> (N, S, 12, I): how many keys of each pitch class sound."""
    _, steps, pitches, instruments = segments.shape
    octaves = -(-pitches // OCTAVE)
    whole = ops.pad(segments, ((0, 0), (0, 0), (0, octaves * OCTAVE - pitches), (0, 0)))
    return ops.sum(ops.reshape(whole, (-1, steps, octaves, OCTAVE, instruments)), axis=2)


def wrap_octave(classes: Any) -> Any:
    """Pitch classes (..., 12, C) -> (..., 23, C): circular padding, for filters of twelve that start at each class."""
    return ops.concatenate([classes, classes[..., :-1, :]], axis=-2)


class ContextEncoder(nn.Layer):
    """0/1 (N, S, P, I) -> features, float (N, s, p, channels), at S / 4, then at fewer and fewer pitches.

    Args:
        steps, pitches: S, a multiple of 4, and P.
        width: channels after the first convolution; the last have four times as many.
    """

    def __init__(self, steps: int, pitches: int, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        strides, _ = fitting_strides((steps, pitches), STRIDES)
        self.convolutions = [
            nn.Conv2D(width * times, kernel, stride, "same", name=f"shrinking_{i + 1}")
            for i, (stride, kernel, times) in enumerate(zip(strides, KERNELS, CHANNELS, strict=True))
        ]

    def build(self, shape: Any) -> None:
        self.shapes = []
        for convolution in self.convolutions:
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            self.shapes.append(shape)

    def call(self, segments: Any) -> list[Any]:
        features, x = [], segments
        for convolution in self.convolutions:
            x = ops.leaky_relu(convolution(x), SLOPE)
            features.append(x)
        return features


class TrackGenerator(nn.Layer):
    """One instrument: noise (N, Z) and the features of a ContextEncoder -> float32 (N, S, P), the logit of each cell.

    Steps are made last, four of each quarter note, and alike to begin with, so that notes last.

    Args:
        steps, pitches: S, a multiple of 4, and P.
        width: as of the ContextEncoder.
    """

    def __init__(self, steps: int, pitches: int, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.width = width
        strides, _ = fitting_strides((steps, pitches), STRIDES)
        growing = [*reversed([*zip(strides, KERNELS, strict=True)][1:])]
        channels = [width * times for times in reversed(CHANNELS[:-1])]
        self.norms = [nn.BatchNormalization(momentum=0.9, name=f"norm_{i + 1}") for i in range(len(STRIDES))]
        self.activations = [nn.PReLU(shared_axes=[1, 2], name=f"activation_{i + 1}") for i in range(len(STRIDES))]
        self.convolutions = [
            nn.Conv2DTranspose(count, kernel, stride, "same", use_bias=False, name=f"growing_{i + 1}")
            for i, (count, (stride, kernel)) in enumerate(zip(channels, growing, strict=True))
        ]
        self.quarter_steps = STRIDES[0][0]
        self.cells = nn.Dense(self.quarter_steps, use_bias=False, kernel_initializer=HeldNotes(1), name="cells")

    def build(self, shape: Any, contexts: Any) -> None:
        self.smallest = (*contexts[-1][1:3], self.width * CHANNELS[-1])
        size = self.smallest[0] * self.smallest[1] * self.smallest[2]
        self.unfold = nn.Dense(size, use_bias=False, name="unfold")
        self.unfold.build(shape)
        shape = (None, *self.smallest)
        for i, convolution in enumerate([*self.convolutions, self.cells]):
            self.norms[i].build(shape)
            self.activations[i].build(shape)
            shape = (*shape[:-1], shape[-1] + contexts[-1 - i][-1])
            convolution.build(shape)
            if convolution is not self.cells:
                shape = convolution.compute_output_shape(shape)
        self.skip_weights = nn.Dense(shape[1] * self.quarter_steps, name="skip_weights")
        self.skip_weights.build((None, self.smallest[0] * self.smallest[1] * (self.smallest[2] + contexts[-1][-1])))
        silent = nn.initializers.Constant(INITIAL_LOGIT)
        self.pitch_bias = self.add_weight((shape[2],), silent, name="pitch_bias", autocast=False)

    def call(self, noise: Any, context: list[Any], previous: Any, training: bool = False) -> Any:
        # from the smallest size up; at each, the features of the context at that size join the channels
        x = ops.reshape(self.unfold(noise), (-1, *self.smallest))
        for i, convolution in enumerate([*self.convolutions, self.cells]):
            x = self.activations[i](self.norms[i](x, training=training))
            x = ops.concatenate([x, ops.cast(context[-1 - i], x.dtype)], axis=-1)
            if i == 0:
                skip_weights = self.skip_weights(ops.reshape(x, (ops.shape(x)[0], -1)))  # (N, S)
            x = convolution(x)

        # the last axis holds the four steps of each quarter note
        x = ops.reshape(ops.transpose(x, (0, 1, 3, 2)), ops.shape(previous))  # (N, S / 4, P, 4) -> (N, S, P)

        # per step, how much what the instrument played a segment ago counts
        repeated = ops.cast(skip_weights, "float32")[..., None] * ops.cast(previous, "float32")  # (N, S, P)
        return ops.cast(x, "float32") + self.pitch_bias + repeated


class Harmony(nn.Layer):
    """Which pitch classes suit a beat, alike in every key: a generator would else have to learn each key by itself.

    What sounded in the beats before, as pitch classes on a circle of twelve, goes through filters that go round it: the
    same music a third higher gives the same answer a third higher. Beside it stand random numbers of each pitch class:
    out of them comes a chord that all instruments play, and that the music before does not say.

        previous 0/1 (N, S, P, I), noise (N, Z), chord noise (N, 12, K) -> float32 (N, S, P, I), added to the logits;
        0 for drums

    Args:
        width: channels of the filters.
    """

    def __init__(self, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.noise_projection = nn.Dense(width, use_bias=False, name="noise_projection")
        self.context_filters = nn.Conv1D(width, OCTAVE, name="context_filters")
        self.width = width

    def build(self, previous: Any, noise: Any, chord_noise: Any) -> None:
        _, steps, self.pitches, instruments = previous
        self.beats, self.instruments = steps // BEAT_STEPS, instruments
        self.noise_projection.build(noise)
        self.context_filters.build((None, None, self.beats * instruments + chord_noise[-1]))
        self.output_filters = nn.Conv1D(self.beats * instruments, OCTAVE, name="output_filters")
        self.output_filters.build((None, None, self.width))

    def call(self, previous: Any, noise: Any, chord_noise: Any) -> Any:
        # how often each pitch class sounds in each beat of each instrument, as channels of a circle of twelve
        classes = ops.reshape(chroma(previous), (-1, self.beats, BEAT_STEPS, OCTAVE, self.instruments))
        classes = ops.transpose(ops.sum(classes, axis=2), (0, 2, 1, 3))  # (N, 12, S / 4, I)
        x = ops.reshape(ops.log1p(classes), (-1, OCTAVE, self.beats * self.instruments))
        x = ops.concatenate([x, ops.cast(chord_noise, x.dtype)], axis=-1)  # (N, 12, S / 4 x I + K)

        # two circular convolutions; the other noise moves all classes alike
        x = ops.leaky_relu(self.context_filters(wrap_octave(x)) + self.noise_projection(noise)[:, None], SLOPE)
        x = self.output_filters(wrap_octave(x))  # (N, 12, S / 4 x I)

        # every octave and every step of a beat alike, and nothing for drums
        logits = ops.reshape(x, (-1, OCTAVE, self.beats, self.instruments))
        logits = ops.take(logits, np.arange(self.pitches) % OCTAVE, axis=1)  # (N, P, S / 4, I)
        logits = ops.repeat(ops.transpose(logits, (0, 2, 1, 3)), BEAT_STEPS, axis=1)  # (N, S, P, I)
        return ops.cast(logits, "float32") * (np.arange(self.instruments) != DRUMS).astype(np.float32)


class BandGenerator(nn.Layer):
    """Previous 0/1 (N, S, P, I), noise (N, shared + 12 K + I x own) -> float32 (N, S, P, I), the logit of each cell.

    Each step of each instrument can repeat what stood a segment ago without drawing it anew, and each beat can favour
    pitch classes.

    Args:
        steps, pitches: S, a multiple of 4, and P.
        width: channels of quarter notes and single pitches; there are up to four times as many of coarser ones.
        shared_noise, chord_noise, track_noise: random numbers that all instruments have; K, those of each pitch class;
            and those of each instrument.
        instruments: I.
    """

    def __init__(
        self,
        steps: int,
        pitches: int,
        width: int,
        shared_noise: int,
        chord_noise: int,
        track_noise: int,
        instruments: int,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.shared_noise, self.chord_noise, self.track_noise = shared_noise, chord_noise, track_noise
        self.noise_size = shared_noise + OCTAVE * chord_noise + instruments * track_noise
        self.context_encoder = ContextEncoder(steps, pitches, width, name="context_encoder")
        self.harmony = Harmony(HARMONY_CHANNELS * width, name="harmony")
        self.tracks = [TrackGenerator(steps, pitches, width, name=f"track_{i + 1}") for i in range(instruments)]

    def build(self, shape: Any) -> None:
        self.context_encoder.build(shape)
        self.harmony.build(shape, (None, self.shared_noise), (None, OCTAVE, self.chord_noise))
        for track in self.tracks:
            track.build((None, self.shared_noise + self.track_noise), self.context_encoder.shapes)

    def call(self, previous: Any, noise: Any, training: bool = False) -> Any:
        context = self.context_encoder(previous)
        shared, of_chords, of_tracks = self.parts(noise)
        logits = []
        for i, track in enumerate(self.tracks):
            inputs = ops.concatenate([shared, of_tracks[:, i]], axis=-1)
            logits.append(track(inputs, context, previous[..., i], training=training))
        return ops.stack(logits, axis=-1) + self.harmony(previous, shared, of_chords)  # (N, S, P, I)

    def parts(self, noise: Any) -> tuple[Any, Any, Any]:
        """Noise (N, Z) -> what all share, (N, shared), that of each pitch class, (N, 12, K), and that of each
        instrument, (N, I, own)."""
        number, end = ops.shape(noise)[0], self.shared_noise + OCTAVE * self.chord_noise
        of_chords = ops.reshape(noise[:, self.shared_noise : end], (number, OCTAVE, self.chord_noise))
        of_tracks = ops.reshape(noise[:, end:], (number, len(self.tracks), self.track_noise))
        return noise[:, : self.shared_noise], of_chords, of_tracks


class BandCritic(nn.Layer):
    """Segments in a row, float (N, 1 + L, S, P, I) -> float32 (N,), any number, the higher the more real they look.

    Each segment but the first is seen with the one before it. Beside the cells themselves the critic sees where notes
    begin, what repeats the segment before, and which pitch classes sound whatever their octave, so that rhythm and
    harmony need not be found out from pixels; how well all that sounds fits a few sets of pitch classes, in whichever
    key it fits best; and in how many steps each instrument plays. What it finds in each segment, and the key that all
    of them fit best, says what the row as a whole is worth: who falls silent, what comes back, where it leaves the key.
    No batch normalisation, with which the gradient penalty of Gulrajani et al. (2017) does not go, since it is meant
    for each example alone.

    Args:
        width: channels after the first convolution; the next have up to four times as many.
    """

    def __init__(self, width: int, **kwargs: Any):
        super().__init__(dtype="float32", **kwargs)
        policy = self.dtype_policy  # a gradient penalty in half precision would be zero or infinite
        self.roll = [
            nn.Conv2D(width * times, CRITIC_KERNEL, CRITIC_STRIDE, "same", name=f"roll_{i + 1}", dtype=policy)
            for i, times in enumerate(CRITIC_CHANNELS)
        ]
        self.chroma = [
            nn.Conv2D(width, (4, OCTAVE), (4, 1), "valid", name="chroma_1", dtype=policy),
            nn.Conv2D(2 * width, (4, 1), (2, 1), "same", name="chroma_2", dtype=policy),
        ]
        self.key_profiles = nn.Conv1D(2 * width, OCTAVE, name="key_profiles", dtype=policy)
        self.dense = nn.Dense(8 * width, name="dense", dtype=policy)
        self.score = nn.Dense(1, use_bias=False, name="score", dtype=policy)  # a bias would mean nothing
        self.phrase = nn.Conv1D(8 * width, PHRASE_KERNEL, padding="same", name="phrase", dtype=policy)
        self.phrase_profiles = nn.Conv1D(2 * width, OCTAVE, use_bias=False, name="phrase_profiles", dtype=policy)
        self.phrase_score = nn.Dense(1, use_bias=False, name="phrase_score", dtype=policy)

    def build(self, shape: Any) -> None:
        """For segments (N, S, P, I)."""
        _, steps, pitches, instruments = shape
        size = 0
        for convolutions, inputs in (
            (self.roll, (None, steps, pitches, 4 * instruments)),
            (self.chroma, (None, steps, 2 * OCTAVE - 1, 2 * instruments)),
        ):
            for convolution in convolutions:
                convolution.build(inputs)
                inputs = convolution.compute_output_shape(inputs)
            size += int(inputs[1] * inputs[2] * inputs[3])
        self.key_profiles.build((None, None, 2 * instruments))
        self.dense.build((None, size + self.key_profiles.filters + instruments))
        self.score.build((None, self.dense.units))
        self.phrase.build((None, None, self.dense.units))
        self.phrase_profiles.build((None, None, instruments))
        self.phrase_score.build((None, 2 * self.phrase.filters + self.phrase_profiles.filters))

    def call(self, rows: Any) -> Any:
        length = rows.shape[1] - 1  # L
        before, after = (ops.reshape(part, (-1, *rows.shape[2:])) for part in (rows[:, :-1], rows[:, 1:]))
        by_segment = ops.reshape(self._of_pairs(before, after), (-1, length, self.dense.units))
        phrase = ops.leaky_relu(self.phrase(by_segment), SLOPE)  # (N, L, 8 width)

        # the key of the whole row, held against profiles as that of each segment is
        classes = chroma(ops.reshape(rows, (-1, (length + 1) * rows.shape[2], *rows.shape[3:])))
        fits = self.phrase_profiles(wrap_octave(_shares(classes)))  # (N, 12, 2 width)

        # each segment by itself, and all together
        whole = ops.concatenate([ops.mean(phrase, axis=1), ops.max(phrase, axis=1), ops.max(fits, axis=1)], axis=-1)
        return ops.mean(self.score(by_segment)[..., 0], axis=1) + self.phrase_score(whole)[:, 0]

    def _of_pairs(self, previous: Any, segments: Any) -> Any:
        """Float (N, 8 width): what there is in segments, seen with those before them, float (N, S, P, I) each."""
        # cells: both segments, what both have in common, and where notes begin
        step_before = ops.concatenate([previous[:, -1:], segments[:, :-1]], axis=1)
        onsets = ops.relu(segments - step_before)
        x = ops.concatenate([previous, segments, previous * segments, onsets], axis=-1)  # (N, S, P, 4 I)
        roll = _flat(_through(self.roll, x))

        # pitch classes of both segments, step by step
        classes = ops.concatenate([chroma(previous), chroma(segments)], axis=-1)  # (N, S, 12, 2 I)
        harmony = _flat(_through(self.chroma, wrap_octave(classes)))

        # the share of each pitch class, held against profiles in all twelve keys; the best key counts
        fits = self.key_profiles(wrap_octave(_shares(classes)))  # (N, 12, 2 width)

        plays = ops.mean(ops.max(segments, axis=2), axis=1)  # (N, I), in which share of the steps
        features = ops.concatenate([roll, harmony, ops.max(fits, axis=1), plays], axis=-1)
        return ops.leaky_relu(self.dense(features), SLOPE)


def _shares(classes: Any) -> Any:
    """Pitch classes of steps (N, S, 12, C) -> (N, 12, C): how much of a channel is of each; 0 in a silent one."""
    counts = ops.sum(classes, axis=1)
    return counts / (1 + ops.sum(counts, axis=1, keepdims=True))


def _through(convolutions: list[Any], x: Any) -> Any:
    for convolution in convolutions:
        x = ops.leaky_relu(convolution(x), SLOPE)
    return x


def _flat(x: Any) -> Any:
    return ops.reshape(x, (ops.shape(x)[0], -1))
