"""What each of four voices sings next, voice after voice: the outer two first, each given those before it."""

from __future__ import annotations

from typing import Any

import numpy as np

from musictool.engine import nn, ops
from musictool.layers.repeat_attention import delayed
from musictool.layers.sigmoid_head import SigmoidHead
from musictool.layers.tied_head import flat_matmul
from musictool.music.voices import VOICES
from musictool.sampling.rules import inverse_transform

KEYS = 88  # of the keyboard
LOWEST_PITCH = 21  # of them
ORDER = (0, 3, 2, 1)  # soprano, bass, tenor, alto
FRAMES = 4  # last frames in which a voice sees all voices
RANK = 16  # numbers in which a key sees the keys around it
CLASSES = 12
CLASS_DECAYS = (1 - 1 / 16, 1 - 1 / 64)  # a frame, of the running means of pitch classes: a bar of 4/4, and four
RARE_LOGIT = -20.0  # of a key that the network leaves out: finite, and never drawn in practice
HOLD_LOGIT, REST_LOGIT = 3.0, -3.0  # before training, beside keys of 0
NEVER_LOGIT = -1e9
HOLD, REST = KEYS, KEYS + 1  # classes behind those of the keys


class VoiceHead(SigmoidHead):
    """Of each voice one of 90 classes: it strikes a key, it goes on as it is (holding a note, or silent), or it falls
    silent. A frame is drawn voice after voice, so that each has exactly one note or none, and its likelihood is exact.

    With f the features of a frame, x[u, i] the key of voice u in frame t - i, y[u] the key of voice u in frame t + 1
    for those that are decided already, m[d, c] how much pitch class c was sung in the last bar or four (a running mean
    for each of CLASS_DECAYS, over all voices), and k a key, voice v sees

        around[k] = p[k] + sum over u and i < FRAMES of A[u, i, k - x[u, i]] + sum over i of O[i, k - x[v, i]]
                    + sum over decided u of B[u, k - y[u]] + sum over d and c of C[d, k - c] m[d, c]
                    + sum over decided u with k - y[u] = x[v, 0] - x[u, 0] of D[k - y[u]]                 RANK numbers
        first[k]  = relu(W around[k] + V[v] f + S[v] s)
        second[k] = relu(W' first[k] + V'[v] f + S'[v] s + b')
        strike[k] = U[v] . (first[k] + second[k]) + w[v, k] . f + b[v, k]
        hold      = U'[v] . (first[x[v, 0]] + second[x[v, 0]]) + w'[v] . f + b''[v]
        rest      = w''[v] . f + b'''[v]

    and the softmax over these is its distribution. C and D know distances as pitch classes, and D whether u has moved:
    a voice sees to which key it would go in parallel with another, and at which interval. s says of each decided voice
    whether it strikes a key and whether it holds one, so that voices move together though one repeats its key. W and W'
    are the same for all keys and voices and see keys by their distance, so that what is learnt of one chord holds for
    all transpositions, as in the tied parallel networks of Johnson (2017); so does what m tells of the key that the
    music is in, which a recurrent layer loses in time. Voice after voice: BachBot (Liang 2016), DeepBach (Hadjeres
    2017), whose voices hold and strike.

    Rows are those of the encoding `voices`: numbers v * 88 + k are held keys, and behind all of them the same struck.
    Where a voice has several keys the lowest counts.

    Args:
        size: D, 8 x 88.
        hidden: H, units per key and voice in each of two layers.
        dropout: dropout rate of the units and features.
        keys: the keys that the network has; each other one has a fixed logit.
        harmony: whether m and the keys in parallel are seen.
        rhythm: whether s is seen.
    """

    def __init__(
        self,
        size: int,
        hidden: int,
        dropout: float = 0.0,
        keys: range = range(KEYS),
        harmony: bool = True,
        rhythm: bool = True,
        **kwargs: Any,
    ):
        super().__init__(size, **kwargs)
        self.hidden = hidden
        self.keys = keys
        self.harmony = harmony
        self.rhythm = rhythm
        self.dropout = [nn.Dropout(dropout, name=f"dropout_{i}") for i in range(3)]

    @property
    def draws(self) -> int:
        return VOICES

    def build(self, shape: Any) -> None:
        keys, hidden, width = len(self.keys), self.hidden, shape[-1]
        normal, constant = nn.initializers.RandomNormal, nn.initializers.Constant
        # Relative to each key: all voices in the last frames, the voice itself in them, the voices decided already.
        near = normal(0, 0.25)
        self.around_kernel = self.add_weight((FRAMES * VOICES, 2 * keys - 1, RANK), near, name="around_kernel")
        self.own_kernel = self.add_weight((FRAMES, 2 * keys - 1, RANK), near, name="own_kernel")
        self.decided_kernel = self.add_weight((VOICES, 2 * keys - 1, RANK), near, name="decided_kernel")
        if self.harmony:
            shape_of_classes = (len(CLASS_DECAYS), CLASSES, RANK)
            along = (2 * CLASSES, RANK)
            self.parallel_kernel = self.add_weight(along, near, name="parallel_kernel")
            self.class_kernel = self.add_weight(shape_of_classes, normal(0, 0.5), name="class_kernel")
        self.key_position = self.add_weight((keys, RANK), near, name="key_position")
        # The network that all keys and voices share, and what the features add to it, of each voice.
        self.first_kernel = self.add_weight((RANK, hidden), "he_normal", name="first_kernel")
        features = (width, VOICES * 2 * hidden)
        self.feature_kernel = self.add_weight(features, "glorot_uniform", name="feature_kernel")
        if self.rhythm:
            shape_of_rhythm = (2 * VOICES, VOICES, 2 * hidden)
            self.rhythm_kernel = self.add_weight(shape_of_rhythm, normal(0, 0.1), name="rhythm_kernel")
        self.hidden_kernel = self.add_weight((hidden, hidden), "he_normal", name="hidden_kernel")
        self.hidden_bias = self.add_weight((hidden,), "zeros", name="hidden_bias")
        # Outputs of each voice: of the units, to strike and to hold; of the features, each key, to hold, and to rest.
        small = normal(0, 0.2 * hidden**-0.5)  # so that it begins with what the biases say, nearly
        self.output_kernel = self.add_weight((VOICES, 2, hidden), small, name="output_kernel")
        self.kernel = self.add_weight((width, VOICES * (keys + 2)), "glorot_uniform", name="kernel")
        biases = np.zeros((VOICES, keys + 2), np.float32)
        biases[:, keys:] = HOLD_LOGIT, REST_LOGIT
        self.bias = self.add_weight((VOICES, keys + 2), constant(biases), name="bias", autocast=False)
        # [u, v]: whether u is decided before v
        place = np.argsort(ORDER)
        self.is_before = np.tile(place[:, None] < place[None], (2, 1)).astype(np.float32)[..., None]  # (2 * 4, 4, 1)
        # [from, to] of keys: the distance between them as an index.
        self.distance = np.arange(keys)[None] - np.arange(keys)[:, None] + keys - 1
        self.class_distance = (np.arange(CLASSES)[None] - np.arange(CLASSES)[:, None]) % CLASSES
        self.key_class = (LOWEST_PITCH + np.arange(KEYS)) % CLASSES

    # === What a voice sees of the frames before ===

    def context(self, frames: Any) -> Any:
        """What is sung in each frame, (B, T, 4 * 88); in the last FRAMES of it, the last first, the network's keys
        only, (B, T, FRAMES * 4 * K); and the running means of pitch classes, (B, T, 12 * CLASS_DECAYS)."""
        sung = self._sung(frames)
        ours = self._ours(sung)
        recent = ops.concatenate([delayed(ours, lag) for lag in range(FRAMES)], axis=-1)
        # A running mean weighs a frame s that lies t - s back with (1 - d) d^(t - s).
        back = ops.arange(ops.shape(frames)[1])[:, None] - ops.arange(ops.shape(frames)[1])[None]
        back = ops.cast(back, "float32")  # [t, s]
        weights = [ops.where(back >= 0, (1 - d) * d ** ops.maximum(back, 0.0), 0.0) for d in CLASS_DECAYS]
        classes = self._classes_sung(sung)
        means = [ops.matmul(weight, classes) for weight in weights] if self.harmony else []
        return sung, recent, ops.concatenate(means, axis=-1) if means else classes[..., :0]

    def initial_context(self, batch_size: int) -> Any:
        """The network's keys in the last FRAMES frames, and the running means of pitch classes."""
        means = CLASSES * len(CLASS_DECAYS) if self.harmony else 0
        return ops.zeros((batch_size, FRAMES * VOICES * len(self.keys))), ops.zeros((batch_size, means))

    def update_context(self, frame: Any, state: Any) -> tuple[Any, Any]:
        sung = self._sung(frame)
        recent, means = state
        recent = ops.concatenate([self._ours(sung), recent[:, : -VOICES * len(self.keys)]], axis=-1)
        if self.harmony:
            decay = np.repeat(np.array(CLASS_DECAYS, np.float32), CLASSES)
            classes = ops.concatenate([self._classes_sung(sung)] * len(CLASS_DECAYS), axis=-1)
            means = decay * means + (1 - decay) * classes
        return (sung, recent, means), (recent, means)

    def _classes_sung(self, sung: Any) -> Any:
        """0/1 (..., 4 * 88) -> float32 (..., 12): the share of the voices that sing each pitch class."""
        of_class = np.eye(CLASSES, dtype=np.float32)[self.key_class] / VOICES  # (88, 12)
        return ops.matmul(ops.sum(self._by_voice(sung), axis=-2), of_class)

    def _sung(self, frames: Any) -> Any:
        """0/1 (..., D) -> 0/1 (..., 4 * 88): the key of each voice, the lowest where there are several."""
        planes = ops.reshape(frames, (*ops.shape(frames)[:-1], 2, VOICES, KEYS))
        held = ops.max(planes, axis=-3)  # (..., 4, 88): what is struck is held
        lowest = ops.one_hot(ops.argmax(held, axis=-1), KEYS) * ops.max(held, axis=-1)[..., None]
        return ops.reshape(lowest, (*ops.shape(frames)[:-1], VOICES * KEYS))

    def _struck(self, frames: Any) -> Any:
        """0/1 (..., D) -> 0/1 (..., 4, 88): what each voice strikes."""
        return ops.reshape(frames, (*ops.shape(frames)[:-1], 2, VOICES, KEYS))[..., 1, :, :]

    def _ours(self, sung: Any) -> Any:
        """(..., 4 * 88) -> (..., 4 * K), the network's keys."""
        ours = self._by_voice(sung)[..., self.keys.start : self.keys.stop]
        return ops.reshape(ours, (*ops.shape(sung)[:-1], VOICES * len(self.keys)))

    def _by_voice(self, numbers: Any) -> Any:
        """(..., 4 * n) -> (..., 4, n)."""
        return ops.reshape(numbers, (*ops.shape(numbers)[:-1], VOICES, numbers.shape[-1] // VOICES))

    # === Scoring ===

    def constants(self) -> tuple[Any, ...]:
        """(FRAMES * 4 * K, K * RANK), (FRAMES * K, K * RANK) and (4, K, K * RANK): what each key, of each voice in each
        of the last frames, of the voice itself in them, and of each decided voice, adds to what each key sees; and
        (CLASS_DECAYS * 12, 12 * RANK): what each pitch class adds to what each one sees."""
        around, own, decided = (
            ops.take(self._cast(kernel), self.distance, axis=1)  # [which, from, to, .]
            for kernel in (self.around_kernel, self.own_kernel, self.decided_kernel)
        )
        keys = len(self.keys)
        constants = (
            ops.reshape(around, (-1, keys * RANK)),
            ops.reshape(own, (-1, keys * RANK)),
            ops.reshape(decided, (VOICES, keys, keys * RANK)),
        )
        if not self.harmony:
            return constants
        classes = ops.take(self._cast(self.class_kernel), self.class_distance, axis=1)  # [decay, from, to, .]
        return (*constants, ops.reshape(classes, (-1, CLASSES * RANK)))

    def logits(self, features: Any, context: Any, target: Any, constants: Any = None) -> Any:
        """float32 (..., 4, 177): of each voice the log-probability that it strikes each key, that it has it without
        striking it, and that it is silent, given the voices before it in ORDER in `target`. To have another key than
        before without striking it means to strike it."""
        constants = self.constants() if constants is None else constants
        sung, recent, means = context
        seen = self._seen(recent, means, constants)  # (..., 4, K, RANK)
        # The voices before each, in a sum that grows from voice to voice.
        target_sung = self._sung(target)  # (..., 4 * 88)
        target_keys = self._ours(target_sung)  # (..., 4 * K)
        ours = ops.cast(self._by_voice(target_keys), self.compute_dtype)  # (..., 4, K)
        before, after = self._where(recent[..., : VOICES * len(self.keys)]), self._where(target_keys)
        decided: list[Any] = [None] * VOICES
        total = ops.zeros_like(seen[..., 0, :, :])
        for i, voice in enumerate(ORDER):
            decided[voice] = total + self._in_parallel(voice, ORDER[:i], before, after) if i and self.harmony else total
            total = total + self._decided(ours[..., voice, :], voice, constants)
        seen = seen + ops.stack(decided, axis=-3)
        now = self._by_voice(sung)  # (..., 4, 88)
        of_features = self._of_features(features)
        if self.rhythm:
            outcomes = self._outcomes(self._by_voice(target_sung), self._struck(target), now)
            of_features = self._with_outcomes(of_features, outcomes)
        classes = self._classes(seen, of_features, now, range(VOICES))
        strike, hold, rest = self._split(ops.log_softmax(classes, axis=-1))
        is_silent = ops.max(now, axis=-1, keepdims=True) == 0
        return ops.concatenate([strike, ops.where(now > 0, hold, strike), ops.where(is_silent, hold, rest)], axis=-1)

    def loss_and_metrics(self, logits: Any, target: Any) -> tuple[Any, Any]:
        """Nats of a frame and the share of voices that are as it was likeliest, float32 (...), from log-probabilities
        (..., 4, 177) and frames (..., D)."""
        sung = self._by_voice(self._sung(target))  # (..., 4, 88)
        is_struck = ops.max(sung * self._struck(target), axis=-1, keepdims=True)
        silent = 1.0 - ops.max(sung, axis=-1, keepdims=True)
        outcome = ops.concatenate([sung * is_struck, sung * (1.0 - is_struck), silent], axis=-1)  # one-hot
        of_voice = ops.sum(logits * outcome, axis=-1)  # (..., 4)
        hits = ops.cast(of_voice >= ops.max(logits, axis=-1), "float32")
        return -ops.sum(of_voice, axis=-1), ops.sum(hits, axis=-1) / VOICES

    def _seen(self, recent: Any, means: Any, constants: Any) -> Any:
        """(..., 4, K, RANK): what each voice sees around each key in the last frames, and in the last bars."""
        around_kernel, own_kernel = constants[:2]
        leading, keys = ops.shape(recent)[:-1], len(self.keys)
        recent = ops.cast(recent, self.compute_dtype)
        around = ops.reshape(flat_matmul(recent, around_kernel), (*leading, 1, keys, RANK))
        by_frame = ops.reshape(recent, (-1, FRAMES, VOICES, keys))
        by_voice = ops.reshape(ops.transpose(by_frame, (0, 2, 1, 3)), (-1, FRAMES * keys))
        own = ops.reshape(ops.matmul(by_voice, own_kernel), (*leading, VOICES, keys, RANK))
        if self.harmony:
            by_class = flat_matmul(ops.cast(means, self.compute_dtype), constants[3])
            by_class = ops.reshape(by_class, (*leading, 1, CLASSES, RANK))
            around = around + ops.take(by_class, self.key_class[self.keys.start : self.keys.stop], axis=-2)
        return own + around + self._cast(self.key_position)

    def _decided(self, ours: Any, voice: int, constants: Any) -> Any:
        """(..., K, RANK): what the key of a decided voice, one-hot (..., K), adds for the voices behind it."""
        added = flat_matmul(ours, constants[2][voice])
        return ops.reshape(added, (*ops.shape(ours)[:-1], len(self.keys), RANK))

    def _where(self, ours: Any) -> tuple[Any, Any]:
        """(..., 4 * K) -> the key that each voice sings, int32 (..., 4), and whether it sings one, float32 (..., 4)."""
        by_voice = self._by_voice(ours)
        return ops.argmax(by_voice, axis=-1), ops.cast(ops.max(by_voice, axis=-1), "float32")

    def _in_parallel(self, voice: int, others: tuple[int, ...], before: Any, after: Any) -> Any:
        """(..., K, RANK): what the keys see to which a voice would go in parallel with others, which are decided.

        Args:
            before, after: where all voices are and were, see _where; of `after` only the others count.
        """
        (was, sang), (now, sings) = before, after
        keys, intervals = [], []
        for other in others:
            interval = was[..., voice] - was[..., other]
            key, moved = now[..., other] + interval, ops.cast(now[..., other] != was[..., other], "int32")
            both = sang[..., voice] * sang[..., other] * sings[..., other]
            keys.append(ops.one_hot(key, len(self.keys)) * both[..., None])  # none where it is beyond the keys
            intervals.append(ops.one_hot(ops.cast(interval, "int32") % CLASSES + CLASSES * moved, 2 * CLASSES))
        # of each key, the sum over the others that lead to it
        which = ops.cast(ops.stack(keys, axis=-1), self.compute_dtype)  # (..., K, U)
        added = ops.matmul(
            ops.cast(ops.stack(intervals, axis=-2), self.compute_dtype), self._cast(self.parallel_kernel)
        )
        return ops.matmul(which, added)

    def _outcomes(self, sung: Any, struck: Any, now: Any) -> Any:
        """0/1 (..., 2 * 4): whether each voice strikes a key, and behind that whether each holds the one that it has.

        Args:
            sung, struck, now: 0/1 (..., 4, 88), what is sung and struck next, and what is sung now.
        """
        held = ops.max(sung * (1.0 - struck) * now, axis=-1)
        return ops.concatenate([ops.max(sung, axis=-1) - held, held], axis=-1)

    def _with_outcomes(self, of_features: tuple[Any, Any], outcomes: Any) -> tuple[Any, Any]:
        """What the features add, see _of_features, and what those voices add to it that are decided before."""
        units, classes = of_features
        kernel = self._cast(ops.reshape(self.rhythm_kernel * self.is_before, (2 * VOICES, -1)))
        return units + self._by_voice(flat_matmul(ops.cast(outcomes, self.compute_dtype), kernel)), classes

    def _of_features(self, features: Any) -> tuple[Any, Any]:
        """What the features add: to the units, (..., 4, 2 H), and to the classes, float32 (..., 4, K + 2)."""
        units = flat_matmul(self.dropout[0](features), self._cast(self.feature_kernel))
        classes = ops.cast(flat_matmul(features, self._cast(self.kernel)), "float32")
        return self._by_voice(units), self._by_voice(classes) + self.bias

    def _classes(self, seen: Any, of_features: tuple[Any, Any], now: Any, voices: range) -> Any:
        """float32 (..., v, 90): the logits of some voices.

        Args:
            seen: (..., v, K, RANK).
            of_features: as _of_features gives it, of all voices.
            now: what these voices sing, float32 one-hot (..., v, 88).
            voices: which they are.
        """
        chosen = slice(voices.start, voices.stop)
        units, classes = (each[..., chosen, :] for each in of_features)  # (..., v, 2 H), (..., v, K + 2)
        # The network that all keys share.
        first, second = units[..., None, : self.hidden], units[..., None, self.hidden :] + self._cast(self.hidden_bias)
        mask = ops.ones_like(second)  # dropout hits the same units of all keys
        first = ops.relu(flat_matmul(seen, self._cast(self.first_kernel)) + first) * self.dropout[1](mask)
        second = ops.relu(flat_matmul(first, self._cast(self.hidden_kernel)) + second) * self.dropout[2](mask)
        output = ops.swapaxes(self._cast(self.output_kernel)[chosen], -1, -2)  # (v, H, 2)
        outputs = ops.cast(ops.matmul(first + second, output), "float32")  # (..., v, K, 2)
        # A note is held as its own key says; who is silent cannot fall silent.
        low, keys = self.keys.start, len(self.keys)
        ours, is_silent = now[..., low : low + keys], ops.max(now, axis=-1) == 0
        strike = outputs[..., 0] + classes[..., :keys]
        hold = ops.sum(outputs[..., 1] * ours, axis=-1) + classes[..., keys]
        rest = ops.where(is_silent, NEVER_LOGIT, classes[..., keys + 1])
        left_out = [(0, 0)] * (len(strike.shape) - 1) + [(low, KEYS - low - keys)]
        strike = ops.pad(strike, left_out, constant_values=RARE_LOGIT)
        return ops.concatenate([strike, hold[..., None], rest[..., None]], axis=-1)

    def _split(self, classes: Any) -> tuple[Any, Any, Any]:
        """(..., 90) -> (..., 88), (..., 1), (..., 1)."""
        return classes[..., :KEYS], classes[..., HOLD : HOLD + 1], classes[..., REST:]

    # === Drawing ===

    def draw(
        self, features: Any, context: Any, uniform: Any, temperature: float, logit_bias: Any, constants: Any = None
    ) -> Any:
        """Voice after voice. A note that goes on is never banned."""
        constants = self.constants() if constants is None else constants
        sung, recent, means = context
        seen, of_features, now = self._seen(recent, means, constants), self._of_features(features), self._by_voice(sung)
        bias = ops.pad(ops.reshape(logit_bias, (2, VOICES, KEYS))[0], [(0, 0), (0, 2)])  # (4, 90)
        silent = ops.zeros_like(now[:, 0])  # (B, 88), as voices are until they are decided
        held, struck = [silent] * VOICES, [silent] * VOICES
        decided = ops.zeros_like(seen[:, 0])  # (B, K, RANK)
        before = self._where(recent[:, : VOICES * len(self.keys)])
        for i, voice in enumerate(ORDER):
            one = range(voice, voice + 1)
            around, features_and_outcomes = seen[:, voice] + decided, of_features
            if i and self.harmony:
                after = self._where(self._ours(ops.concatenate(held, axis=-1)))
                around = around + self._in_parallel(voice, ORDER[:i], before, after)
            if i and self.rhythm:
                outcomes = self._outcomes(ops.stack(held, axis=1), ops.stack(struck, axis=1), now)
                features_and_outcomes = self._with_outcomes(of_features, outcomes)
            classes = self._classes(around[:, None], features_and_outcomes, now[:, voice : voice + 1], one)
            probabilities = ops.softmax(classes[:, 0] / temperature + bias[voice], axis=-1)
            drawn = ops.one_hot(inverse_transform(probabilities, uniform[:, voice : voice + 1])[:, 0], KEYS + 2)
            strike, hold, _ = self._split(drawn)
            struck[voice], held[voice] = strike, strike + hold * now[:, voice]
            ours = ops.cast(held[voice][:, self.keys.start : self.keys.stop], self.compute_dtype)
            decided = decided + self._decided(ours, voice, constants)
        return ops.concatenate([*held, *struck], axis=-1)
