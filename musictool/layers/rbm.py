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
there are.
"""

from __future__ import annotations

from math import log
from typing import Any

from musictool.engine import ops


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
        h = drawn(c + ops.matmul(v, kernel), chance[..., :hidden], temperature)
        return drawn(b + ops.matmul(h, back), chance[..., hidden:], temperature, logit_bias)

    return ops.fori_loop(0, turns, turn, v)


def drawn(logits: Any, uniform: Any, temperature: float = 1.0, logit_bias: Any = 0.0) -> Any:
    """float32 0/1: 1 as often as the logits say."""
    return ops.cast(uniform < ops.sigmoid(logits / temperature + logit_bias), "float32")


def annealed(b: Any, c: Any, kernel: Any, uniform: Any) -> tuple[Any, Any]:
    """What annealed importance sampling estimates, with the same uniform numbers for all of many machines.

    Args:
        uniform: float32 (S + 1, M, H + D) in [0, 1): of the first draw, and of S steps, for M chains.

    Returns:
        float32 (...,), the logarithm of Z; float32 (..., D), how likely each key is to sound.
    """
    hidden, steps, chains = kernel.shape[-1], uniform.shape[0] - 1, uniform.shape[1]
    uniform, back = ops.convert_to_tensor(uniform), ops.transpose(kernel)
    a = b + ops.matmul(ops.sigmoid(c), back)  # (..., D)
    log_z0 = ops.sum(ops.softplus(a), axis=-1) + hidden * log(2)
    a, b, c = a[..., None, :], b[..., None, :], c[..., None, :]  # (..., 1, D or H), beside the chains

    def step(i: Any, carry: Any) -> Any:
        v, _, log_weights = carry  # (..., M, D), (..., M)
        beta = ops.cast(i, "float32") / steps
        # The weight, of p_beta over the one before it.
        inputs = c + ops.matmul(v, kernel)  # (..., M, H)
        change = ops.softplus(beta * inputs) - ops.softplus((beta - 1 / steps) * inputs)
        log_weights = log_weights + ops.sum(change, axis=-1) + ops.sum((b - a) * v, axis=-1) / steps
        # One turn at p_beta.
        chance = uniform[i]  # (M, H + D)
        h = drawn(beta * inputs, chance[:, :hidden])
        logits = (1 - beta) * a + beta * (b + ops.matmul(h, back))
        return drawn(logits, chance[:, hidden:]), logits, log_weights

    first = a + ops.zeros((chains, 1))  # (..., M, D)
    v = drawn(first, uniform[0, :, hidden:])
    _, logits, log_weights = ops.fori_loop(1, steps + 1, step, (v, first, ops.zeros_like(first[..., 0])))

    # The mean of the weights, and of what the keys of the last turn are drawn from, weighed.
    highest = ops.max(log_weights, axis=-1, keepdims=True)
    weights = ops.exp(log_weights - highest)  # (..., M)
    total = ops.sum(weights, axis=-1)
    log_z = log_z0 + highest[..., 0] + ops.log(total / chains)
    return log_z, ops.sum(weights[..., None] * ops.sigmoid(logits), axis=-2) / total[..., None]
