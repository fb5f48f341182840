"""What gan and midinet share: a critic with logits, against which the generator also matches the corpus's means.

smoothing   the critic's labels are 0 to 0.1 and 0.9 to 1 instead of 0 and 1 (Salimans et al., "Improved Techniques
            for Training GANs", 2016), drawn anew for each segment
matching    the generator's loss has two more L2 terms: how far its mean segment, and the mean output of the
            critic's first convolution, lie from those of the corpus (Salimans 2016; MidiNet, 2017)
ttur        the critic learns faster than the generator (Heusel et al., "GANs Trained by a Two Time-Scale Update
            Rule Converge to a Local Nash Equilibrium", 2017)
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from musictool.arch import ParameterGroup
from musictool.archs._adversaries import AdversarialArch
from musictool.engine import nn, ops
from musictool.options import option

LABEL_SMOOTHING = 0.1  # how far a smoothed label lies from 0 or 1, at most
MEAN_WEIGHT, FEATURE_WEIGHT = 0.1, 1.0  # of the two L2 terms, as in MidiNet's code
TTUR_SCALE = 4.0  # the critic's learning rate with ttur, relative to the generator's
BETA_1 = 0.5  # of Adam, as in DCGAN


@dataclass(frozen=True)
class MatchingOptions:
    """The options of an arch of this kind."""

    width: int = option(
        16, "channels of the last convolution but one; those before have up to 8 times", least=1, most=512
    )
    latent: int = option(100, "size of the noise vector", least=1, most=4096)
    smoothing: bool = option(True, "label smoothing for the critic: 0..0.1 and 0.9..1 instead of 0 and 1")
    matching: bool = option(True, "feature matching: the generator's means are to be those of the corpus")
    ttur: bool = option(True, "two time scales: the critic's learning rate is four times the generator's")
    neurons: Literal["none", "stochastic", "deterministic"] = option(
        "none", "binary neurons: the critic sees probabilities, cells drawn, or cells above 0.5"
    )


class MatchingArch(AdversarialArch):
    """An adversarial arch with MatchingOptions. A subclass gives its network and `critic_outputs`."""

    LEARNING_RATE: ClassVar[float] = 1e-3
    SIZE_MULTIPLES: ClassVar[tuple[int, int]] = (4, 4)
    CRITIC_METRICS = ("critic_loss", "critic_accuracy")
    GENERATOR_METRICS = ("generator_loss", "mismatch")

    @abstractmethod
    def critic_outputs(self, segments: Any, real: Any, training: bool) -> tuple[Any, Any]:
        """What the critic says of segments.

        Args:
            segments: float32 (N, S, P, I), real or generated.
            real: float32 0/1 (N, S, P, I), the real ones that stand in the same places.

        Returns:
            logits of "real", float32 (N,); features, float32 (N, ...).
        """

    def groups(self, critic_loss: Any, generator_loss: Any) -> tuple[ParameterGroup, ...]:
        network = self.network
        scale = TTUR_SCALE if self.options.ttur else 1.0
        return (
            ParameterGroup(network.critic.trainable_variables, critic_loss, scale, beta_1=BETA_1),
            ParameterGroup(network.generator.trainable_variables, generator_loss, beta_1=BETA_1),
        )

    def critic_loss(self, previous: Any, segments: Any, training: bool) -> tuple[Any, ...]:
        generated = ops.stop_gradient(self.generated(previous, segments, training))
        real, _ = self.critic_outputs(segments, segments, training)  # logits (N,)
        fake, _ = self.critic_outputs(generated, segments, training)

        # binary cross-entropy, -ln p of real segments and -ln (1 - p) of fake ones
        loss = ops.softplus(-real) + ops.softplus(fake)
        if self.options.smoothing and training:  # ... and either term counts as often as the label says
            smoothing = nn.random.uniform((2, *ops.shape(real)), 0, LABEL_SMOOTHING, seed=self.network.seed_generator)
            loss = loss + smoothing[0] * real - smoothing[1] * fake

        accuracy = (ops.cast(real > 0, "float32") + ops.cast(fake < 0, "float32")) / 2
        return loss, accuracy

    def generator_loss(self, previous: Any, segments: Any, training: bool) -> tuple[Any, ...]:
        generated = self.generated(previous, segments, training)
        fake, fake_features = self.critic_outputs(generated, segments, training)
        _, real_features = self.critic_outputs(segments, segments, training)
        mismatch = MEAN_WEIGHT * _mean_distance(generated, segments)
        mismatch = mismatch + FEATURE_WEIGHT * _mean_distance(fake_features, real_features)
        loss = ops.softplus(-fake)
        return (loss + mismatch if self.options.matching else loss), mismatch + ops.zeros_like(loss)


def _mean_distance(a: Any, b: Any) -> Any:
    """float32 (): the squared distance of two means, over N of (N, ...) each."""
    return ops.sum(ops.square(ops.mean(a, axis=0) - ops.mean(b, axis=0)))
