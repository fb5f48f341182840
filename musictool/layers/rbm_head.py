"""A frame as a restricted Boltzmann machine, whose biases move with the features."""

from __future__ import annotations

from typing import Any

import numpy as np

from musictool.engine import nn, ops
from musictool.layers import rbm
from musictool.layers.sigmoid_head import SigmoidHead, accuracy


class RbmHead(SigmoidHead):
    """An RBM (musictool/layers/rbm.py) of D keys and H hidden units, of which each frame has its own biases.

    With f the features and y the frame before,

        b = b0 + B f + a y          biases of the keys
        c = c0 + C f                biases of the hidden units

    and the weights W between keys and hidden units are the same for all frames. `logits` gives b and c. The keys of a
    frame depend on one another through the hidden units, in whatever way these have learnt.

    A frame is drawn by `gibbs` turns of Gibbs sampling that begin with the frame before. Its nats are an estimate, by
    annealed importance sampling with uniform numbers that are the same for every frame and at every call; they are too
    few on average (see there), and `ais_steps` says how few. Training goes by contrastive divergence.

    Args:
        size: D, numbers in a frame.
        hidden: H.
        hold: whether each key has the weight a for that it sounds already.
        divergence_steps: turns of Gibbs sampling between the two terms of contrastive divergence (the k of CD-k).
        gibbs_steps: turns before a frame is written.
        ais_steps, ais_chains: of annealed importance sampling.
    """

    def __init__(
        self,
        size: int,
        hidden: int,
        hold: bool = True,
        divergence_steps: int = 10,
        gibbs_steps: int = 25,
        ais_steps: int = 64,
        ais_chains: int = 8,
        **kwargs: Any,
    ):
        super().__init__(size, hold, **kwargs)
        self.hidden = hidden
        self.divergence_steps = divergence_steps
        self.gibbs_steps = gibbs_steps
        self.seed_generator = nn.SeedGenerator(0)
        shape = (ais_steps + 1, ais_chains, hidden + size)
        self.fixed_uniform = np.random.default_rng(0).random(shape, dtype=np.float32)

    @property
    def draws(self) -> int:
        return self.gibbs_steps * (self.hidden + self.size)

    def build(self, shape: Any) -> None:
        super().build(shape)
        self.feature_kernel = self.add_weight((shape[-1], self.hidden), "glorot_uniform", name="feature_kernel")
        self.hidden_bias = self.add_weight((self.hidden,), "zeros", name="hidden_bias", autocast=False)
        small = nn.initializers.RandomNormal(0, 0.1)
        self.note_kernel = self.add_weight((self.size, self.hidden), small, name="note_kernel", autocast=False)

    def logits(self, features: Any, context: Any, target: Any, constants: Any = None) -> Any:
        """float32 (..., D + H): the biases of the keys and of the hidden units."""
        of_keys = super().logits(features, context, target)
        of_hidden = ops.cast(ops.matmul(features, self.feature_kernel), "float32") + self.hidden_bias
        return ops.concatenate([of_keys, of_hidden], axis=-1)

    def loss_and_metrics(self, logits: Any, target: Any) -> tuple[Any, Any]:
        """The nats of a frame, as they are estimated, and the accuracy of the keys that are likelier to sound than
        not, by the same estimate."""
        b, c, kernel = *self._biases(logits), self._kernel
        log_z, chance = rbm.annealed(b, c, kernel, self.fixed_uniform)
        return rbm.free_energy(target, b, c, kernel) + log_z, accuracy(ops.cast(chance > 0.5, "float32"), target)

    def most_nats(self, logits: Any, target: Any) -> Any:
        """The nats of a frame, as they are estimated the other way: too many on average."""
        b, c, kernel = *self._biases(logits), self._kernel
        return rbm.free_energy(target, b, c, kernel) + rbm.annealed_back(target, b, c, kernel, self.fixed_uniform)

    def contrastive_divergence(self, logits: Any, target: Any) -> tuple[Any, Any]:
        """What training minimises, and the accuracy of the keys as the machine reconstructs them.

        Its gradient is that of F(target) - F(frame), where the frame is what Gibbs sampling makes of the target in a
        few turns (Hinton 2002). The difference itself says nothing, so its value is the cross-entropy of the target's
        keys as the first turn reconstructs them, which falls as the machine learns.
        """
        b, c, kernel = *self._biases(logits), self._kernel
        shape = (self.divergence_steps, *ops.shape(logits))
        uniform = nn.random.uniform(shape, seed=self.seed_generator)
        frame = ops.stop_gradient(rbm.gibbs(target, b, c, kernel, uniform))
        energy = rbm.free_energy(target, b, c, kernel) - rbm.free_energy(frame, b, c, kernel)
        hidden = ops.sigmoid(c + ops.matmul(target, kernel))
        again = b + ops.matmul(hidden, ops.transpose(kernel))  # (..., D), logits
        cross_entropy = ops.sum(ops.softplus(again) - again * target, axis=-1)
        loss = energy + ops.stop_gradient(cross_entropy - energy)
        return loss, accuracy(ops.cast(again > 0, "float32"), target)

    def draw(
        self, features: Any, context: Any, uniform: Any, temperature: float, logit_bias: Any, constants: Any = None
    ) -> Any:
        b, c = self._biases(self.logits(features, context, None))
        uniform = ops.reshape(uniform, (-1, self.gibbs_steps, self.hidden + self.size))
        uniform = ops.transpose(uniform, (1, 0, 2))  # (K, B, H + D)
        return rbm.gibbs(context, b, c, self._kernel, uniform, temperature, logit_bias)

    def _biases(self, logits: Any) -> tuple[Any, Any]:
        """(..., D + H) -> (..., D), (..., H)."""
        return logits[..., : self.size], logits[..., self.size :]

    @property
    def _kernel(self) -> Any:
        """float32 (D, H)."""
        return ops.convert_to_tensor(self.note_kernel)
