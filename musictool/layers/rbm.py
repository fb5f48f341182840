"""Restricted Boltzmann machines: their free energy, Gibbs sampling, and what their normalisation is estimated to be.

An RBM is a distribution of the keys v, 0 or 1 (D,), of a frame together with H hidden units h, 0 or 1:

    p(v, h) = exp(b . v + c . h + v W h) / Z            p(v) = exp(-F(v)) / Z
    F(v)    = -b . v - sum over j of softplus(c + v W)[j]

Given the one, the others are independent: P(h[j] = 1) = sigmoid(c + v W)[j] and P(v[i] = 1) = sigmoid(b + W h)[i],
so that it is drawn from by taking turns (Gibbs sampling). Z is a sum over all 2^D frames and can only be estimated. All
here are functions of b (..., D), c (..., H) and W (D, H); of many frames at once, each has its own b and c.

Annealed importance sampling (Neal 2001; Salakhutdinov and Murray 2008) goes from keys that are independent, whose Z is
known, to the RBM in many small steps, along

    p_beta(v) ~ exp(((1 - beta) a + beta b) . v) product over j of (1 + exp(beta (c + v W)[j]))        0 <= beta <= 1

with a = b + W sigmoid(c), the biases of the keys when the hidden units are as the machine has them in silence. A chain
draws v from p_0, multiplies its weight by p_beta'(v) / p_beta(v) and draws a new v by one turn of Gibbs sampling at
each step; the mean of the weights of several chains is an estimate of Z / Z_0 that is right on average. Its logarithm
is then too small on average, and a likelihood that is computed with it is too high: by less the more steps and chains
there are, and by more the larger W is.

Walked backwards, from a frame of the music down to p_0, the same steps say how likely the frame is to be drawn by such
a chain (Burda, Grosse and Salakhutdinov 2015). This likelihood is too low on average; where both agree they are right.
"""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np

from musictool.engine import ops

RAMP = 2.0  # how much smaller the steps of annealing are at either end than in the middle


def free_energy(v: Any, b: Any, c: Any, kernel: Any) -> Any:
    """float32 (...,), nats: the energy of frames 0/1 (..., D), with the hidden units summed out."""
    return -ops.sum(b * v, axis=-1) - ops.sum(ops.softplus(c + ops.matmul(v, kernel)), axis=-1)


def gibbs(v: Any, b: Any, c: Any, kernel: Any, uniform: Any, temperature: float = 1.0, logit_bias: Any = 0.0) -> Any:
    """Draw the hidden units, then the keys: once for each row of uniform numbers.

    Args:
        v: float32 0/1 (..., D), where the chain stands.
        uniform: float32 (K, ..., H + D) in [0, 1), for each turn.
        temperature: divides all energies.
        logit_bias: float32 (D,), added to the logits of the keys, whatever the temperature.

    Returns:
        float32 0/1 (..., D).
    """
    hidden, turns, back = kernel.shape[-1], uniform.shape[0], ops.transpose(kernel)
    uniform = ops.convert_to_tensor(uniform)

    def turn(i: Any, v: Any) -> Any:
        chance = uniform[i]  # (..., H + D)
        h = bernoulli(c + ops.matmul(v, kernel), chance[..., :hidden], temperature)
        return bernoulli(b + ops.matmul(h, back), chance[..., hidden:], temperature, logit_bias)

    return ops.fori_loop(0, turns, turn, v)


def bernoulli(logits: Any, uniform: Any, temperature: float = 1.0, logit_bias: Any = 0.0) -> Any:
    """float32 0/1: 1 as often as the logits say."""
    return ops.cast(uniform < ops.sigmoid(logits / temperature + logit_bias), "float32")


