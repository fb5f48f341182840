"""Two bars out of nothing but noise, and a critic of them: six transposed convolutions, and six convolutions.

At 32 x 128 cells the generator goes 1 x 4 -> 2 x 8 -> 4 x 16 -> 8 x 32 -> 8 x 128 -> 32 x 128, the critic back. Time
grows last, out of quarter notes: that makes notes that last. An axis that can no longer be divided keeps its size.

Source: A. Radford, L. Metz and S. Chintala, "Unsupervised Representation Learning with DCGANs" (2015), as I. Tham and
M. Kim (2021) use it; that time grows last is not theirs. Limit: all pitches are alike to a convolution; what an
instrument's range is, only a bias per pitch knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from musictool.engine import nn, ops

# Strides and kernels (steps, pitches), and channels in multiples of the width, of the first layers of a critic; a
# generator goes through them backwards. What is left behind the last is taken in one kernel.
QUARTERS = (4, 1)  # the stride that turns steps into quarter notes, and its kernel in a generator
STRIDES = (QUARTERS, (1, 4), (2, 2), (2, 2), (2, 2))
CRITIC_KERNELS = ((4, 3), (3, 8), (4, 4), (4, 4), (4, 4))
CHANNELS = (1, 2, 4, 8, 8)
INITIAL_LOGIT = -3.0  # of a cell before training: about one in twenty sounds


def fitting_strides(
    size: tuple[int, int], strides: Sequence[tuple[int, int]]
) -> tuple[list[tuple[int, int]], tuple[int, int]]:
    """Strides of convolutions one after another that divide `size` without a rest: 1 along an axis where one would not.

    Returns:
        The strides, and the size that is left behind the last.
    """
    fitting = []
    for preferred in strides:
        steps, pitches = (stride if length % stride == 0 else 1 for length, stride in zip(size, preferred, strict=True))
        size = (size[0] // steps, size[1] // pitches)
        fitting.append((steps, pitches))
    return fitting, size


def straight_through(probabilities: Any, threshold: Any) -> Any:
    """0/1 where a probability is above its threshold; its gradient is that of the probability.

    Source: H.-W. Dong and Y.-H. Yang, "Convolutional Generative Adversarial Networks with Binary Neurons for Polyphonic
    Music Generation" (2018), with the straight-through estimator of Bengio, Leonard and Courville (2013).

    Args:
        probabilities: float32 (...).
        threshold: 0.5 (deterministic neurons), or uniform random numbers of the same shape (stochastic ones).
    """
    hard = ops.cast(probabilities > threshold, "float32")
    return probabilities + ops.stop_gradient(hard - probabilities)


class HeldNotes:
    """Weights for a kernel that makes steps of quarter notes: nearly the same for each step, so that notes begin long.

    Args:
        axis: of the steps in the kernel.
    """

    def __init__(self, axis: int):
        self.axis = axis

    def __call__(self, shape: Any, dtype: Any = None, **_: Any) -> Any:
        one_step = tuple(1 if i == self.axis else size for i, size in enumerate(shape))
        draw = nn.initializers.GlorotUniform()
        return draw(one_step, dtype=dtype) + 0.3 * draw(shape, dtype=dtype)


class GrowingLayers(nn.Layer):
    """The layers of a generator: transposed convolutions, each but the last with batch normalisation and PReLU behind
    it, and a bias for each pitch of each instrument. A subclass says what goes through them.
    """

    def _grow(
        self, strides: Sequence[tuple[int, int]], smallest: tuple[int, int], width: int, instruments: int
    ) -> None:
        """Make them.

        Args:
            strides, smallest: as `fitting_strides` gives them.
            width: channels before the last convolution; those before have up to eight times as many.
            instruments: I.
        """
        growing = [(smallest, smallest), *reversed([*zip(strides, CRITIC_KERNELS, strict=True)][1:])]
        self.convolutions = [
            nn.Conv2DTranspose(width * times, kernel, stride, "same", use_bias=False, name=f"growing_{i + 1}")
            for i, ((stride, kernel), times) in enumerate(zip(growing, reversed(CHANNELS), strict=True))
        ]
        self.norms = [nn.BatchNormalization(momentum=0.9, name=f"norm_{i + 1}") for i in range(len(growing))]
        self.activations = [nn.PReLU(shared_axes=[1, 2], name=f"activation_{i + 1}") for i in range(len(growing))]
        self.cells = nn.Conv2DTranspose(
            instruments, QUARTERS, QUARTERS, use_bias=False, kernel_initializer=HeldNotes(0), name="cells"
        )
        self.instruments = instruments

    def _build_cells(self, shape: Any) -> None:
        """Of the last layer, for (N, S / 4, P, C)."""
        self.cells.build(shape)
        silent = nn.initializers.Constant(INITIAL_LOGIT)
        self.pitch_bias = self.add_weight((shape[2], self.instruments), silent, name="pitch_bias", autocast=False)

    def _logits(self, x: Any) -> Any:
        """(N, S / 4, P, C) -> float32 (N, S, P, I)."""
        return ops.cast(self.cells(x), "float32") + self.pitch_bias


class FragmentGenerator(GrowingLayers):
    """Noise, float (N, Z) -> float32 (N, S, P, I), the logit of each cell.

    After each transposed convolution but the last, batch normalisation and PReLU. A bias for each pitch of each
    instrument is added at the end, so that the convolutions need not learn where an instrument plays.

    Args:
        steps, pitches: S, a multiple of 4, and P.
        width: channels before the last convolution; those before have up to eight times as many.
        instruments: I.
    """

    def __init__(self, steps: int, pitches: int, width: int, instruments: int, **kwargs: Any):
        super().__init__(**kwargs)
        self._grow(*fitting_strides((steps, pitches), STRIDES), width, instruments)

    def build(self, shape: Any) -> None:
        shape = (None, 1, 1, shape[-1])
        for convolution, norm, activation in zip(self.convolutions, self.norms, self.activations, strict=True):
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            norm.build(shape)
            activation.build(shape)
        self._build_cells(shape)

    def call(self, noise: Any, training: bool = False) -> Any:
        x = noise[:, None, None, :]  # (N, 1, 1, Z)
        for convolution, norm, activation in zip(self.convolutions, self.norms, self.activations, strict=True):
            x = activation(norm(convolution(x), training=training))  # in the end (N, S / 4, P, width)
        return self._logits(x)  # (N, S, P, I)


class FragmentCritic(nn.Layer):
    """Segments, float (N, S, P, I) -> float32 (N,), the logit of "real".

    PReLU after each convolution but the last, batch normalisation before it after each but the first, as in DCGAN.

    Args:
        steps, pitches: S, a multiple of 4, and P.
        width: channels after the first convolution; the next have up to eight times as many.
    """

    def __init__(self, steps: int, pitches: int, width: int, **kwargs: Any):
        super().__init__(**kwargs)
        strides, smallest = fitting_strides((steps, pitches), STRIDES)
        self.convolutions = [
            nn.Conv2D(width * times, kernel, stride, "same", use_bias=i == 0, name=f"shrinking_{i + 1}")
            for i, (times, stride, kernel) in enumerate(zip(CHANNELS, strides, CRITIC_KERNELS, strict=True))
        ]
        self.norms = [nn.BatchNormalization(momentum=0.9, name=f"norm_{i + 1}") for i in range(1, len(CHANNELS))]
        self.activations = [nn.PReLU(shared_axes=[1, 2], name=f"activation_{i + 1}") for i in range(len(CHANNELS))]
        self.logit = nn.Conv2D(1, smallest, dtype="float32", name="logit")

    def build(self, shape: Any) -> None:
        for i, (convolution, activation) in enumerate(zip(self.convolutions, self.activations, strict=True)):
            convolution.build(shape)
            shape = convolution.compute_output_shape(shape)
            if i:
                self.norms[i - 1].build(shape)
            activation.build(shape)
        self.logit.build(shape)

    def call(self, segments: Any, training: bool = False) -> tuple[Any, Any]:
        """The logits (N,), and the features that the first convolution finds, (N, S / 4, P, width)."""
        features = x = self.convolutions[0](segments)
        x = self.activations[0](x)
        for convolution, norm, activation in zip(self.convolutions[1:], self.norms, self.activations[1:], strict=True):
            x = activation(norm(convolution(x), training=training))
        return ops.reshape(self.logit(x), (-1,)), ops.cast(features, "float32")
