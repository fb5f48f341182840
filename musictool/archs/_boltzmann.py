"""What archs share whose frames are restricted Boltzmann machines: how they are trained, and what can be set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from musictool.archs._frames import FramesArch
from musictool.dataset.windows import Batch
from musictool.engine import ops
from musictool.layers.rbm_head import RbmHead
from musictool.options import option


@dataclass(frozen=True)
class BoltzmannOptions:
    """The options of the machine."""

    hidden: int = option(150, "hidden units of the Boltzmann machine", least=1, most=8192)
    hold: bool = option(True, "each key sees directly whether it sounds already")
    divergence_steps: int = option(10, "turns of Gibbs sampling in training (the k of CD-k)", least=1, most=1000)
    gibbs_steps: int = option(25, "turns of Gibbs sampling before a frame is written", least=1, most=1000)
    ais_steps: int = option(
        64, "steps of annealed importance sampling, which estimates the nats", least=1, most=100_000
    )
    ais_chains: int = option(8, "chains of it", least=1, most=1000)


class BoltzmannArch(FramesArch):
    """An arch of frames with a head that is an RbmHead."""

    WINDOW = 128
    BATCH_SIZE = 16
    LEARNING_RATE = 1e-3
    DECAY = "cosine"
    USES_PER_WEIGHT = 50.0  # the turns of Gibbs sampling, there and back

    def head(self) -> RbmHead:
        options = self.options
        return RbmHead(
            self.spec.size,
            options.hidden,
            options.hold,
            options.divergence_steps,
            options.gibbs_steps,
            options.ais_steps,
            options.ais_chains,
        )

    def loss_and_metrics(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        """In training the contrastive divergence of each target, and how well it is reconstructed; else its nats, as
        they are estimated, and accuracy; float32 (B, L)."""
        logits = self.network(batch.x, batch.y, batch.side_inputs, training=training)
        target, head = ops.cast(batch.y, "float32"), self.network.head
        return head.contrastive_divergence(logits, target) if training else head.loss_and_metrics(logits, target)
