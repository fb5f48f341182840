"""What a voice sings, given any of what all voices sing: convolutions over a picture of steps and keys.

Shapes in comments: B pieces, T steps, V voices, K keys, W channels, S = 1 or 2 ways in which a key sounds (held; held
or struck). What a voice does in a step is one of C = 1 + S K classes: 0 rests, 1 + k holds key k, 1 + K + k strikes it.
"""

from __future__ import annotations

from typing import Any

from musictool.engine import nn, ops

STEPS = (1, 2, 4, 8, 16)  # from a step to its neighbours, block after block
KEYS = (1, 2, 4, 7, 12)  # from a key to its neighbours: a second, a third, a fifth, an octave
NEAR_STEPS, NEAR_KEYS = 9, 25  # that the first layer sees of each key, and around it in the same step
DOUBLINGS = (1, 2, 4, 8)  # of the steps in which what a voice sang last, and sings next, is looked for
FADES = 0.8  # what each step away takes of it


def nearest(known: Any, is_known: Any, forward: bool) -> tuple[Any, Any]:
    """What each voice does in the nearest step that is known, of this one and the 15 before it (or behind it).

    Args:
        known: 0/1 (B, T, V, n), 0 where nothing is known.
        is_known: 0/1 (B, T, V).

    Returns:
        0/1 (B, T, V, n); and (B, T, V, 1), FADES to the power of how many steps away it is, 0 if there is none.
    """
    values, has_value = known, is_known[..., None]
    near = has_value
    for steps in DOUBLINGS:
        values_there, has_value_there, near_there = (_shifted(x, steps, forward) for x in (values, has_value, near))
        is_missing = 1 - has_value
        values = values + is_missing * values_there
        near = near + is_missing * near_there * FADES**steps
        has_value = has_value + is_missing * has_value_there
    return values, near


def _shifted(x: Any, steps: int, forward: bool) -> Any:
    """(B, T, ...): of each step, what stands so many steps before it, or behind it; 0 beyond the ends."""
    none = [(0, 0)] * (len(x.shape) - 2)
    if forward:
        return ops.pad(x, [(0, 0), (0, steps), *none])[:, steps:]
    return ops.pad(x, [(0, 0), (steps, 0), *none])[:, : -steps or None]


class SeparableBlock(nn.Layer):
    """x + features of x and its neighbours: each channel by itself, then all channels of a key of a step.

    Args:
        width: W.
        dilation: steps and keys from one neighbour to the next.
        sees_step: whether the keys of a step see the mean of all of them as well.
    """

    def __init__(self, width: int, dilation: tuple[int, int], sees_step: bool, **kwargs: Any):
        super().__init__(**kwargs)
        small = nn.initializers.RandomNormal(0, 0.3 / width**0.5)  # a block begins by changing little
        smaller = nn.initializers.RandomNormal(0, 0.1 / width**0.5)
        self.depthwise = nn.DepthwiseConv2D(3, padding="same", dilation_rate=dilation)
        self.pointwise = nn.Dense(width, kernel_initializer=small)
        self.of_step = nn.Dense(width, use_bias=False, kernel_initializer=smaller) if sees_step else None

    def build(self, shape: Any) -> None:
        self.depthwise.build(shape)
        self.pointwise.build(shape)
        if self.of_step is not None:
            self.of_step.build(shape)

    def call(self, x: Any) -> Any:
        """float (B, T, K, W) -> the same."""
        active = ops.relu(x)
        features = self.pointwise(self.depthwise(active))
        if self.of_step is not None:
            features = features + self.of_step(ops.mean(active, axis=2, keepdims=True))
        return x + features


