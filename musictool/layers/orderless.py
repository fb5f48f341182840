"""What a voice sings, given any of what all voices sing.

Two networks together. A stack of dilated depth-wise convolutions goes over time and sees all voices of a step at once;
it knows which step is what. A small network that all keys share (tied weights, as in musictool/layers/tied_head.py)
sees what each voice did with the key itself nearby in time and with the keys around it at the same time; it knows, as a
convolution over a picture does, that what holds for one key holds for its neighbour.

Shapes in comments: B pieces, T steps, V voices, K keys, S = 1 or 2 ways in which a key sounds (held; held or struck).
What a voice does in a step is one of C = 1 + S K classes: 0 rests, 1 + k holds key k, 1 + K + k strikes it.
"""

from __future__ import annotations

from typing import Any

from musictool.engine import nn, ops

DILATIONS = (1, 2, 4, 8, 16)
NEAR_STEPS, NEAR_KEYS = 17, 25  # that a key sees of itself, and of the keys around it; both odd, itself in the middle
OF_FEATURES = 8  # numbers that each key is given of the features of its step


class SeparableBlock(nn.Layer):
    """x + features of x and its neighbours in time: each channel by itself over time, then all channels of a step.

    Args:
        width: W, channels.
        dilation: steps from one neighbour to the next.
        dropout: rate within the block.
    """

    def __init__(self, width: int, dilation: int, dropout: float, **kwargs: Any):
        super().__init__(**kwargs)
        near_zero = nn.initializers.RandomNormal(0, 0.02)  # a block begins by doing nearly nothing
        self.over_time = nn.DepthwiseConv1D(3, padding="same", dilation_rate=dilation)
        self.norm = nn.RMSNormalization()
        self.expand = nn.Dense(2 * width, activation="relu")
        self.dropout = nn.Dropout(dropout)
        self.project = nn.Dense(width, kernel_initializer=near_zero)

    def build(self, shape: Any) -> None:
        self.over_time.build(shape)
        self.norm.build(shape)
        self.expand.build(shape)
        self.project.build((*shape[:-1], self.expand.units))

    def call(self, x: Any, training: bool = False) -> Any:
        """float (B, T, W) -> the same."""
        features = self.norm(x + self.over_time(x))
        return x + self.project(self.dropout(self.expand(features), training=training))


