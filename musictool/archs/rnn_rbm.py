"""RNN-RBM: a recurrent layer moves the biases of a restricted Boltzmann machine, of which each frame is drawn.

    h[t]     = recurrent(h[t - 1], x[t])                                 the frames so far
    x[t + 1] ~ RBM(b + B h[t], c + C h[t], W)                            musictool/layers/rbm_head.py

Source: N. Boulanger-Lewandowski, Y. Bengio and P. Vincent, "Modeling Temporal Dependencies in High-Dimensional
Sequences" (2012). With `recurrent=rnn`, `layers=1`, `dropout=0`, `hold=false` and `bar_positions=false` it is as
theirs; by default the recurrent layer is an LSTM, and each key sees directly whether it sounds already.
It is trained by contrastive divergence (G. Hinton 2002), whose gradient goes through the biases into the recurrent
layer. The loss that training shows is the cross-entropy of the frame as the machine reconstructs it; that of
validation, and all other nats, are an estimate of the likelihood by annealed importance sampling (R. Salakhutdinov and
I. Murray 2008), and not a likelihood.
Limit: the estimate flatters on average, by less with more `ais_steps`; a frame is drawn by a few turns of Gibbs
sampling (`gibbs_steps`), which may not get far from where they begin; `--arch rnn-nade` and `chain` have exact
likelihoods and draw exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from musictool.archs._boltzmann import BoltzmannArch, BoltzmannOptions
from musictool.archs._frames import FrameStackOptions
from musictool.layers.recurrent_stack import RecurrentStack
from musictool.options import option

LAYERS = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}


class RnnRbm(BoltzmannArch):
    """Sum of the keys' embeddings -> `layers` x (recurrent layer of `width`, dropout) -> a Boltzmann machine."""

    name = "rnn-rbm"

    @dataclass(frozen=True)
    class Options(BoltzmannOptions, FrameStackOptions):
        layers: int = option(1, "number of recurrent layers", least=1, most=16)
        recurrent: Literal["lstm", "gru", "rnn"] = option("lstm", "kind of the recurrent layers; rnn: tanh of the sum")

    SIZES: ClassVar = {
        "small": {},
        "medium": {"embedding": 256, "width": 512, "hidden": 200},
        "large": {"embedding": 512, "width": 1024, "layers": 2, "hidden": 300},
    }

    def body(self) -> Any:
        options = self.options
        return RecurrentStack(LAYERS[options.recurrent], options.width, options.layers, options.dropout)