def annealed(b: Any, c: Any, kernel: Any, uniform: Any) -> tuple[Any, Any]:
    """What annealed importance sampling estimates, with the same uniform numbers for all of many machines.

    Args:
        uniform: float32 (S + 1, M, H + D) in [0, 1): of the first draw, and of S steps, for M chains.

    Returns:
        float32 (...,), the logarithm of Z; float32 (..., D), how likely each key is to sound.
    """
    path = _Path(b, c, kernel, uniform.shape[0] - 1)
    uniform, chains = ops.convert_to_tensor(uniform), uniform.shape[1]

    def step(i: Any, carry: Any) -> Any:
        v, _, log_weights = carry  # (..., M, D), (..., M)
        log_weights = log_weights + path.log_ratio(v, i)
        v, logits = path.turn(v, i, uniform[i])
        return v, logits, log_weights

    first = path.a + ops.zeros((chains, 1))  # (..., M, D)
    v = bernoulli(first, uniform[0, :, path.hidden :])
    carry = ops.fori_loop(1, path.steps + 1, step, (v, first, ops.zeros_like(first[..., 0])))
    _, logits, log_weights = carry

    # The mean of the weights, and of what the keys of the last turn are drawn from, weighed.
    weights = ops.exp(log_weights - ops.max(log_weights, axis=-1, keepdims=True))  # (..., M)
    weights = weights / ops.sum(weights, axis=-1, keepdims=True)
    return path.log_z0 + _log_mean(log_weights), ops.sum(weights[..., None] * ops.sigmoid(logits), axis=-2)


def annealed_back(v: Any, b: Any, c: Any, kernel: Any, uniform: Any) -> Any:
    """The same, walked backwards from frames: float32 (...,), what to take for the logarithm of Z for each.

    Args:
        v: float32 0/1 (..., D).
        uniform: as of `annealed`; of the first draw none is used.
    """
    path = _Path(b, c, kernel, uniform.shape[0] - 1)
    uniform, chains = ops.convert_to_tensor(uniform), uniform.shape[1]

    def step(i: Any, carry: Any) -> Any:
        v, log_weights = carry
        i = path.steps - i
        v, _ = path.turn(v, i, uniform[i])
        return v, log_weights + path.log_ratio(v, i)

    v = v[..., None, :] + ops.zeros((chains, 1))  # (..., M, D)
    _, log_weights = ops.fori_loop(0, path.steps, step, (v, ops.zeros_like(v[..., 0])))
    return path.log_z0 - _log_mean(-log_weights)


class _Path:
    """The distributions from independent keys, p_0, to the machine, p_1, in `steps` steps; of many machines at once."""

    def __init__(self, b: Any, c: Any, kernel: Any, steps: int):
        self.kernel, self.back, self.hidden, self.steps = kernel, ops.transpose(kernel), kernel.shape[-1], steps
        # Smaller steps at either end, where the distributions change most.
        ramp = np.tanh(RAMP * np.linspace(-1, 1, steps + 1)) / np.tanh(RAMP)
        self.betas = ops.convert_to_tensor(((1 + ramp) / 2).astype(np.float32))
        a = b + ops.matmul(ops.sigmoid(c), self.back)  # (..., D)
        self.log_z0 = ops.sum(ops.softplus(a), axis=-1) + self.hidden * log(2)
        self.a, self.b, self.c = (
            a[..., None, :],
            b[..., None, :],
            c[..., None, :],
        )  # (..., 1, D or H), beside the chains

    def log_ratio(self, v: Any, i: Any) -> Any:
        """float32 (..., M): the logarithm of what step i is to the one before, at frames (..., M, D)."""
        inputs, beta, before = self.c + ops.matmul(v, self.kernel), self.betas[i], self.betas[i - 1]  # (..., M, H)
        change = ops.softplus(beta * inputs) - ops.softplus(before * inputs)
        return ops.sum(change, axis=-1) + (beta - before) * ops.sum((self.b - self.a) * v, axis=-1)

    def turn(self, v: Any, i: Any, uniform: Any) -> tuple[Any, Any]:
        """One turn of Gibbs sampling at step i: new frames (..., M, D), and the logits that they are drawn from."""
        beta = self.betas[i]
        h = bernoulli(beta * (self.c + ops.matmul(v, self.kernel)), uniform[:, : self.hidden])
        logits = (1 - beta) * self.a + beta * (self.b + ops.matmul(h, self.back))
        return bernoulli(logits, uniform[:, self.hidden :]), logits


def _log_mean(logs: Any) -> Any:
    """The logarithm of the mean over the last axis of what these are the logarithms of."""
    highest = ops.max(logs, axis=-1, keepdims=True)
    return highest[..., 0] + ops.log(ops.mean(ops.exp(logs - highest), axis=-1))