class TiedKeys(nn.Layer):
    """Logits of each key, by one network for all keys.

    Args:
        keys, channels: K, V S: of each key whether each voice holds it, and whether it strikes it.
        hidden: H, units per key.
    """

    def __init__(self, keys: int, channels: int, hidden: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.keys, self.channels, self.hidden = keys, channels, hidden
        self.over_time = nn.Conv2D(hidden, (NEAR_STEPS, 1), padding="same")
        self.over_keys = nn.Conv2D(hidden, (1, NEAR_KEYS), padding="same", use_bias=False)
        self.of_step = nn.Dense(hidden, use_bias=False)
        self.to_keys = nn.Dense(keys * OF_FEATURES, use_bias=False)
        self.of_key = nn.Dense(hidden, use_bias=False)
        self.inner = nn.Dense(hidden, activation="relu")
        self.out = nn.Dense(channels)

    def build(self, shape: Any) -> None:
        rolls = (*shape[:2], self.keys, self.channels)
        self.over_time.build(rolls)
        self.over_keys.build(rolls)
        self.of_step.build(shape)
        self.to_keys.build(shape)
        self.of_key.build((*rolls[:3], OF_FEATURES))
        self.inner.build((*rolls[:3], self.hidden))
        self.out.build((*rolls[:3], self.hidden))
        self.height = self.add_weight((self.keys, self.hidden), "zeros", name="height")

    def call(self, rolls: Any, features: Any) -> Any:
        """Rolls float 0/1 (B, T, K, V S), features float (B, T, W) -> float (B, T, K, V S)."""
        shape = ops.shape(rolls)
        of_key = ops.reshape(self.to_keys(features), (shape[0], shape[1], self.keys, OF_FEATURES))
        x = self.over_time(rolls) + self.over_keys(rolls) + self.of_key(of_key)  # (B, T, K, H)
        x = x + self.of_step(features)[:, :, None] + self.height
        return self.out(self.inner(ops.relu(x)))


class OrderlessVoices(nn.Model):
    """Classes of voices, some of them hidden -> the probability of each class, in every voice of every step.

    Args:
        voices, keys, ways: V, K, S.
        width, layers, dropout: of the blocks.
        hidden: units per key of the tied network.
        beside: numbers beside each step.
    """

    def __init__(
        self,
        voices: int,
        keys: int,
        ways: int,
        width: int,
        layers: int,
        hidden: int,
        dropout: float = 0.0,
        beside: int = 0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.voices, self.keys, self.ways, self.beside = voices, keys, ways, beside
        self.classes = 1 + ways * keys
        self.embed = nn.Dense(width)
        self.blocks = [SeparableBlock(width, DILATIONS[i % len(DILATIONS)], dropout) for i in range(layers)]
        self.norm = nn.RMSNormalization()
        self.rest = nn.Dense(voices)
        self.tied = TiedKeys(keys, ways * voices, hidden)
        self.seed_generator = nn.SeedGenerator(0)

    @property
    def reach(self) -> int:
        """How many steps away the network sees, on both sides."""
        over_time = sum(DILATIONS[i % len(DILATIONS)] for i in range(len(self.blocks)))
        return max(over_time, NEAR_STEPS // 2)

    def build(self, shape: Any) -> None:
        steps = (*shape[:2], self.embed.units)
        self.embed.build((*shape[:2], self.voices * (self.ways * self.keys + 2) + self.beside))
        for block in self.blocks:
            block.build(steps)
        self.norm.build(steps)
        self.rest.build(steps)
        self.tied.build(steps)

    def call(self, classes: Any, is_known: Any, is_there: Any, beside: Any, training: bool = False) -> Any:
        """Logits, float32 (B, T, V, C).

        Args:
            classes: int32 (B, T, V).
            is_known: float32 0/1 (B, T, V), 0 where the class is hidden.
            is_there: float32 0/1 (B, T), 0 for steps that no piece has.
            beside: float32 (B, T, numbers beside a step).
        """
        shape, dtype = ops.shape(classes), self.compute_dtype
        is_there = ops.cast(is_there, dtype)[..., None]
        is_known = ops.cast(is_known, dtype) * is_there

        # what is known as rolls of the voices, held and struck
        sounds = ops.cast(classes > 0, dtype) * is_known
        key = ops.cast(ops.one_hot((classes - 1) % self.keys, self.keys), dtype) * sounds[..., None]  # (B, T, V, K)
        rolls = key
        if self.ways == 2:
            is_struck = ops.cast(classes > self.keys, dtype)[..., None]
            rolls = ops.concatenate([key, key * is_struck], axis=2)  # (B, T, V S, K)

        # the features of each step: of the rolls, of known rests, of what is hidden
        flat = ops.reshape(rolls, (shape[0], shape[1], self.ways * self.voices * self.keys))
        x = ops.concatenate([flat, is_known - sounds, is_there - is_known, ops.cast(beside, dtype)], axis=-1)
        x = self.embed(x)
        for block in self.blocks:
            x = block(x * is_there, training=training)
        features = self.norm(x)  # (B, T, W)

        keys = self.tied(ops.transpose(rolls, (0, 1, 3, 2)), features)  # (B, T, K, V S)
        keys = ops.reshape(ops.transpose(keys, (0, 1, 3, 2)), (shape[0], shape[1], self.ways, self.voices, self.keys))
        ways = [self.rest(features)[..., None], *(keys[:, :, way] for way in range(self.ways))]
        return ops.cast(ops.concatenate(ways, axis=-1), "float32")
