"""Recurrent temporal RBM: a restricted Boltzmann machine whose hidden units remember.

    h[t]     = sigmoid(c + W x[t] + C h[t - 1])                          the hidden units, as they are on average
    x[t + 1] ~ RBM(b + B h[t], c + C h[t], W)                            musictool/layers/rbm_head.py

Source: I. Sutskever, G. Hinton and G. Taylor, "The Recurrent Temporal Restricted Boltzmann Machine" (2008), in the form
that N. Boulanger-Lewandowski, Y. Bengio and P. Vincent (2012) gave it: trained by contrastive divergence, whose
gradient goes back through the hidden units of all frames before. W and c are those of the machine itself, so that it
remembers in terms of the chords that it knows; in rnn-rbm the memory is a layer of its own. `hold=false` and
`bar_positions=false` are as theirs.
The loss that training shows is the cross-entropy of the frame as the machine reconstructs it; that of validation, and
all other nats, are an estimate of the likelihood by annealed importance sampling (R. Salakhutdinov and I. Murray 2008),
and not a likelihood.
Limit: that of rnn-rbm; and a memory of sigmoids without gates soon forgets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from musictool.archs._boltzmann import BoltzmannArch, BoltzmannOptions
from musictool.engine import nn, ops
from musictool.layers.rbm_head import RbmHead
from musictool.options import option


class TemporalRbm(nn.Model):
    """The machine and its memory, a network as NextFrame (musictool/archs/_frames.py).

    Args:
        size: D, keys in a frame.
        head: the machine, of H hidden units; its features are the hidden units after the frame before.
        side_inputs: C, numbers beside each frame, which move the hidden units with it.
    """

    def __init__(self, size: int, head: RbmHead, side_inputs: int = 0, **kwargs: Any):
        super().__init__(**kwargs)
        self.size = size
        self.side_inputs = side_inputs
        self.head = head

    def build(self, shape: Any) -> None:
        self.head.build((*shape, self.head.hidden))
        if self.side_inputs:
            kernel = (self.side_inputs, self.head.hidden)
            self.side_kernel = self.add_weight(kernel, "glorot_uniform", name="side_kernel", autocast=False)

    def call(self, frames: Any, targets: Any = None, side_inputs: Any = None, training: bool = False) -> Any:
        """0/1 (B, T, D), the next frames (not looked at), float32 (B, T, C) -> float32 (B, T, D + H), the biases of
        the machine of the frame after each frame."""
        frames = ops.cast(frames, "float32")
        inputs = ops.transpose(self._inputs(frames, side_inputs), (1, 0, 2))  # (T, B, H)

        def step(state: Any, inputs: Any) -> tuple[Any, Any]:
            state = self._next(inputs, state)
            return state, state

        _, states = ops.scan(step, ops.zeros_like(inputs[0]), inputs)
        return self.head.logits(ops.transpose(states, (1, 0, 2)), frames, targets)

    def _inputs(self, frames: Any, side_inputs: Any) -> Any:
        """float32 (..., H): what frames, and what stands beside them, add to the hidden units."""
        inputs = ops.matmul(frames, self.head.note_kernel) + self.head.hidden_bias
        return inputs + ops.matmul(side_inputs, self.side_kernel) if self.side_inputs else inputs

    def _next(self, inputs: Any, state: Any) -> Any:
        """float32 (B, H) twice -> (B, H): the hidden units after a frame."""
        return ops.sigmoid(inputs + ops.matmul(state, ops.cast(self.head.feature_kernel, "float32")))

    def initial_state(self, batch_size: int) -> Any:
        """The state before the first frame: hidden units that are 0."""
        return ops.zeros((batch_size, self.head.hidden), "float32")

    def constants(self) -> Any:
        """Nothing."""
        return ()

    def step(self, frame: Any, side_input: Any, state: Any, constants: Any) -> tuple[Any, Any]:
        """float32 (B, D), float32 (B, C), the state before it -> the hidden units (B, H) and the frame, the state after
        it."""
        state = self._next(self._inputs(frame, side_input), state)
        return (state, frame), state

    def nll(self, features: tuple[Any, Any], frame: Any, constants: Any) -> Any:
        """Features, the next frame float32 (B, D) -> nats float32 (B,), as they are estimated."""
        return self.head.loss_and_metrics(self.head.logits(*features, frame), frame)[0]


class Rtrbm(BoltzmannArch):
    """A Boltzmann machine of `hidden` units, which move the biases of the next frame's."""

    name = "rtrbm"

    @dataclass(frozen=True)
    class Options(BoltzmannOptions):
        bar_positions: bool = option(True, "the network is given the metre and the position in the bar of each frame")

    SIZES: ClassVar = {"small": {}, "medium": {"hidden": 300}, "large": {"hidden": 600}}

    def body(self) -> None:
        """None: the hidden units of the head are what remembers."""

    @cached_property
    def network(self) -> TemporalRbm:
        """The one network, built."""
        network = TemporalRbm(self.spec.size, self.head(), self.side_input_size, name="network")
        network.build((None, None))
        return network
