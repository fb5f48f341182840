"""One track from others, step by step: an encoder, and a decoder that looks back at all that it has read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from musictool.engine import nn, ops
from musictool.layers.recurrent_stack import RecurrentStack
from musictool.layers.sigmoid_head import SigmoidHead


class SequenceToSequence(nn.Layer):
    """Encoder and decoder with attention (Sutskever 2014, Bahdanau 2015), here as Luong, Pham and Manning (2015).

    The encoder is a GRU in either direction over the frames of each source; its outputs of all sources are the memory,
    m[j] for each place j. The decoder is a GRU over the frames of the track itself; with d[s] its output where frame
    s is to be predicted,

        weight[s, j] = softmax over j of (d[s] Q . m[j] + bias[s, j])
        f[s]         = tanh(C [d[s], sum over j of weight[s, j] m[j]])
        P(frame s)   = a sigmoid per key, of f[s] and the frame before       musictool/layers/sigmoid_head.py

    `bias` lets a step look at the same step of a source, or at a beat before, whatever sounds there. The decoder gets
    the mean of the memory beside each frame.

    Args:
        steps: S, of each source and of the track.
        keys: P.
        sources: how many.
        embedding: E, numbers of an embedded frame.
        width: W, hidden units of each GRU.
        layers: of the encoder and of the decoder.
        dropout: dropout rate, after each layer.
        hold: whether each key has a weight of its own for that it sounds already.
    """

    def __init__(
        self,
        steps: int,
        keys: int,
        sources: int,
        embedding: int,
        width: int,
        layers: int,
        dropout: float,
        hold: bool,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.steps, self.keys, self.sources, self.width = steps, keys, sources, width
        normal = nn.initializers.RandomNormal(0, 0.5)  # of a few keys at a time, the sum is of the order of 1
        self.embeddings = [
            nn.Dense(embedding, kernel_initializer=normal, name=f"embedding_{i}") for i in range(sources)
        ]
        self.forwards = RecurrentStack("GRU", width, layers, dropout, name="forwards")
        self.backwards = RecurrentStack("GRU", width, layers, dropout, name="backwards")
        self.own_embedding = nn.Dense(embedding, kernel_initializer=normal, name="own_embedding")
        self.decoder = RecurrentStack("GRU", width, layers, dropout, name="decoder")
        self.query = nn.Dense(2 * width, use_bias=False, name="query")
        self.combine = nn.Dense(width, activation="tanh", name="combine")
        self.head = SigmoidHead(keys, hold, name="head")

    def build(self, shape: Any = None) -> None:
        frames = (None, self.steps, self.keys)
        for embedding in (*self.embeddings, self.own_embedding):
            embedding.build(frames)
        units = self.own_embedding.units
        for encoder in (self.forwards, self.backwards):
            encoder.build((None, self.steps, units))
        self.decoder.build((None, self.steps, units + 2 * self.width))
        self.query.build((None, self.width))
        self.combine.build((None, 3 * self.width))
        self.head.build((None, self.width))
        places = (self.steps, self.sources * self.steps)
        self.place_bias = self.add_weight(places, "zeros", name="place_bias", autocast=False)

    # === Whole tracks, for training ===

    def call(self, sources: Sequence[Any], before: Any, track: Any, training: bool = False) -> Any:
        """The logits of a track that is given.

        Args:
            sources: float32 0/1 (N, S, P) each.
            before: float32 0/1 (N, P), the frame before the track.
            track: float32 0/1 (N, S, P), of which a frame sees nothing but those before it.

        Returns:
            float32 (N, S, P).
        """
        memory = self.memory(sources, training)
        previous = ops.concatenate([before[:, None], track[:, :-1]], axis=1)  # (N, S, P)
        decoded = self.decoder(self._decoder_inputs(previous, memory[:, None]), training=training)  # (N, S, W)
        return self._logits(decoded, previous, memory, self.place_bias)

    def memory(self, sources: Sequence[Any], training: bool = False) -> Any:
        """float (N, sources * S, 2 W): what is remembered of each step of each source."""
        read = []
        for embedding, frames in zip(self.embeddings, sources, strict=True):
            x = embedding(frames)  # (N, S, E)
            back = self.backwards(ops.flip(x, axis=1), training=training)
            read.append(ops.concatenate([self.forwards(x, training=training), ops.flip(back, axis=1)], axis=-1))
        return ops.concatenate(read, axis=1)

    def _decoder_inputs(self, frames: Any, memory: Any) -> Any:
        """Frames (N, ..., P) and the memory (N, ..., places, 2 W) -> (N, ..., E + 2 W)."""
        embedded, mean = self.own_embedding(frames), ops.mean(memory, axis=-2)
        mean = ops.cast(mean, embedded.dtype) + ops.zeros_like(embedded[..., :1])
        return ops.concatenate([embedded, mean], axis=-1)

    def _logits(self, decoded: Any, previous: Any, memory: Any, place_bias: Any) -> Any:
        """float32 (N, n, P) of n steps.

        Args:
            decoded: float (N, n, W).
            previous: float32 0/1 (N, n, P), the frames before.
            place_bias: float32 (n, sources * S).
        """
        scores = ops.matmul(self.query(decoded), ops.transpose(memory, (0, 2, 1)))  # (N, n, places)
        weights = ops.softmax(ops.cast(scores, "float32") * (2 * self.width) ** -0.5 + place_bias)
        context = ops.matmul(ops.cast(weights, memory.dtype), memory)  # (N, n, 2 W)
        features = self.combine(ops.concatenate([decoded, context], axis=-1))
        return self.head.logits(features, ops.cast(previous, "float32"), None)

    # === One frame, for writing ===

    def initial_state(self, batch_size: int) -> Any:
        """The decoder's state before a track."""
        return self.decoder.initial_state(batch_size)

    def step(self, frame: Any, i: Any, memory: Any, state: Any) -> tuple[Any, Any]:
        """The logits of frame i.

        Args:
            frame: float32 0/1 (N, P), the one before.
            i: int, in [0, S).
            memory: as `memory` gives it.
            state: of the decoder.

        Returns:
            float32 (N, P); the state after it.
        """
        decoded, state = self.decoder.step(self._decoder_inputs(frame, memory), state)  # (N, W)
        place_bias = ops.take(ops.convert_to_tensor(self.place_bias), i, axis=0)[None]
        return self._logits(decoded[:, None], frame[:, None], memory, place_bias)[:, 0], state
