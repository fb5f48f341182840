"""Counterpoint by convolution: any part of four voices, given any of the rest, what comes after it too.

In training some of what the voices sing is hidden at random, and the network says what it was: orderless NADE (Uria,
Murray, Larochelle 2014), which learns all orders in which a piece can be written at once. How much is hidden is uniform
from 1 to everything, and the loss is divided by it, so that it estimates the nats of a whole piece. In writing,
everything that is free is drawn at once, and then again and again a part of it, smaller each time, in view of all else:
blocked Gibbs sampling, its blocks annealed from 0.9 to 0.1 of what is free (Yao et al. 2014).

Source: Huang, Cooijmans, Roberts, Courville, Eck, "Counterpoint by Convolution" (2017): residual convolutions over
pictures of steps and keys, and in its web version (Huang et al., "The Bach Doodle", 2019) depth-wise separable and
dilated ones. As there, here; besides, the first layer sees nine steps and two octaves at once, and what each voice sang
last and will sing next, as far as it is known; every other block sees all keys of a step, nothing is normalised over a
batch, a voice may strike a pitch again, and a rest is a class.
Limit: four voices, each of one note; a row's likelihood given only what was before it is not what it learns, so that
`score` cannot use it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any, ClassVar

import numpy as np

from musictool.arch import Arch, InfillArch, Stage
from musictool.archs._frames import used_keys
from musictool.backend.compile import compiled
from musictool.dataset.dataset import Encoded
from musictool.dataset.windows import Batch
from musictool.encoding import Kind, Spec
from musictool.engine import nn, ops
from musictool.engine.current import in_own_engine
from musictool.errors import BadOption, KindMismatch
from musictool.layers.orderless import OrderlessVoices
from musictool.music.bar_positions import SIZE
from musictool.music.score import fold_octaves
from musictool.music.voices import VOICES
from musictool.options import option
from musictool.progress import Progress
from musictool.sampling.blocks import Blocks, NoteBlocks, StepBlocks
from musictool.sampling.guidance import FREE, MASKED_LOGIT, Guidance
from musictool.sampling.sampler import Sampler

KEYS = 88  # of the keyboard
OCTAVE = 12
MOST_HIDDEN, LEAST_HIDDEN, ANNEALED = 0.9, 0.1, 0.7  # share hidden at first, at last, and from when on
CONTEXT = 32  # steps before and behind what is free that the network sees
CHUNK = 64  # steps that a continuation writes at once, in view of as many before them
VALIDATION_SEED = 1


class Coconet(Arch, InfillArch):
    """Rolls of the voices -> `layers` x (dilated depth-wise convolution, all channels of a cell) -> classes."""

    name = "coconet"
    kind: ClassVar[Kind] = "frames"
    DEFAULT_ENCODING = "voices"
    ROW_SHAPE = (2 * VOICES * KEYS,)
    has_likelihood = False
    WINDOW = 128
    BATCH_SIZE = 16
    LEARNING_RATE = 3e-3
    WARMUP = 50
    DECAY = "cosine"
    USES_PER_WEIGHT = 2500.0  # for every key, in each of 64 steps twice: and many rows at once, which numpy does faster

    @dataclass(frozen=True)
    class Options:
        width: int = option(32, "channels", least=1, most=1024)
        layers: int = option(
            10, "number of blocks; their dilations are 1, 2, 4, 8, 16 steps, and again", least=1, most=64
        )
        dropout: float = option(0.0, "dropout rate of the last layer", least=0, most=0.95)
        gibbs_steps: int = option(64, "steps of Gibbs sampling in which music is written", least=1, most=10_000)
        bar_positions: bool = option(True, "the network is given the metre and the position in the bar of each step")
        lowest: int = option(
            0, "lowest key of the network, counted from 0; by default the lowest of the corpus", least=0, most=KEYS - 1
        )
        highest: int = option(KEYS - 1, "highest key; by default the highest of the corpus", least=0, most=KEYS - 1)

        def __post_init__(self) -> None:
            if self.highest - self.lowest < OCTAVE - 1:
                raise BadOption(f"options lowest, highest: {self.lowest}..{self.highest} is less than an octave")

    SIZES: ClassVar = {
        "small": {},
        "medium": {"width": 64, "layers": 15},
        "large": {"width": 128, "layers": 30, "dropout": 0.2},
    }

    def __init__(self, spec: Spec, settings: Any = None, conditions: int = 0):
        super().__init__(spec, settings, conditions)
        if not self.learns_rows_of(spec.shape):
            raise KindMismatch(
                f"the arch {self.name} learns frames of {VOICES} voices x {KEYS} keys, and this encoding writes "
                f"{spec.size} numbers per frame; take --encoding voices"
            )
        self.ways = spec.size // (VOICES * KEYS)

    @property
    def keys(self) -> range:
        """The keys that the network has."""
        return range(self.options.lowest, self.options.highest + 1)

    @property
    def _key_of(self) -> np.ndarray:
        """int64 (KEYS,): of each key, the network's."""
        return fold_octaves(np.arange(KEYS), self.keys) - self.keys.start

    @classmethod
    def learns_rows_of(cls, shape: tuple[int, ...]) -> bool:
        """What is held, and perhaps behind it what is struck."""
        return shape in (cls.ROW_SHAPE, (VOICES * KEYS,))

    @property
    def reads_bar_positions(self) -> bool:
        return bool(self.options.bar_positions)

    def check(self, encoded: Encoded) -> None:
        """Leave out the keys that no training piece uses at any of its transpositions."""
        if len(self.keys) == KEYS:
            self.options = replace(self.options, **used_keys(encoded, KEYS, least=OCTAVE))

    @cached_property
    def network(self) -> OrderlessVoices:
        """The one network, built."""
        settings, side_inputs = self.options, SIZE if self.reads_bar_positions else 0
        network = OrderlessVoices(
            VOICES,
            len(self.keys),
            self.ways,
            settings.width,
            settings.layers,
            settings.dropout,
            side_inputs,
            name="network",
        )
        network.build((None, None))
        return network

    @cached_property
    def stages(self) -> list[Stage]:
        return [Stage("network", self.network, self.loss_and_metrics)]

    # === Training ===

    def loss_and_metrics(self, batch: Batch, training: bool) -> tuple[Any, ...]:
        """Nats and accuracy of each target, float32 (B, L): an estimate from what is hidden. Outside training what is
        hidden is the same in every call of the same shape."""
        classes, is_there = self.classes_of(batch.y), ops.cast(batch.mask, "float32")
        pieces, steps = ops.shape(classes)[0], ops.shape(classes)[1]
        seed = self.network.seed_generator if training else VALIDATION_SEED
        draws = nn.random.uniform((pieces, steps, VOICES), seed=seed)
        first = nn.random.uniform((), seed=seed if training else VALIDATION_SEED + 1)
        # the share that is hidden is uniform over the pieces of a batch, so that how much is, is uniform from 0 to all
        share = (ops.cast(ops.arange(pieces), "float32") + first) / ops.cast(pieces, "float32")
        is_hidden = ops.cast(draws < share[:, None, None], "float32") * is_there[..., None]
        nats, is_right = self.hidden_nats(classes, is_hidden, is_there, batch.side_inputs, training)

        # as many times what is hidden as there is in all
        hidden = ops.sum(is_hidden, axis=(1, 2))
        scale = (VOICES * ops.sum(is_there, axis=1) / ops.maximum(hidden, 1.0))[:, None]
        return ops.sum(nats, axis=-1) * scale, ops.sum(is_right, axis=-1) * scale / VOICES

    def hidden_nats(
        self, classes: Any, is_hidden: Any, is_there: Any, side_inputs: Any, training: bool = False
    ) -> tuple[Any, Any]:
        """Nats of each class that is hidden, given the others, and whether it is the likeliest: float32 (B, T, V) each,
        0 where it is not hidden. See OrderlessVoices.call."""
        logits = self.network(classes, 1.0 - is_hidden, is_there, self._side_inputs(side_inputs), training=training)
        nats = ops.sparse_categorical_crossentropy(classes, logits, from_logits=True)
        is_right = ops.cast(ops.argmax(logits, axis=-1), "int32") == ops.cast(classes, "int32")
        return nats * is_hidden, ops.cast(is_right, "float32") * is_hidden

    def _side_inputs(self, side_inputs: Any) -> Any:
        return side_inputs if self.reads_bar_positions else side_inputs[..., :0]

    def classes_of(self, rows: Any) -> Any:
        """0/1 (..., D) -> int32 (..., V): what each voice does; of several keys at once the lowest counts."""
        shape = ops.shape(rows)
        planes = ops.cast(ops.reshape(rows, (*shape[:-1], self.ways, VOICES, KEYS)), "int32")
        sounding = ops.max(planes, axis=-3)  # (..., V, K)
        key = ops.cast(ops.argmax(sounding, axis=-1), "int32")
        classes = 1 + ops.take(ops.convert_to_tensor(self._key_of.astype(np.int32)), key, axis=0)
        if self.ways == 2:
            is_struck = ops.take_along_axis(planes[..., 1, :, :], key[..., None], axis=-1)[..., 0]
            classes = classes + len(self.keys) * is_struck
        return classes * ops.max(sounding, axis=-1)

    def rows_of(self, classes: np.ndarray) -> np.ndarray:
        """int (..., V) -> uint8 0/1 (..., D): the inverse, within the network's keys."""
        flat = classes.reshape(-1, VOICES)
        planes = np.zeros((len(flat), self.ways, VOICES, KEYS), np.uint8)
        step, voice = np.nonzero(flat)
        way, key = np.divmod(flat[step, voice] - 1, len(self.keys))
        planes[step, 0, voice, key + self.keys.start] = 1
        planes[step, way, voice, key + self.keys.start] = 1
        return planes.reshape(*classes.shape[:-1], self.spec.size)

    # === Writing ===

    def infill_rows(self, is_free: np.ndarray) -> int:
        first, last = _surroundings(is_free)
        return int(self.options.gibbs_steps) * (last - first) // 128

    @in_own_engine
    def infill(
        self,
        rows: np.ndarray,
        is_free: np.ndarray,
        sampler: Sampler,
        seed: int,
        guidance: Guidance = FREE,
        num: int = 1,
        keeps_rhythm: bool = False,
        sings: np.ndarray | None = None,
        progress: Progress | None = None,
    ) -> np.ndarray:
        sings = np.zeros_like(is_free) if sings is None else sings
        first, last = _surroundings(is_free)
        pieces = np.repeat(rows[None], num, axis=0)
        window = self._written(
            pieces[:, first:last],
            is_free[first:last],
            sings[first:last],
            sampler,
            seed,
            guidance,
            first,
            keeps_rhythm,
            progress,
        )
        pieces[:, first:last] = np.where(self._numbers_of(is_free[first:last]), window, pieces[:, first:last])
        return pieces

    def continuation(
        self, primer: np.ndarray, sampler: Sampler, seed: int, guidance: Guidance = FREE
    ) -> Iterator[np.ndarray]:
        # the start row is no step of the piece: row 0 is the one behind it
        past, new = primer[:, 1:], np.zeros((len(primer), CHUNK, self.spec.size), np.uint8)
        for number in count():
            context = past[:, max(0, past.shape[1] - CHUNK) :]
            is_free = np.arange(context.shape[1] + CHUNK)[:, None] >= np.full(VOICES, context.shape[1])
            window = np.concatenate([context, new], axis=1)
            first = past.shape[1] - context.shape[1]
            rows = self._continued(window, is_free, np.zeros_like(is_free), sampler, [seed, number], guidance, first)
            past = np.concatenate([past, rows[:, -CHUNK:]], axis=1)
            yield past[:, -CHUNK:]

    @in_own_engine
    def _continued(self, *args: Any) -> np.ndarray:
        return self._written(*args)

    def _written(
        self,
        pieces: np.ndarray,
        is_free: np.ndarray,
        sings: np.ndarray,
        sampler: Sampler,
        seed: Any,
        guidance: Guidance,
        first_row: int,
        keeps_rhythm: bool = False,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """uint8 0/1 (B, T, D): pieces with what is free in them written, by blocked Gibbs sampling.

        Args:
            is_free, sings: bool (T, V).
            first_row: the number of the first of these rows in the piece.
        """
        rng = np.random.default_rng(seed)
        classes = np.array(ops.convert_to_numpy(self.classes_of(pieces)), np.int32)  # (B, T, V)
        blocks: Blocks = NoteBlocks(classes[0], is_free, len(self.keys)) if keeps_rhythm else StepBlocks(is_free)
        side_inputs = guidance.bar_positions.of_rows(first_row, first_row + pieces.shape[1])  # (T, pieces, SIZE)
        side_inputs = np.broadcast_to(np.moveaxis(side_inputs, 1, 0), (len(pieces), pieces.shape[1], SIZE))
        is_there = np.ones(pieces.shape[:2], np.float32)
        banned = np.repeat(self._banned(guidance)[None], len(is_free), axis=0)  # (T, V, C)
        banned[sings, 0] = MASKED_LOGIT
        total = self.options.gibbs_steps
        for number in range(total):
            share = 1.0 if not number else _hidden_share(number / total)
            is_hidden = blocks.chosen(share, len(pieces), rng)
            if is_hidden.any():
                log_p = ops.convert_to_numpy(
                    self._log_probabilities(
                        classes, is_hidden.astype(np.float32), is_there, self._side_inputs(side_inputs)
                    )
                )
                blocks.write(classes, is_hidden, log_p / np.float32(sampler.temperature) + banned, rng)
            if progress is not None:
                progress(number + 1, total)
        return self.rows_of(classes)

    @cached_property
    def _log_probabilities(self) -> Any:
        """Compiled: classes, what is hidden, what is there, numbers beside -> float32 (B, T, V, C)."""

        def log_probabilities(classes: Any, is_hidden: Any, is_there: Any, side_inputs: Any) -> Any:
            return ops.log_softmax(self.network(classes, 1.0 - is_hidden, is_there, side_inputs), axis=-1)

        return compiled(log_probabilities)

    def _banned(self, guidance: Guidance) -> np.ndarray:
        """float32 (V, C): MASKED_LOGIT where a class may not be drawn, else 0."""
        banned = np.zeros((VOICES, 1 + self.ways * len(self.keys)), np.float32)
        if guidance.banned is not None:
            keys = guidance.banned.reshape(self.ways, VOICES, KEYS)[..., self.keys.start : self.keys.stop]
            banned[:, 1:] = np.where(np.moveaxis(keys, 0, 1), MASKED_LOGIT, 0.0).reshape(VOICES, -1)
        return banned

    def _numbers_of(self, is_free: np.ndarray) -> np.ndarray:
        """bool (T, V) -> bool (T, D): the numbers of a row that tell what these voices do."""
        return np.tile(np.repeat(is_free, KEYS, axis=-1), (1, self.ways))

    def surprisal(self, rows: np.ndarray, guidance: Guidance = FREE) -> np.ndarray:
        raise BadOption(
            f"{self.name} fills in what is missing, and cannot say how likely a piece is from its beginning on; models "
            "of another arch can"
        )


def _hidden_share(progress: float) -> float:
    """The share of what is free that is hidden when so much of the sampling is done, 0 to 1."""
    return max(LEAST_HIDDEN, MOST_HIDDEN - (MOST_HIDDEN - LEAST_HIDDEN) * progress / ANNEALED)


def _surroundings(is_free: np.ndarray) -> tuple[int, int]:
    """The first step that the network sees, and the one behind the last, of bool (T, V) with something free in it."""
    steps = np.flatnonzero(is_free.any(axis=1))
    return max(0, int(steps[0]) - CONTEXT), min(len(is_free), int(steps[-1]) + 1 + CONTEXT)
