"""Cells that sound or do not, through which a gradient can still pass.

Source: H.-W. Dong and Y.-H. Yang, "Convolutional Generative Adversarial Networks with Binary Neurons for Polyphonic
Music Generation" (2018), with the straight-through estimator of Bengio, Leonard and Courville (2013).
"""

from __future__ import annotations

from typing import Any

from keras import ops


def struck(probabilities: Any, cut: Any) -> Any:
    """0/1 where a probability is above its cut; its gradient is that of the probability.

    Args:
        probabilities: float32 (...).
        cut: 0.5 (deterministic neurons), or uniform random numbers of the same shape (stochastic ones).
    """
    hard = ops.cast(probabilities > cut, "float32")
    return probabilities + ops.stop_gradient(hard - probabilities)
