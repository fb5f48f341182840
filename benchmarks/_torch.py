"""PyTorch's side of train.py and sample.py, run by a Python that has torch; it needs nothing of musictool.

    python benchmarks/_torch.py train|sample lstm|transformer VOCABULARY BATCH LENGTH THREADS
    python benchmarks/_torch.py peak THREADS

What a user writes with PyTorch's own layers, eagerly, in the shapes of musictool's `lstm` and `transformer`.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import torch
from _worker import rate, serve
from torch import nn
from torch.nn import functional

WIDTH = 128  # of an embedding, and of the Transformer


class Lstm(nn.Module):
    """Embedding 128, nn.LSTM 2 x 256, back to 128, the embedding again as the weights of the prediction."""

    def __init__(self, vocabulary: int, length: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, WIDTH)
        self.body = nn.LSTM(WIDTH, 256, 2, batch_first=True, dropout=0.3)
        self.dropout = nn.Dropout(0.3)
        self.project = nn.Linear(256, WIDTH)
        self.predict = nn.Linear(WIDTH, vocabulary)
        self.predict.weight = self.embedding.weight

    def forward(self, tokens: Any, state: Any = None) -> tuple[Any, Any]:
        """int (B, T), state -> logits (B, T, V), state."""
        x, state = self.body(self.embedding(tokens) * math.sqrt(WIDTH), state)
        return self.predict(self.project(self.dropout(x))), state


class Transformer(nn.Module):
    """Embedding 128 + learned places, nn.TransformerEncoder of 4 pre-norm layers, 4 heads, feed-forward 512, causal."""

    def __init__(self, vocabulary: int, length: int):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, WIDTH)
        self.places = nn.Parameter(torch.randn(length, WIDTH))
        layer = nn.TransformerEncoderLayer(WIDTH, 4, 4 * WIDTH, 0.1, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, 4, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
        self.predict = nn.Linear(WIDTH, vocabulary)
        self.predict.weight = self.embedding.weight
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(length))

    def forward(self, tokens: Any, state: Any = None) -> tuple[Any, Any]:
        """int (B, T) -> logits (B, T, V), or with a state (start) int (B, 1) -> logits (B, 1, V), state."""
        x = self.embedding(tokens) * math.sqrt(WIDTH)
        if state is not None:
            return self._next(x, state)
        return self.predict(self.body(x + self.places, self.mask, is_causal=True)), None

    def start(self, batch: int, length: int) -> tuple[Any, int]:
        """Cached keys and values, (layers, 2, B, heads, length, 32), and how many."""
        return torch.zeros(4, 2, batch, 4, length, WIDTH // 4), 0

    def _next(self, x: Any, state: Any) -> tuple[Any, Any]:
        """The layers' own weights by hand, since nn.TransformerEncoder keeps no keys and values."""
        cache, place = state
        x = x + self.places[place]
        for layer, kept in zip(self.body.layers, cache, strict=True):
            attention, normed = layer.self_attn, layer.norm1(x)
            projected = functional.linear(normed, attention.in_proj_weight, attention.in_proj_bias)
            query, key, value = projected.view(len(x), 3, 4, 1, WIDTH // 4).unbind(1)
            kept[0, :, :, place], kept[1, :, :, place] = key[:, :, 0], value[:, :, 0]
            now = kept[:, :, :, : place + 1]
            context = functional.scaled_dot_product_attention(query, now[0], now[1])
            x = x + attention.out_proj(context.reshape(len(x), 1, WIDTH))
            x = x + layer.linear2(layer.activation(layer.linear1(layer.norm2(x))))
        return self.predict(self.body.norm(x)), (cache, place + 1)


NETWORKS = {"lstm": Lstm, "transformer": Transformer}


def training(network: Any, vocabulary: int, batch: int, length: int) -> Callable[[], object]:
    """One step of Adam, with gradients shortened to 1 as musictool's are."""
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    tokens = torch.randint(0, vocabulary, (batch, length + 1))

    def step() -> float:
        optimizer.zero_grad()
        logits, _ = network(tokens[:, :-1])
        loss = functional.cross_entropy(logits.reshape(-1, vocabulary), tokens[:, 1:].reshape(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    return step


def sampling(network: Any, batch: int, length: int) -> Callable[[], object]:
    """`length` tokens from nothing, each drawn from all, with the state carried."""
    network.eval()

    @torch.no_grad()
    def write() -> Any:
        state = network.start(batch, length) if isinstance(network, Transformer) else None
        token, written = torch.zeros(batch, 1, dtype=torch.int64), []
        for _ in range(length):
            logits, state = network(token, state)
            token = torch.multinomial(torch.softmax(logits[:, -1], -1), 1)
            written.append(token)
        return torch.cat(written, 1).numpy()

    return write


def main() -> None:
    """Serve what the command line asks for."""
    what, *rest = sys.argv[1:]
    torch.set_num_threads(int(rest[-1]))
    if what == "peak":
        a, b = torch.randn(2, 2048, 2048)
        serve(rate(lambda: a @ b, 2 * 2048**3 / 1e9))
        return
    vocabulary, batch, length = map(int, rest[1:4])
    torch.manual_seed(0)
    network = NETWORKS[rest[0]](vocabulary, length)
    if what == "train":
        serve(rate(training(network, vocabulary, batch, length), batch * length))
    else:
        serve(rate(sampling(network, batch, length), batch * length))


if __name__ == "__main__":
    main()