class OrderlessVoices(nn.Model):
    """Classes of voices, some of them hidden -> the probability of each class, in every voice of every step.

    Args:
        voices, keys, ways: V, K, S.
        width, layers, dropout: of the blocks.
        side_inputs: C, numbers beside each step.
    """

    def __init__(
        self,
        voices: int,
        keys: int,
        ways: int,
        width: int,
        layers: int,
        dropout: float = 0.0,
        side_inputs: int = 0,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.voices, self.keys, self.ways, self.side_inputs = voices, keys, ways, side_inputs
        self.classes = 1 + ways * keys
        self.width = width
        self.over_steps = nn.Conv2D(width, (NEAR_STEPS, 1), padding="same", use_bias=False)
        self.over_keys = nn.Conv2D(width, (1, NEAR_KEYS), padding="same", use_bias=False)
        self.over_time = nn.Dense(width, use_bias=False)
        self.of_step = nn.Dense(width)
        dilations = [(STEPS[i % len(STEPS)], KEYS[i % len(KEYS)]) for i in range(layers)]
        self.blocks = [SeparableBlock(width, dilation, i % 2 == 1) for i, dilation in enumerate(dilations)]
        self.dropout = nn.Dropout(dropout)
        self.rest = nn.Dense(voices)
        self.key = nn.Dense(ways * voices)
        self.seed_generator = nn.SeedGenerator(0)

    def build(self, shape: Any) -> None:
        rolls, picture = ((*shape[:2], self.keys, channels) for channels in (self.ways * self.voices, self.width))
        self.over_steps.build(rolls)
        self.over_keys.build(rolls)
        self.over_time.build((*rolls[:3], 4 * self.voices))
        self.of_step.build((*shape[:2], 4 * self.voices + self.side_inputs))
        self.height = self.add_weight((self.keys, self.width), "zeros", name="height")
        for block in self.blocks:
            block.build(picture)
        self.rest.build((*shape[:2], self.width))
        self.key.build(picture)

    def call(self, classes: Any, is_known: Any, is_there: Any, side_inputs: Any, training: bool = False) -> Any:
        """Logits, float32 (B, T, V, C).

        Args:
            classes: int32 (B, T, V).
            is_known: float32 0/1 (B, T, V), 0 where the class is hidden.
            is_there: float32 0/1 (B, T), 0 for steps that no piece has.
            side_inputs: float32 (B, T, C).
        """
        shape, dtype = ops.shape(classes), self.compute_dtype
        is_there = ops.cast(is_there, dtype)[..., None]  # (B, T, 1)
        is_known = ops.cast(is_known, dtype) * is_there

        # the picture: of each key, which voices hold it and strike it
        sounds = ops.cast(classes > 0, dtype) * is_known
        held = ops.cast(ops.one_hot((classes - 1) % self.keys, self.keys), dtype) * sounds[..., None]  # (B, T, V, K)
        rolls = held
        if self.ways == 2:
            rolls = ops.concatenate([held, held * ops.cast(classes > self.keys, dtype)[..., None]], axis=2)

        # which of them each voice held last, and will hold next, and how far away that is
        rests = is_known - sounds
        known = ops.concatenate([held, rests[..., None]], axis=-1)  # (B, T, V, K + 1)
        (last, since), (then, until) = (nearest(known, is_known, forward) for forward in (False, True))
        times = ops.concatenate([last, last * since, then, then * until], axis=2)  # (B, T, 4 V, K + 1)

        # and of each step, which voices rest, which are hidden, and what stands beside it
        step = [
            rests,
            is_there - is_known,
            (last * since)[..., -1],
            (then * until)[..., -1],
            ops.cast(side_inputs, dtype),
        ]
        rolls, times = (ops.transpose(x, (0, 1, 3, 2)) for x in (rolls, times[..., :-1]))  # (B, T, K, channels)
        x = self.over_steps(rolls) + self.over_keys(rolls) + self.over_time(times) + self.height
        x = x + self.of_step(ops.concatenate(step, axis=-1))[:, :, None]
        for block in self.blocks:
            x = block(x * is_there[..., None])  # (B, T, K, W)
        x = self.dropout(ops.relu(x), training=training)

        keys = ops.transpose(self.key(x), (0, 1, 3, 2))  # (B, T, V S, K)
        keys = ops.reshape(keys, (shape[0], shape[1], self.ways, self.voices, self.keys))
        rest = self.rest(ops.mean(x, axis=2))[..., None]  # (B, T, V, 1)
        return ops.cast(ops.concatenate([rest, *(keys[:, :, way] for way in range(self.ways))], axis=-1), "float32")
